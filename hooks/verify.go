// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

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
	whole    bool          // every layer could be read to its end and is the config's
	strays   error         // files of the archive that are no part of the image
	kept     []keptFile
	database []byte
	content  *pkgdb.Content // of database
	rows     error          // that make no packages
}

// keptFile is a file of a layer whose contents are looked into.
type keptFile struct {
	node   *tree.Node
	sha256 string
	text   []byte // nil for the database
}

// Read reads an archive whole: every blob, every layer, the pkg database. What
// it returns beside an error is as complete as the faults allow, nil where there
// is no manifest.
func Read(ctx context.Context, path string) (*Artifact, error) {
	a, err := read(ctx, path)
	if a != nil {
		err = errors.Join(err, a.rows)
	}
	return a, err
}

func read(ctx context.Context, path string) (*Artifact, error) {
	archive, err := oci.Open(path)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	a := &Artifact{path: path, whole: true, Root: Root{Tree: new(tree.Tree), sums: map[string]sums{}}}
	a.Contents, err = archive.Contents()
	errs := []error{err, archive.Check(a.Contents)}
	a.strays = archive.Strays(a.Contents)
	if a.Contents == nil {
		return nil, errors.Join(append(errs, a.strays)...)
	}
	for i, d := range a.Manifest.Layers {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		errs = append(errs, within(fmt.Sprintf("layer %d", i+1), a.readLayer(archive, i, d)))
	}
	if n := a.Tree.Lookup(databasePath); n == nil || n.Type != tree.File {
		a.database = nil // an upper layer has something else there
	}
	if a.database != nil && a.whole {
		errs = append(errs, a.readDatabase(ctx))
	}
	return a, errors.Join(errs...)
}

// ReadAny is Read for an image, or for a single layer in a file.
func ReadAny(ctx context.Context, path string) (*Artifact, error) {
	a, err := Read(ctx, path)
	if _, format := errors.AsType[*oci.FormatError](err); a == nil && format {
		if only, no := readLayerOnly(ctx, path); no == nil && only.isLayer() {
			return only, only.rows
		}
	}
	return a, err
}

// readLayer reads a layer's entries and compares its DiffID with the config's.
func (a *Artifact) readLayer(archive *oci.Archive, i int, d v1.Descriptor) error {
	a.Layers, a.made = append(a.Layers, nil), append(a.made, layer.Layer{})
	blob, err := archive.Blob(d)
	if err != nil {
		a.whole = false
		return err
	}
	defer blob.Close()
	a.made[i], err = layer.Read(blob, d.MediaType, func(n *tree.Node, contents io.Reader) error {
		a.Layers[i] = append(a.Layers[i], n)
		return a.file(n, contents)
	})
	if a.made[i].DiffID == "" {
		a.whole = false
		// Where the bytes are not those of the digest, what they seem to say
		// is not worth telling.
		if _, other := io.Copy(io.Discard, blob); other != nil {
			return other
		}
		return err
	}
	errs := []error{err}
	if ids := a.Config.RootFS.DiffIDs; i < len(ids) && a.made[i].DiffID != ids[i] {
		a.whole = false
		errs = append(errs, &oci.MismatchError{What: "the DiffID of its tar file", Found: a.made[i].DiffID.String(), Wanted: ids[i].String() + ", which the config has"})
	}
	return errors.Join(append(errs, layer.Apply(a.Tree, a.Layers[i]))...)
}

// file hashes the contents of a file in both families, and keeps what is
// looked into.
func (a *Artifact) file(n *tree.Node, contents io.Reader) error {
	if n.Type == tree.Hardlink {
		a.sums[n.Path] = a.sums[n.Link]
	}
	if n.Type != tree.File {
		return nil
	}
	limit, ok := maxKept[n.Path]
	if !ok {
		return a.sum(n, contents)
	}
	if n.Size > limit {
		return &layer.FormatError{Path: n.Path, Err: fmt.Errorf("has %d bytes, wanted at most %d", n.Size, limit)}
	}
	text := bytes.NewBuffer(make([]byte, 0, n.Size+bytes.MinRead)) // with room to find the end
	err := a.sum(n, io.TeeReader(contents, text))
	k := keptFile{n, n.Digest, text.Bytes()}
	if n.Path == databasePath {
		a.database, k.text = k.text, nil
	}
	a.kept = append(a.kept, k)
	return err
}

// maxKept are the files whose contents are kept, and how many bytes each may
// have. The pkg database of an image has some 20 MB, that of a desktop with a
// thousand packages 100 MB, and opening it takes as much again. The others are
// short: services has 90 KB, and the accounts of a university would do.
var maxKept = map[string]int64{
	databasePath: 128 << 20, "/etc/master.passwd": 4 << 20, "/etc/passwd": 4 << 20, "/etc/group": 4 << 20,
	"/etc/services": 4 << 20, "/etc/login.conf": 4 << 20,
}

// text is a file of the image that was kept, nil where there is none.
func (a *Artifact) text(path string) []byte {
	if n := a.Tree.Lookup(path); n == nil || n.Type != tree.File {
		return nil
	}
	for _, k := range slices.Backward(a.kept) {
		if k.node.Path == path {
			return k.text
		}
	}
	return nil
}

// sha256Of is that of a file in one of the layers.
func (a *Artifact) sha256Of(n *tree.Node) string {
	for _, k := range a.kept {
		if k.node == n {
			return k.sha256
		}
	}
	return n.Digest
}

func (a *Artifact) readDatabase(ctx context.Context) error {
	db, err := pkgdb.Open(ctx, a.database)
	if err != nil {
		return err
	}
	defer db.Close()
	if a.content, err = db.Content(ctx); err != nil {
		return err
	}
	a.Packages, a.rows = a.content.Installed(ctx)
	return nil
}

// errUnchecked stands for hundreds of faults that a layer which is not there
// would make.
var errUnchecked = errors.New("files, pkg database and packages were not checked: that needs every layer whole and in its place")

// Verify reads an archive and compares its pkg database with its files. Every
// fault is reported.
func Verify(ctx context.Context, path string) (*Artifact, error) {
	a, err := read(ctx, path)
	if a == nil {
		return nil, err
	}
	errs := []error{err, a.strays, layer.CheckExtraction(a.Layers)}
	if !a.whole {
		return a, errors.Join(append(errs, errUnchecked)...)
	}
	if a.content != nil {
		errs = append(errs, a.content.Check(ctx)...)
	}
	if a.ownName() != "" {
		errs = append(errs, a.checkOwn()...)
	}
	errs = append(errs, a.compare(ctx, a.Packages)...)
	return a, errors.Join(append(errs, a.checkOwners()...)...)
}
