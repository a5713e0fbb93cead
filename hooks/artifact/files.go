// SPDX-License-Identifier: BSD-2-Clause

package artifact

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/tree"
)

// Bounds for files that are read into memory, in bytes.
const (
	maxProgram = 64 << 20  // of one file, such as a program
	maxHeld    = 256 << 20 // of all that are compared
	maxFound   = 64 << 20  // of all that Find returns
)

// ReadFiles reads files of an image's tree, without those that an upper layer hides. A
// file that is too large has the text nil. It reads the layers again, up to the last of these
// files, unless all contents were kept.
func (a *Artifact) ReadFiles(ctx context.Context, want map[string]bool) (map[string][]byte, error) {
	texts, left := map[string][]byte{}, map[string]bool{}
	for path := range want {
		if text := a.Text(path); text != nil {
			texts[path] = text
		} else {
			left[path] = true
		}
	}
	room := int64(maxHeld)
	err := a.StreamFiles(ctx, left, func(names []string, n *tree.Node, contents io.Reader) error {
		var text []byte
		if n.Size <= maxProgram && n.Size <= room {
			var err error
			if text, err = io.ReadAll(contents); err != nil {
				return err
			}
			room -= n.Size
		}
		for _, name := range names {
			texts[name] = text
		}
		return nil
	})
	return texts, err
}

// StreamFiles passes on the contents of files of an image's tree, each once with all of its
// wanted names, in the order of the layers. It ends with the last of them, and fails if one is
// another than it was.
func (a *Artifact) StreamFiles(ctx context.Context, want map[string]bool, visit func(names []string, n *tree.Node, contents io.Reader) error) error {
	names := map[string][]string{}   // of each file, by its path
	left := map[string]tree.Digest{} // files
	for path := range want {
		n := a.Tree.Lookup(path)
		if n != nil && n.Type == tree.Hardlink {
			n = a.Tree.Lookup(n.Link)
		}
		if n != nil && n.Type == tree.File {
			names[n.Path], left[n.Path] = append(names[n.Path], path), n.Digest
		}
	}
	if len(left) == 0 {
		return nil
	}
	err := a.eachLayer(ctx, func(_ int, n *tree.Node, contents io.Reader) error {
		digest, wanted := left[n.Path]
		if !wanted || n.Type != tree.File || n.Digest != digest {
			return nil
		}
		h := sha256.New()
		err := visit(names[n.Path], n, io.TeeReader(contents, h))
		if err == nil {
			_, err = io.Copy(h, contents)
		}
		if err == nil && tree.Digest(h.Sum(nil)) != digest {
			err = errChanged
		}
		if err != nil {
			return err
		}
		if delete(left, n.Path); len(left) == 0 {
			return errFound
		}
		return nil
	})
	if errors.Is(err, errFound) {
		err = nil
	}
	return err
}

// eachLayer reads the entries of all layers again, with the paths that they ended up
// at.
func (a *Artifact) eachLayer(ctx context.Context, visit func(i int, n *tree.Node, contents io.Reader) error) error {
	return a.eachBlob(ctx, func(i int, mediaType string, blob io.Reader) error {
		at := 0
		return layer.Again(ctx, blob, mediaType, func(_ *tree.Node, contents io.Reader) error {
			if at++; at > a.Layers[i].Len() {
				return errChanged
			}
			n := a.Layers[i].At(at - 1)
			return visit(i, &n, contents)
		})
	})
}

// eachBlob opens the layers one after the other.
func (a *Artifact) eachBlob(ctx context.Context, visit func(i int, mediaType string, blob io.Reader) error) error {
	for i := range a.Layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		mediaType, blob, err := a.blob(ctx, i)
		if err != nil {
			return err
		}
		err = visit(i, mediaType, blob)
		if err != nil && !errors.Is(err, errFound) {
			// If the bytes do not match the digest, it matters more.
			if _, other := io.Copy(io.Discard, until.Reader(ctx, blob)); other != nil {
				err = other
			}
		}
		if err = errors.Join(err, blob.Close()); err != nil && a.Contents != nil {
			return fmt.Errorf("layer %d: %w", i+1, err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// blob opens a layer, of an image or of a file that is one.
func (a *Artifact) blob(ctx context.Context, i int) (mediaType string, blob io.ReadCloser, err error) {
	if a.Contents == nil {
		mediaType, r, err := layerType(ctx, a.file)
		return mediaType, io.NopCloser(r), err
	}
	d := a.Manifest.Layers[i]
	blob, err = a.source.Blob(ctx, d)
	return d.MediaType, blob, err
}

// errFound ends a search.
var errFound = errors.New("found")

// errChanged is a layer that has other entries or contents than it had before.
var errChanged = errors.New("has changed since it was read")

// Find adds to found the files of an artifact that have one of the digests, in any
// layer, even if an upper one hides them. It reads the layers once, and takes no
// more than maxFound bytes in all.
func (a *Artifact) Find(ctx context.Context, digests map[string]bool, found map[string][]byte) error {
	var size int64
	for _, text := range found {
		size += int64(len(text))
	}
	left := map[string]bool{}                          // digests
	wanted := make([]map[string]string, len(a.Layers)) // digest by path
	for i, nodes := range a.Layers {
		wanted[i] = map[string]string{}
		for n := range nodes.All() {
			digest := n.Digest.String()
			if n.Type != tree.File || !digests[digest] || found[digest] != nil || left[digest] {
				continue
			}
			if size += n.Size; size > maxFound {
				return fmt.Errorf("files of a source tree that only the artifact has: found more than %d bytes", maxFound)
			}
			wanted[i][n.Path], left[digest] = digest, true
		}
	}
	if len(left) == 0 {
		return nil
	}
	err := a.eachLayer(ctx, func(i int, n *tree.Node, contents io.Reader) error {
		digest, is := wanted[i][n.Path]
		if !is {
			return nil
		}
		text, err := io.ReadAll(contents)
		if err != nil {
			return err
		}
		if sum.HexSHA256(text) == digest {
			found[digest] = text
			delete(left, digest)
		}
		if len(left) == 0 {
			return errFound
		}
		return nil
	})
	if errors.Is(err, errFound) {
		err = nil
	}
	return err
}

// StreamIn passes on the files of any of the artifacts that have one of the digests, each
// once, in any layer, even if an upper one hides them. Whoever takes them compares the
// digests again.
func StreamIn(ctx context.Context, list []*Artifact, digests map[string]bool, visit func(digest string, contents io.Reader) error) error {
	left := maps.Clone(digests)
	for _, a := range list {
		if len(left) == 0 {
			break
		}
		err := a.eachLayer(ctx, func(_ int, n *tree.Node, contents io.Reader) error {
			digest := n.Digest.String()
			if n.Type != tree.File || !left[digest] {
				return nil
			}
			if err := visit(digest, contents); err != nil {
				return err
			}
			if delete(left, digest); len(left) == 0 {
				return errFound
			}
			return nil
		})
		if err != nil && !errors.Is(err, errFound) {
			return err
		}
	}
	return nil
}

// FindIn returns the files of any of the artifacts that have these digests, by
// digest.
func FindIn(ctx context.Context, list []*Artifact, digests map[string]bool) (map[string][]byte, error) {
	found := map[string][]byte{}
	for _, a := range list {
		if err := a.Find(ctx, digests, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}
