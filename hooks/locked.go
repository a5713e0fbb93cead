// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/layer"
)

// readLocks is the hook catalog where locks say what is in the images. It
// leaves a repository for each that they name, with the source that the user
// gives or else the lock; packages may be in the store alone.
func (r *run) readLocks(ctx context.Context) error {
	r.sources, r.witnesses = map[*catalog.Repo]*store.Source{}, map[*catalog.Repo]*witness{}
	first := r.Locks[0]
	r.Schema, r.Compression, r.Squash = pkgdb.Schema(first.Schema), layer.Compression(first.Compression), first.Squash
	var errs []error
	for _, l := range r.Locks {
		for _, repo := range l.Repositories {
			errs = append(errs, r.readLockedRepo(ctx, l, repo))
		}
	}
	return errors.Join(errs...)
}

// checkLocks finds locks of which this orlop can make nothing, or not in one run.
func (r *run) checkLocks() error {
	var errs []error
	for i, l := range r.Locks {
		first := r.Locks[0]
		if i > 0 && (l.Schema != first.Schema || l.Compression != first.Compression || l.Squash != first.Squash || l.Revision != first.Revision || l.Branch != first.Branch || l.ABI != first.ABI) {
			errs = append(errs, fault.Usagef("the locks of %s and %s are for different runs", first.Image, l.Image))
			continue
		}
		_, err := pkgdb.ParseSchema(fmt.Sprint(l.Schema))
		if err == nil {
			_, err = layer.ParseCompression(l.Compression)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("lock of %s: %w", l.Image, &lock.VersionError{Err: err, Orlop: l.Orlop}))
			continue
		}
		_, err = release.Locked(l.Revision, l.Branch, l.ABI)
		errs = append(errs, fault.Within("lock of "+l.Image, errors.Join(err, define.CheckAnnotations(l.Annotations))))
		for i := range l.Layers {
			if _, err := lock.Definition(l, i); err != nil {
				errs = append(errs, fault.Usagef("lock of %s: %w", l.Image, err))
			}
		}
	}
	return errors.Join(errs...)
}

// readLockedRepo leaves the catalogue of a lock in the place of that of today,
// a source of its packages, and the catalogues that vouch for them.
func (r *run) readLockedRepo(ctx context.Context, l *lock.Lock, locked lock.Repository) error {
	for _, c := range r.catalogues {
		if c.Repo.Name == locked.Name && c.Digest == locked.Catalogue {
			return nil
		}
	}
	repo := &catalog.Repo{Name: locked.Name, URL: locked.URL, MirrorType: "none"}
	stub := &catalog.Catalogue{Repo: repo, Digest: locked.Catalogue}
	r.catalogues = append(r.catalogues, stub)
	w := &witness{}
	r.witnesses[repo] = w
	i := slices.IndexFunc(r.Repos, func(c catalog.Repo) bool { return c.Name == locked.Name })
	if i >= 0 {
		if err := r.askUser(ctx, l, repo, r.Repos[i], w); err != nil {
			return err
		}
		r.askKept(ctx, r.Repos[i], locked.Catalogue, w)
	} else {
		r.askLock(repo, w)
		r.askKept(ctx, *repo, locked.Catalogue, w)
		r.askToday(ctx, repo, w)
	}
	if c := w.exact(locked.Catalogue); c != nil {
		stub.Signer, stub.Sealed = c.Signer, c.Sealed
		if err := r.keepCatalogue(ctx, c); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// resolveLocks is the hook resolve where locks are the plan.
func (r *run) resolveLocks(ctx context.Context) error {
	first := r.Locks[0]
	var err error
	if r.release, err = release.Locked(first.Revision, first.Branch, first.ABI); err != nil {
		return err
	}
	packages := map[lock.Package]*catalog.Package{}
	members := map[string]*member{}
	for _, l := range r.Locks {
		give := func(p lock.Package) *catalog.Package { return r.lockedPackage(packages, l, p) }
		var parent *member
		for i := range l.Layers {
			m, err := lockedMember(l, i, give)
			if err == nil && r.release.OnlyABI() && m.def.NamesRelease() {
				err = fmt.Errorf("revision is %s and branch none, wanted both for image %s", r.release.Revision, m.def.Name)
			}
			if err == nil && i == len(l.Layers)-1 {
				err = errors.Join(m.def.CheckRefName(r.release), m.def.CheckGiven(l.Annotations))
			}
			if err != nil {
				return &fault.UsageError{Err: fmt.Errorf("lock of %s: %w", l.Image, err)}
			}
			if old := members[m.def.Name]; old != nil {
				if !samePinned(old, m) {
					return &fault.UsageError{Err: fmt.Errorf("the locks of %s and %s disagree about the layer %s", old.locked.Image, l.Image, m.def.Name)}
				}
				m = old
			} else {
				m.parent = parent
				members[m.def.Name] = m
				r.family = append(r.family, m)
			}
			parent = m
		}
		parent.locked, parent.wanted = l, true
	}
	return r.vouch(ctx)
}

// lockedMember is the image of a layer of a lock.
func lockedMember(l *lock.Lock, i int, give func(lock.Package) *catalog.Package) (*member, error) {
	m := &member{locked: l, pinned: &l.Layers[i], plan: l.Plan(i+1, give)}
	var err error
	if m.def, err = lock.Definition(l, i); err != nil {
		return nil, err
	}
	for _, p := range l.Packages {
		if p.Layer == m.def.Name {
			m.pins = append(m.pins, p)
		}
	}
	return m, nil
}

// samePinned reports whether two locks say the same of a layer.
func samePinned(a, b *member) bool {
	x, errX := json.Marshal([]any{a.pinned, a.pins})
	y, errY := json.Marshal([]any{b.pinned, b.pins})
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// lockedPackage gives the package of a lock's entry, the same for the same bytes.
func (r *run) lockedPackage(known map[lock.Package]*catalog.Package, l *lock.Lock, p lock.Package) *catalog.Package {
	key := p
	key.Layer, key.Requested, key.Donor = "", "", false
	if known[key] == nil {
		known[key] = &catalog.Package{Repo: r.lockedRepo(l, p.Repository), Summary: pkgfile.Summary{
			Name: p.Name, Version: p.Version, Path: p.Path, Sum: sum.Sum(p.Sum), Size: p.Size}}
	}
	return known[key]
}

// lockedRepo is the repository of a lock by its name.
func (r *run) lockedRepo(l *lock.Lock, name string) *catalog.Repo {
	for _, repo := range l.Repositories {
		for _, c := range r.catalogues {
			if repo.Name == name && c.Repo.Name == name && c.Digest == repo.Catalogue {
				return c.Repo
			}
		}
	}
	return nil
}

// LockedFileError is a file that a lock has and that cannot be had.
type LockedFileError struct{ Path, Found, Wanted string }

func (e *LockedFileError) Error() string {
	if e.Wanted == "" {
		return fmt.Sprintf("%s: found %s, the lock has none", e.Path, e.Found)
	}
	return fmt.Sprintf("%s: found %s, the lock has one with sha256 %s", e.Path, e.Found, e.Wanted)
}

// Absent reports that bytes could not be had.
func (*LockedFileError) Absent() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *LockedFileError) Parts() (what, where, found, wanted string) {
	return "file of the lock", e.Path, e.Found, cmp.Or(e.Wanted, "none")
}

// pinnedFiles are the files that the lock has at a path and below it.
func (m *member) pinnedFiles(target string) []lock.File {
	var list []lock.File
	if m.pinned != nil {
		for _, f := range m.pinned.Files {
			if f.Path == target || strings.HasPrefix(f.Path, target+"/") {
				list = append(list, f)
			}
		}
	}
	return list
}

// comparePinned compares files that somebody has with those of the lock.
func comparePinned(offered []takenFile, wanted []lock.File) error {
	want := map[string]string{} // a path may be there twice
	for _, f := range wanted {
		want[f.Path] = f.SHA256
	}
	for _, f := range offered {
		if want[f.Path] != f.SHA256 {
			return &LockedFileError{f.Path, "one with sha256 " + f.SHA256, want[f.Path]}
		}
		delete(want, f.Path)
	}
	for _, f := range wanted {
		if want[f.Path] != "" {
			return &LockedFileError{f.Path, "none", f.SHA256}
		}
	}
	return nil
}

// skips reports whether an unknown script is passed over: by request, or as
// the lock has it.
func (r *run) skips(m *member, s lock.Script) bool {
	if m.pinned != nil {
		return slices.Contains(m.pinned.SkippedScripts, s)
	}
	return r.SkipScripts || m.def.SkipScripts
}
