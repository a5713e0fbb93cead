// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/attest"
)

// SignedList is a list of digests, and who signed it.
type SignedList struct {
	Name      string // of its file
	Checksums []release.Checksum
	By        []attest.PGPSignature // none if it is not signed
}

// names reports whether the list names something with this digest.
func (l SignedList) names(d digest.Digest) bool {
	return slices.ContainsFunc(l.Checksums, func(c release.Checksum) bool { return c.Kind == "SHA256" && c.Hex == d.Encoded() })
}

// ParseList reads a list of digests. If OpenPGP keys are given, it must be clear-signed by
// one of them; then what is not signed is not read.
func ParseList(name string, text []byte, trust attest.Trust) (SignedList, error) {
	l := SignedList{Name: name}
	signed := attest.IsClearSigned(text)
	switch {
	case signed && trust.Ring.IsEmpty():
		return l, fault.Usagef("%s: is clear-signed: give --keyring with the keys that count", name)
	case !signed && !trust.Ring.IsEmpty():
		return l, fault.Contentf("%s: is not clear-signed, and OpenPGP keys are given", name)
	case signed:
		c, err := attest.ParseClearSigned(text)
		if err != nil {
			return l, fault.Contentf("%s: %w", name, err)
		}
		if l.By, err = trust.SignersOf(c); err != nil {
			return l, fault.Contentf("%s: its signature %w", name, err)
		}
		text = c.Text
	}
	var err error
	if l.Checksums, err = release.ParseChecksums(name, text); err != nil && signed {
		err = fault.Content(err)
	}
	return l, err
}
