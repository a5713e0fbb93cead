// SPDX-License-Identifier: BSD-2-Clause

package push

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/signature"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/attest"
	"github.com/orlop/orlop/release/registry"
)

// signed is a manifest that gets signatures, and what they say of it.
type signed struct {
	v1.Descriptor
	items []signature.Item
	file  digest.Digest // of what the manifest attaches; "" for an image
}

// isOf reports whether something that was signed is the manifest, or the file.
func (s signed) isOf(digests []digest.Digest) bool {
	return slices.Contains(digests, s.Digest) || s.file != "" && slices.Contains(digests, s.file)
}

// toSign lists the manifests of an image that are signed: the index, those of all
// platforms, and those of what is attached, for which only cosign has a form.
func (j *job) toSign(cfg Config) []signed {
	var tags []string
	for _, t := range j.tags {
		tags = append(tags, t.name)
	}
	slices.Sort(tags)
	of := signature.Subject{Name: j.RefName(), Version: j.Version()}
	var list []signed
	add := func(d v1.Descriptor, platform string, forms []attest.Form, file digest.Digest) {
		s := of
		s.Platform, s.Digest = platform, d.Digest
		list = append(list, signed{d, s.Items(j.to.Name(), tags, forms...), file})
	}
	forms := without(cfg.Signers.Forms(), attest.FormList)
	if len(j.Members) > 1 {
		add(j.root().Descriptor, "", forms, "")
	}
	for _, m := range j.Members {
		add(m.Descriptor, m.Platform(), forms, "")
	}
	for _, a := range j.attachments {
		add(a.Descriptor, "", without(forms, attest.FormPGP), a.file)
	}
	return list
}

// work is signatures that a manifest does not have yet.
type work struct {
	signed
	missing []signature.Message
	there   []attest.Signature
	beside  []attest.Signature // of files beside the images
}

// signAll signs what is pushed, and adds the signatures beside it. What is there already
// stays, and is not made again.
func signAll(ctx context.Context, cfg Config, j *job) error {
	beside, err := j.beside(cfg)
	if err != nil {
		return err
	}
	for _, s := range j.toSign(cfg) {
		w, err := j.missing(ctx, cfg, s, beside, slices.Contains(j.known, s.Digest))
		if err == nil {
			err = w.do(ctx, cfg, j)
		}
		if err != nil {
			return fmt.Errorf("signatures of %s: %w", s.Digest, err)
		}
	}
	return nil
}

// missing finds out what a manifest lacks. The registry is asked only if it had the
// manifest before this push, since some count requests.
func (j *job) missing(ctx context.Context, cfg Config, s signed, beside []attest.Signature, known bool) (work, error) {
	w := work{signed: s}
	var more []attest.Signature
	for _, b := range beside {
		if s.isOf(b.Claim().Digests) {
			more = append(more, b)
		}
	}
	if len(s.items) == 0 && len(more) == 0 {
		return w, nil
	}
	var found []signature.Found
	if known {
		there, notes, err := signature.Registry(ctx, j.to, s.Digest)
		if err != nil {
			return w, err
		}
		found = there
		for _, note := range notes {
			cfg.Observe.Notice("image %s: %s", j.Image, note)
		}
	}
	if cfg.Lookaside.Place != "" {
		aside, _, err := cfg.Lookaside.Read(ctx, j.to.Reference, s.Digest)
		if err != nil {
			return w, err
		}
		found = append(found, aside...)
	}
	w.there = signature.Only(found)
	for _, b := range more {
		if !slices.ContainsFunc(w.there, b.Equal) {
			w.beside = append(w.beside, b)
		}
	}
	for _, m := range signature.Messages(s.items) {
		if !cfg.Signers.HaveSigned(m, slices.Concat(w.there, w.beside)) {
			w.missing = append(w.missing, m)
		}
	}
	return w, nil
}

// do makes the signatures, and brings them where they belong.
func (w work) do(ctx context.Context, cfg Config, j *job) error {
	list := w.beside
	for _, m := range w.missing {
		made, err := cfg.Signers.Sign(ctx, m, slices.Concat(w.there, list))
		if err != nil {
			return err
		}
		list = slices.Concat(list, made)
	}
	for _, form := range attest.Forms {
		if n := len(ofForm(w.there, form)) + len(ofForm(list, form)); n > signature.Most {
			return fault.Unsupportedf("there would be %d signatures of the form %s, the most that this version writes is %d", n, form, signature.Most)
		}
	}
	if err := cfg.Lookaside.Add(j.to.Reference, w.Digest, ofForm(list, attest.FormPGP)); err != nil {
		return err
	}
	sent, err := signature.Publish(ctx, j.to, w.Descriptor, list)
	j.count(Sent{Manifests: sent})
	j.signed += len(list)
	if older := ofForm(list, attest.FormCosign); len(older) > 0 {
		j.wrote = append(j.wrote, wrote{w.Descriptor, older})
	}
	return err
}

// ofForm returns the signatures of a form.
func ofForm(list []attest.Signature, form attest.Form) []attest.Signature {
	return slices.DeleteFunc(slices.Clone(list), func(s attest.Signature) bool { return s.Form != form })
}

// without returns all forms but one.
func without(forms []attest.Form, form attest.Form) []attest.Form {
	return slices.DeleteFunc(slices.Clone(forms), func(f attest.Form) bool { return f == form })
}

// beside reads the signatures in files beside the images and their locks. Those that name
// another repository, and those that have no place to go, are left where they are.
func (j *job) beside(cfg Config) ([]attest.Signature, error) {
	var list []attest.Signature
	for _, ref := range j.Refs {
		if ref.File == nil || ref.File.Piped {
			continue
		}
		base := artifact.Base(ref.Path())
		found, err := signature.Beside(base)
		ofLock, bad := signature.Beside(base + signature.LockPart)
		if err := errors.Join(err, bad); err != nil {
			return nil, err
		}
		for _, f := range append(found, ofLock...) {
			switch why := j.unfit(cfg, f.Signature); why {
			case "":
				list = append(list, f.Signature)
			default:
				cfg.Observe.Notice("image %s: a signature in %s stays there: %s", j.Image, f.Where, why)
			}
		}
	}
	return list, nil
}

// unfit says why a signature that was found in a file is not published, "" for nothing.
// Whose it is does not matter.
func (j *job) unfit(cfg Config, s attest.Signature) string {
	claim, err := (attest.Trust{}).Verify(s)
	if _, unknown := errors.AsType[*attest.UnknownKeyError](err); err != nil && !unknown {
		return "it " + err.Error()
	}
	if n := len(s.Text); n > attest.MaxSignature {
		return fmt.Sprintf("it has %d bytes, more than anybody reads", n)
	}
	if s.Form == attest.FormBundle {
		return ""
	}
	ref, err := registry.ParseReference(claim.Identity)
	switch {
	case err != nil || ref.Name() != j.to.Name():
		return fmt.Sprintf("it is for %s", claim.Identity)
	case s.Form == attest.FormPGP && cfg.Lookaside.Place == "":
		return "--lookaside says where signatures in podman's form go"
	}
	return ""
}

// lookAgain looks whether the signatures of this push are still there, before a tag leads
// to them: a registry lets the later of two writers win, who may have read before this
// push wrote.
func (j *job) lookAgain(ctx context.Context) error {
	for _, w := range j.wrote {
		sent, err := signature.Publish(ctx, j.to, w.Descriptor, w.list)
		j.count(Sent{Manifests: sent})
		if err != nil {
			return fmt.Errorf("signatures of %s: %w", w.Digest, err)
		}
	}
	return nil
}

// wrote is what a push has added to a manifest.
type wrote struct {
	v1.Descriptor
	list []attest.Signature // at cosign's tag: only there one can overwrite another
}

// planSigned lists the signatures that a push would make or add.
func (j *job) planSigned(ctx context.Context, cfg Config) ([]Step, error) {
	beside, err := j.beside(cfg)
	if err != nil {
		return nil, err
	}
	var steps []Step
	for _, s := range j.toSign(cfg) {
		has, err := j.to.Has(ctx, s.Descriptor)
		if err != nil {
			return nil, err
		}
		w, err := j.missing(ctx, cfg, s, beside, has)
		if err != nil {
			return nil, fault.Within("signatures of "+s.Digest.String(), err)
		}
		for _, m := range w.missing {
			steps = append(steps, Step{Do: "sign", Repository: j.to.Name(), What: strings.TrimSpace(string(m.Form()) + " " + m.Items[0].Identity), Digest: s.Digest})
		}
		for _, b := range w.beside {
			steps = append(steps, Step{Do: "add", Repository: j.to.Name(), What: string(b.Form), Digest: s.Digest})
		}
	}
	return steps, nil
}
