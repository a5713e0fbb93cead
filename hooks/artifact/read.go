// SPDX-License-Identifier: BSD-2-Clause

// Package artifact reads a finished image into a value: its documents, the entries
// of its layers, the resulting tree, and its pkg database. It only checks that the
// bytes can be read; hooks/verify does the rest.
package artifact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/closure"
	"github.com/orlop/orlop/release/etc"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/oci/layout"
	"github.com/orlop/orlop/release/tree"
)

// Artifact is what an archive contains.
type Artifact struct {
	*oci.Contents
	Root                       // all layers, one over the other
	Layers   []tree.Part       // entries in the order of the archive
	Packages []pkgdb.Installed // nil where the image has no pkg database
	Notes    []string          // no faults of the image: what was ignored, the layout around it
	Details  []string          // the notes in full, and what else few readers need

	source   oci.Source    // open for as long as the artifact is used; nil of a single layer
	file     *layout.File  // of a single layer
	Read     []layer.Layer // digest, DiffID and size of each layer, as read
	complete bool          // every layer could be read to its end and is the config's
	entries  int           // in all layers
	list     tree.List     // those, and directories without an entry

	NoAccounts bool                // the image's accounts cannot be read
	kept       map[keptFile][]byte // texts
	texts      int64               // bytes of the files that only the closure needs
	Database   *pkgdb.Image        // the file
	Content    *pkgdb.Content      // of Database, and of the journals beside it
	rows       error               // why rows are no packages
	owners     *Owners

	databaseDigest tree.Digest
	journals       journals
}

// keptFile is a file of a layer whose contents are kept.
type keptFile struct {
	path   string
	digest tree.Digest
}

// Read reads all of an archive: every blob, every layer, the pkg database. Of an
// archive with several images it reads the one for a platform, "" for the only one.
// The source must stay open while the artifact is used, and may be read again. With
// an error, the artifact is as complete as the faults allow, nil if there is no
// manifest.
func Read(ctx context.Context, source oci.Source, platform string) (*Artifact, error) {
	return readPlain(ctx, source, platform, Root{})
}

// readPlain is Read, and finds out as much of files as a root wants.
func readPlain(ctx context.Context, source oci.Source, platform string, root Root) (*Artifact, error) {
	a, err := (&Artifact{source: source, complete: true, Root: root}).read(ctx, platform)
	if a != nil {
		err = errors.Join(err, a.rows)
	}
	return a, err
}

// Complete reports whether every layer could be read to its end. Only then do tree
// and packages say what is in the image.
func (a *Artifact) Complete() bool { return a.complete }

// Examine is Read for a caller that checks the rows of the pkg database itself: faults
// in them are no error. It also finds what files need at run time, and their sums in both
// of pkg's families.
func Examine(ctx context.Context, source oci.Source, platform string) (*Artifact, error) {
	a := &Artifact{source: source, complete: true, Root: Root{blake2b: blake2bSums{}, programs: newPrograms()}}
	defer a.programs.close()
	return a.read(ctx, platform)
}

// read reads all. It returns nil if there is no manifest.
func (a *Artifact) read(ctx context.Context, platform string) (*Artifact, error) {
	var err error
	if a.Contents, err = oci.Read(ctx, a.source, platform); a.Contents == nil {
		return nil, err
	}
	errs := []error{err}
	a.noteLayout(a.Unreferenced)
	var stack layer.Stack
	for i, d := range a.Manifest.Layers {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		errs = append(errs, fault.Within(fmt.Sprintf("layer %d", i+1), a.readLayer(ctx, &stack, i, d)))
	}
	if a.Tree, err = stack.Tree(ctx); err != nil {
		return nil, err
	}
	a.Edited = a.Text
	if a.Accounts, err = etc.In(a.Text); err != nil {
		a.Accounts, a.NoAccounts = new(etc.Accounts), true
		errs = append(errs, fault.Content(fault.Within("the image's accounts", err)))
	}
	if n := a.Tree.Lookup(pkgdb.Path); n == nil || n.Type != tree.File || n.Digest != a.databaseDigest {
		a.Database.Close()
		a.Database = nil // an upper layer has something else there
	}
	if a.Database != nil && a.complete {
		errs = append(errs, a.foldJournals(ctx), a.readDatabase(ctx))
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return a, errors.Join(errs...)
}

// maxUnreferenced bounds how many files are named to which nothing refers.
const maxUnreferenced = 3

// noteLayout notes what an archive has in addition to the image.
func (a *Artifact) noteLayout(unreferenced []string) {
	a.Notes, a.Details = append(a.Notes, a.PassedOver...), append(a.Details, unreferenced...)
	if n := len(unreferenced); n > maxUnreferenced {
		unreferenced = append(unreferenced[:maxUnreferenced:maxUnreferenced], fmt.Sprintf("so are %d more files", n-maxUnreferenced))
	}
	a.Notes = append(a.Notes, unreferenced...)
}

// ReadRef is Read for an image that the user names.
func ReadRef(ctx context.Context, ref *Ref, platform string) (*Artifact, error) {
	source, err := ref.Open(ctx)
	if err != nil {
		return nil, err
	}
	return Read(ctx, source, platform)
}

// ReadAny is ReadRef for an image, or for a single layer in a file.
func ReadAny(ctx context.Context, ref *Ref, platform string) (*Artifact, error) {
	a, err := ReadRef(ctx, ref, platform)
	if a == nil && ctx.Err() == nil && ref.File != nil && !ref.File.Folder() {
		if only, no := readLayerOnly(ctx, ref.File); only != nil && only.isLayer() {
			return only, no
		}
	}
	return a, err
}

// readLayer reads a layer's entries, compares its DiffID with the config's, and
// puts it on the stack.
func (a *Artifact) readLayer(ctx context.Context, stack *layer.Stack, i int, d v1.Descriptor) error {
	from := a.list.Len()
	a.Layers, a.Read = append(a.Layers, a.list.Since(from)), append(a.Read, layer.Layer{})
	blob, err := a.source.Blob(ctx, d)
	if err != nil {
		a.complete = false
		return err
	}
	defer blob.Close()
	a.Read[i], err = layer.Read(ctx, blob, d.MediaType, func(n *tree.Node, contents io.Reader) error { return a.entry(ctx, n, contents) })
	a.Layers[i] = a.list.Since(from)
	if a.Read[i].DiffID == "" {
		a.complete = false
		// If the bytes do not match the digest, faults in what they say are not
		// worth reporting.
		if _, other := io.Copy(io.Discard, until.Reader(ctx, blob)); other != nil {
			return other
		}
		return err
	}
	errs := []error{err}
	if ids := a.Config.RootFS.DiffIDs; i < len(ids) && a.Read[i].DiffID != ids[i] {
		a.complete = false
		errs = append(errs, diffIDError(a.Read[i].DiffID, ids[i]))
	}
	errs = append(errs, stack.Apply(ctx, a.Layers[i]))
	a.complete = a.complete && !stack.Full()
	return errors.Join(errs...)
}

// diffIDError distinguishes a wrong DiffID from one that cannot be compared.
func diffIDError(found, wanted digest.Digest) error {
	if err := oci.CheckDigest(wanted); err != nil {
		return fmt.Errorf("the DiffID of its tar file, in the config: %w", err)
	}
	return &oci.MismatchError{What: "the DiffID of its tar file", Found: found.String(), Wanted: wanted.String() + ", which the config has"}
}

// entry records an entry of a layer, hashes its contents in both families, and keeps
// them if they are needed.
func (a *Artifact) entry(ctx context.Context, n *tree.Node, contents io.Reader) error {
	if a.entries++; a.entries > layer.MaxEntries {
		return fault.Unsupportedf("the image has more than %d entries, which is the most that this version reads", layer.MaxEntries)
	}
	defer a.list.Append(n) // with its digest
	if n.Type != tree.File {
		return nil
	}
	limit, ok := a.keeps(n)
	if !ok {
		return a.sum(n, contents)
	}
	if n.Size > limit {
		return fault.Unsupportedf("%s: has %d bytes, wanted at most %d", n.Path, n.Size, limit)
	}
	switch {
	case n.Path == pkgdb.Path:
		return a.keepDatabase(ctx, n, contents)
	case pkgdb.IsJournal(n.Path):
		return a.keepJournal(ctx, n, contents)
	}
	text := bytes.NewBuffer(make([]byte, 0, n.Size+bytes.MinRead)) // with space to find the end
	err := a.sum(n, io.TeeReader(contents, text))
	if a.kept == nil {
		a.kept = map[keptFile][]byte{}
	}
	a.kept[keptFile{n.Path, n.Digest}] = text.Bytes()
	return err
}

// keepDatabase keeps a pkg database, and records its hash.
func (a *Artifact) keepDatabase(ctx context.Context, n *tree.Node, contents io.Reader) error {
	image, err := pkgdb.Collect(ctx, contents)
	if err != nil {
		return err
	}
	a.Database.Close() // of a lower layer
	err = a.sum(n, image.Reader())
	a.Database, a.databaseDigest = image, n.Digest
	return err
}

// Bounds for the files whose contents are kept, in bytes. The pkg database of an
// image has some 20 MB, that of a desktop with a thousand packages 100 MB, and one of
// MaxEntries 400 MB; a large one is kept in a file. The others are short: services has
// 90 KB, and even the accounts of a university fit.
const (
	maxDatabase = 512 << 20
	maxKept     = 4 << 20
	maxTexts    = 32 << 20 // of all that only the closure needs
)

// Paths of files that are kept, which are compared with each entry. Those for the
// closure may be folders, with a slash at the end.
var alwaysKept, keptForClosure = etc.Read(), closure.Texts()

// keeps reports whether the contents of a file are kept, and how many bytes they
// may have.
func (a *Artifact) keeps(n *tree.Node) (limit int64, ok bool) {
	if n.Path == pkgdb.Path || pkgdb.IsJournal(n.Path) {
		return maxDatabase, true
	}
	if slices.Contains(alwaysKept, n.Path) {
		return maxKept, true
	}
	if a.programs != nil && slices.Contains(abiFiles, n.Path) {
		return maxKept, n.Size <= maxKept
	}
	if a.programs == nil || !slices.ContainsFunc(keptForClosure, func(path string) bool {
		return n.Path == path || strings.HasSuffix(path, "/") && strings.HasPrefix(n.Path, path)
	}) {
		return 0, false
	}
	if a.texts += n.Size; a.texts > maxTexts { // a path may be any number of times in a layer
		return 0, false
	}
	return maxKept, true
}

// Text returns a file of the image that was kept, nil for none.
func (a *Artifact) Text(path string) []byte {
	n := a.Tree.Lookup(path)
	if n == nil || n.Type != tree.File {
		return nil
	}
	return a.kept[keptFile{path, n.Digest}]
}

func (a *Artifact) readDatabase(ctx context.Context) error {
	db, err := pkgdb.Open(ctx, a.Folded())
	if err != nil {
		return err
	}
	defer db.Close()
	if a.Content, err = db.Content(ctx); err != nil {
		return err
	}
	a.Packages, a.rows = a.Content.Installed(ctx)
	if !haveBLAKE2b(a.Packages) {
		a.blake2b = nil
	}
	a.owners = OwnersOf(a.Packages)
	return nil
}
