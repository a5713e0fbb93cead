// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/registry"
)

// lockAttached finds the lock of a published image: of several that fit, one that a given
// key has signed.
func (by *Against) lockAttached(ctx context.Context, r *Report) (*GivenLock, error) {
	list, notes, err := attachedLocks(ctx, r.Remote.From, r.Artifact.Contents)
	r.Notes = append(r.Notes, notes...)
	switch {
	case err != nil:
		return nil, err
	case len(list) == 0 && by.NeedLock:
		return nil, fault.Usagef("no lock: none is attached; give --lock")
	case len(list) < 2 || by.Signing.IsEmpty():
		return first(list), nil
	}
	for i := range list {
		if signer, err := by.Signing.signerOfLock(ctx, r, &list[i]); err != nil || signer != "" {
			return &list[i], err
		}
	}
	return first(list), nil
}

// AttachedLock finds a lock among what is attached to an image's manifest; nil for
// none.
func AttachedLock(ctx context.Context, from *registry.Repository, c *oci.Contents) (*GivenLock, []string, error) {
	list, notes, err := attachedLocks(ctx, from, c)
	return first(list), notes, err
}

// first returns the first of some locks, nil for none.
func first(list []GivenLock) *GivenLock {
	if len(list) == 0 {
		return nil
	}
	return &list[0]
}

// attachedLocks lists the different locks that are attached to a manifest. Anybody who may
// push can attach one, so these are all that fit, and that there are several is in the
// notes. If none fits, it is one whose faults can be reported.
func attachedLocks(ctx context.Context, from *registry.Repository, c *oci.Contents) ([]GivenLock, []string, error) {
	found, notes, err := from.Attachments(ctx, c.Descriptor.Digest, maxBeside, lock.MediaType)
	if err != nil {
		return nil, nil, err
	}
	var fit, unfit []GivenLock
	var unreadable error
	by := map[string][]digest.Digest{} // the manifests by which the same lock is attached
	for _, a := range found {
		by[string(a.Text)] = append(by[string(a.Text)], a.Manifest)
	}
	for _, a := range found {
		manifests := by[string(a.Text)]
		if manifests[0] != a.Manifest {
			continue
		}
		l, err := ParseLock(path.Base("/"+a.Name), a.Text)
		l.Attached = manifests
		switch {
		case err != nil:
			unreadable = err
		case len(Documents(c, l.Lock).Errs) > 0:
			unfit = append(unfit, l)
		default:
			fit = append(fit, l)
		}
	}
	if len(fit) > 1 {
		notes = append(notes, fmt.Sprintf("%d attached locks fit the image and differ from one another", len(fit)))
	}
	switch {
	case len(fit) > 0:
		return fit, notes, nil
	case len(unfit) > 0:
		return unfit[:1], notes, nil
	}
	return nil, notes, unreadable
}

// keepCatalogues fetches the signed catalogues that are attached to images of
// registries into a folder of their own. It returns "" if there is none; whether they
// vouch for anything is judged where they are used.
func keepCatalogues(ctx context.Context, group []*Report) (dir string, err error) {
	for _, r := range group {
		if r.Remote == nil {
			continue
		}
		found, notes, err := r.Remote.From.Attachments(ctx, r.Artifact.Descriptor.Digest, maxBeside, lock.CatalogueMediaType)
		if err != nil {
			return dir, err
		}
		r.Notes = append(r.Notes, notes...)
		for _, a := range found {
			if dir == "" {
				if dir, err = os.MkdirTemp("", "orlop-catalogues-"); err != nil {
					return "", err
				}
			}
			name := release.ArtifactName("catalogue-"+sum.HexSHA256(a.Text)) + ".pkg"
			if err := os.WriteFile(filepath.Join(dir, name), a.Text, 0o666); err != nil {
				return dir, err
			}
		}
	}
	return dir, nil
}
