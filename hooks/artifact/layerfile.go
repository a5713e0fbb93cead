// SPDX-License-Identifier: BSD-2-Clause

package artifact

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

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
	a := &Artifact{file: file, complete: true, Layers: make([]tree.Part, 1)}
	l, err := layer.Read(ctx, blob, mediaType, func(n *tree.Node, contents io.Reader) error { return a.entry(ctx, n, contents) })
	a.Layers[0] = a.list.Since(0)
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
	return a.Layers[0].Len() > 0
}

// Plain returns the tar file of a layer, which is unpacked ahead of the caller.
func (a *Artifact) Plain(ctx context.Context, want int) (io.ReadCloser, error) {
	mediaType, blob, err := a.blob(ctx, want)
	if err != nil {
		return nil, a.within(want, err)
	}
	plain, err := layer.Open(ctx, blob, mediaType)
	if err != nil {
		return nil, a.within(want, errors.Join(err, blob.Close()))
	}
	return struct {
		io.Reader
		io.Closer
	}{plain, closers{plain, blob}}, nil
}

// within names a layer of an image; a file that is a layer has no other.
func (a *Artifact) within(i int, err error) error {
	if a.Contents == nil {
		return err
	}
	return fault.Within(fmt.Sprintf("layer %d", i+1), err)
}

// closers are closed in their order.
type closers []io.Closer

func (list closers) Close() error {
	var errs []error
	for _, c := range list {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
