// SPDX-License-Identifier: BSD-2-Clause

package policy

import (
	"encoding/json"
	"fmt"
	"strings"
)

// The types of signedIdentity.
const (
	matchExact             = "matchExact"
	matchRepoDigestOrExact = "matchRepoDigestOrExact"
	matchRepository        = "matchRepository"
	exactReference         = "exactReference"
	exactRepository        = "exactRepository"
	remapIdentity          = "remapIdentity"
)

// identity is what a signature has to be for. The zero value is matchRepoDigestOrExact.
type identity struct {
	kind                 string
	of                   reference // of exactReference and exactRepository
	prefix, signedPrefix string    // of remapIdentity
}

// parseIdentity reads a signedIdentity.
func parseIdentity(where string, raw json.RawMessage) (identity, error) {
	o, err := parseObject(where, raw)
	if err != nil {
		return identity{}, err
	}
	id := identity{}
	if id.kind, err = o.text("type"); err != nil {
		return id, err
	}
	switch id.kind {
	case matchExact, matchRepoDigestOrExact, matchRepository:
		return id, o.only("type")
	case exactReference:
		err := o.reference(&id, "dockerReference")
		return id, err
	case exactRepository:
		err := o.reference(&id, "dockerRepository")
		return id, err
	case remapIdentity:
		if err := o.only("type", "prefix", "signedPrefix"); err != nil {
			return id, err
		}
		if id.prefix, err = o.prefix("prefix"); err == nil {
			id.signedPrefix, err = o.prefix("signedPrefix")
		}
		return id, err
	}
	return id, &Error{o.place("type"), fmt.Errorf("is %q, which this version does not know", id.kind)}
}

// reference reads the one member that an identity has besides its type.
func (o object) reference(id *identity, name string) error {
	if err := o.only("type", name); err != nil {
		return err
	}
	text, err := o.text(name)
	if err != nil {
		return err
	}
	if id.of, err = parseReference(text); err != nil {
		return &Error{o.place(name), fmt.Errorf("%q %w", text, err)}
	}
	if id.kind == exactReference && id.of.isBare() {
		return &Error{o.place(name), fmt.Errorf("%q has neither a tag nor a digest", text)}
	}
	return nil
}

// prefix reads a prefix of remapIdentity.
func (o object) prefix(name string) (string, error) {
	text, err := o.text(name)
	if err == nil && !isPrefix(text) {
		err = &Error{o.place(name), fmt.Errorf("%q is no REGISTRY[/PATH] without a tag or digest", text)}
	}
	return text, err
}

// check compares what was asked for with what a signature is for.
func (id identity) check(asked, signed reference) error {
	switch id.kind {
	case matchExact:
		return same(asked, signed)
	case exactReference:
		return same(id.of, signed)
	case matchRepository:
		return sameName(asked, signed)
	case exactRepository:
		return sameName(id.of, signed)
	case remapIdentity:
		var err error
		if asked, err = id.remap(asked); err != nil {
			return err
		}
	}
	// That the digest is that of the manifest has been checked before.
	if asked.digest != "" && !signed.isBare() {
		return sameName(asked, signed)
	}
	return same(asked, signed)
}

// same wants a signature to be for a tag or digest and no other.
func same(wanted, signed reference) error {
	switch {
	case wanted.isBare():
		return fmt.Errorf("is for %s, and the image %s is asked for by neither a tag nor a digest", signed, wanted)
	case signed.isBare():
		return fmt.Errorf("is for %s without a tag or digest, wanted %s", signed, wanted)
	case signed != wanted:
		return fmt.Errorf("is for %s, wanted %s", signed, wanted)
	}
	return nil
}

// sameName wants a signature to be for a repository.
func sameName(wanted, signed reference) error {
	if signed.name != wanted.name {
		return fmt.Errorf("is for %s, wanted %s", signed.name, wanted.name)
	}
	return nil
}

// remap puts the signed prefix in place of the prefix. A name that does not begin with it
// stays as it is.
func (id identity) remap(r reference) (reference, error) {
	rest, is := strings.CutPrefix(r.name, id.prefix)
	if !is || rest != "" && rest[0] != '/' {
		return r, nil
	}
	r.name = id.signedPrefix + rest
	if !isWhole(r.String()) {
		return r, fmt.Errorf("has to be for %s, which is no name in full", r)
	}
	return r, nil
}
