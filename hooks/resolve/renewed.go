// SPDX-License-Identifier: BSD-2-Clause

package resolve

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/jsondiff"
)

// renewed completes a plan that is up to date, whole being what there is today.
func (r *resolver) renewed(ctx context.Context, in *input.Locks, whole *solve.Universe, top *Step, own map[string]bool) (*Renewed, error) {
	l := r.renewal.lock
	if err := errors.Join(r.checkNeeds(top), r.checkVersions(top)); err != nil {
		return nil, fault.Within("lock of "+l.Image, err)
	}
	for _, m := range r.Steps {
		for i := range m.Plan.Steps {
			m.Plan.Steps[i].Chosen = l.Layers[i].Alternatives
		}
		m.Renews = l
	}
	top.Wanted = true
	now, err := lock.New(ctx, top.Plan, nil)
	if err != nil {
		return nil, err
	}
	made := &Renewed{Family: r.Family, Moved: lock.Movements(l, now.Packages, func(lock.Package) bool { return false })}
	if err := r.pin(made, own); err != nil {
		return nil, err
	}
	if p := top.Plan.Lookup("FreeBSD-runtime"); p != nil && r.renewal.moved[p.Name] {
		if of, untold := release.New("", "", l.ABI, p.Version); untold == nil {
			r.Release = of
		}
	}
	if !r.isCurrent(ctx, whole, top, now) {
		r.keepEarlier(in)
	}
	r.doubtUnlisted(in, top)
	r.noteMissing()
	return made, ctx.Err()
}

// pin takes the lowest steps from the lock as they are, up to the first in which
// something changes.
func (r *resolver) pin(made *Renewed, own map[string]bool) error {
	changed := map[string]bool{}
	for _, m := range made.Moved {
		changed[m.Layer] = true
	}
	same := true
	for i, m := range r.Steps {
		def, err := lock.Definition(r.renewal.lock, i)
		if err != nil {
			return err // Check has reported it
		}
		if own[m.Def.Name] && len(jsondiff.Compare(def, m.Def)) > 0 {
			made.Redefined, changed[m.Def.Name] = true, true
		} else {
			m.Def = def
		}
		if same = same && !changed[m.Def.Name]; same {
			m.Pinned = &r.renewal.lock.Layers[i]
		}
	}
	return nil
}

// checkNeeds finds what packages that stay had and would lose.
func (r *resolver) checkNeeds(top *Step) error {
	var errs []error
	for i, step := range top.Plan.Steps {
		for _, m := range step.Missing {
			for _, name := range m.By {
				lacked := slices.ContainsFunc(r.renewal.lock.Layers[i].Missing, func(old lock.Missing) bool {
					return old.Kind == string(m.Kind) && old.What == m.What && slices.Contains(old.By, name)
				})
				if p := top.Plan.Lookup(name).Package; !lacked && slices.Contains(r.renewal.kept, p) {
					errs = append(errs, &solve.UnresolvedError{Chain: []string{p.FullName()}, Reason: fmt.Sprintf(
						"it needs %s (%s), which nothing provides any more once %s is up to date; --update %s moves it as well",
						m.What, m.Kind, fault.Some(slices.Sorted(maps.Keys(r.renewal.moved))), name)})
				}
			}
		}
	}
	return errors.Join(errs...)
}

// checkVersions finds definitions that ask for a version from which a package moves.
func (r *resolver) checkVersions(top *Step) error {
	l := r.renewal.lock
	var errs []error
	for _, p := range l.Packages {
		i := slices.IndexFunc(l.Layers, func(x lock.Layer) bool { return x.Image == p.Requested })
		now := top.Plan.Lookup(p.Name)
		if i < 0 || !r.renewal.moved[p.Name] || now == nil {
			continue
		}
		old := *now.Package
		old.Version = p.Version
		for _, want := range r.Steps[i].Def.Packages {
			if solve.Asks(want, &old) && !solve.Asks(want, now.Package) {
				errs = append(errs, &solve.UnresolvedError{Chain: []string{p.Requested, want},
					Reason: "the definition asks for that version, and the repositories have " + now.FullName()})
			}
		}
	}
	return errors.Join(errs...)
}

// isCurrent reports whether the definitions resolve to the same today, so that nothing
// is held back.
func (r *resolver) isCurrent(ctx context.Context, whole *solve.Universe, top *Step, now lock.Lock) bool {
	var steps []solve.Step
	for i, m := range r.Steps {
		step := solve.Step{Name: m.Def.Name, Want: m.Def.Packages}
		for _, d := range top.Plan.Steps[i].Donors {
			step.Donors = append(step.Donors, d.Name)
		}
		steps = append(steps, step)
	}
	plan, err := whole.Solve(ctx, top.present(), steps)
	if err != nil {
		return false
	}
	fresh, err := lock.New(ctx, plan, nil)
	return err == nil && len(jsondiff.Compare(fresh.Packages, now.Packages))+len(jsondiff.Compare(fresh.Layers, now.Layers)) == 0
}

// keepEarlier has the catalogues remember those before them: the one that the
// definitions were resolved in, and others that list a kept package that no newer one
// does.
func (r *resolver) keepEarlier(in *input.Locks) {
	for _, c := range r.Catalogues {
		i := slices.IndexFunc(r.renewal.lock.Repositories, func(repo lock.Repository) bool { return repo.Name == c.Repo.Name })
		if i < 0 {
			continue
		}
		left := map[*catalog.Package]bool{}
		for _, p := range r.renewal.kept {
			if p.Repo == c.Repo {
				left[p] = true
			}
		}
		sift(c, left)
		was := r.renewal.lock.Repositories[i].All()
		if len(was) > 1 { // the first one, then the newest
			was[0], was[1] = was[1], was[0]
		}
		for j, e := range was {
			known := in.Witness(c.Repo).Exact(e.Catalogue)
			if known == nil {
				known = &catalog.Catalogue{Repo: c.Repo, Digest: e.Catalogue} // any of them may be in it
			}
			if found := sift(known, left); e.Catalogue != c.Digest && (j == 0 || found || known.Len() == 0 && len(left) > 0) {
				c.Earlier = append(c.Earlier, known)
			}
		}
	}
}

// sift takes the packages that a catalogue lists out of the set, and reports whether
// there were any.
func sift(c *catalog.Catalogue, left map[*catalog.Package]bool) bool {
	n := len(left)
	w := input.Witness{Believed: []*catalog.Catalogue{c}}
	maps.DeleteFunc(left, func(p *catalog.Package, _ bool) bool { return w.Lists(p) != nil })
	return len(left) < n
}

// doubtUnlisted says what only the lock vouches for.
func (r *resolver) doubtUnlisted(in *input.Locks, top *Step) {
	unlisted := map[*catalog.Repo][]string{}
	for _, step := range top.Plan.Steps {
		for _, p := range step.All() {
			if r.renewal.unlisted[p.Name] && !r.renewal.moved[p.Name] {
				unlisted[p.Repo] = append(unlisted[p.Repo], p.FullName())
			}
		}
	}
	top.doubtUnlisted(in, unlisted)
}
