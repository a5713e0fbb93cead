// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"errors"
	"slices"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release/define"
)

// Moved resolves the definitions of locks in the repositories as they are today,
// fetches nothing, and lists for each lock what packages have moved since.
// Nothing of a lock but its definitions, release and packages is asked for.
func Moved(ctx context.Context, cfg Config, locks []*lock.Lock) ([][]lock.Movement, error) {
	cfg.Locks, cfg.ABI = nil, locks[0].ABI
	r := newRun(cfg)
	defer r.end(ctx)
	moved := make([][]lock.Movement, len(locks))
	err := r.perform(ctx, []hook{{name: "catalog", do: (*run).readCatalogues}, {name: "resolve", do: func(r *run, ctx context.Context) error {
		var err error
		if r.universe, err = solve.NewUniverse(ctx, r.catalogues, r.ABI); err != nil {
			return err
		}
		var errs []error
		for i, l := range locks {
			if l.ABI != r.ABI {
				errs = append(errs, fault.Usagef("the locks of %s and %s are of %s and %s, wanted one ABI", locks[0].Image, l.Image, r.ABI, l.ABI))
				continue
			}
			moved[i], err = r.moved(ctx, l)
			errs = append(errs, err)
		}
		r.noteMissing()
		return errors.Join(errs...)
	}}})
	return moved, err
}

// moved compares a lock with what its definitions come to.
func (r *run) moved(ctx context.Context, l *lock.Lock) ([]lock.Movement, error) {
	m, err := r.renewed(ctx, l)
	if err != nil {
		return nil, err
	}
	return lock.Movements(l, lock.New(m.plan, r.catalogues).Packages, func(p lock.Package) bool {
		return p.Donor && !r.knowsSource(l, p.Layer)
	}), nil
}

// renewed plans the image of a lock anew.
func (r *run) renewed(ctx context.Context, l *lock.Lock) (*member, error) {
	var chain []define.Image
	for i := range l.Layers {
		def, err := lock.Definition(l, i)
		if err != nil {
			return nil, fault.Usagef("lock of %s: %w", l.Image, err)
		}
		chain = append(chain, def)
	}
	if err := r.checkTree(chain); err != nil {
		return nil, err
	}
	members := map[string]*member{}
	for i := range chain {
		m, err := r.newMember(ctx, chain[:i+1], members)
		if err == nil && r.knowsSource(l, m.def.Name) {
			err = fault.Within("image "+m.def.Name, r.checkTaken(m))
		}
		if err != nil {
			return nil, err
		}
		members[m.def.Name] = m
		r.family = append(r.family, m)
	}
	return members[l.Image], nil
}

// knowsSource reports whether this run has what a layer was made from: either it
// took nothing from a source tree, or there is one. Without it nobody can tell
// which packages would be asked instead.
func (r *run) knowsSource(l *lock.Lock, layer string) bool {
	i := slices.IndexFunc(l.Layers, func(x lock.Layer) bool { return x.Image == layer })
	return r.SrcDir != "" || !slices.ContainsFunc(l.Layers[i].Files, func(f lock.File) bool { return f.From == "srcdir" })
}
