// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/release/oci"
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
	LeftOut    []string    // optional files that no origin has
	Skipped    []lock.Script
	Scripts    []lock.Done // what known scripts did
	NoAccount  []string    // "PACKAGE: user NAME" that packages need and the image lacks
	Unsure     []string    // what only the lock vouches for, in addition to Step.Doubts
	Departures []lock.Departure

	// Of the layer that ends with this step:
	Added       []lock.Generated // what no package has
	Directories string           // sha256 of the headers of its directories

	Parts []lock.Part // layers of its packages below that one; nil for none
}

// lineage lists the step and its ancestors, the lowest first.
func (m *Built) lineage() []*Built {
	if m.Below == nil {
		return []*Built{m}
	}
	return append(m.Below.lineage(), m)
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

// allDoubts lists the doubts of an image and its ancestors.
func (m *Built) allDoubts() []string {
	var list []string
	for _, at := range m.lineage() {
		list = append(append(list, at.Doubts...), at.Unsure...)
	}
	return list
}

// takenFromArtifact lists the files of an image that only the artifact had.
func (m *Built) takenFromArtifact() []string {
	var paths []string
	for _, at := range m.lineage() {
		for _, t := range at.Taken {
			if t.From == input.FromArtifact {
				paths = append(paths, t.Path)
			}
		}
	}
	return paths
}

// describeLayers records what the layers have that no package has.
func (m *Root) describeLayers(ctx context.Context, deltas []delta) error {
	m.Added, m.Parts = nil, nil
	for _, d := range deltas[:len(deltas)-1] {
		digest, err := lock.DirectoriesDigest(ctx, d.dirs)
		if err != nil {
			return err
		}
		p := lock.Part{Epoch: d.epoch, Directories: digest}
		for _, f := range d.packages {
			p.Packages = append(p.Packages, f.Name)
		}
		m.Parts = append(m.Parts, p)
	}
	d := deltas[len(deltas)-1]
	for _, n := range d.whiteouts {
		m.Added = append(m.Added, lock.Generated{Path: n.Path, Mode: fmt.Sprintf("%04o", n.Mode), SHA256: n.Digest.String()})
	}
	for _, path := range slices.Sorted(maps.Keys(d.generated)) {
		n := m.Tree.Lookup(path)
		g := lock.Generated{Path: path, Mode: fmt.Sprintf("%04o", n.Mode), SHA256: n.Digest.String(), Link: n.Link}
		if n.Uname != "root" || n.Gname != "wheel" {
			g.Uname, g.Gname = n.Uname, n.Gname
		}
		if path == pkgdb.Path {
			sum, err := m.database.sum()
			if err != nil {
				return err
			}
			g.SHA256 = sum.String()
		}
		m.Added = append(m.Added, g)
	}
	var err error
	m.Directories, err = lock.DirectoriesDigest(ctx, d.dirs)
	return err
}

// Stack is the layers of an image.
type Stack struct {
	Layers  []oci.Layer // of this run, lowest first
	blobs   []*os.File  // their bytes
	earlier []oci.Layer // those of Layers that an earlier build wrote
	own     []ownLayer  // those of Layers that are not the parent's, lowest first
}

// ownLayer is a layer that a step adds.
type ownLayer struct {
	oci.Layer
	Key string // of its record in the cache
}

// on returns the stack of a step on this one.
func (s Stack) on() Stack {
	return Stack{Layers: slices.Clone(s.Layers), blobs: slices.Clone(s.blobs), earlier: slices.Clone(s.earlier)}
}

// add puts a layer on top.
func (s *Stack) add(own ownLayer, blob *os.File, reused bool) {
	s.Layers, s.blobs, s.own = append(s.Layers, own.Layer), append(s.blobs, blob), append(s.own, own)
	if reused {
		s.earlier = append(s.earlier, own.Layer)
	}
}

// Finished is an image whose layers are there, by this build or an earlier one.
type Finished struct {
	*Built
	Stack
}

// closeBlobs closes the files of layers, which images share.
func closeBlobs(list []*Finished) {
	for _, m := range list {
		for _, blob := range m.blobs[len(m.blobs)-len(m.own):] {
			blob.Close()
		}
	}
}
