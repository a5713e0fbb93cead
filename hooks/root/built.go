// SPDX-License-Identifier: BSD-2-Clause

package root

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb"
)

// Built is a step and what a build found out about it: all that the lock and the
// results say. Once the layers are there, nobody asks for the tree.
type Built struct {
	*resolve.Step
	Below *Built // the parent; nil for none
	Facts
}

// Facts do not grow with the number of files in packages, so a later build recalls
// them instead of finding them again: see known.go.
type Facts struct {
	Epoch      int64       // seconds; every time of this step is at most this
	Taken      []lock.File // files that no package of the image has
	Brought    []lock.Own  // files of the definition
	LeftOut    []string    // optional files that no origin has
	Skipped    []lock.Script
	Scripts    []lock.Done // what known scripts did
	Accounts   []string    // what the definition's accounts changed
	NoAccount  []string    // "PACKAGE: user NAME" that packages need and the image lacks
	Unsure     []string    // what only the lock vouches for, in addition to Step.Doubts
	Departures []lock.Departure

	// Of the layer that ends with this step:
	Added       []lock.Generated // what no package has
	Directories string           // sha256 of the headers of its directories

	Parts []lock.Part // layers of its packages below that one; nil for none
}

// Lineage lists the step and its ancestors, the lowest first.
func (m *Built) Lineage() []*Built {
	if m.Below == nil {
		return []*Built{m}
	}
	return append(m.Below.Lineage(), m)
}

// doubt records what only the lock vouches for.
func (m *Built) doubt(format string, args ...any) { m.unsure(fmt.Sprintf(format, args...)) }

func (m *Built) unsure(texts ...string) {
	for _, text := range texts {
		if !slices.Contains(m.Doubts, text) && !slices.Contains(m.Unsure, text) { // of several locks
			m.Unsure = append(m.Unsure, text)
		}
	}
}

// AllDoubts lists the doubts of an image and its ancestors.
func (m *Built) AllDoubts() []string {
	var list []string
	for _, at := range m.Lineage() {
		list = append(append(list, at.Doubts...), at.Unsure...)
	}
	return list
}

// TakenFromArtifact lists the files of an image that only the artifact had.
func (m *Built) TakenFromArtifact() []string {
	var paths []string
	for _, at := range m.Lineage() {
		for _, t := range at.Taken {
			if t.From == input.FromArtifact {
				paths = append(paths, t.Path)
			}
		}
	}
	return paths
}

// Describe records what the layers have that no package has.
func (m *Root) Describe(ctx context.Context, deltas []Delta) error {
	m.Added, m.Parts = nil, nil
	for _, d := range deltas[:len(deltas)-1] {
		digest, err := lock.DirectoriesDigest(ctx, d.Dirs)
		if err != nil {
			return err
		}
		p := lock.Part{Epoch: d.Epoch, Directories: digest}
		for _, f := range d.Packages {
			p.Packages = append(p.Packages, f.Name)
		}
		m.Parts = append(m.Parts, p)
	}
	d := deltas[len(deltas)-1]
	for _, n := range d.Whiteouts {
		m.Added = append(m.Added, lock.Generated{Path: n.Path, Mode: fmt.Sprintf("%04o", n.Mode), SHA256: n.Digest.String()})
	}
	paths := slices.Collect(maps.Keys(d.Generated))
	for _, f := range d.Own {
		paths = append(paths, f.Path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		n := m.Tree.Lookup(path)
		g := lock.Generated{Path: path, Mode: fmt.Sprintf("%04o", n.Mode), SHA256: n.Digest.String(), Link: n.Link}
		if n.Uname != "root" || n.Gname != "wheel" {
			g.Uname, g.Gname = n.Uname, n.Gname
		}
		if path == pkgdb.Path {
			sum, err := m.Database.Sum()
			if err != nil {
				return err
			}
			g.SHA256 = sum.String()
		}
		m.Added = append(m.Added, g)
	}
	var err error
	m.Directories, err = lock.DirectoriesDigest(ctx, d.Dirs)
	return err
}
