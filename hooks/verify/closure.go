// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"context"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/release/closure"
	"github.com/orlop/orlop/release/tree"
)

// Closure finds what an image needs and does not have, as the build does before it
// writes an image. The lock says what may be missing. Without a lock what is missing
// is only a detail. It skips an image that need not be complete and has no run-time
// linker.
func Closure(ctx context.Context, a *artifact.Artifact, l *lock.Lock) Findings {
	if !a.Complete() || a.OwnName() == "" {
		return Findings{}
	}
	var f Findings
	known, complete := l != nil && l.HasGenerated(), false
	if known {
		def, err := lock.Definition(l, len(l.Layers)-1)
		f.add(err)
		complete = def.Complete
	}
	if !complete && a.Tree.Lookup(closure.RunTimeLinker) == nil {
		return f
	}
	img := &closure.Image{Tree: a.Tree, Cmd: a.Config.Config.Cmd, Env: a.Config.Config.Env,
		Requires: unprovided(a.Packages), Files: newFiles(a)}
	if known {
		img.Known = l.Exceptions()
	}
	for _, gap := range closure.Check(ctx, img).Gaps {
		if known {
			f.add(gap)
		} else {
			f.Details = append(f.Details, gap.Error())
		}
	}
	return f
}

// unprovided lists the words of "requires" that no package of the image provides.
func unprovided(pkgs []pkgdb.Installed) []closure.Requirement {
	provided := map[string]bool{}
	for _, p := range pkgs {
		for _, what := range p.Provides {
			provided[what] = true
		}
	}
	var list []closure.Requirement
	at := map[string]int{} // place of a word in the list
	for _, p := range pkgs {
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
	*artifact.Artifact
	owners   *artifact.Owners
	versions map[string]string // NAME-VERSION by package
}

func newFiles(a *artifact.Artifact) *files {
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
