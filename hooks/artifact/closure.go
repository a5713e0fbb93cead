// SPDX-License-Identifier: BSD-2-Clause

package artifact

import (
	"context"

	"github.com/orlop/orlop/release/closure"
	"github.com/orlop/orlop/release/tree"
)

// Unprovided lists the words of "requires" that no package of the image provides.
func (a *Artifact) Unprovided() []closure.Requirement {
	provided := map[string]bool{}
	for _, p := range a.Packages {
		for _, what := range p.Provides {
			provided[what] = true
		}
	}
	var list []closure.Requirement
	at := map[string]int{} // place of a word in the list
	for _, p := range a.Packages {
		for _, what := range p.Requires {
			if provided[what] {
				continue
			}
			i, known := at[what]
			if !known {
				i, at[what] = len(list), len(list)
				list = append(list, closure.Requirement{What: what})
			}
			list[i].By = append(list[i].By, p.Name)
		}
	}
	return list
}

// files gives access to the files of an artifact.
type files struct {
	*Artifact
	owners   *Owners
	versions map[string]string // NAME-VERSION by package
}

// Files returns what a check of the closure asks about files. Only Examine knows what
// they need at run time.
func (a *Artifact) Files() closure.Files {
	f := &files{a, a.Owners(), map[string]string{}}
	for _, p := range a.Packages {
		f.versions[p.Name] = p.FullName()
	}
	return f
}

// Owner is the package of a node, with and without its version.
func (f *files) Owner(n *tree.Node) (pkg, by string) {
	pkg = f.owners.Of(n.Path)
	return pkg, f.versions[pkg]
}

// Texts returns the contents of files. Targets of links were not kept, so for those it
// reads the layers again.
func (f *files) Texts(ctx context.Context, nodes []*tree.Node) (map[string][]byte, error) {
	want := map[string]bool{}
	for _, n := range nodes {
		want[n.Path] = true
	}
	return f.ReadFiles(ctx, want)
}
