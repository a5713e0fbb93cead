// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/tree"
)

// Artifact is what an archive turned out to hold.
type Artifact struct {
	*oci.Contents
	Root                       // all layers, one over the other
	Layers   [][]*tree.Node    // entries in the order of the archive
	Packages []pkgdb.Installed // nil where the image has no pkg database

	path     string
	made     []layer.Layer // what the layers turned out to be
	database []byte
	content  *pkgdb.Content // of database
}

// Read reads an archive whole: every blob, every layer, the pkg database. What
// it returns beside an error is as complete as the faults allow.
func Read(ctx context.Context, path string) (*Artifact, error) {
	archive, err := oci.Open(path)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	a := &Artifact{path: path, Root: Root{Tree: new(tree.Tree), sums: map[string]sums{}}}
	if a.Contents, err = archive.Contents(); err != nil {
		return nil, err
	}
	errs := []error{archive.Check(a.Contents)}
	for i, d := range a.Manifest.Layers {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := a.readLayer(archive, i, d); err != nil {
			errs = append(errs, fmt.Errorf("layer %d: %w", i+1, err))
		}
	}
	if a.database != nil {
		errs = append(errs, a.readDatabase())
	}
	return a, errors.Join(errs...)
}

// ReadAny is Read for an image, or for a single layer in a file.
func ReadAny(ctx context.Context, path string) (*Artifact, error) {
	a, err := Read(ctx, path)
	if _, format := errors.AsType[*oci.FormatError](err); a == nil && format {
		if only, no := readLayerOnly(path); no == nil && only.isLayer() {
			return only, nil
		}
	}
	return a, err
}

// readLayer reads a layer's entries and compares its DiffID with the config's.
func (a *Artifact) readLayer(archive *oci.Archive, i int, d v1.Descriptor) error {
	blob, err := archive.Blob(d)
	if err != nil {
		return err
	}
	defer blob.Close()
	var nodes []*tree.Node
	l, err := layer.Read(blob, d.MediaType, func(n *tree.Node, contents io.Reader) error {
		nodes = append(nodes, n)
		return a.file(n, contents)
	})
	a.Layers, a.made = append(a.Layers, nodes), append(a.made, l)
	if err != nil {
		return err
	}
	var errs []error
	if ids := a.Config.RootFS.DiffIDs; i < len(ids) && l.DiffID != ids[i] {
		errs = append(errs, &oci.MismatchError{What: "the DiffID of its tar file", Found: l.DiffID.String(), Wanted: ids[i].String() + ", which the config has"})
	}
	return errors.Join(append(errs, layer.Apply(a.Tree, nodes))...)
}

// file hashes the contents of a file in both families and keeps the database.
func (a *Artifact) file(n *tree.Node, contents io.Reader) error {
	if n.Type == tree.Hardlink {
		a.sums[n.Path] = a.sums[n.Link]
	}
	if n.Type != tree.File {
		return nil
	}
	if n.Path == databasePath {
		if n.Size > maxDatabase {
			return fmt.Errorf("%s has %d bytes, wanted at most %d", n.Path, n.Size, maxDatabase)
		}
		var err error
		if a.database, err = io.ReadAll(contents); err != nil {
			return err
		}
		contents = bytes.NewReader(a.database)
	}
	return a.sum(n, contents)
}

// maxDatabase bounds local.sqlite, which is read into memory. That of a desktop
// with a thousand packages has some 100 MB.
const maxDatabase = 1 << 30

func (a *Artifact) readDatabase() error {
	db, err := pkgdb.Open(a.database)
	if err != nil {
		return err
	}
	defer db.Close()
	if a.content, err = db.Content(); err != nil {
		return err
	}
	a.Packages, err = a.content.Installed()
	return err
}

// Verify reads an archive and compares its pkg database with its files. Every
// fault is reported.
func Verify(ctx context.Context, path string) (*Artifact, error) {
	a, err := Read(ctx, path)
	if a == nil {
		return nil, err
	}
	errs := []error{err, layer.CheckExtraction(a.Layers)}
	if a.Packages != nil {
		errs = append(errs, a.content.Check()...)
	}
	return a, errors.Join(append(errs, a.compare(a.Packages)...)...)
}
