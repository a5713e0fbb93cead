// SPDX-License-Identifier: BSD-2-Clause

package artifact

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci/layout"
	"github.com/orlop/orlop/release/tree"
)

// layerType returns the media type of a file that is a layer, compressed or not.
func layerType(ctx context.Context, file *layout.File) (mediaType string, blob io.Reader, err error) {
	r := bufio.NewReader(file.Reader(ctx))
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

// readLayerOnly reads a layer as if it were an image. It returns nil if the layer
// cannot be read to its end.
func readLayerOnly(ctx context.Context, file *layout.File) (*Artifact, error) {
	mediaType, blob, err := layerType(ctx, file)
	if err != nil {
		return nil, err
	}
	a := &Artifact{file: file, complete: true, Root: newRoot(), Layers: [][]*tree.Node{nil}}
	l, err := layer.Read(ctx, blob, mediaType, func(n *tree.Node, contents io.Reader) error { return a.entry(ctx, 0, n, contents) })
	if l.DiffID == "" {
		return nil, err
	}
	a.Read = []layer.Layer{l}
	var stack layer.Stack
	errs := []error{err, stack.Apply(ctx, a.Layers[0])}
	a.complete = !stack.Full()
	if a.Tree, err = stack.Tree(ctx); err != nil {
		return nil, err
	}
	if a.Database != nil {
		errs = append(errs, a.readDatabase(ctx))
	}
	return a, errors.Join(errs...)
}

// isLayer reports whether a file is a layer, rather than a broken image layout or
// an empty archive.
func (a *Artifact) isLayer() bool {
	for _, name := range []string{"/oci-layout", "/index.json", "/manifest.json", "/blobs"} {
		if a.Tree.Lookup(name) != nil {
			return false
		}
	}
	return len(a.Layers[0]) > 0
}

// Spool unpacks a layer into a file without a name.
func (a *Artifact) Spool(ctx context.Context, want int) (*os.File, error) {
	f, err := layout.Unnamed()
	if err != nil {
		return nil, err
	}
	mediaType, blob, err := a.blob(ctx, want)
	if err == nil {
		err = layer.Unpack(ctx, f, blob, mediaType)
		err = errors.Join(err, blob.Close())
		if a.Contents != nil {
			err = fault.Within(fmt.Sprintf("layer %d", want+1), err)
		}
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
