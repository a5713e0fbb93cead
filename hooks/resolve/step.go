// SPDX-License-Identifier: BSD-2-Clause

package resolve

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/own"
	"github.com/orlop/orlop/hooks/parent"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
)

// Family is what a request resolves to: the requested images and their ancestors.
type Family struct {
	Release    release.Release
	Catalogues []*catalog.Catalogue
	Steps      []*Step                   // parents first
	Bases      []*parent.Image           // that steps stand on
	Inherited  define.Exceptions         // that images have with packages
	Removes    map[string][]string       // paths of lower steps that packages must replace, by image
	Trusted    map[*catalog.Package]bool // packages of locks that definition and catalogue confirm
}

// Close releases the images that steps stand on.
func (f *Family) Close() error {
	if f == nil {
		return nil
	}
	var errs []error
	for _, base := range f.Bases {
		errs = append(errs, base.Close())
	}
	return errors.Join(errs...)
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

// Depart reports whether an image leaves out files of packages, or changes them. Then it
// matters which of them share an inode, and only archives say that.
func (f *Family) Depart() bool {
	return slices.ContainsFunc(f.Steps, func(m *Step) bool { return m.Def.Depart() || m.Def.Changes() })
}

// Uses reports whether a wanted image has a package of a repository.
func (f *Family) Uses(repo *catalog.Repo) bool {
	return slices.ContainsFunc(f.Steps, func(m *Step) bool { return m.Wanted && m.Uses(repo) })
}

// Step is an image and what it adds to its parent, usually one layer.
type Step struct {
	Def    define.Image
	Parent *Step // nil for none
	// Base is the image that the lowest step of the chain stands on; nil for none. All
	// steps of a chain have it.
	Base   *parent.Image
	Folder own.Folder  // where the definition's local files are
	Wanted bool        // an archive is to be written
	Plan   *solve.Plan // of the whole chain, this image last

	// Renews is the lock that the image is brought up to date from; nil for none.
	Renews *lock.Lock

	// Of a step that is made from a lock:
	Lock    *lock.Lock      // nil for no lock, and for ancestors
	Pinned  *lock.Layer     // this step in it; nil for no lock
	Doubts  []string        // what only the lock vouches for
	Whose   string          // origin of the definition: freeBSDs, users, …
	Unasked map[string]bool // available packages that the definition names and the lock lacks

	pins []lock.Package // this step's packages in the lock
}

// Chain returns the step and its ancestors, the lowest first.
func (m *Step) Chain() []*Step {
	if m.Parent == nil {
		return []*Step{m}
	}
	return append(m.Parent.Chain(), m)
}

// Own returns what this step adds to its parent.
func (m *Step) Own() *solve.StepPlan { return &m.Plan.Steps[len(m.Plan.Steps)-1] }

// Uses reports whether an image or an ancestor has a package of a repository.
func (m *Step) Uses(repo *catalog.Repo) bool {
	return slices.ContainsFunc(m.Chain(), func(at *Step) bool {
		return slices.ContainsFunc(at.Own().All(), func(p *solve.Planned) bool { return p.Repo == repo })
	})
}

// Borrower returns the step as one that takes files. The caller adds packages.
func (m *Step) Borrower() *input.Borrower {
	return &input.Borrower{Image: m.Def.Name, Locked: m.Pinned, Unasked: m.Unasked, MayLack: m.mayLack}
}

// mayLack reports whether a file is optional in FreeBSD's own definition, which
// names no package for it. Folders, and files that a package may have, do not count.
func (m *Step) mayLack(target string) bool {
	return m.Whose == freeBSDs && slices.ContainsFunc(m.Def.Optional(), func(f define.File) bool {
		return f.Target == target && !f.Folder && len(f.From) == 0
	})
}
