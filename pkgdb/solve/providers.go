// SPDX-License-Identifier: BSD-2-Clause

package solve

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// need is a library or requirement of a planned package.
type need struct {
	kind Kind
	what string
}

// needs lists what the current step's packages need that nothing planned
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
			if n := (need{Shlib, lib}); !have[n] && !slices.Contains(p.ShlibsRequiredIgnore, lib) {
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

// candidates are the packages that could be added to meet a need. One that is
// planned in a version that does not meet it is none.
func (s *solver) candidates(n need) []string {
	index := s.provides
	if n.kind == Shlib {
		index = s.shlibs
	}
	var free []string
	for _, name := range index[n.what] {
		if s.plan.byName[name] == nil {
			free = append(free, name)
		}
	}
	return free
}

// pullProviders adds the provider of each need that has only one, and reports
// whether it added any. Once none is left, a need with several candidates is
// an error: choosing would be a guess.
func (s *solver) pullProviders() bool {
	list, by := s.needs()
	pulled := false
	for _, n := range list {
		if c := s.candidates(n); len(c) == 1 {
			s.add(s.Best(c[0]), Reason{n.kind, by[n][0], n.what})
			pulled = true
		}
	}
	if pulled {
		return true
	}
	for _, n := range list {
		if c := s.candidates(n); len(c) > 1 {
			p := s.plan.byName[by[n][0]]
			s.fail(p, fmt.Sprintf("%s needs %s (%s), which several packages provide: %s; request one of them",
				p.FullName(), n.what, n.kind, strings.Join(c, ", ")), "")
		}
	}
	return false
}

// unmet lists the needs that no package provides.
func (s *solver) unmet() []Missing {
	list, by := s.needs()
	var missing []Missing
	for _, n := range list {
		if len(s.candidates(n)) == 0 {
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
