// SPDX-License-Identifier: BSD-2-Clause

// Package trust checks the signatures of repositories: whether a payload is the
// one that a trusted key has signed (libpkg/pkg_repo.c, libpkg/pkgsign.c,
// libpkg/pkgsign_ossl.c, libpkg/pkgsign_ecc.c).
//
// A signature never covers the payload itself. A catalogue signed for
// signature_type pubkey has one member "signature": an RSA key signs the
// payload's sha256 in hexadecimal digits, other keys its BLAKE2b. A catalogue
// signed for fingerprints has pairs NAME.sig and NAME.pub, and every kind of key
// signs the digits; keys are trusted by the sha256 of their text.
package trust

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/crypto/blake2b"
)

// Envelope is what vouches for a payload.
type Envelope struct {
	Signature []byte // of signature_type pubkey; nil for none
	Signers   []Pair // of signature_type fingerprints
}

// Pair is the signature of one key.
type Pair struct {
	Name     string // of the members, without .sig and .pub
	Sig, Pub []byte // nil where the member is absent
}

// Payload is what has been signed, by its hashes.
type Payload struct {
	SHA256  [sha256.Size]byte
	BLAKE2b [blake2b.Size]byte
}

// digits is what most signatures cover.
func (p Payload) digits() []byte { return []byte(hex.EncodeToString(p.SHA256[:])) }

// Error is a payload that no trusted key vouches for.
type Error struct {
	Key         string // file, or name of the members
	Fingerprint string // lower-case hex sha256 of the key; "" if there is none
	Reason      string
}

func (e *Error) Error() string {
	text := "signature"
	if e.Key != "" {
		text += " of key " + e.Key
	}
	if e.Fingerprint != "" {
		text += " (sha256 " + e.Fingerprint + ")"
	}
	return text + ": " + e.Reason
}

// Wrong reports that the bytes exist and are wrong.
func (*Error) Wrong() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *Error) Parts() (what, where, found, wanted string) {
	return "signature: " + e.Reason, e.Key, e.Fingerprint, ""
}

// Trust decides which keys to trust.
type Trust interface {
	// Check returns the fingerprint of the key that vouches for a payload.
	Check(e Envelope, p Payload) (signer string, err error)
}

// Key is one trusted key: signature_type pubkey.
type Key struct {
	Name string
	Text []byte // as in its file: PEM or DER
}

// ReadKey reads the file of a key.
func ReadKey(file string) (*Key, error) {
	if file == "" {
		return nil, errors.New("signature_type pubkey needs the file of a key, none is given")
	}
	text, err := readFile(os.DirFS(filepath.Dir(file)), filepath.Base(file), file, maxKey)
	if err != nil {
		return nil, err
	}
	return &Key{file, text}, nil
}

// Check returns the key's fingerprint if it made the signature.
func (k *Key) Check(e Envelope, p Payload) (string, error) {
	fingerprint := fingerprintOf(k.Text)
	fault := func(format string, args ...any) error {
		return &Error{k.Name, fingerprint, fmt.Sprintf(format, args...)}
	}
	if e.Signature == nil {
		if len(e.Signers) > 0 {
			return "", fault("the catalogue is signed for fingerprints, by %s, not by one key", strings.Join(e.names(), ", "))
		}
		return "", fault("the catalogue is not signed")
	}
	kind, sig := splitKind(e.Signature)
	message := p.BLAKE2b[:]
	if kind == "rsa" {
		message = p.digits()
		if len(sig)%2 == 1 { // pkg appends a NUL
			sig = bytes.TrimSuffix(sig, []byte{0})
		}
	}
	if err := verify(kind, k.Text, message, sig, true); err != nil {
		return "", fault("%v", err)
	}
	return fingerprint, nil
}

// Fingerprints are those of trusted keys and of revoked ones: signature_type
// fingerprints.
type Fingerprints struct {
	Where            string            // for messages
	Trusted, Revoked map[string]string // lower-case hex sha256 of a key to the name of its file
}

// Check returns the fingerprint of the first trusted key that signed. As in pkg,
// one revoked key condemns the whole; so does a wrong signature in the name of a
// trusted one.
func (f *Fingerprints) Check(e Envelope, p Payload) (string, error) {
	if len(e.Signers) == 0 {
		if e.Signature != nil {
			return "", &Error{Reason: "the catalogue is signed by one key, not for fingerprints"}
		}
		return "", &Error{Reason: "the catalogue is not signed, wanted a key of " + f.Where}
	}
	for _, s := range e.Signers {
		if name, revoked := f.Revoked[fingerprintOf(s.Pub)]; revoked {
			return "", &Error{s.Name, fingerprintOf(s.Pub), "the key is revoked (" + name + ")"}
		}
	}
	signer := ""
	var untrusted []string
	for _, s := range e.Signers {
		fingerprint := fingerprintOf(s.Pub)
		switch {
		case s.Pub == nil || s.Sig == nil:
			return "", &Error{s.Name, "", "found only one of .sig and .pub, wanted both"}
		case f.Trusted[fingerprint] == "":
			untrusted = append(untrusted, s.Name+" (sha256 "+fingerprint+")")
			continue
		}
		if err := f.checkPair(s, p); err != nil {
			return "", &Error{s.Name, fingerprint, err.Error()}
		}
		if signer == "" {
			signer = fingerprint
		}
	}
	if signer == "" {
		return "", &Error{Reason: "found the keys " + strings.Join(untrusted, ", ") + ", none of which " + f.Where + " trusts"}
	}
	return signer, nil
}

func (f *Fingerprints) checkPair(s Pair, p Payload) error {
	kind, sig := splitKind(s.Sig)
	keyKind, key := splitKind(s.Pub)
	if kind != keyKind {
		return fmt.Errorf("the signature is of type %s, the key of type %s", kind, keyKind)
	}
	return verify(kind, key, p.digits(), sig, false)
}

func (e Envelope) names() []string {
	var names []string
	for _, s := range e.Signers {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	return names
}

// kindForm is a header that names the type of a key or signature.
var kindForm = regexp.MustCompile(`^\$PKGSIGN:([^$\n]{1,32})\$`)

// splitKind removes the header. Without one, the type is rsa.
func splitKind(b []byte) (kind string, rest []byte) {
	if m := kindForm.FindSubmatch(b); m != nil {
		return string(m[1]), b[len(m[0]):]
	}
	return "rsa", b
}

// fingerprintOf is what identifies a key.
func fingerprintOf(key []byte) string {
	_, text := splitKind(key)
	digest := sha256.Sum256(text)
	return hex.EncodeToString(digest[:])
}
