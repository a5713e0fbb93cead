// SPDX-License-Identifier: BSD-2-Clause

package attest

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Lines of a clear-signed text (RFC 9580, section 7).
const (
	clearBegin = "-----BEGIN PGP SIGNED MESSAGE-----"
	sigType    = "PGP SIGNATURE"
	sigBegin   = "-----BEGIN " + sigType + "-----"
)

// ClearSigned is a text and its signatures.
type ClearSigned struct {
	Text []byte // lines without blanks at their ends, which nobody signs, each with its newline
	sigs []*packet.Signature
}

// IsClearSigned reports whether a text looks like one that is clear-signed.
func IsClearSigned(text []byte) bool { return bytes.Contains(text, []byte(clearBegin)) }

// hashNames are the words of a Hash header.
var hashNames = map[crypto.Hash]string{crypto.SHA256: "SHA256", crypto.SHA384: "SHA384", crypto.SHA512: "SHA512"}

// ParseClearSigned reads a clear-signed text. Around it there may be empty lines, and
// nothing else: whoever reads the file should see nothing that is not signed.
func ParseClearSigned(text []byte) (*ClearSigned, error) {
	lines := linesOf(text)
	if len(lines) == 0 || strings.TrimRight(lines[0], " \t") != clearBegin {
		return nil, errors.New("has something before its signed text")
	}
	hashes, lines, err := clearHeaders(lines[1:])
	if err != nil {
		return nil, err
	}
	at := slices.Index(lines, sigBegin)
	if at < 0 {
		return nil, errors.New("has no signature after its text")
	}
	c := &ClearSigned{}
	for _, line := range lines[:at] {
		if line, err = unescaped(line); err != nil {
			return nil, err
		}
		c.Text = append(append(c.Text, strings.TrimRight(line, " \t\r")...), '\n')
	}
	body, rest, err := unarmoured(lines[at:], sigType)
	if err == nil && len(rest) > 0 {
		err = errors.New("has something after its signature")
	}
	if err == nil {
		err = c.readSignatures(body, hashes)
	}
	return c, err
}

// hashForm is that of the name of a hash.
var hashForm = regexp.MustCompile(`^(MD5|SHA1|RIPEMD160|SHA(224|256|384|512))$`)

// clearHeaders reads the headers up to the empty line.
func clearHeaders(lines []string) (hashes, rest []string, err error) {
	for i, line := range lines {
		if strings.TrimRight(line, " \t") == "" {
			return hashes, lines[i+1:], nil
		}
		list, is := strings.CutPrefix(line, "Hash: ")
		if !is {
			return nil, nil, fmt.Errorf("has the header %.40q, wanted Hash alone", line)
		}
		for name := range strings.SplitSeq(list, ",") {
			if !hashForm.MatchString(strings.TrimSpace(name)) {
				return nil, nil, fmt.Errorf("has the hash %.40q in its header", name)
			}
			hashes = append(hashes, strings.TrimSpace(name))
		}
	}
	return nil, nil, errors.New("has no empty line after its headers")
}

// unescaped removes what stands before a line that begins with a dash.
func unescaped(line string) (string, error) {
	if rest, is := strings.CutPrefix(line, "- "); is {
		return rest, nil
	}
	if strings.HasPrefix(line, "-") {
		return "", fmt.Errorf("has the line %.40q, in which a dash is not escaped", line)
	}
	return line, nil
}

// maxListSignatures bounds the signatures of a text.
const maxListSignatures = 16

// readSignatures reads the armoured signatures. What the headers say of their hashes must
// be true.
func (c *ClearSigned) readSignatures(text []byte, hashes []string) error {
	list, err := frames(text)
	if err != nil {
		return fmt.Errorf("has a signature that cannot be read: it %w", err)
	}
	packets := packet.NewReader(bytes.NewReader(text))
	for range list {
		p, err := packets.Next()
		sig, is := p.(*packet.Signature)
		if err != nil || !is || sig.SigType != packet.SigTypeText || sig.Version != 4 {
			return errors.New("has a signature of another kind, wanted one of a text, version 4")
		}
		if c.sigs = append(c.sigs, sig); len(c.sigs) > maxListSignatures {
			return fmt.Errorf("has more than %d signatures", maxListSignatures)
		}
	}
	if len(c.sigs) == 0 {
		return errors.New("has no signature")
	}
	if hashes != nil {
		for _, sig := range c.sigs {
			if name := hashNames[sig.Hash]; name != "" && !slices.Contains(hashes, name) {
				return fmt.Errorf("says that its hash is %s, and it is %s", strings.Join(hashes, ", "), name)
			}
		}
	}
	return nil
}

// canonical is the text as it is hashed: without the last line's end.
func (c *ClearSigned) canonical() []byte {
	return bytes.ReplaceAll(bytes.TrimSuffix(c.Text, []byte("\n")), []byte("\n"), []byte("\r\n"))
}

// Verify checks each signature, and returns those that count and why others do not.
func (c *ClearSigned) Verify(k Keyring, now time.Time) (list []PGPSignature, errs []error) {
	text := c.canonical()
	for _, sig := range c.sigs {
		by, err := k.judge(sig, text, now)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, by)
	}
	return list, errs
}

// ClearSign signs lines. Blanks at their ends, which no signature covers, are left out.
func (k *PGPKey) ClearSign(text []byte, at time.Time) ([]byte, error) {
	cfg := k.config(at)
	c := &ClearSigned{}
	for line := range strings.Lines(string(text)) {
		c.Text = append(append(c.Text, strings.TrimRight(line, " \t\r\n")...), '\n')
	}
	sig := k.signature(packet.SigTypeText, cfg)
	h := cfg.DefaultHash.New()
	h.Write(c.canonical())
	if err := sig.Sign(h, k.key.PrivateKey, cfg); err != nil {
		return nil, err
	}
	c.sigs = append(c.sigs, sig)
	return c.Bytes()
}

// Len counts the signatures.
func (c *ClearSigned) Len() int { return len(c.sigs) }

// Merge adds the signatures of another one of the same text that are not there yet.
func (c *ClearSigned) Merge(other *ClearSigned) {
	for _, sig := range other.sigs {
		if !slices.ContainsFunc(c.sigs, func(s *packet.Signature) bool { return sameSignature(s, sig) }) {
			c.sigs = append(c.sigs, sig)
		}
	}
}

func sameSignature(a, b *packet.Signature) bool {
	var one, other bytes.Buffer
	return a.Serialize(&one) == nil && b.Serialize(&other) == nil && bytes.Equal(one.Bytes(), other.Bytes())
}

// Bytes writes the text with its signatures, as gpg --clear-sign does.
func (c *ClearSigned) Bytes() ([]byte, error) {
	if len(c.sigs) > maxListSignatures {
		return nil, fmt.Errorf("would have %d signatures, the most is %d", len(c.sigs), maxListSignatures)
	}
	var out bytes.Buffer
	out.WriteString(clearBegin + "\n")
	var names []string
	for _, sig := range c.sigs {
		if name := strings.ReplaceAll(sig.Hash.String(), "-", ""); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	fmt.Fprintf(&out, "Hash: %s\n\n", strings.Join(names, ","))
	for line := range strings.Lines(string(c.Text)) {
		if strings.HasPrefix(line, "-") {
			out.WriteString("- ")
		}
		out.WriteString(line)
	}
	w, err := armor.Encode(&out, sigType, nil)
	if err != nil {
		return nil, err
	}
	for _, sig := range c.sigs {
		if err := sig.Serialize(w); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}
