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
	"github.com/orlop/orlop/release/registry"
)

// lockAttached finds the lock of a published image among what is attached to its
// manifest. Anybody who may push can attach one, so the first that fits counts, and
// that others fit and differ is reported.
func (by *Against) lockAttached(ctx context.Context, r *Report) (*GivenLock, error) {
	found, notes, err := r.Remote.From.Attachments(ctx, r.Artifact.Descriptor.Digest, lock.MediaType, maxBeside)
	if err != nil {
		return nil, err
	}
	r.Notes = append(r.Notes, notes...)
	fit, unfit, err := r.fitting(found)
	switch {
	case len(fit) > 1:
		r.Notes = append(r.Notes, fmt.Sprintf("%d attached locks fit the image and differ from one another", len(fit)))
		return &fit[0], nil
	case len(fit) == 1:
		return &fit[0], nil
	case len(unfit) > 0:
		return &unfit[0], nil // its faults are reported
	case err != nil:
		return nil, err
	case by.NeedLock:
		return nil, fault.Usagef("no lock: none is attached; give --lock")
	}
	return nil, nil
}

// fitting tells the locks that fit the image's documents from others. Locks of the
// same text are one.
func (r *Report) fitting(found []registry.Attachment) (fit, unfit []GivenLock, err error) {
	seen := map[string]bool{}
	for _, a := range found {
		if seen[string(a.Text)] {
			continue
		}
		seen[string(a.Text)] = true
		l, bad := ParseLock(path.Base("/"+a.Name), a.Text)
		if bad != nil {
			err = bad
			continue
		}
		l.Attached = true
		if f := Documents(r.Artifact.Contents, l.Lock); len(f.Errs) > 0 {
			unfit = append(unfit, l)
		} else {
			fit = append(fit, l)
		}
	}
	return fit, unfit, err
}

// keepCatalogues fetches the signed catalogues that are attached to images of
// registries into a folder of their own. It returns "" if there is none; whether they
// vouch for anything is judged where they are used.
func keepCatalogues(ctx context.Context, group []*Report) (dir string, err error) {
	for _, r := range group {
		if r.Remote == nil {
			continue
		}
		found, notes, err := r.Remote.From.Attachments(ctx, r.Artifact.Descriptor.Digest, lock.CatalogueMediaType, maxBeside)
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
