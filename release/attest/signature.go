// SPDX-License-Identifier: BSD-2-Clause

package attest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
)

// Form is a form in which an image is signed.
type Form string

// The forms, by the names that users give them.
const (
	FormBundle Form = "bundle" // of cosign 3
	FormCosign Form = "cosign" // of cosign 2, podman and skopeo
	FormPGP    Form = "pgp"    // of podman and skopeo
	FormList   Form = "list"   // a clear-signed list of digests
)

// Forms are those that a signature of one image may have.
var Forms = []Form{FormBundle, FormCosign, FormPGP}

// Signature is a signature of an image, by whomever.
type Signature struct {
	Form Form
	Text []byte // the bundle, the payload that cosign has signed, the OpenPGP message
	Sig  []byte // of cosign's payload
}

// Equal reports whether both are the same bytes.
func (s Signature) Equal(other Signature) bool {
	return s.Form == other.Form && bytes.Equal(s.Text, other.Text) && bytes.Equal(s.Sig, other.Sig)
}

// Claim is what a signature says.
type Claim struct {
	Digests  []digest.Digest // of what is signed
	Identity string          // the repository, perhaps with a tag; "" in a bundle
	Signer   string          // the ID of a key, or the fingerprint of a primary key
	Time     time.Time       // zero if the form has none
}

// Claim returns what a signature says, whoever has made it, as far as it can be read.
func (s Signature) Claim() Claim {
	claim, _ := Trust{}.Verify(s)
	return claim
}

// Trust is whose signatures count, and when.
type Trust struct {
	Keys    []Key
	Ring    Keyring
	Revoked []string // IDs of keys and fingerprints of primary keys that count no more
	Now     time.Time
}

// Judges reports whether there is a key that could have made a signature of a form.
func (t Trust) Judges(f Form) bool {
	if f == FormPGP || f == FormList {
		return !t.Ring.IsEmpty()
	}
	return len(t.Keys) > 0
}

// IsEmpty reports whether there is no key at all.
func (t Trust) IsEmpty() bool { return len(t.Keys) == 0 && t.Ring.IsEmpty() }

// Believed are the keys that are not revoked.
func (t Trust) Believed() []Key {
	return slices.DeleteFunc(slices.Clone(t.Keys), func(k Key) bool { return t.counts(k.ID()) != nil })
}

// counts refuses a signer that is revoked.
func (t Trust) counts(signer string) error {
	if slices.Contains(t.Revoked, signer) {
		return fmt.Errorf("is by the key %s, which is revoked", signer)
	}
	return nil
}

// UnknownKeyError is a signature that no given key has made, or whose signed bytes are
// others.
type UnknownKeyError struct {
	ID string // of an OpenPGP key; "" where the form names none
}

func (e *UnknownKeyError) Error() string {
	if e.ID == "" {
		return "was made by none of the given keys, or of other bytes"
	}
	return "is by the key " + e.ID + ", which is not among the given ones"
}

// Verify checks a signature with the keys that the user gives. The claim is what it says
// even if it does not count, as far as it can be read; then the error says why.
func (t Trust) Verify(s Signature) (Claim, error) {
	switch s.Form {
	case FormBundle:
		return t.verifyBundle(s)
	case FormCosign:
		claim, err := parseSimple(s.Text, cosignType)
		if err != nil {
			return claim, fmt.Errorf("has a payload that cannot be read: %w", err)
		}
		return t.signedBy(claim, s.Text, s.Sig)
	case FormPGP:
		payload, by, wrong := t.Ring.VerifyMessage(s.Text, t.Now)
		if payload == nil {
			return Claim{}, wrong
		}
		claim, err := parseSimple(payload, atomicType)
		claim.Signer, claim.Time = by.Primary, by.Time
		switch {
		case wrong != nil:
			return claim, wrong
		case err != nil:
			return claim, fmt.Errorf("signs a text that names no image: %w", err)
		}
		return claim, t.counts(by.Primary)
	}
	return Claim{}, fmt.Errorf("has the form %q, which this version does not know", s.Form)
}

func (t Trust) verifyBundle(s Signature) (Claim, error) {
	e, err := ParseBundle(s.Text)
	if err != nil {
		return Claim{}, fmt.Errorf("is no bundle: %w", err)
	}
	if e.Type != MediaTypeStatement {
		return Claim{}, fmt.Errorf("is of a payload of type %q, wanted %q", e.Type, MediaTypeStatement)
	}
	st, err := ParseStatement(e.Payload)
	if err != nil {
		return Claim{}, fmt.Errorf("is of a statement that cannot be read: %w", err)
	}
	claim := Claim{Digests: st.Subjects}
	if st.PredicateType != SignType {
		return claim, fmt.Errorf("is of a statement of type %q, wanted %q", st.PredicateType, SignType)
	}
	return t.signedBy(claim, PAE(e.Type, e.Payload), e.Signatures[0])
}

// signedBy completes a claim with the key that made it.
func (t Trust) signedBy(claim Claim, text, sig []byte) (Claim, error) {
	i := slices.IndexFunc(t.Keys, func(k Key) bool { return k.Verify(text, sig) })
	if i < 0 {
		return claim, &UnknownKeyError{}
	}
	claim.Signer = t.Keys[i].ID()
	return claim, t.counts(claim.Signer)
}

// SignersOf returns those whose signatures of a clear-signed text count, at least one.
func (t Trust) SignersOf(c *ClearSigned) ([]PGPSignature, error) {
	list, errs := c.Verify(t.Ring, t.Now)
	list = slices.DeleteFunc(list, func(by PGPSignature) bool {
		err := t.counts(by.Primary)
		if err != nil {
			errs = append(errs, err)
		}
		return err != nil
	})
	if len(list) > 0 {
		return list, nil
	}
	var texts []string
	for _, err := range errs {
		texts = append(texts, err.Error())
	}
	return nil, errors.New(strings.Join(texts, "; another one "))
}
