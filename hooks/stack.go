// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"iter"
	"os"
	"slices"

	"github.com/orlop/orlop/hooks/root"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/tree"
)

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
	*root.Built
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

// checkExtraction makes sure that FreeBSD can extract the image.
func checkExtraction(ctx context.Context, m *Layered) error {
	var layers []iter.Seq[*tree.Node]
	for at := m; at != nil; at = at.below {
		for _, nodes := range slices.Backward(at.nodes) {
			layers = append(layers, nodes)
		}
	}
	if m.Base != nil {
		for _, nodes := range slices.Backward(m.Base.Whole.Layers) {
			layers = append(layers, nodes.All())
		}
	}
	slices.Reverse(layers)
	return layer.CheckExtraction(ctx, layers)
}
