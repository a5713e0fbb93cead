// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/registry"
)

// lockAttached finds the lock of a published image.
func (by *Against) lockAttached(ctx context.Context, r *Report) (*GivenLock, error) {
	l, notes, err := AttachedLock(ctx, r.Remote.From, r.Artifact.Contents)
	r.Notes = append(r.Notes, notes...)
	if l == nil && err == nil && by.NeedLock {
		err = fault.Usagef("no lock: none is attached; give --lock")
	}
	return l, err
}

// AttachedLock finds a lock among what is attached to an image's manifest; nil for
// none. Anybody who may push can attach one, so the first that fits counts, and that
// others fit and differ is in the notes. If none fits, it is one whose faults can be
// reported.
func AttachedLock(ctx context.Context, from *registry.Repository, c *oci.Contents) (*GivenLock, []string, error) {
	found, notes, err := from.Attachments(ctx, c.Descriptor.Digest, maxBeside, lock.MediaType)
	if err != nil {
		return nil, nil, err
	}
	var fit, unfit []GivenLock
	var unreadable error
	seen := map[string]bool{}
	for _, a := range found {
		if seen[string(a.Text)] {
			continue
		}
		seen[string(a.Text)] = true
		l, err := ParseLock(path.Base("/"+a.Name), a.Text)
		l.Attached, l.Manifest = true, a.Manifest
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
	if list := append(fit, unfit...); len(list) > 0 {
		return &list[0], notes, nil
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
