// SPDX-License-Identifier: BSD-2-Clause

package resolve

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
	"github.com/orlop/orlop/pkgdb/pkgver"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release"
)

// vouchPlan resolves the definitions of an image again, in the catalogue that the
// lock was made from or else today's, and compares the result with the lock.
func (r *voucher) vouchPlan(ctx context.Context, m *Step) error {
	u, err := r.universeOf(ctx, m)
	if err != nil {
		m.doubt("the lock of image %s cannot be resolved again: %v", m.Def.Name, err)
		return ctx.Err()
	}
	if p := u.Best("FreeBSD-runtime"); p != nil {
		if err := r.vouchRelease(m, p.Version); err != nil {
			return err
		}
	}
	var steps []solve.Step
	for _, at := range m.Chain() {
		steps = append(steps, solve.Step{Name: at.Def.Name, Want: wants(r.believed(m), at.Def), Without: without(at.Def)})
	}
	plan, err := u.Solve(ctx, m.present(), steps)
	if err != nil {
		m.doubt("the lock of image %s cannot be resolved again: %v", m.Def.Name, err)
		return ctx.Err()
	}
	again, err := lock.New(ctx, plan, nil)
	if err != nil {
		return err
	}
	if m.comparePlan(ctx, again); ctx.Err() != nil {
		return ctx.Err()
	}
	for _, at := range m.Chain() {
		for _, p := range at.Own().Packages {
			switch q := plan.Lookup(p.Name); {
			case q == nil: // comparePlan reports it, and another version
			case sameOffer(p.Package, q.Package):
				r.Trusted[p.Package] = true
			case q.FullName() == p.FullName():
				m.doubt("package %s of image %s is not the one that the catalogue offers first", p.FullName(), m.Def.Name)
			}
		}
		r.vouchDonors(m, at, u)
	}
	return nil
}

// vouchRelease compares the release that a lock names with the version of
// FreeBSD-runtime, which decides unless the user names the same release.
func (r *voucher) vouchRelease(m *Step, version string) error {
	if _, err := release.New(r.Release.Revision, r.Release.Branch, r.Release.ABI, version); err != nil && !r.Release.OnlyABI() {
		return fmt.Errorf("lock of %s: %w", m.Lock.Image, err)
	}
	named := r.Release.Version()
	if r.Branch != "" && r.Branch == r.Release.Branch && (r.Revision == "" || r.Revision == r.Release.Revision) {
		return nil
	}
	if of, err := release.New("", "", r.Release.ABI, version); err == nil {
		if of.Version() != named {
			m.doubt("image %s calls itself %s, but FreeBSD-runtime %s is of %s; --branch confirms the release", m.Def.Name, named, version, of.Version())
		}
		return nil
	}
	if finished.MatchString(r.Release.Branch) {
		m.doubt("image %s calls itself %s, which FreeBSD-runtime %s does not say; --branch confirms the release", m.Def.Name, named, version)
	}
	return nil
}

// finished matches the branches that have no snapshots.
var finished = regexp.MustCompile(`^(RELEASE|RC|BETA)`)

// sameOffer reports whether entries of two catalogues are the same bytes from the
// same repository.
func sameOffer(a, b *catalog.Package) bool {
	return a.FullName() == b.FullName() && a.Sum.Typed() == b.Sum.Typed() && a.Repo.Name == b.Repo.Name
}

// universeOf is what the definitions of a lock are resolved in. If some of its packages
// were updated and others not, that is the catalogue of before with the lock's packages
// as the only ones of their names. A signed catalogue lists each of them, but they may
// be older than others in it, which is said.
func (r *voucher) universeOf(ctx context.Context, m *Step) (*solve.Universe, error) {
	u, err := solve.NewUniverse(ctx, r.believed(m), m.Lock.ABI)
	if err != nil || !slices.ContainsFunc(m.Lock.Repositories, func(repo lock.Repository) bool { return len(repo.Earlier) > 0 }) {
		return u, err
	}
	var kept []*catalog.Package
	var older []string
	for _, at := range m.Chain() {
		for _, p := range at.Own().All() {
			w := r.locks.Witness(p.Repo)
			q := *w.Lists(p.Package)
			q.Repo = p.Repo
			kept = append(kept, &q)
			if newest := w.Newest(p.Name); pkgver.Compare(newest, p.Version) > 0 {
				older = append(older, fmt.Sprintf("%s (there is %s)", p.FullName(), newest))
			}
		}
	}
	if len(older) > 0 {
		r.observe.Warn("image %s: an update of its lock left older packages as they were: %s", m.Def.Name, fault.Some(older))
	}
	return u.Hold(ctx, solve.Earlier{Kept: kept})
}

// believed lists the catalogues to resolve a lock in, in the order of the user's
// configuration.
func (r *voucher) believed(m *Step) []*catalog.Catalogue {
	var list []*catalog.Catalogue
	for _, stub := range r.Catalogues {
		if !m.Uses(stub.Repo) {
			continue
		}
		w, digest := r.locks.Witness(stub.Repo), stub.Digest
		if len(stub.Earlier) > 0 {
			digest = stub.Earlier[0].Digest
		}
		if c := w.Exact(digest); c != nil {
			list = append(list, c)
		} else {
			list = append(list, w.Believed[0])
		}
	}
	place := func(c *catalog.Catalogue) int {
		return slices.IndexFunc(r.locks.Repos, func(repo catalog.Repo) bool { return repo.Name == c.Repo.Name })
	}
	slices.SortStableFunc(list, func(a, b *catalog.Catalogue) int { return place(a) - place(b) })
	return list
}

// comparePlan finds where the lock's plan differs from what its definitions resolve
// to, until the context ends.
func (m *Step) comparePlan(ctx context.Context, want lock.Lock) {
	state := func(p lock.Package) string {
		from := fmt.Sprintf("%s in layer %s", p.Version, p.Layer)
		if len(m.Lock.Repositories) > 1 {
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
			if ctx.Err() != nil {
				break
			}
			if !p.Donor {
				all["package "+p.Name] = state(p)
			}
		}
		for _, step := range l.Layers {
			all["choice of alternatives in layer "+step.Image] = strings.Join(step.Alternatives, "; ")
			var missing []string
			for _, miss := range step.Missing {
				missing = append(missing, fmt.Sprintf("%s (%s) for %s", miss.What, miss.Kind, strings.Join(miss.By, ", ")))
			}
			all["list of what nothing provides in layer "+step.Image] = strings.Join(missing, "; ")
		}
		return all
	}
	a, b := states(*m.Lock), states(want)
	keys := maps.Clone(a)
	maps.Copy(keys, b)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if ctx.Err() != nil {
			return
		}
		if a[key] != b[key] {
			m.doubt("%s differs from what the definition of image %s resolves to: found %s, wanted %s", key, m.Def.Name, cmp.Or(fault.Short(a[key]), "none"), cmp.Or(fault.Short(b[key]), "none"))
		}
	}
}

// vouchDonors compares a step's donors with those that its definition names. None may
// be another or an older package, and none may be skipped so that a file is left
// out. It records those that were skipped.
func (r *voucher) vouchDonors(m, at *Step, u *solve.Universe) {
	var named []string
	for _, t := range at.Def.Taken() {
		named = append(named, t.From...)
	}
	for _, d := range at.Own().Donors {
		switch best := u.Best(d.Name); {
		case !slices.Contains(named, d.Name):
			m.doubt("package %s lends files to image %s, whose definition does not name it", d.FullName(), at.Def.Name)
		case best == nil || !sameOffer(d.Package, best):
			m.doubt("package %s lends files to image %s, and is not the one that the catalogue offers", d.FullName(), at.Def.Name)
		default:
			r.Trusted[d.Package] = true
		}
	}
	at.Unasked = map[string]bool{}
	for _, name := range named {
		asked := slices.ContainsFunc(at.Own().Donors, func(d *solve.Planned) bool { return d.Name == name })
		at.Unasked[name] = u.Best(name) != nil && !asked && at.Plan.Lookup(name) == nil
	}
	by := at.Borrower()
	for _, f := range at.Def.Optional() {
		if slices.Contains(at.Pinned.LeftOut, f.Target) {
			for _, text := range by.DoubtUnasked(f.Target, f.From) {
				at.doubt("%s", text)
			}
		}
	}
}
