// SPDX-License-Identifier: BSD-2-Clause

package solve

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/catalog"
)

// Earlier is what an earlier plan chose, for a plan that is to stay as close to it as
// it can.
type Earlier struct {
	Kept  []*catalog.Package // stay as they are, each the only one of its name
	Moved map[string]bool    // names of the others
}

// Hold returns a universe in which the kept packages of an earlier plan are the only
// ones of their names; the rest is as in u. Of the packages that meet a need, those of
// the earlier plan count first. What only kept packages need pulls in no other: they
// did without it.
func (u *Universe) Hold(ctx context.Context, e Earlier) (*Universe, error) {
	held := &Universe{ABI: u.ABI, catalogues: slices.Clone(u.catalogues), fits: maps.Clone(u.fits), all: u.all,
		byName: map[string][]*catalog.Package{}, kept: map[string]bool{}, moved: e.Moved}
	var repos []*catalog.Repo
	of := map[*catalog.Repo][]*catalog.Package{}
	for _, p := range e.Kept {
		if of[p.Repo] == nil {
			repos = append(repos, p.Repo)
		}
		of[p.Repo] = append(of[p.Repo], p)
		held.byName[p.Name], held.kept[p.Name] = []*catalog.Package{p}, true
		held.fits[p.ABI] = matchABI(p.ABI, u.ABI)
	}
	for _, repo := range repos { // which may list them no more
		c, err := catalog.New(ctx, repo, "", of[repo])
		if err != nil {
			return nil, err
		}
		held.catalogues = append(held.catalogues, c)
	}
	return held, nil
}

// preferred returns those of the packages that meet a need, by name, that may. The
// need is that of the packages by.
func (u *Universe) preferred(byName map[string][]*catalog.Package, by []string) map[string][]*catalog.Package {
	if u.kept == nil {
		return byName
	}
	earlier := maps.Clone(byName)
	maps.DeleteFunc(earlier, func(name string, _ []*catalog.Package) bool { return !u.kept[name] && !u.moved[name] })
	if len(earlier) > 0 || !u.anyNew(by) {
		return earlier
	}
	return byName
}

// anyNew reports whether one of these packages is not kept.
func (u *Universe) anyNew(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return !u.kept[name] })
}

// Behind lists the kept packages, by name, that must move as well. What moved needs
// something of which the earlier plan has nothing in the universe held, where p was
// made, and their version in u has it.
func (u *Universe) Behind(p *Plan, held *Universe) []string {
	var open []need
	for _, step := range p.Steps {
		for _, pkg := range step.Packages {
			if k := pkg.Why.Kind; (k == Shlib || k == Require) && !held.kept[pkg.Name] && !held.moved[pkg.Name] {
				open = append(open, need{k, pkg.Why.What})
			}
		}
		for _, m := range step.Missing {
			if held.anyNew(m.By) {
				open = append(open, need{m.Kind, m.What})
			}
		}
	}
	behind := map[string]bool{}
	for _, n := range open {
		for name, list := range u.providers(n) {
			if held.kept[name] && slices.Contains(list, u.Best(name)) {
				behind[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(behind))
}

// Asks reports whether an element of a request names a package.
func Asks(want string, p *catalog.Package) bool {
	for alt := range strings.SplitSeq(want, "|") {
		if alt = strings.TrimSpace(alt); globMatch(alt, p.Name) || globMatch(alt, p.FullName()) {
			return true
		}
	}
	return false
}
