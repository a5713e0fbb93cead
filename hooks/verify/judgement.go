// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"context"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/signature"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgver"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/attest"
	"github.com/orlop/orlop/release/policy"
	"github.com/orlop/orlop/release/registry"
)

// judgePolicy asks policy.json whether podman would take the image.
func (s *Signing) judgePolicy(r *Report, list []attest.Signature) error {
	name := s.identity(r)
	if name == "" {
		return fault.Usagef("--policy: wanted --identity REGISTRY/PATH, where the image is published: policies go by that")
	}
	image := policy.Image{Name: name, Manifest: r.Artifact.Descriptor.Digest}
	switch {
	case r.Remote == nil:
		image.Digest = image.Manifest
	case r.Remote.Asked.Digest != "": // then a tag beside it counts for nothing
		image.Digest = r.Remote.Asked.Digest
	default:
		image.Tag = r.Remote.Asked.Tag
	}
	verdict, err := s.Policy.Judge(image, list, s.Now)
	if err != nil {
		return err
	}
	text := "the policy for " + verdict.Scope + " accepts the image"
	if verdict.Insecure {
		text += " without a signature"
	} else {
		r.Compared = append(r.Compared, "policy")
	}
	r.Notes = append(r.Notes, text)
	return nil
}

// OldError is an image of a version that the user wants no more.
type OldError struct{ Version, Wanted string }

func (e *OldError) Error() string {
	if e.Version == "" {
		return "tells no version of FreeBSD's packages, wanted at least " + e.Wanted
	}
	return fmt.Sprintf("has version %s, wanted at least %s", e.Version, e.Wanted)
}

// Wrong reports that the bytes are not those that were wanted.
func (*OldError) Wrong() bool { return true }

// checkVersion finds an old image that is offered as a new one. Its signatures are as
// valid as ever, so only its version tells.
func (by *Against) checkVersion(ctx context.Context, r *Report) {
	version := lock.VersionOf(r.Artifact.Manifest.Annotations)
	if by.AtLeast != "" && (version == "" || pkgver.Compare(version, by.AtLeast) < 0) {
		r.faulty(&OldError{version, by.AtLeast})
	}
	if r.Remote == nil || version == "" || !by.Signing.isAsked() && by.AtLeast == "" {
		return
	}
	tag, of := r.Remote.Asked.Tag, release.TagsOf(version)
	if tag == "" || tag != of.Moving || r.Remote.Asked.Digest != "" {
		return
	}
	fixed, err := r.Remote.From.At(ctx, of.Fixed)
	switch {
	case err != nil:
		r.faulty(err)
	case fixed == nil:
		r.Notes = append(r.Notes, fmt.Sprintf("tag %s names version %s, and there is no tag %s to compare it with", tag, version, of.Fixed))
	case fixed.Digest != r.Remote.Digest:
		r.faulty(&registry.ImmutableError{Where: r.Remote.From.Name(), Tag: of.Fixed, Found: fixed.Digest, Wanted: r.Remote.Digest})
	}
}

// lockSigner finds a given key that vouches for the lock of an image, "" for none: a signed
// list or statement names its sha256, or the manifest by which it is attached is signed.
func (s *Signing) lockSigner(ctx context.Context, r *Report) (string, error) {
	if r.Lock == nil || s.IsEmpty() {
		return "", nil
	}
	return s.signerOfLock(ctx, r, r.Lock)
}

// signerOfLock does so for one of several locks.
func (s *Signing) signerOfLock(ctx context.Context, r *Report, l *GivenLock) (string, error) {
	text := digest.FromBytes(l.Text)
	for _, list := range s.Lists {
		if len(list.By) > 0 && list.names(text) {
			return list.By[0].Primary, nil
		}
	}
	if l.Attached == nil {
		found, err := signature.Beside(strings.TrimSuffix(l.File, lockFileEnd))
		return s.signerOf(r, subject{"lock", text}, found), err
	}
	for _, d := range l.Attached {
		found, notes, err := signature.Registry(ctx, r.Remote.From, d)
		r.Notes = append(r.Notes, notes...)
		for _, of := range []digest.Digest{d, text} { // the manifest, or what it attaches
			if by := s.signerOf(r, subject{"lock", of}, found); by != "" {
				return by, err
			}
		}
		if err != nil {
			return "", err
		}
	}
	return "", nil
}

// signerOf is the signer of the first signature that counts, "" for none.
func (s *Signing) signerOf(r *Report, of subject, found []signature.Found) string {
	for _, f := range found {
		if g := s.judge(r, of, f); g.Counts {
			return g.Signer
		}
	}
	return ""
}

// lockFileEnd is what files beside a lock do without: container-image-NAME.lock.json has
// container-image-NAME.lock.sigstore.json.
const lockFileEnd = ".json"
