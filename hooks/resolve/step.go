// SPDX-License-Identifier: BSD-2-Clause

package resolve

import (
	"cmp"
	"maps"
	"slices"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
)

// Family is what a request comes to: the images asked for and all that they stand
// on.
type Family struct {
	Release    release.Release
	Catalogues []*catalog.Catalogue
	Steps      []*Step                   // parents first
	Inherited  define.Exceptions         // that images have with packages
	Removes    map[string][]string       // paths that must not stay as lower steps have them, by image
	Trusted    map[*catalog.Package]bool // that a lock has, and should have
}

// Packages returns each package once, by name.
func (f *Family) Packages() []*catalog.Package {
	set := map[*catalog.Package]bool{}
	for _, m := range f.Steps {
		for _, p := range m.Own().All() {
			set[p.Package] = true
		}
	}
	return slices.SortedFunc(maps.Keys(set), func(a, b *catalog.Package) int { return cmp.Compare(a.FullName(), b.FullName()) })
}

// Uses reports whether an image that is written has a package of a repository.
func (f *Family) Uses(repo *catalog.Repo) bool {
	return slices.ContainsFunc(f.Steps, func(m *Step) bool { return m.Wanted && m.Uses(repo) })
}

// Step is an image and what it adds to its parent: a layer, mostly.
type Step struct {
	Def    define.Image
	Parent *Step       // nil for none
	Wanted bool        // an archive is to be written
	Plan   *solve.Plan // of the whole chain, this image last

	// Of a step that is made from a lock:
	Lock    *lock.Lock      // nil for no lock, and for ancestors
	Pinned  *lock.Layer     // this step in it; nil for no lock
	Doubts  []string        // what nobody but the lock vouches for
	Whose   string          // the definition
	Unasked map[string]bool // packages that the definition names, that are to be had, and that the lock does not have

	pins []lock.Package // this step's packages in the lock
}

// Chain returns the step and its ancestors, the lowest first.
func (m *Step) Chain() []*Step {
	if m.Parent == nil {
		return []*Step{m}
	}
	return append(m.Parent.Chain(), m)
}

// Own is what this step adds to its parent.
func (m *Step) Own() *solve.StepPlan { return &m.Plan.Steps[len(m.Plan.Steps)-1] }

// Uses reports whether an image, or what it stands on, has a package of a
// repository.
func (m *Step) Uses(repo *catalog.Repo) bool {
	return slices.ContainsFunc(m.Chain(), func(at *Step) bool {
		return slices.ContainsFunc(at.Own().All(), func(p *solve.Planned) bool { return p.Repo == repo })
	})
}

// Borrower is the step as one that takes files. Packages are still to be added.
func (m *Step) Borrower() *input.Borrower {
	return &input.Borrower{Image: m.Def.Name, Locked: m.Pinned, Unasked: m.Unasked, MayLack: m.mayLack}
}

// mayLack reports whether FreeBSD's own definition marks a file as optional that
// no package has. A folder, or what a package may have, is no such file: keys, say.
func (m *Step) mayLack(target string) bool {
	return m.Whose == freeBSDs && slices.ContainsFunc(m.Def.Optional(), func(f define.File) bool {
		return f.Target == target && !f.Folder && len(f.From) == 0
	})
}
