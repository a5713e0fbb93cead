// SPDX-License-Identifier: BSD-2-Clause

package sign

import (
	"context"
	"fmt"

	"github.com/orlop/orlop/hooks/signature"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release/attest"
)

// Returned are signers that sign nothing: they take signatures out of a prepared folder.
// What is signed comes from the images, never from the folder, and each signature is
// checked as any other is.
func Returned(dir string, keys []attest.Key, rings []attest.Keyring) signature.Signers {
	var s signature.Signers
	for _, k := range keys {
		s.Keys = append(s.Keys, returnedKey{dir, k})
	}
	for _, r := range rings {
		s.PGP = append(s.PGP, returnedPGP{dir, r})
	}
	return s
}

// findReturned reads the signature of some bytes.
func findReturned(dir string, text []byte) ([]byte, error) {
	name := sum.HexSHA256(text) + sigEnd
	sig, err := readIn(dir, name)
	if err != nil {
		return nil, fault.Contentf("%s: has no signature %s: %w", dir, name, err)
	}
	return sig, nil
}

type returnedKey struct {
	dir string
	key attest.Key
}

func (r returnedKey) Key() attest.Key { return r.key }

func (r returnedKey) Sign(_ context.Context, text []byte) ([]byte, error) {
	return findReturned(r.dir, text)
}

type returnedPGP struct {
	dir  string
	ring attest.Keyring
}

func (r returnedPGP) Ring() attest.Keyring { return r.ring }

func (r returnedPGP) Message(_ context.Context, text []byte) ([]byte, error) {
	sig, err := findReturned(r.dir, text)
	if err != nil {
		return nil, err
	}
	if sig, err = oneMessage(sig); err != nil {
		return nil, fault.Contentf("%s: %s%s: %w", r.dir, sum.HexSHA256(text), sigEnd, err)
	}
	return sig, nil
}

// oneMessage takes a message out of its armour, if it has some.
func oneMessage(text []byte) ([]byte, error) {
	list, err := attest.ParseArmour(text)
	if err == nil && len(list) != 1 {
		err = fmt.Errorf("has %d signed messages, wanted 1", len(list))
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

func (r returnedPGP) ClearSign(_ context.Context, text []byte) ([]byte, error) {
	return findReturned(r.dir, text)
}
