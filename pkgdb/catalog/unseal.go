// SPDX-License-Identifier: BSD-2-Clause

package catalog

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"golang.org/x/crypto/blake2b"

	"github.com/orlop/orlop/pkgdb/trust"
)

// envelope is what an archive holds while its maker is unknown.
type envelope struct {
	trust.Envelope
	payload trust.Payload
	signed  bool
	long    bool // whether payload has the BLAKE2b
}

// errSigned ends the first look at an archive that is not in memory.
var errSigned = errors.New("is signed")

// unseal goes through the archive and only hashes the payload. A signed archive
// is first taken into memory; that it is signed shows at its start, since pkg
// puts the payload last.
func (a *archive) unseal(ctx context.Context) (*envelope, error) {
	e, err := a.look(ctx)
	if errors.Is(err, errSigned) {
		if err := a.keep(ctx); err != nil {
			return nil, err
		}
		e, err = a.look(ctx)
	}
	if err == nil && !e.signed {
		a.sealed = nil
	}
	return e, err
}

// look is one pass over the archive, to its end or to what shows that it is
// signed and should be in memory.
func (a *archive) look(ctx context.Context) (*envelope, error) {
	e := new(envelope)
	pairs := map[string]*trust.Pair{}
	var order []string
	var found []form
	err := a.members(ctx, func(name string, contents io.Reader) (err error) {
		for _, f := range a.forms {
			if name == f.member {
				found = append(found, f)
				return e.hash(contents, a.asked)
			}
		}
		ext := path.Ext(name)
		if name != "signature" && ext != ".sig" && ext != ".pub" {
			return nil
		}
		if a.sealed == nil {
			return errSigned
		}
		e.signed = true
		if name == "signature" {
			e.Signature, err = small(contents)
			return err
		}
		stem := strings.TrimSuffix(name, ext)
		if pairs[stem] == nil {
			if len(pairs) == maxSigners {
				return fmt.Errorf("has more than %d signers", maxSigners)
			}
			pairs[stem] = &trust.Pair{Name: stem}
			order = append(order, stem)
		}
		text, err := small(contents)
		if ext == ".sig" {
			pairs[stem].Sig = text
		} else {
			pairs[stem].Pub = text
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, name := range order {
		e.Signers = append(e.Signers, *pairs[name])
	}
	return e, a.choose(found)
}

// choose takes the form of the payload that was found.
func (a *archive) choose(found []form) error {
	if len(found) == 1 {
		a.form = found[0]
		return nil
	}
	var names []string
	for _, f := range a.forms {
		names = append(names, strconv.Quote(f.member))
	}
	if len(found) > 1 {
		return fmt.Errorf("has the members %s, wanted one of them", strings.Join(names, " and "))
	}
	return fmt.Errorf("has no member %s", strings.Join(names, " or "))
}

// hash hashes the payload; the BLAKE2b hash, for keys of pkg's own, only if
// asked.
func (e *envelope) hash(contents io.Reader, asked bool) error {
	short := sha256.New()
	if !asked {
		_, err := io.Copy(short, contents)
		short.Sum(e.payload.SHA256[:0])
		return err
	}
	long, err := blake2b.New512(nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.MultiWriter(short, long), contents)
	short.Sum(e.payload.SHA256[:0])
	long.Sum(e.payload.BLAKE2b[:0])
	e.long = true
	return err
}

// small reads a member that signs. The result is never nil, even if empty.
func small(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSignature+1))
	if len(text) > maxSignature {
		return nil, fmt.Errorf("is larger than %d bytes", maxSignature)
	}
	return append([]byte{}, text...), err
}
