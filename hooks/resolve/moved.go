// SPDX-License-Identifier: BSD-2-Clause

package resolve

import (
	"context"
	"errors"
	"slices"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
)

// Moved resolves the definitions of locks in today's repositories and lists, for
// each lock, the packages that have moved since. It fetches no package. Of a lock it
// reads only definitions, release and packages.
func Moved(ctx context.Context, req *Request, tree input.Tree, cats []*catalog.Catalogue, locks []*lock.Lock, observe event.Observer) ([][]lock.Movement, error) {
	r := newResolver(req, tree, cats, observe)
	defer r.Close()
	abi := locks[0].ABI
	var err error
	if r.universe, err = solve.NewUniverse(ctx, cats, abi); err != nil {
		return nil, err
	}
	moved := make([][]lock.Movement, len(locks))
	var errs []error
	for i, l := range locks {
		if l.ABI != abi {
			errs = append(errs, fault.Usagef("the locks of %s and %s are of %s and %s, wanted one ABI", locks[0].Image, l.Image, abi, l.ABI))
			continue
		}
		moved[i], err = r.moved(ctx, l)
		errs = append(errs, err)
	}
	r.noteMissing()
	return moved, errors.Join(errs...)
}

// moved compares a lock with what its definitions resolve to now.
func (r *resolver) moved(ctx context.Context, l *lock.Lock) ([]lock.Movement, error) {
	m, err := r.again(ctx, l)
	if err != nil {
		return nil, err
	}
	now, err := lock.New(ctx, m.Plan, r.Catalogues)
	if err != nil {
		return nil, err
	}
	return lock.Movements(l, now.Packages, func(p lock.Package) bool {
		return p.Donor && !r.knowsSource(l, p.Layer)
	}), nil
}

// again plans the image of a lock again.
func (r *resolver) again(ctx context.Context, l *lock.Lock) (*Step, error) {
	chain, err := defined(l)
	if err == nil {
		err = checkTree(r.tree, chain)
	}
	if err == nil {
		r.Release, err = release.Locked(l.Revision, l.Branch, l.ABI)
	}
	if err == nil {
		err = r.standOnLocked(ctx, l)
	}
	if err != nil {
		return nil, err
	}
	return r.planChain(ctx, l, chain)
}

// planChain adds the steps of a lock's image, whose definitions are given, lowest
// first. It returns the last.
func (r *resolver) planChain(ctx context.Context, l *lock.Lock, chain []define.Image) (*Step, error) {
	members := map[string]*Step{}
	for i := range chain {
		m, err := r.newMember(ctx, chain[:i+1], members)
		if err == nil && r.knowsSource(l, m.Def.Name) {
			err = fault.Within("image "+m.Def.Name, r.checkTaken(m))
		}
		if err != nil {
			return nil, err
		}
		members[m.Def.Name] = m
		r.Steps = append(r.Steps, m)
	}
	return members[l.Image], nil
}

// defined lists the definitions of a lock, lowest first.
func defined(l *lock.Lock) ([]define.Image, error) {
	var chain []define.Image
	for i := range l.Layers {
		def, err := lock.Definition(l, i)
		if err != nil {
			return nil, fault.Usagef("lock of %s: %w", l.Image, err)
		}
		chain = append(chain, def)
	}
	return chain, nil
}

// standOnLocked opens the image that a lock's stands on, for every step: the same,
// whatever its tag names today.
func (r *resolver) standOnLocked(ctx context.Context, l *lock.Lock) error {
	base, err := r.lockedBase(ctx, l)
	if err == nil && base != nil {
		r.bases[l.Parent.Reference] = base
	}
	return err
}

// knowsSource reports whether this run has the sources of a layer: it took nothing
// from a source tree, or there is one. Without the tree it is unknown which
// packages would be donors instead.
func (r *resolver) knowsSource(l *lock.Lock, layer string) bool {
	i := slices.IndexFunc(l.Layers, func(x lock.Layer) bool { return x.Image == layer })
	return r.tree.SrcDir != "" || !slices.ContainsFunc(l.Layers[i].Files, func(f lock.File) bool { return f.From == "srcdir" })
}
