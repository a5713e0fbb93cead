// SPDX-License-Identifier: BSD-2-Clause

package solve

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/catalog"
)

// need is a library or requirement of a planned package.
type need struct {
	kind Kind
	what string
}

// needs lists what the current step's packages need and nothing planned
// provides, in order, with the packages that need it.
func (s *solver) needs() ([]need, map[need][]string) {
	have := map[need]bool{}
	for _, p := range s.plan.byName {
		if s.ctx.Err() != nil {
			return nil, nil
		}
		for _, lib := range p.ShlibsProvided {
			have[need{Shlib, lib}] = true
		}
		for _, v := range p.Provides {
			have[need{Require, v}] = true
		}
	}
	by := map[need][]string{}
	for _, p := range s.added {
		if s.ctx.Err() != nil {
			return nil, nil
		}
		for _, lib := range p.ShlibsRequired {
			if !s.compat && strings.HasSuffix(lib, compat32) {
				continue
			}
			if n := (need{Shlib, lib}); !have[n] {
				by[n] = append(by[n], p.Name)
			}
		}
		for _, v := range p.Requires {
			if n := (need{Require, v}); !have[n] {
				by[n] = append(by[n], p.Name)
			}
		}
	}
	for _, names := range by {
		slices.Sort(names)
	}
	list := slices.SortedFunc(maps.Keys(by), func(a, b need) int {
		return strings.Compare(string(a.kind)+" "+a.what, string(b.kind)+" "+b.what)
	})
	return list, by
}

// compat32 ends the name of a library for 32-bit programs on a 64-bit machine.
const compat32 = ":32"

// has32 reports whether pkg would look for such libraries in the root after the
// steps so far: if it has some, or a package owns /usr/bin/uname
// (libpkg/pkg_jobs.c: pkg_jobs_solve). Otherwise pkg ignores them.
func (s *solver) has32() bool {
	for _, p := range s.plan.byName {
		if p.Name == "FreeBSD-runtime" || slices.ContainsFunc(p.ShlibsProvided, func(lib string) bool { return strings.HasSuffix(lib, compat32) }) {
			return true
		}
	}
	return false
}

// providers are the packages that meet a need, all versions of each, by name.
func (u *Universe) providers(n need) map[string][]*catalog.Package {
	byName := map[string][]*catalog.Package{}
	for _, c := range u.catalogues {
		with := c.WithProvided
		if n.kind == Shlib {
			with = c.WithShlib
		}
		for _, p := range with(n.what) {
			if byName[p.Name] != nil || !u.fits[p.ABI] {
				continue
			}
			if list := n.providersOf(u.named(p.Name)); len(list) > 0 { // else a local package of that name does not
				byName[p.Name] = list
			}
		}
	}
	return byName
}

// providersOf returns those packages that meet a need, in their order.
func (n need) providersOf(list []*catalog.Package) []*catalog.Package {
	var found []*catalog.Package
	for _, p := range list {
		has := p.Provides
		if n.kind == Shlib {
			has = p.ShlibsProvided
		}
		if slices.Contains(has, n.what) {
			found = append(found, p)
		}
	}
	return found
}

// candidates are the packages that could be added to meet a need of the packages by,
// by name, each from the repository with the highest priority, in its highest version
// that does: unlike for a dependency, pkg asks repositories in their order
// (libpkg/pkg_jobs_universe.c: pkg_jobs_universe_process_shlibs). Others are those whose
// name is already planned or pinned in another version, which does not meet it.
func (s *solver) candidates(n need, by []string) (free, others []*catalog.Package) {
	byName := s.preferred(s.providers(n), by)
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		if s.plan.byName[name] == nil && s.leaves(name) {
			continue
		}
		best := byName[name][0]
		switch pinned := s.pinned(name, best); {
		case s.plan.byName[name] == nil && slices.Contains(byName[name], pinned):
			free = append(free, pinned)
		default:
			others = append(others, best)
		}
	}
	return free, others
}

// pullProviders adds the provider of each need that has only one, and reports
// whether it added any. Once none is left, a need with several candidates is an
// error: choosing would be a guess. A need that only another version of a
// planned package meets restarts the step with that version.
func (s *solver) pullProviders() bool {
	list, by := s.needs()
	type open struct {
		need
		free, others []*catalog.Package
	}
	var undecided []open
	pulled := false
	for _, n := range list {
		if s.ctx.Err() != nil {
			return false
		}
		if free, others := s.candidates(n, by[n]); len(free) == 1 {
			s.add(free[0], Reason{n.kind, by[n][0], n.what})
			pulled = true
		} else {
			undecided = append(undecided, open{n, free, others})
		}
	}
	if pulled {
		return true
	}
	for _, n := range undecided {
		who := by[n.need][0]
		switch {
		case len(n.free) > 1:
			p := s.plan.byName[who]
			s.fail(p, fmt.Sprintf("%s needs %s (%s), which several packages provide: %s; request one of them",
				p.FullName(), n.what, n.kind, strings.Join(namesOf(n.free), ", ")), "")
		case len(n.others) > 0:
			if s.exchange(n.need, who, n.others); s.repin != nil {
				return false
			}
		}
	}
	return false
}

// exchange requests another version of a package of the current step, which
// alone meets a need. A requested or already exchanged package stays: then the
// need cannot be met; so does one of the parent. One of a lower step stays, too, and
// the need is unmet.
func (s *solver) exchange(n need, by string, others []*catalog.Package) {
	for _, p := range others {
		old := s.plan.byName[p.Name]
		if old != nil && old.Why.Kind == Parent {
			needs := s.plan.byName[by]
			s.fail(needs, fmt.Sprintf("%s needs %s (%s), which %s provides, and %s%s",
				needs.FullName(), n.what, n.kind, p.FullName(), old.reason(), stays(old)), "")
			return
		}
		if old != nil && !slices.Contains(s.added, old) {
			return
		}
		if old != nil && old.Why.Kind != Request && s.pins[pin{len(s.plan.Steps), p.Name}] == nil {
			s.repin = p
			return
		}
	}
	p, kept := s.plan.byName[by], ""
	if old := s.plan.byName[others[0].Name]; old != nil {
		kept = fmt.Sprintf("%s does not (%s)", old.FullName(), old.reason())
	} else {
		kept = s.pinned(others[0].Name, nil).FullName() + " does not, which something else needs"
	}
	s.fail(p, fmt.Sprintf("%s needs %s (%s), which %s provides, and %s", p.FullName(), n.what, n.kind, others[0].FullName(), kept), "")
}

// stays ends the message about a package that would have to change.
func stays(p *Planned) string {
	if p.Why.Kind == Parent {
		return "; packages of a parent stay as they are: a newer parent has newer ones"
	}
	return ""
}

func namesOf(list []*catalog.Package) []string {
	var names []string
	for _, p := range list {
		names = append(names, p.Name)
	}
	return names
}

// unmet lists the needs that no package provides.
func (s *solver) unmet() []Missing {
	list, by := s.needs()
	var missing []Missing
	for _, n := range list {
		if s.ctx.Err() != nil {
			return nil
		}
		if c, _ := s.candidates(n, by[n]); len(c) == 0 {
			missing = append(missing, Missing{n.kind, n.what, by[n]})
		}
	}
	return missing
}

func isGlob(pattern string) bool { return strings.ContainsAny(pattern, "*?[") }

// globMatch is fnmatch(3) without flags, as pkg install -g uses it; names of
// packages have no slash. A malformed pattern matches nothing.
func globMatch(pattern, name string) bool {
	if !isGlob(pattern) {
		return pattern == name
	}
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}
