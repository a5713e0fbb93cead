// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"context"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/release/attest"
	"github.com/orlop/orlop/release/registry"
)

// WithdrawnError is an image that somebody whom the user believes has withdrawn.
type WithdrawnError struct {
	Digest digest.Digest
	attest.Withdrawal
}

func (e *WithdrawnError) Error() string {
	text := fmt.Sprintf("manifest %s is withdrawn: %s", e.Digest, e.Reason)
	if e.Successor != "" {
		text += "; its successor is " + e.Successor
	}
	return text
}

// Wrong reports that the bytes are there and nobody should use them.
func (*WithdrawnError) Wrong() bool { return true }

// maxStatement bounds a statement, in bytes.
const maxStatement = 1 << 20

// Withdrawn finds statements that withdraw a published manifest. One that a given key
// has signed is a fault; what anybody else says is a note, and changes nothing.
func Withdrawn(ctx context.Context, from *registry.Repository, subject digest.Digest, keys []attest.Key) Findings {
	var f Findings
	found, _, err := from.Attachments(ctx, subject, maxStatement, attest.MediaTypeStatement, attest.MediaTypeEnvelope, attest.MediaTypeBundle)
	if err != nil {
		return Findings{Errs: []error{err}}
	}
	for _, a := range found {
		w, signed := withdrawalIn(a, subject, keys)
		switch {
		case w == nil:
		case signed:
			f.add(&WithdrawnError{subject, *w})
		default:
			f.Notes = append(f.Notes, fmt.Sprintf("somebody says that it is withdrawn, and no given key has signed that: %s", w.Reason))
		}
	}
	return f
}

// withdrawalIn reads a statement of any form. It returns nil if it is about something
// else.
func withdrawalIn(a registry.Attachment, subject digest.Digest, keys []attest.Key) (w *attest.Withdrawal, signed bool) {
	payload := a.Text
	parse := map[string]func([]byte) (*attest.Envelope, error){attest.MediaTypeEnvelope: attest.ParseEnvelope, attest.MediaTypeBundle: attest.ParseBundle}[a.Type]
	if parse != nil {
		e, err := parse(a.Text)
		if err != nil || e.Type != attest.MediaTypeStatement {
			return nil, false
		}
		payload = e.Payload
		_, signed = e.SignedBy(keys)
	}
	s, err := attest.ParseStatement(payload)
	if err != nil || !slices.Contains(s.Subjects, subject) {
		return nil, false
	}
	withdrawal, err := s.Withdrawal()
	if err != nil {
		return nil, false
	}
	return &withdrawal, signed
}

// findWithdrawal looks whether the image, or the index that led to it, is withdrawn.
func (by *Against) findWithdrawal(ctx context.Context, r *Report) {
	if r.Remote == nil {
		return
	}
	for _, subject := range slices.Compact([]digest.Digest{r.Artifact.Descriptor.Digest, r.Remote.Digest}) {
		r.take(Withdrawn(ctx, r.Remote.From, subject, by.Signing.Believed()))
	}
}
