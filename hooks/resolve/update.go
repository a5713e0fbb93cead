// SPDX-License-Identifier: BSD-2-Clause

package resolve

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgver"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/pkgdb/spelling"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
)

// Update plans the image of the only lock of in again: the named packages as today's
// catalogues have them, with what these need, and everything else as the lock has it.
// It reads no package but one that no catalogue lists.
func Update(ctx context.Context, req *Request, in *input.Locks, today []*catalog.Catalogue, names []string, observe event.Observer) (*Renewed, error) {
	l := in.Locks[0]
	r := newResolver(req, in.Tree, today, observe)
	defer r.locate()
	r.renewal = &renewal{lock: l, moved: map[string]bool{}, found: map[string]*catalog.Package{}, unlisted: map[string]bool{}}
	var err error
	if r.universe, err = solve.NewUniverse(ctx, today, l.ABI); err != nil {
		return nil, err
	}
	if r.Release, err = release.Locked(l.Revision, l.Branch, l.ABI); err != nil {
		return nil, err
	}
	chain, own, err := r.redefined(ctx, l)
	if err == nil {
		err = r.move(names)
	}
	if err == nil {
		err = r.standOnLocked(ctx, l)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	made, err := r.renew(ctx, in, chain, own)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return made, nil
}

// Renewed is a lock that was brought up to date.
type Renewed struct {
	*Family
	Moved     []lock.Movement
	Redefined bool // the user's definitions say something else than the lock's
}

// renewal is a lock that is brought up to date.
type renewal struct {
	lock     *lock.Lock
	moved    map[string]bool             // names of its packages that are taken from today's catalogues
	kept     []*catalog.Package          // the others, once each
	found    map[string]*catalog.Package // what is known of packages that stay, by name
	unlisted map[string]bool             // names of those that no catalogue lists
}

// narrow lets a step ask for what its layer of the lock asked for, by name: a pattern
// must not bring in what is new.
func (n *renewal) narrow(step *solve.Step) {
	step.Want = nil
	has := map[string]bool{}
	for _, p := range n.lock.Packages {
		if has[p.Name] = true; p.Requested == step.Name {
			step.Want = append(step.Want, p.Name)
		}
	}
	for _, l := range n.lock.Layers {
		if l.Image == step.Name {
			step.Want = append(step.Want, l.Wanted...)
		}
	}
	step.Donors = slices.DeleteFunc(step.Donors, func(name string) bool { return !has[name] })
}

// redefined returns the definitions of a lock, the user's instead where there is one,
// and the names of these. They must ask for the same packages.
func (r *resolver) redefined(ctx context.Context, l *lock.Lock) ([]define.Image, map[string]bool, error) {
	chain, err := defined(l)
	if err != nil {
		return nil, nil, err
	}
	known, err := r.definitions(ctx, r.Release.Revision, r.Release.ABI)
	if err != nil {
		return nil, nil, err
	}
	r.Inherited, r.Removes, r.folders = known.inherited, known.removes, known.folders
	own := map[string]bool{}
	for i, def := range chain {
		users, given := known.Images[def.Name]
		if !given || users.FreeBSD {
			continue
		}
		if users.Parent = define.Portable(users.Parent); users.Parent != def.Parent {
			return nil, nil, fault.Usagef("--image-file: image %s has the parent %q, its lock %q; make a new lock", def.Name, users.Parent, def.Parent)
		}
		if a, b := slices.Sorted(slices.Values(users.Packages)), slices.Sorted(slices.Values(def.Packages)); !slices.Equal(a, b) {
			return nil, nil, fault.Usagef("--image-file: image %s asks for the packages %s, its lock for %s; make a new lock",
				def.Name, strings.Join(a, ", "), strings.Join(b, ", "))
		}
		chain[i], own[def.Name] = users, true
	}
	if len(r.ImageFiles) > 0 && len(own) == 0 {
		return nil, nil, fault.Usagef("--image-file: found no definition of image %s, wanted the one of the lock", l.Image)
	}
	return chain, own, checkTree(r.tree, chain)
}

// move notes which of the named packages today's catalogues have newer, or with other
// bytes.
func (r *resolver) move(names []string) error {
	var errs []error
	for _, name := range names {
		i := slices.IndexFunc(r.renewal.lock.Packages, func(p lock.Package) bool { return p.Name == name })
		if i < 0 {
			var all []string
			for _, p := range r.renewal.lock.Packages {
				all = append(all, p.Name)
			}
			errs = append(errs, &solve.UnresolvedError{Chain: []string{name},
				Reason: "the lock of " + r.renewal.lock.Image + " has no such package" + spelling.Hint(name, all...)})
			continue
		}
		old, best := r.renewal.lock.Packages[i], r.universe.Best(name)
		switch {
		case best == nil:
			errs = append(errs, &solve.UnresolvedError{Chain: []string{name}, Reason: "no repository has it any more", Lack: name})
		case pkgver.Compare(best.Version, old.Version) < 0:
			r.observe.Notice("%s: the lock has %s, and the repositories only %s: it stays", name, old.Version, best.Version)
		case best.Version != old.Version || string(best.Sum) != old.Sum:
			r.renewal.moved[name] = true
		}
	}
	return errors.Join(errs...)
}

// renew plans the steps, and moves what moved packages cannot do without.
func (r *resolver) renew(ctx context.Context, in *input.Locks, chain []define.Image, own map[string]bool) (*Renewed, error) {
	whole := r.universe
	for {
		if err := r.keep(ctx, in); err != nil {
			return nil, err
		}
		held, err := whole.Hold(ctx, solve.Earlier{Kept: r.renewal.kept, Moved: r.renewal.moved})
		if err != nil {
			return nil, err
		}
		r.universe, r.Steps = held, nil
		top, err := r.planChain(ctx, r.renewal.lock, chain)
		if err != nil {
			return nil, err
		}
		behind := whole.Behind(top.Plan, held)
		if len(behind) == 0 {
			return r.renewed(ctx, in, whole, top, own)
		}
		for _, name := range behind {
			r.renewal.moved[name] = true
		}
	}
}

// keep finds out what the packages need that stay as they are.
func (r *resolver) keep(ctx context.Context, in *input.Locks) error {
	n := r.renewal
	n.kept = nil
	done := map[string]bool{}
	var errs []error
	for _, p := range n.lock.Packages {
		if n.moved[p.Name] || done[p.Name] {
			continue
		}
		done[p.Name] = true
		if n.found[p.Name] == nil {
			i := slices.IndexFunc(r.Catalogues, func(c *catalog.Catalogue) bool { return c.Repo.Name == p.Repository })
			q, listed, err := in.Locked(ctx, p, r.Catalogues[i].Repo)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				errs = append(errs, err)
				continue
			}
			n.found[p.Name], n.unlisted[p.Name] = q, !listed
		}
		n.kept = append(n.kept, n.found[p.Name])
	}
	return input.Join(errs)
}
