// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release"
)

// A lock tells what is in an image, but not who says that this is right. What
// of it nobody vouches for, whom the user trusts, are doubts: the image may come
// out byte for byte, and still be what a stranger put together.

// UnvouchedError is a part of an image that stands on its lock's word alone.
type UnvouchedError struct{ What string }

func (e *UnvouchedError) Error() string { return "unvouched: " + e.What }

// vouch compares what the locks say with what the user trusts: packages with
// catalogues, definitions with FreeBSD's and the user's, and both with what they
// come to.
func (r *run) vouch() error {
	if err := r.vouchDefinitions(); err != nil {
		return err
	}
	certain := map[*member]bool{}
	for _, m := range r.family {
		certain[m] = r.vouchPackages(m)
	}
	for _, m := range r.family {
		whole := !slices.ContainsFunc(m.chain(), func(at *member) bool { return !certain[at] })
		if m.wanted && whole { // else there is no saying what they should come to
			if err := r.vouchPlan(m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *member) doubt(format string, args ...any) {
	m.doubts = append(m.doubts, fmt.Sprintf(format, args...))
}

// allDoubts are those of an image and all that it stands on.
func (m *member) allDoubts() []string {
	var list []string
	for _, at := range m.chain() {
		list = append(list, at.doubts...)
	}
	return list
}

// some joins names, as many of them as a line should have.
func some(names []string) string {
	const most = 10
	if n := len(names) - most; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n)
	}
	return strings.Join(names, ", ")
}

// vouchPackages looks for each package of a step in the catalogues of its
// repository, and takes from there what the lock does not say. It reports
// whether they have all.
func (r *run) vouchPackages(m *member) bool {
	unlisted := map[*catalog.Repo][]string{}
	for _, list := range [][]*solve.Planned{m.step().Packages, m.step().Donors} {
		for _, p := range list {
			if q := r.witnesses[p.Repo].lists(p.Package); q != nil {
				p.ABI = q.ABI
			} else {
				unlisted[p.Repo] = append(unlisted[p.Repo], p.FullName())
			}
		}
	}
	for _, repo := range slices.SortedFunc(maps.Keys(unlisted), func(a, b *catalog.Repo) int { return strings.Compare(a.Name, b.Name) }) {
		why := "the catalogue does not have it so"
		if w := r.witnesses[repo]; len(w.believed) == 0 {
			why = strings.Join(w.reasons, "; ")
		} else if len(w.reasons) > 0 {
			why += "; " + strings.Join(w.reasons, "; ")
		}
		m.doubt("repository %q, %s: %s", repo.Name, some(unlisted[repo]), why)
	}
	return len(unlisted) == 0
}

// vouchDefinitions compares the definitions of a lock with FreeBSD's and with
// those that the user gives.
func (r *run) vouchDefinitions() error {
	known, err := r.definitions()
	if err != nil {
		return err
	}
	for _, m := range r.family {
		want, given := known[m.def.Name]
		if !given {
			m.doubt("the definition of image %s is the lock's: %s; --image-file gives your own", m.def.Name, adds(m.def))
			continue
		}
		if want.Cmd == nil && m.parent != nil { // as newMember has it
			want.Cmd = m.parent.def.Cmd
		}
		changes, err := definitionChanges(want, m.def)
		if err != nil {
			return err
		}
		whose := "yours"
		if slices.Contains(release.StandardNames(), m.def.Name) {
			whose = "FreeBSD's"
		}
		for _, c := range changes[:min(len(changes), maxLockChanges)] {
			m.doubt("the definition of image %s is not %s: %s is %s, wanted %s", m.def.Name, whose, c.Key, quoted(c.New), quoted(c.Old))
		}
		m.known = len(changes) == 0
	}
	return nil
}

func definitionChanges(want, have release.Image) ([]keyChange, error) {
	var documents [2]any
	for i, img := range []release.Image{want, have} {
		text, err := json.Marshal(img)
		if err == nil {
			err = json.Unmarshal(text, &documents[i])
		}
		if err != nil {
			return nil, err
		}
	}
	return jsonChanges(documents[0], documents[1]), nil
}

// adds says what an image of one's own has beside the names of its packages.
func adds(img release.Image) string {
	text, err := json.Marshal(img)
	if err != nil {
		return err.Error()
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		return err.Error()
	}
	var list []string
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		switch value := keys[key]; {
		case key == "name", key == "title", key == "exceptions":
		case slices.ContainsFunc([]string{`null`, `""`, `false`, `[]`, `{}`}, func(empty string) bool { return bytes.Equal(value, []byte(empty)) }):
		default:
			list = append(list, key+" "+string(value))
		}
	}
	return strings.Join(list, ", ")
}

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
