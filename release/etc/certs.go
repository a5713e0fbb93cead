// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"bytes"
	"cmp"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
)

// Source is a file that others are made from.
type Source struct {
	Path string // in the image
	Text []byte
}

// Output is a file or link that was made.
type Output struct {
	Path string
	Mode uint32
	Text []byte
	Link string // of a symbolic link; "" for a file
	// Source is the file that Derive made it of.
	Source string
}

// Digest is the sha256 of a file in hex, "" of a link.
func (o *Output) Digest() string {
	if o.Link != "" {
		return ""
	}
	digest := sha256.Sum256(o.Text)
	return hex.EncodeToString(digest[:])
}

// Where certctl(8) puts certificates.
const (
	trustedDir   = "/etc/ssl/certs/"
	untrustedDir = "/etc/ssl/untrusted/"
	bundlePath   = "/etc/ssl/cert.pem"
	certMode     = 0o444
)

// CertificateDir is where FreeBSD-caroot has its folders trusted and untrusted.
const CertificateDir = "/usr/share/certs"

// MakeCertificates does what "certctl rehash" does since FreeBSD 15
// (usr.sbin/certctl/certctl.c): each certificate goes into a file named by the
// hash of its subject, and the trusted ones into a bundle. Names of sources and
// their order do not matter.
func MakeCertificates(trusted, untrusted []Source) ([]Output, error) {
	no, err := readCertificates(untrusted)
	if err != nil {
		return nil, err
	}
	yes, err := readCertificates(trusted)
	if err != nil {
		return nil, err
	}
	yes = slices.DeleteFunc(yes, func(c certificate) bool {
		return slices.ContainsFunc(no, func(u certificate) bool { return bytes.Equal(u.der, c.der) })
	})
	var out []Output
	var bundle []byte
	for _, set := range []struct {
		dir   string
		certs []certificate
	}{{untrustedDir, no}, {trustedDir, yes}} {
		names := counter{}
		for _, c := range sortCertificates(set.certs) {
			text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.der})
			out = append(out, Output{Path: set.dir + names.next(c.hash), Mode: certMode, Text: text})
			if set.dir == trustedDir {
				bundle = append(bundle, text...)
			}
		}
	}
	return append(out, Output{Path: bundlePath, Mode: certMode, Text: bundle}), nil
}

// LinkCertificates does what certctl(8) did before FreeBSD 15: links, named by
// the hash of the subject, to the sources in the order of their names.
func LinkCertificates(trusted, untrusted []Source) ([]Output, error) {
	var out []Output
	for _, set := range []struct {
		dir     string
		sources []Source
	}{{untrustedDir, untrusted}, {trustedDir, trusted}} {
		names := counter{}
		for _, s := range slices.SortedFunc(slices.Values(set.sources), func(a, b Source) int { return strings.Compare(a.Path, b.Path) }) {
			certs, err := readCertificates([]Source{s})
			if err != nil {
				return nil, err
			}
			out = append(out, Output{Path: set.dir + names.next(certs[0].hash), Mode: 0o755, Link: "../../.." + s.Path})
		}
	}
	return out, nil
}

// counter numbers certificates of the same hash.
type counter map[uint32]int

func (c counter) next(hash uint32) string {
	c[hash]++
	return fmt.Sprintf("%08x.%d", hash, c[hash]-1)
}

type certificate struct {
	der  []byte
	hash uint32 // of the subject
}

// sortCertificates sorts them in the order of X509_cmp, by the SHA-1 of their
// DER, and drops duplicates.
func sortCertificates(certs []certificate) []certificate {
	sum := func(c certificate) []byte { s := sha1.Sum(c.der); return s[:] }
	slices.SortFunc(certs, func(a, b certificate) int {
		return cmp.Or(bytes.Compare(sum(a), sum(b)), cmp.Compare(len(a.der), len(b.der)), bytes.Compare(a.der, b.der))
	})
	return slices.CompactFunc(certs, func(a, b certificate) bool { return bytes.Equal(a.der, b.der) })
}

// readCertificates extracts every certificate from PEM files. A file without one
// is an error.
func readCertificates(sources []Source) ([]certificate, error) {
	var certs []certificate
	var errs []error
	for _, s := range sources {
		found := 0
		for rest := s.Text; ; {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			if block.Type != "CERTIFICATE" && block.Type != "X509 CERTIFICATE" {
				continue
			}
			found++
			c, err := parseCertificate(block.Bytes)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: certificate %d: %w", s.Path, found, err))
				continue
			}
			certs = append(certs, c)
		}
		if found == 0 {
			errs = append(errs, fmt.Errorf("%s: has no certificate in PEM form", s.Path))
		}
	}
	return certs, errors.Join(errs...)
}

// parseCertificate finds the subject. It reads no more, since not all
// certificates of old authorities satisfy today's rules.
func parseCertificate(block []byte) (certificate, error) {
	var outer struct {
		Body struct {
			Raw       asn1.RawContent
			Version   asn1.RawValue `asn1:"optional,explicit,tag:0"`
			Serial    asn1.RawValue
			Algorithm asn1.RawValue
			Issuer    asn1.RawValue
			Validity  asn1.RawValue
			Subject   asn1.RawValue
			Key       asn1.RawValue
			Rest      asn1.RawValue `asn1:"optional"`
		}
		Algorithm asn1.RawValue
		Signature asn1.RawValue
	}
	var whole asn1.RawValue
	if _, err := asn1.Unmarshal(block, &whole); err != nil {
		return certificate{}, err
	}
	der := whole.FullBytes // without trailing bytes
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		return certificate{}, err
	}
	hash, err := subjectHash(outer.Body.Subject.FullBytes)
	return certificate{der, hash}, err
}

// subjectHash is OpenSSL's X509_NAME_hash: the first four bytes of the SHA-1 of
// the canonical name, least significant first (crypto/x509/x_name.c).
func subjectHash(name []byte) (uint32, error) {
	type attribute struct {
		ID    asn1.ObjectIdentifier
		Value asn1.RawValue
	}
	type attributeSET []attribute
	var names []attributeSET
	if _, err := asn1.Unmarshal(name, &names); err != nil {
		return 0, fmt.Errorf("subject: %w", err)
	}
	h := sha1.New()
	for _, set := range names {
		var parts [][]byte
		for _, a := range set {
			v, err := canonical(a.Value)
			if err != nil {
				return 0, err
			}
			part, err := asn1.Marshal(attribute{a.ID, v})
			if err != nil {
				return 0, fmt.Errorf("subject: %w", err)
			}
			parts = append(parts, part)
		}
		slices.SortFunc(parts, bytes.Compare)
		text, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: bytes.Join(parts, nil)})
		if err != nil {
			return 0, fmt.Errorf("subject: %w", err)
		}
		h.Write(text)
	}
	return binary.LittleEndian.Uint32(h.Sum(nil)), nil
}

// canonical is a text in UTF-8 and (ASCII) lower case, with single spaces and
// none at the ends. Values of other types stay as they are.
func canonical(v asn1.RawValue) (asn1.RawValue, error) {
	var text string
	switch {
	case v.Class != asn1.ClassUniversal:
		return v, nil
	case v.Tag == asn1.TagUTF8String:
		text = string(v.Bytes)
	case v.Tag == asn1.TagPrintableString, v.Tag == asn1.TagT61String, v.Tag == asn1.TagIA5String, v.Tag == tagVisible:
		for _, c := range v.Bytes { // Latin-1
			text += string(rune(c))
		}
	case v.Tag == asn1.TagBMPString:
		if len(v.Bytes)%2 != 0 {
			return v, errors.New("subject: a BMPString has an odd number of bytes")
		}
		for i := 0; i < len(v.Bytes); i += 2 {
			text += string(utf16.Decode([]uint16{binary.BigEndian.Uint16(v.Bytes[i:])}))
		}
	case v.Tag == tagUniversal:
		if len(v.Bytes)%4 != 0 {
			return v, errors.New("subject: a UniversalString is not a whole number of characters")
		}
		for i := 0; i < len(v.Bytes); i += 4 {
			text += string(rune(binary.BigEndian.Uint32(v.Bytes[i:])))
		}
	default:
		return v, nil
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\n\v\f\r", r) })
	lower := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, strings.Join(words, " "))
	return asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(lower)}, nil
}

// Types of text that encoding/asn1 does not name.
const (
	tagVisible   = 26
	tagUniversal = 28
)
