// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"fmt"
	"maps"
	"slices"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release"
)

// vouchPlan resolves the definitions of an image again, out of the catalogue
// that the lock was made from, or else that of today with the lock's packages in
// the place of their newer ones, and compares.
func (r *run) vouchPlan(m *member) error {
	u, err := solve.NewUniverse(r.believed(m), m.locked.ABI)
	if err != nil {
		m.doubt("the lock of image %s cannot be resolved again: %v", m.def.Name, err)
		return nil
	}
	if p := u.Best("FreeBSD-runtime"); p != nil {
		if _, err := release.New(r.release.Revision, r.release.Branch, r.release.ABI, p.Version); err != nil {
			return err
		}
	}
	var steps []solve.Step
	for _, at := range m.chain() {
		steps = append(steps, solve.Step{Name: at.def.Name, Want: at.def.Packages})
	}
	plan, err := u.Solve(steps)
	if err != nil {
		m.doubt("the lock of image %s cannot be resolved again: %v", m.def.Name, err)
		return nil
	}
	m.comparePlan(plan.Lock(nil))
	for _, at := range m.chain() {
		m.vouchDonors(at, u)
	}
	return nil
}

// believed are the catalogues to resolve a lock out of.
func (r *run) believed(m *member) []*catalog.Catalogue {
	locked := map[*catalog.Repo]map[string][]*catalog.Package{}
	for _, at := range m.chain() {
		for _, list := range [][]*solve.Planned{at.step().Packages, at.step().Donors} {
			for _, p := range list {
				if locked[p.Repo] == nil {
					locked[p.Repo] = map[string][]*catalog.Package{}
				}
				locked[p.Repo][p.Name] = append(locked[p.Repo][p.Name], r.witnesses[p.Repo].lists(p.Package))
			}
		}
	}
	var list []*catalog.Catalogue
	for _, stub := range r.catalogues {
		if locked[stub.Repo] == nil {
			continue
		}
		w := r.witnesses[stub.Repo]
		if c := w.exact(stub.Digest); c != nil {
			list = append(list, c)
			continue
		}
		c := &catalog.Catalogue{Repo: w.believed[0].Repo}
		for _, p := range w.believed[0].Packages {
			if locked[stub.Repo][p.Name] == nil {
				c.Packages = append(c.Packages, p)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(locked[stub.Repo])) {
			c.Packages = append(c.Packages, locked[stub.Repo][name]...)
		}
		list = append(list, c)
	}
	return list
}

// comparePlan finds in what the lock's plan is not the one that its definitions
// come to.
func (m *member) comparePlan(want solve.Lock) {
	state := func(p solve.LockPackage) string {
		if p.Requested == "" {
			return fmt.Sprintf("%s in layer %s, automatic", p.Version, p.Layer)
		}
		return fmt.Sprintf("%s in layer %s, requested by %s", p.Version, p.Layer, p.Requested)
	}
	states := func(l solve.Lock) map[string]string {
		all := map[string]string{}
		for _, p := range l.Packages {
			if !p.Donor {
				all["package "+p.Name] = state(p)
			}
		}
		for _, step := range l.Layers {
			all["what layer "+step.Image+" chose"] = fmt.Sprint(step.Alternatives)
			all["what nothing provides to layer "+step.Image] = fmt.Sprint(step.Missing)
		}
		return all
	}
	a, b := states(*m.locked), states(want)
	keys := maps.Clone(a)
	maps.Copy(keys, b)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if a[key] != b[key] {
			m.doubt("%s is not what the definition of image %s comes to: found %s, wanted %s", key, m.def.Name, orNone(a[key]), orNone(b[key]))
		}
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// vouchDonors compares a step's donors with those that its definition names: no
// other may be asked, and none be passed over in favour of leaving a file out.
func (m *member) vouchDonors(at *member, u *solve.Universe) {
	var named []string
	for _, t := range at.def.Taken() {
		named = append(named, t.From...)
	}
	for _, d := range at.step().Donors {
		if !slices.Contains(named, d.Name) {
			m.doubt("package %s lends files to image %s, whose definition does not name it", d.FullName(), at.def.Name)
		}
	}
	for _, f := range at.optional() {
		if !slices.Contains(at.pinned.LeftOut, f.target) {
			continue
		}
		for _, name := range f.From {
			asked := slices.ContainsFunc(at.step().Donors, func(d *solve.Planned) bool { return d.Name == name })
			if u.Best(name) != nil && !asked && at.plan.Lookup(name) == nil {
				m.doubt("%s is left out of image %s although nobody has looked into %s for it", f.target, at.def.Name, name)
			}
		}
	}
}

// optionalFile is a file or folder that an image may do without.
type optionalFile struct {
	release.Taken
	target string
}

func (m *member) optional() []optionalFile {
	var list []optionalFile
	for _, f := range m.def.Files {
		if f.Optional {
			list = append(list, optionalFile{f.Taken, f.Target})
		}
	}
	for _, f := range m.def.Folders {
		if f.Optional {
			list = append(list, optionalFile{f.Taken, f.Target})
		}
	}
	return list
}
