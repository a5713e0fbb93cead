// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/tree"
)

// layerType is the media type of a file that is a layer, packed or plain.
func layerType(ctx context.Context, source *oci.Source) (mediaType string, blob io.Reader, err error) {
	r := bufio.NewReader(source.Reader(ctx))
	head, err := r.Peek(512)
	if err == io.EOF {
		err = nil
	}
	mediaType = v1.MediaTypeImageLayer
	if packing := layer.Packing(head); packing != "" {
		mediaType += "+" + packing
	}
	return mediaType, r, err
}

// readLayerOnly reads a layer as if it were an image. What it returns beside an
// error is nil where the layer cannot be read to its end.
func readLayerOnly(ctx context.Context, source *oci.Source) (*Artifact, error) {
	mediaType, blob, err := layerType(ctx, source)
	if err != nil {
		return nil, err
	}
	a := &Artifact{source: source, whole: true, Root: newRoot(), Layers: [][]*tree.Node{nil}}
	l, err := layer.Read(ctx, blob, mediaType, func(n *tree.Node, contents io.Reader) error { return a.entry(0, n, contents) })
	if l.DiffID == "" {
		return nil, err
	}
	a.made = []layer.Layer{l}
	var stack layer.Stack
	errs := []error{err, stack.Apply(ctx, a.Layers[0])}
	a.whole = !stack.Full()
	if a.Tree, err = stack.Tree(ctx); err != nil {
		return nil, err
	}
	if a.database != nil {
		errs = append(errs, a.readDatabase(ctx))
	}
	return a, errors.Join(errs...)
}

// isLayer tells a layer from a broken image layout and from nothing.
func (a *Artifact) isLayer() bool {
	for _, name := range []string{"/oci-layout", "/index.json", "/manifest.json", "/blobs"} {
		if a.Tree.Lookup(name) != nil {
			return false
		}
	}
	return len(a.Layers[0]) > 0
}

// compareLayers tells of layers at the same place what the bytes of their
// archives say.
func compareLayers(ctx context.Context, a, b *Artifact, lines int) ([]Difference, error) {
	var list []Difference
	for i := range max(len(a.made), len(b.made)) {
		x := Difference{Part: PartBytes, Subject: fmt.Sprintf("layer %d", i+1)}
		switch {
		case i >= len(a.made):
			x.Change, x.Layer = "added", b.layerName(i)
		case i >= len(b.made):
			x.Change, x.Layer = "removed", a.layerName(i)
		case a.made[i].Digest == b.made[i].Digest:
			continue
		case a.made[i].DiffID == b.made[i].DiffID:
			x.Layer, x.Old, x.New = a.layerName(i), a.made[i].Digest.String(), b.made[i].Digest.String()
			x.Change = "same content, other compression"
		default:
			x.Layer, x.Old, x.New = a.layerName(i), a.made[i].DiffID.String(), b.made[i].DiffID.String()
			if err := x.tars(ctx, a, b, i, lines); err != nil {
				return nil, err
			}
		}
		list = append(list, x)
	}
	return list, nil
}

// tars tells the first thing in which two layers differ, and then all that the
// files do not tell.
func (x *Difference) tars(ctx context.Context, a, b *Artifact, i, lines int) error {
	err := diffTars(ctx, a, b, i, func(c layer.Change) {
		if x.Change == "" {
			x.Change = c.String()
		} else if !slices.ContainsFunc(toldOfFiles, func(field string) bool { return strings.HasPrefix(c.Field, field) }) {
			x.Detail = append(x.Detail, c.String())
		}
	})
	x.Detail = firstLines(x.Detail, lines)
	return err
}

// toldOfFiles are the fields of entries that a comparison of trees tells.
var toldOfFiles = []string{"header field mode", "header field uid", "header field gid", "header field size", "header field mtime",
	"header field uname", "header field gname", "header field linkname", "contents", "added", "removed"}

// diffTars compares two layers entry by entry.
func diffTars(ctx context.Context, a, b *Artifact, i int, visit func(layer.Change)) error {
	old, err := a.spool(ctx, i)
	if err != nil {
		return err
	}
	defer old.Close()
	now, err := b.spool(ctx, i)
	if err != nil {
		return err
	}
	defer now.Close()
	return fault.Within(fmt.Sprintf("layer %d", i+1), layer.DiffTars(bufio.NewReader(until.Reader(ctx, old)), bufio.NewReader(until.Reader(ctx, now)), visit))
}

// spool unpacks a layer into a file without a name.
func (a *Artifact) spool(ctx context.Context, want int) (*os.File, error) {
	f, err := os.CreateTemp("", "orlop-*")
	if err != nil {
		return nil, err
	}
	os.Remove(f.Name())
	err = a.eachBlob(ctx, func(i int, mediaType string, blob io.Reader) error {
		if i != want {
			return nil
		}
		return layer.Unpack(ctx, f, blob, mediaType)
	})
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
