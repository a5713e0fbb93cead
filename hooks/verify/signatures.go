// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/signature"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/attest"
	"github.com/orlop/orlop/release/policy"
	"github.com/orlop/orlop/release/registry"
)

// Signing is what the signatures of an image are judged by. Its zero value asks for none.
type Signing struct {
	attest.Trust
	Identity  string              // REGISTRY/PATH that signatures must name; "" for where the image is, and for nothing on disk
	Signers   int                 // how many different primary keys must have signed, at least one if there is a key
	Forms     []attest.Form       // each of which must be there, for the index and for the manifest
	Lookaside signature.Lookaside // where signatures in podman's form are; without a place, only beside archives
	Lists     []SignedList
	Policy    *policy.Policy // nil for none
}

// isAsked reports whether signatures matter at all.
func (s *Signing) isAsked() bool { return !s.IsEmpty() || s.Policy != nil || len(s.Forms) > 0 }

// Signature is a signature of an image, and whether it counts; or, without a place, a form
// in which there is none.
type Signature struct {
	Subject  digest.Digest
	What     string // index or manifest
	Form     attest.Form
	Where    string
	Signer   string    // "" if no given key has made it
	Identity string    // the repository that it names; "" for none
	Time     time.Time // zero for none
	Counts   bool
	Why      string // it does not
}

// Brief says in a line who has signed in this form, or why that does not count.
func (s Signature) Brief() string {
	text := fmt.Sprintf("%s: %s: ", s.What, s.Form)
	switch {
	case s.Where == "":
		return text + "no signature"
	case !s.Counts:
		return text + "one signature does not count: it " + s.Why
	}
	text += "signed by " + s.Signer
	if !s.Time.IsZero() {
		text += " at " + s.Time.Format(time.RFC3339)
	}
	if s.Identity != "" {
		text += " for " + signature.RepositoryOf(s.Identity)
	}
	return text
}

// String says all that is known of it in a line.
func (s Signature) String() string {
	text := s.Brief()
	if s.Identity != "" {
		text += ", named " + s.Identity
	}
	if s.Where != "" {
		text += ", in " + s.Where
	}
	return text + ", of " + s.Subject.String()
}

// UnsignedError is an image that too few of the given keys have signed.
type UnsignedError struct {
	What    string // index or manifest
	Digest  digest.Digest
	Form    attest.Form // that is required; "" for any
	Signers []string    // that count
	Wanted  int
	Reasons []string // why others do not
}

func (e *UnsignedError) Error() string {
	text := fmt.Sprintf("%s %s ", e.What, e.Digest)
	switch {
	case len(e.Signers) > 0:
		text += fmt.Sprintf("is signed by %d of %d wanted keys (%s)", len(e.Signers), e.Wanted, strings.Join(e.Signers, ", "))
	case len(e.Reasons) > 0:
		text += "has no signature that counts"
	default:
		text += "is not signed"
	}
	if e.Form != "" {
		text += " in the form " + string(e.Form)
	}
	if len(e.Reasons) > 0 {
		text += ": one " + strings.Join(e.Reasons, "; one ")
	}
	return text
}

// Wrong reports that nobody vouches for the bytes.
func (*UnsignedError) Wrong() bool { return true }

// subject is something that may be signed.
type subject struct {
	what   string
	digest digest.Digest
}

// subjects are what led to the image, and the image: an index and a manifest, or a
// manifest alone.
func (r *Report) subjects() []subject {
	manifest := subject{"manifest", r.Artifact.Descriptor.Digest}
	top := manifest.digest
	switch list := r.Artifact.Index.Manifests; {
	case r.Remote != nil:
		top = r.Remote.Digest
	case len(list) == 1:
		top = list[0].Digest
	}
	if top == manifest.digest {
		return []subject{manifest}
	}
	return []subject{{"index", top}, manifest}
}

// checkSignatures finds the signatures of an image and of the index that led to it, and
// judges whether these are enough.
func (by *Against) checkSignatures(ctx context.Context, r *Report) {
	if !by.Signing.isAsked() {
		return
	}
	subjects := r.subjects()
	var ofManifest []attest.Signature
	for _, s := range subjects {
		found, notes, err := by.Signing.find(ctx, r, s.digest)
		r.Notes = append(r.Notes, notes...)
		if err != nil {
			r.faulty(err)
			return
		}
		r.Signatures = append(r.Signatures, by.Signing.judgeAll(r, s, found)...)
		ofManifest = signature.Only(found)
	}
	errs := by.Signing.enough(r.Signatures, subjects)
	if by.Signing.Policy != nil {
		errs = append(errs, by.Signing.judgePolicy(r, ofManifest))
	}
	r.faulty(errs...)
	if r.Err() == nil && slices.ContainsFunc(r.Signatures, func(s Signature) bool { return s.Counts }) {
		r.Compared = append(r.Compared, "signature")
	}
}

// find looks for signatures where the image is. Beside an archive with several images
// there are those of all.
func (s *Signing) find(ctx context.Context, r *Report, d digest.Digest) (found []signature.Found, notes []string, err error) {
	if r.Remote == nil {
		if r.Piped {
			return nil, nil, nil
		}
		found, err = signature.Beside(artifact.Base(r.Path))
		if found = of(found, d, !r.several && d == r.Artifact.Descriptor.Digest); err != nil || s.Lookaside.Place == "" {
			return found, nil, err
		}
		return s.withAside(ctx, found, s.Identity, d)
	}
	found, notes, err = signature.Registry(ctx, r.Remote.From, d)
	if err != nil || s.Lookaside.Place == "" {
		return found, notes, err
	}
	found, more, err := s.withAside(ctx, found, r.Remote.Reference.Name(), d)
	return found, append(notes, more...), err
}

// withAside adds the signatures of the lookaside tree, where images go by their
// repositories.
func (s *Signing) withAside(ctx context.Context, found []signature.Found, repo string, d digest.Digest) ([]signature.Found, []string, error) {
	ref, err := registry.ParseReference(repo)
	if err != nil {
		return nil, nil, fault.Usagef("--lookaside: wanted --identity REGISTRY/PATH, too, by which signatures of an image on disk are found")
	}
	aside, notes, err := s.Lookaside.Read(ctx, ref, d)
	return append(found, aside...), notes, err
}

// of returns the signatures of a subject, and perhaps those that are of something else.
func of(found []signature.Found, d digest.Digest, others bool) (list []signature.Found) {
	for _, f := range found {
		if others || slices.Contains(f.Claim().Digests, d) {
			list = append(list, f)
		}
	}
	return list
}

// judgeAll judges the signatures of a subject, and names the forms in which there is
// none.
func (s *Signing) judgeAll(r *Report, of subject, found []signature.Found) []Signature {
	var list []Signature
	for _, f := range found {
		list = append(list, s.judge(r, of, f))
	}
	for _, l := range s.Lists {
		for _, by := range l.By {
			if l.names(of.digest) {
				list = append(list, Signature{of.digest, of.what, attest.FormList, l.Name, by.Primary, "", by.Time, true, ""})
			}
		}
	}
	for _, form := range attest.Forms {
		if !slices.ContainsFunc(list, func(g Signature) bool { return g.Form == form }) {
			list = append(list, Signature{Subject: of.digest, What: of.what, Form: form})
		}
	}
	return list
}

// judge judges one signature.
func (s *Signing) judge(r *Report, of subject, f signature.Found) Signature {
	claim, why := f.Judge(s.Trust, of.digest, s.identity(r))
	return Signature{of.digest, of.what, f.Form, f.Where, claim.Signer, claim.Identity, claim.Time, why == "", why}
}

// identity is the repository that signatures must name, "" for any.
func (s *Signing) identity(r *Report) string {
	if s.Identity != "" || r.Remote == nil {
		return signature.RepositoryOf(s.Identity)
	}
	return r.Remote.Reference.Name()
}

// enough finds what is not signed as it should be: the first subject, by so many keys,
// and each in all forms that are required.
func (s *Signing) enough(list []Signature, subjects []subject) []error {
	var errs []error
	if !s.IsEmpty() {
		if signers, reasons := counted(list, subjects[0], ""); len(signers) < max(1, s.Signers) {
			errs = append(errs, &UnsignedError{subjects[0].what, subjects[0].digest, "", signers, max(1, s.Signers), reasons})
		}
	}
	for _, of := range subjects {
		for _, form := range s.Forms {
			if signers, reasons := counted(list, of, form); len(signers) == 0 {
				errs = append(errs, &UnsignedError{of.what, of.digest, form, nil, 1, reasons})
			}
		}
	}
	return errs
}

// counted lists the different signers of a subject whose signatures count, and why others
// do not.
func counted(list []Signature, of subject, form attest.Form) (signers, reasons []string) {
	for _, g := range list {
		switch {
		case g.Subject != of.digest || form != "" && g.Form != form || g.Where == "":
		case g.Counts:
			signers = append(signers, g.Signer)
		default:
			reasons = append(reasons, g.Why)
		}
	}
	slices.Sort(signers)
	slices.Sort(reasons)
	return slices.Compact(signers), slices.Compact(reasons)
}
