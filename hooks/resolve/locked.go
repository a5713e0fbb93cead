// SPDX-License-Identifier: BSD-2-Clause

package resolve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/parent"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release"
)

// resolveLocks adds the images of locks, and finds out who vouches for them.
func (r *resolver) resolveLocks(ctx context.Context, in *input.Locks) error {
	first := in.Locks[0]
	var err error
	if r.Release, err = release.Locked(first.Revision, first.Branch, first.ABI); err != nil {
		return err
	}
	packages := map[lock.Package]*catalog.Package{}
	members := map[string]*Step{}
	for _, l := range in.Locks {
		give := func(p lock.Package) *catalog.Package { return lockedPackage(packages, in.Repo(l, p.Repository), p) }
		base, err := r.lockedBase(ctx, l)
		if err != nil {
			return err
		}
		var parent *Step
		for i := range l.Layers {
			m, err := lockedMember(l, i, base, give)
			if err == nil && r.Release.OnlyABI() && m.Def.NamesRelease() {
				err = fmt.Errorf("revision is %s and branch none, wanted both for image %s", r.Release.Revision, m.Def.Name)
			}
			if err == nil && i == len(l.Layers)-1 {
				err = errors.Join(m.Def.CheckRefName(r.Release), m.Def.CheckGiven(l.Annotations))
			}
			if err != nil {
				return &fault.UsageError{Err: fmt.Errorf("lock of %s: %w", l.Image, err)}
			}
			if old := members[m.Def.Name]; old != nil {
				if !samePinned(old, m) {
					return &fault.UsageError{Err: fmt.Errorf("the locks of %s and %s disagree about the layer %s", old.Lock.Image, l.Image, m.Def.Name)}
				}
				m = old
			} else {
				m.Parent = parent
				members[m.Def.Name] = m
				r.Steps = append(r.Steps, m)
			}
			parent = m
		}
		parent.Lock, parent.Wanted = l, true
	}
	v := &voucher{r, in}
	return v.vouch(ctx)
}

// lockedMember returns the step of a layer of a lock.
func lockedMember(l *lock.Lock, i int, base *parent.Image, give func(lock.Package) *catalog.Package) (*Step, error) {
	m := &Step{Lock: l, Pinned: &l.Layers[i], Base: base}
	m.Plan = l.Plan(i+1, m.present(), give)
	var err error
	if m.Def, err = lock.Definition(l, i); err != nil {
		return nil, err
	}
	for _, p := range l.Packages {
		if p.Layer == m.Def.Name {
			m.pins = append(m.pins, p)
		}
	}
	return m, nil
}

// samePinned reports whether two locks have the same layer.
func samePinned(a, b *Step) bool {
	x, errX := json.Marshal([]any{a.Pinned, a.pins})
	y, errY := json.Marshal([]any{b.Pinned, b.pins})
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// lockedPackage returns the package of a lock's entry: one for the same bytes.
func lockedPackage(known map[lock.Package]*catalog.Package, repo *catalog.Repo, p lock.Package) *catalog.Package {
	key := p
	key.Layer, key.Requested, key.Donor = "", "", false
	if known[key] == nil {
		known[key] = &catalog.Package{Repo: repo, Summary: pkgfile.Summary{
			Name: p.Name, Version: p.Version, Path: p.Path, Sum: sum.Sum(p.Sum), Size: p.Size}}
	}
	return known[key]
}
