// SPDX-License-Identifier: BSD-2-Clause

package signature

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/orlop/orlop/release/attest"
)

// Signer signs bytes with the private part of a key.
type Signer interface {
	Key() attest.Key
	Sign(ctx context.Context, text []byte) ([]byte, error)
}

// PGPSigner signs with an OpenPGP key.
type PGPSigner interface {
	Ring() attest.Keyring // its public part
	Message(ctx context.Context, text []byte) ([]byte, error)
	ClearSign(ctx context.Context, text []byte) ([]byte, error)
}

// Signers are those who sign. The zero value is nobody.
type Signers struct {
	Keys []Signer
	PGP  []PGPSigner
	Now  func() time.Time // keys must be in force then; a command may take its time
}

// now is the time at which a signature is checked.
func (s Signers) now() time.Time {
	if s.Now == nil {
		return time.Time{}
	}
	return s.Now()
}

// IsEmpty reports whether nobody signs.
func (s Signers) IsEmpty() bool { return len(s.Keys)+len(s.PGP) == 0 }

// Forms are the forms in which these sign.
func (s Signers) Forms() []attest.Form {
	var forms []attest.Form
	if len(s.Keys) > 0 {
		forms = append(forms, attest.FormBundle, attest.FormCosign)
	}
	if len(s.PGP) > 0 {
		forms = append(forms, attest.FormPGP, attest.FormList)
	}
	return forms
}

// WrongError is a signature that a signer has made and that its public key does not
// verify.
type WrongError struct {
	Signer string // the ID of its key
	What   Item
	Err    error
}

func (e *WrongError) Error() string {
	text := fmt.Sprintf("%s: the signature (%s) by %s does not verify with its public key", e.What.Name, e.What.Form, e.Signer)
	if _, is := errors.AsType[*attest.UnknownKeyError](e.Err); is { // which says the same
		return text
	}
	return text + ": it " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *WrongError) Unwrap() error { return e.Err }

// Wrong reports that bytes are there and wrong.
func (*WrongError) Wrong() bool { return true }

// Sign makes the signatures of a message that are not among those that are there
// already, one a signer. Each is checked with the signer's public key.
func (s Signers) Sign(ctx context.Context, m Message, there []attest.Signature) ([]attest.Signature, error) {
	var list []attest.Signature
	for _, o := range s.each(m.Form()) {
		if o.hasSigned(m, there) || o.hasSigned(m, list) { // a key may be given twice
			continue
		}
		sig, err := o.sign(ctx, m)
		if err != nil {
			return nil, err
		}
		o.Now = s.now()
		if err := fits(m, sig, o.Trust); err != nil {
			return nil, &WrongError{o.id(), m.Items[0], err}
		}
		list = append(list, sig)
	}
	return list, nil
}

// HaveSigned reports whether each signer of a message's form has signed it already.
func (s Signers) HaveSigned(m Message, there []attest.Signature) bool {
	return !slices.ContainsFunc(s.each(m.Form()), func(o one) bool { return !o.hasSigned(m, there) })
}

// one is a signer and what verifies its signatures.
type one struct {
	attest.Trust
	sign func(context.Context, Message) (attest.Signature, error)
}

func (o one) hasSigned(m Message, there []attest.Signature) bool {
	return slices.ContainsFunc(there, func(have attest.Signature) bool { return fits(m, have, o.Trust) == nil })
}

func (o one) id() string {
	if len(o.Keys) > 0 {
		return o.Keys[0].ID()
	}
	return o.Ring.IDs()[0]
}

// each lists those who sign in a form.
func (s Signers) each(form attest.Form) []one {
	var list []one
	switch form {
	case attest.FormBundle, attest.FormCosign:
		for _, k := range s.Keys {
			list = append(list, one{attest.Trust{Keys: []attest.Key{k.Key()}, Now: s.now()}, func(ctx context.Context, m Message) (attest.Signature, error) {
				sig, err := k.Sign(ctx, m.Text)
				return m.WithKey(k.Key(), sig), err
			}})
		}
	default:
		for _, p := range s.PGP {
			sign := p.Message
			if form == attest.FormList {
				sign = p.ClearSign
			}
			list = append(list, one{attest.Trust{Ring: p.Ring(), Now: s.now()}, func(ctx context.Context, m Message) (attest.Signature, error) {
				text, err := sign(ctx, m.Text)
				return attest.Signature{Form: form, Text: text}, err
			}})
		}
	}
	return list
}

// WithKey puts a message and a signature of it together, in one of cosign's two forms.
func (m Message) WithKey(by attest.Key, sig []byte) attest.Signature {
	payload := m.Items[0].payload()
	if m.Form() == attest.FormBundle {
		return attest.Signature{Form: attest.FormBundle, Text: attest.Bundle(by, payload, sig)}
	}
	return attest.Signature{Form: attest.FormCosign, Text: payload, Sig: sig}
}

// fits checks that a signature is one of this very message, by a key that is trusted.
func fits(m Message, sig attest.Signature, trust attest.Trust) error {
	if sig.Form != m.Form() {
		return fmt.Errorf("has the form %s, wanted %s", sig.Form, m.Form())
	}
	if m.Form() == attest.FormList {
		c, err := attest.ParseClearSigned(sig.Text)
		if err != nil {
			return err
		}
		if !bytes.Equal(c.Text, m.Text) {
			return errors.New("signs another list")
		}
		if by, errs := c.Verify(trust.Ring, trust.Now); len(by) == 0 {
			return errs[0]
		}
		return nil
	}
	claim, err := trust.Verify(sig)
	if err != nil {
		return err
	}
	item := m.Items[0]
	if !slices.Contains(claim.Digests, item.Digest) || len(claim.Digests) != 1 || claim.Identity != item.Identity {
		return fmt.Errorf("signs %s of %q, wanted %s of %q", claim.Digests, claim.Identity, item.Digest, item.Identity)
	}
	return nil
}

// KeySigner signs with a private key of this process.
type KeySigner struct{ *attest.PrivateKey }

// Key is its public part.
func (k KeySigner) Key() attest.Key { return k.PrivateKey.Key }

// Sign signs bytes.
func (k KeySigner) Sign(_ context.Context, text []byte) ([]byte, error) {
	return k.PrivateKey.Sign(text)
}

// PGPKeySigner signs with an OpenPGP key of this process. Its signatures have a time:
// this one, but never one before the key's own. The zero time makes them as old as the
// key.
type PGPKeySigner struct {
	*attest.PGPKey
	At time.Time
}

// Message signs bytes.
func (k PGPKeySigner) Message(_ context.Context, text []byte) ([]byte, error) {
	return k.PGPKey.Message(text, k.At)
}

// ClearSign signs lines.
func (k PGPKeySigner) ClearSign(_ context.Context, text []byte) ([]byte, error) {
	return k.PGPKey.ClearSign(text, k.At)
}
