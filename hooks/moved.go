// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgver"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release"
)

// Movement is a package that a new image would have otherwise than a lock has it.
type Movement struct {
	Image   string `json:"image"`
	Layer   string `json:"layer"`
	Package string `json:"package"`
	Change  string `json:"change"` // added, removed, up, down, or rebuilt: other bytes of the same version
	Old     string `json:"old,omitempty"`
	New     string `json:"new,omitempty"`
	OldSum  string `json:"old_sum,omitempty"`
	NewSum  string `json:"new_sum,omitempty"`
	Donor   bool   `json:"donor"`
}

// Moved resolves the definitions of locks in the repositories as they are today,
// fetches nothing, and lists for each lock what packages have moved since.
// Nothing of a lock but its definitions, release and packages is asked for.
func Moved(ctx context.Context, cfg Config, locks []*solve.Lock) ([][]Movement, error) {
	cfg.Locks, cfg.ABI = nil, locks[0].ABI
	r := newRun(cfg)
	defer r.end(ctx)
	moved := make([][]Movement, len(locks))
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
func (r *run) moved(ctx context.Context, l *solve.Lock) ([]Movement, error) {
	m, err := r.renewed(ctx, l)
	if err != nil {
		return nil, err
	}
	return movements(l, solve.NewLock(m.plan, r.catalogues).Packages, func(p solve.LockPackage) bool {
		return p.Donor && !r.knowsSource(l, p.Layer)
	}), nil
}

// renewed plans the image of a lock anew.
func (r *run) renewed(ctx context.Context, l *solve.Lock) (*member, error) {
	var chain []release.Image
	for i := range l.Layers {
		def, err := lockedDefinition(l, i)
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
func (r *run) knowsSource(l *solve.Lock, layer string) bool {
	i := slices.IndexFunc(l.Layers, func(x solve.LockLayer) bool { return x.Image == layer })
	return r.SrcDir != "" || !slices.ContainsFunc(l.Layers[i].Files, func(f solve.LockFile) bool { return f.From == "srcdir" })
}

// movements pairs the packages of a lock with those of today, layer by layer. A
// package that has gone to another layer is gone from one and new in the other.
// Those that skip knows to be of no meaning are passed over where they are new.
func movements(l *solve.Lock, now []solve.LockPackage, skip func(solve.LockPackage) bool) []Movement {
	type place struct {
		name, layer string
		donor       bool
	}
	at := func(p solve.LockPackage) place { return place{p.Name, p.Layer, p.Donor} }
	old, new := map[place]solve.LockPackage{}, map[place]solve.LockPackage{}
	for _, p := range l.Packages {
		old[at(p)] = p
	}
	for _, p := range now {
		new[at(p)] = p
	}
	var list []Movement
	for key, p := range old {
		x := Movement{Image: l.Image, Layer: p.Layer, Package: p.Name, Old: p.Version, OldSum: p.Sum, Donor: p.Donor, Change: "removed"}
		if q, has := new[key]; has {
			x.Change, x.New, x.NewSum = changeOf(p, q), q.Version, q.Sum
		}
		if x.Change != "" {
			list = append(list, x)
		}
	}
	for key, p := range new {
		if _, had := old[key]; !had && !skip(p) {
			list = append(list, Movement{Image: l.Image, Layer: p.Layer, Package: p.Name, New: p.Version, NewSum: p.Sum, Donor: p.Donor, Change: "added"})
		}
	}
	depth := map[string]int{}
	for i, layer := range l.Layers {
		depth[layer.Image] = i
	}
	slices.SortFunc(list, func(a, b Movement) int {
		return cmp.Or(cmp.Compare(depth[a.Layer], depth[b.Layer]), strings.Compare(a.Package, b.Package), strings.Compare(fmt.Sprint(a.Donor), fmt.Sprint(b.Donor)))
	})
	return list
}

// changeOf says in what a package is not what it was, "" for nothing.
func changeOf(old, new solve.LockPackage) string {
	switch n := pkgver.Compare(old.Version, new.Version); {
	case n < 0:
		return "up"
	case n > 0:
		return "down"
	case old.Sum != new.Sum || old.Version != new.Version:
		return "rebuilt"
	}
	return ""
}
