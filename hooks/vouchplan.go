// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
)

// vouchPlan resolves the definitions of an image again, out of the catalogue
// that the lock was made from, or else that of today, and compares.
func (r *run) vouchPlan(ctx context.Context, m *member) error {
	u, err := solve.NewUniverse(ctx, r.believed(m), m.locked.ABI)
	if err != nil {
		m.doubt("the lock of image %s cannot be resolved again: %v", m.def.Name, err)
		return ctx.Err()
	}
	if p := u.Best("FreeBSD-runtime"); p != nil {
		if err := r.vouchRelease(m, p.Version); err != nil {
			return err
		}
	}
	var steps []solve.Step
	for _, at := range m.chain() {
		steps = append(steps, solve.Step{Name: at.def.Name, Want: at.def.Packages})
	}
	plan, err := u.Solve(ctx, steps)
	if err != nil {
		m.doubt("the lock of image %s cannot be resolved again: %v", m.def.Name, err)
		return ctx.Err()
	}
	m.comparePlan(lock.New(plan, nil))
	for _, at := range m.chain() {
		for _, p := range at.step().Packages {
			switch q := plan.Lookup(p.Name); {
			case q == nil: // which comparePlan tells, and another version
			case sameOffer(p.Package, q.Package):
				r.trusted[p.Package] = true
			case q.FullName() == p.FullName():
				m.doubt("package %s of image %s is not the one that the catalogue offers first", p.FullName(), m.def.Name)
			}
		}
		r.vouchDonors(m, at, u)
	}
	return nil
}

// vouchRelease compares the release that a lock names with the version of
// FreeBSD-runtime, which has the last word unless the user says the same.
func (r *run) vouchRelease(m *member, version string) error {
	if _, err := release.New(r.release.Revision, r.release.Branch, r.release.ABI, version); err != nil && !r.release.OnlyABI() {
		return fmt.Errorf("lock of %s: %w", m.locked.Image, err)
	}
	named := r.release.Version()
	if r.Branch != "" && r.Branch == r.release.Branch && (r.Revision == "" || r.Revision == r.release.Revision) {
		return nil
	}
	if told, err := release.New("", "", r.release.ABI, version); err == nil {
		if told.Version() != named {
			m.doubt("image %s calls itself %s, but FreeBSD-runtime %s is of %s; --branch gives your own word", m.def.Name, named, version, told.Version())
		}
		return nil
	}
	if finished.MatchString(r.release.Branch) {
		m.doubt("image %s calls itself %s, of which FreeBSD-runtime %s tells nothing; --branch gives your own word", m.def.Name, named, version)
	}
	return nil
}

// finished are the branches that no snapshot is of.
var finished = regexp.MustCompile(`^(RELEASE|RC|BETA)`)

// sameOffer reports whether two catalogues' entries are of the same bytes of the
// same repository.
func sameOffer(a, b *catalog.Package) bool {
	return a.FullName() == b.FullName() && a.Sum.Typed() == b.Sum.Typed() && a.Repo.Name == b.Repo.Name
}

// believed are the catalogues to resolve a lock out of, in the order of the
// user's configuration.
func (r *run) believed(m *member) []*catalog.Catalogue {
	var list []*catalog.Catalogue
	for _, stub := range r.catalogues {
		if !m.uses(stub.Repo) {
			continue
		}
		w := r.witnesses[stub.Repo]
		if c := w.exact(stub.Digest); c != nil {
			list = append(list, c)
		} else {
			list = append(list, w.believed[0])
		}
	}
	place := func(c *catalog.Catalogue) int {
		return slices.IndexFunc(r.Repos, func(repo catalog.Repo) bool { return repo.Name == c.Repo.Name })
	}
	slices.SortStableFunc(list, func(a, b *catalog.Catalogue) int { return place(a) - place(b) })
	return list
}

// comparePlan finds in what the lock's plan is not the one that its definitions
// come to.
func (m *member) comparePlan(want lock.Lock) {
	state := func(p lock.Package) string {
		from := fmt.Sprintf("%s in layer %s", p.Version, p.Layer)
		if len(m.locked.Repositories) > 1 {
			from = fmt.Sprintf("%s of repository %q in layer %s", p.Version, p.Repository, p.Layer)
		}
		if p.Requested == "" {
			return from + ", automatic"
		}
		return from + ", requested by " + p.Requested
	}
	states := func(l lock.Lock) map[string]string {
		all := map[string]string{}
		for _, p := range l.Packages {
			if !p.Donor {
				all["package "+p.Name] = state(p)
			}
		}
		for _, step := range l.Layers {
			all["what layer "+step.Image+" chose"] = strings.Join(step.Alternatives, "; ")
			var missing []string
			for _, miss := range step.Missing {
				missing = append(missing, fmt.Sprintf("%s (%s) for %s", miss.What, miss.Kind, strings.Join(miss.By, ", ")))
			}
			all["what nothing provides to layer "+step.Image] = strings.Join(missing, "; ")
		}
		return all
	}
	a, b := states(*m.locked), states(want)
	keys := maps.Clone(a)
	maps.Copy(keys, b)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if a[key] != b[key] {
			m.doubt("%s is not what the definition of image %s comes to: found %s, wanted %s", key, m.def.Name, cmp.Or(fault.Short(a[key]), "none"), cmp.Or(fault.Short(b[key]), "none"))
		}
	}
}

// vouchDonors compares a step's donors with those that its definition names: no
// other may be asked, nor an older one, and none be passed over in favour of
// leaving a file out. It notes who was not asked.
func (r *run) vouchDonors(m, at *member, u *solve.Universe) {
	var named []string
	for _, t := range at.def.Taken() {
		named = append(named, t.From...)
	}
	for _, d := range at.step().Donors {
		switch best := u.Best(d.Name); {
		case !slices.Contains(named, d.Name):
			m.doubt("package %s lends files to image %s, whose definition does not name it", d.FullName(), at.def.Name)
		case best == nil || !sameOffer(d.Package, best):
			m.doubt("package %s lends files to image %s, and is not the one that the catalogue offers", d.FullName(), at.def.Name)
		default:
			r.trusted[d.Package] = true
		}
	}
	at.unasked = map[string]bool{}
	for _, name := range named {
		asked := slices.ContainsFunc(at.step().Donors, func(d *solve.Planned) bool { return d.Name == name })
		at.unasked[name] = u.Best(name) != nil && !asked && at.plan.Lookup(name) == nil
	}
	for _, f := range at.optional() {
		if slices.Contains(at.pinned.LeftOut, f.target) {
			at.doubtUnasked(f.target, f.From)
		}
	}
}

// doubtUnasked doubts a file that packages may have which nobody has looked
// into.
func (m *member) doubtUnasked(target string, names []string) {
	for _, name := range names {
		if m.unasked[name] {
			m.doubt("%s of image %s is from elsewhere, or left out, although nobody has looked into %s for it", target, m.def.Name, name)
		}
	}
}

// optionalFile is a file or folder that an image may do without.
type optionalFile struct {
	define.Taken
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
