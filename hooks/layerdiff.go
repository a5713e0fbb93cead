// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/tree"
)

// readLayerFile opens a file that is a layer, packed or plain.
func readLayerFile(path string, visit func(mediaType string, blob io.Reader) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	magic, err := r.Peek(4)
	if err != nil && err != io.EOF {
		return err
	}
	mediaType := v1.MediaTypeImageLayer
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		mediaType = v1.MediaTypeImageLayerGzip
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		mediaType = v1.MediaTypeImageLayerZstd
	}
	return visit(mediaType, r)
}

// readLayerOnly reads a layer as if it were an image.
func readLayerOnly(path string) (*Artifact, error) {
	a := &Artifact{path: path, Root: Root{Tree: new(tree.Tree), sums: map[string]sums{}}}
	err := readLayerFile(path, func(mediaType string, blob io.Reader) error {
		var nodes []*tree.Node
		l, err := layer.Read(blob, mediaType, func(n *tree.Node, contents io.Reader) error {
			nodes = append(nodes, n)
			return a.file(n, contents)
		})
		a.Layers, a.made = [][]*tree.Node{nodes}, []layer.Layer{l}
		return errors.Join(err, layer.Apply(a.Tree, nodes))
	})
	if err != nil {
		return nil, err
	}
	if a.database != nil {
		err = a.readDatabase()
	}
	return a, err
}

// compareLayers tells of layers at the same place what the bytes of their
// archives say.
func compareLayers(ctx context.Context, a, b *Artifact) ([]Difference, error) {
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
			var err error
			if x.Change, err = compareTars(ctx, a, b, i); err != nil {
				return nil, err
			}
		}
		list = append(list, x)
	}
	return list, nil
}

// compareTars finds where two archives part.
func compareTars(ctx context.Context, a, b *Artifact, i int) (string, error) {
	for k := range max(len(a.Layers[i]), len(b.Layers[i])) {
		if k >= len(a.Layers[i]) || k >= len(b.Layers[i]) {
			return fmt.Sprintf("%d entries -> %d", len(a.Layers[i]), len(b.Layers[i])), nil
		}
		n, m := a.Layers[i][k], b.Layers[i][k]
		if n.Path != m.Path {
			return fmt.Sprintf("entry %d is %s, was %s", k+1, m.Path, n.Path), nil
		}
		if what := tree.Differences(n, m); len(what) > 0 {
			return fmt.Sprintf("entry %d, %s: %s", k+1, n.Path, what[0]), nil
		}
	}
	old, err := a.spool(ctx, i)
	if err != nil {
		return "", err
	}
	defer old.Close()
	now, err := b.spool(ctx, i)
	if err != nil {
		return "", err
	}
	defer now.Close()
	return layer.DiffHeaders(bufio.NewReader(old), bufio.NewReader(now))
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
		return layer.Unpack(f, blob, mediaType)
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
