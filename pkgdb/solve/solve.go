// SPDX-License-Identifier: BSD-2-Clause

package solve

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/until"
)

// Solve plans the steps, each on top of those before it, and the first on what is
// present, sorted by name, nil for nothing. Its result does not depend on the order
// within Want. Everything that cannot be met is reported at once.
func (u *Universe) Solve(ctx context.Context, present []*catalog.Package, steps []Step) (*Plan, error) {
	pins := map[pin]*catalog.Package{}
	for {
		s := &solver{Universe: u, ctx: ctx, pins: pins, plan: newPlan(u.ABI, present)}
		err := s.solve(steps)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if s.repin == nil {
			return s.plan, err
		}
		pins[pin{len(s.plan.Steps), s.repin.Name}] = s.repin
	}
}

// solve plans all steps; a step may restart with another version.
func (s *solver) solve(steps []Step) error {
	var errs []error
	for i, step := range steps {
		if errs = append(errs, s.step(i, step)); s.repin != nil {
			return nil
		}
	}
	errs = append(errs, s.conflicts())
	return errors.Join(errs...)
}

// pin is a name for which a step takes another version than it would have
// chosen, since only that one provides something.
type pin struct {
	step int
	name string
}

// maxGuesses is for how many names of a request the catalogue is searched for a
// similar one. If more are absent, they are not misspelt: it is another
// repository.
const maxGuesses = 10

type solver struct {
	*Universe
	ctx     context.Context // each loop over packages ends with it
	plan    *Plan
	pins    map[pin]*catalog.Package
	repin   *catalog.Package // what the current step has to be pinned to
	added   []*Planned       // of the current step
	queue   []*Planned       // added, dependencies not yet looked at
	errs    []error
	guesses int
	compat  bool            // whether the steps below the current one support 32-bit programs
	without map[string]bool // patterns of the current step, and whether one was needed
}

func (s *solver) step(i int, step Step) error {
	s.added, s.queue, s.errs, s.compat = nil, nil, nil, s.has32()
	s.without = map[string]bool{}
	for _, pattern := range step.Without {
		s.without[pattern] = false
	}
	out := StepPlan{Name: step.Name}
	for _, want := range slices.Sorted(slices.Values(step.Want)) {
		s.request(i, step.Name, want, &out)
	}
	s.close()
	for s.pullProviders() {
		s.close()
	}
	if s.repin != nil {
		return nil
	}
	out.Missing = s.unmet()
	for _, pattern := range slices.Sorted(maps.Keys(s.without)) {
		if !s.without[pattern] {
			s.errs = append(s.errs, &UnresolvedError{Chain: []string{step.Name}, Reason: fmt.Sprintf(
				"it is to be without %s, but nothing that it installs needs that", pattern)})
		}
	}
	var err error
	if out.Packages, err = order(s.ctx, s.added); err != nil {
		s.errs = append(s.errs, err)
	}
	for _, name := range slices.Sorted(slices.Values(step.Donors)) {
		if s.plan.byName[name] != nil {
			continue
		}
		if p := s.Best(name); p != nil {
			s.checkTwin(p)
			out.Donors = append(out.Donors, &Planned{Package: p, Why: Reason{Donor, step.Name, name}, Requested: -1})
		}
	}
	s.plan.Steps = append(s.plan.Steps, out)
	return errors.Join(s.errs...)
}

// request adds what one element of a request asks for.
func (s *solver) request(i int, step, want string, out *StepPlan) {
	var found []*catalog.Package
	alternatives := strings.Split(want, "|")
	for _, alt := range alternatives {
		alt = strings.TrimSpace(alt)
		if found = s.match(alt); len(found) > 0 {
			if len(alternatives) > 1 {
				out.Chosen = append(out.Chosen, want+": "+alt)
			}
			want = alt
			break
		}
	}
	if len(found) == 0 {
		s.errs = append(s.errs, &UnresolvedError{[]string{step}, s.absent(s.ctx, want) + s.guess(want), want})
	}
	for _, p := range found {
		old := s.plan.byName[p.Name]
		if isGlob(want) && s.leaves(p.Name) {
			continue
		}
		switch {
		case old == nil:
			s.add(p, Reason{Request, step, want}).Requested = i
		case old.Package != p && old.FullName() != p.FullName():
			if !isGlob(want) && want != p.Name { // a version was requested
				s.errs = append(s.errs, &UnresolvedError{Chain: []string{step, want}, Reason: fmt.Sprintf(
					"%s is already planned (%s)%s", old.FullName(), strings.Join(s.plan.Why(p.Name), "; "), stays(old))})
			} else if old.Why.Kind == Parent {
				old.want(i, out)
			}
		case old.Why.Kind == Parent:
			old.want(i, out)
		case old.Requested < 0:
			old.Requested = i
		}
	}
}

// want records that a step requests a package that was there before.
func (p *Planned) want(step int, out *StepPlan) {
	if p.Requested < 0 {
		p.Requested = step
		out.Wanted = append(out.Wanted, p.Name)
		slices.Sort(out.Wanted)
	}
}

// guess ends a message about a name that is in no repository with the one that
// was meant, if known.
func (s *solver) guess(want string) string {
	if s.foreign(want) != "" || isGlob(want) || strings.Contains(want, "|") || s.guesses == maxGuesses {
		return ""
	}
	s.guesses++
	if name := s.nearest(s.ctx, want); name != "" {
		return "; did you mean " + name + "?"
	}
	return ""
}

// checkTwin refuses to choose between packages that differ only in their bytes.
// pkg takes one or the other.
func (s *solver) checkTwin(p *catalog.Package) {
	if q := s.twin(p); q != nil {
		s.errs = append(s.errs, &UnresolvedError{Chain: []string{p.Name}, Reason: fmt.Sprintf(
			"%s is in the repositories %q and %q with different bytes and equal priority", p.FullName(), p.Repo.Name, q.Repo.Name)})
	}
}

// pinned is the package that the current step must take for a name, else p.
func (s *solver) pinned(name string, p *catalog.Package) *catalog.Package {
	if q := s.pins[pin{len(s.plan.Steps), name}]; q != nil {
		return q
	}
	return p
}

// add puts a package into the plan.
func (s *solver) add(p *catalog.Package, why Reason) *Planned {
	s.checkTwin(p)
	pl := &Planned{Package: p, Why: why, Requested: -1}
	s.plan.byName[p.Name] = pl
	s.added = append(s.added, pl)
	s.queue = append(s.queue, pl)
	return pl
}

// close follows dependencies by name until nothing is left to follow.
func (s *solver) close() {
	for len(s.queue) > 0 && s.ctx.Err() == nil {
		p := s.queue[0]
		s.queue = s.queue[1:]
		for _, d := range p.Deps {
			if s.plan.byName[d] != nil || s.leaves(d) {
				continue
			}
			best := s.pinned(d, newest(s.named(d)))
			if best == nil {
				s.fail(p, fmt.Sprintf("%s depends on %s: %s", p.FullName(), d, s.absent(s.ctx, d)), d)
				continue
			}
			s.add(best, Reason{Dependency, p.Name, d})
		}
	}
}

// leaves reports whether the current step is to be without a package, and records that
// something needs it.
func (s *solver) leaves(name string) bool {
	found := false
	for pattern := range s.without {
		if pattern == name || globMatch(pattern, name) {
			s.without[pattern], found = true, true
		}
	}
	return found
}

// fail records a fault with the chain that leads to it, and the missing package
// if that is all.
func (s *solver) fail(p *Planned, reason, lack string) {
	chain := []string{p.Name}
	for p.Why.Kind != Request && s.plan.byName[p.Why.By] != nil {
		p = s.plan.byName[p.Why.By]
		chain = append(chain, p.Name)
	}
	chain = append(chain, p.Why.By)
	slices.Reverse(chain)
	s.errs = append(s.errs, &UnresolvedError{chain, reason, lack})
}

// match finds the packages that an element of a request names, by name.
func (s *solver) match(want string) []*catalog.Package {
	if p := s.Best(want); p != nil {
		return []*catalog.Package{p}
	}
	found := s.available(want)
	for _, p := range s.plan.Present { // also what no repository has
		there := slices.ContainsFunc(found, func(q *catalog.Package) bool { return q.Name == p.Name })
		if !there && (want == p.Name || globMatch(want, p.Name) || globMatch(want, p.FullName())) {
			found = append(found, p.Package)
		}
	}
	return found
}

// available finds packages of repositories by patterns, or NAME-VERSION.
func (s *solver) available(want string) []*catalog.Package {
	var found []*catalog.Package
	var names []string
	if isGlob(want) {
		names = s.names(s.ctx)
	} else { // no need to search a whole catalogue
		names = beforeDashes(want)
	}
	for _, name := range names {
		if s.ctx.Err() != nil {
			return nil
		}
		for _, p := range s.named(name) {
			if globMatch(want, p.Name) || globMatch(want, p.FullName()) {
				found = append(found, p)
				break
			}
		}
	}
	return found
}

// beforeDashes are the names that NAME-VERSION may have, in order.
func beforeDashes(text string) []string {
	var names []string
	for i, r := range text {
		if r == '-' {
			names = append(names, text[:i])
		}
	}
	return names
}

// conflicts finds packages whose manifests exclude each other; file-level
// conflicts are left to the install.
func (s *solver) conflicts() error {
	var errs []error
	all, err := until.Sorted(s.ctx, maps.Keys(s.plan.byName))
	if err != nil {
		return err
	}
	byFullName := map[string]string{}
	for _, name := range all {
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		byFullName[s.plan.byName[name].FullName()] = name
	}
	for _, name := range all {
		p := s.plan.byName[name]
		for _, pattern := range p.Conflicts {
			if s.ctx.Err() != nil {
				return s.ctx.Err()
			}
			others := all
			if !isGlob(pattern) {
				others = []string{pattern, byFullName[pattern]}
			}
			for _, other := range others {
				q := s.plan.byName[other]
				if q != nil && q != p && (globMatch(pattern, q.Name) || globMatch(pattern, q.FullName())) {
					errs = append(errs, &UnresolvedError{Chain: []string{p.FullName()}, Reason: fmt.Sprintf(
						"it conflicts with %s (%s; %s)", q.FullName(), p.reason(), q.reason())})
				}
			}
		}
	}
	return errors.Join(errs...)
}
