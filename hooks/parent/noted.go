// SPDX-License-Identifier: BSD-2-Clause

package parent

import (
	"context"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/oci/layout"
)

// What is in an image follows from its digest. So a build that has read all of it leaves a
// note, and beside it the pkg database as a blob. A later one on the same image believes
// these, as it does all notes of its own program, and reads a layer only to copy it or for
// the contents of a file, whose digests it checks. An image is read again if its note is
// gone or of no use.

// The names of both notes.
const (
	noteOfFiles    = "files"    // bytes
	noteOfDatabase = "database" // layer.Layer: digest and size of the blob
)

// noted returns the image as an earlier build read it, nil if it left no note of use.
func (i *Image) noted(ctx context.Context, source oci.Source) *artifact.Artifact {
	var note []byte
	if i.blobs == nil || !i.recall(ctx, noteOfFiles, &note) {
		return nil
	}
	database, err := i.database(ctx)
	if err != nil {
		return nil
	}
	a, err := artifact.Restore(ctx, source, i.platform, note, database)
	if err != nil {
		database.Close()
		return nil // reading the image says what is wrong with it
	}
	return a
}

// database returns the pkg database of an image with a note, nil if it has none.
func (i *Image) database(ctx context.Context) (*pkgdb.Image, error) {
	var l layer.Layer
	if !i.recall(ctx, noteOfDatabase, &l) {
		return nil, nil
	}
	f := i.blobs.Blob(l)
	if f == nil {
		return nil, nil
	}
	defer f.Close()
	return pkgdb.Collect(ctx, oci.Verify(f, l.Digest, l.Size))
}

// note leaves a note of an image that was read, and of what is odd about it, if it can. It
// is of no use without its database.
func (i *Image) note(ctx context.Context, a *artifact.Artifact, odd []string) {
	if i.notes == nil || i.blobs == nil {
		return
	}
	note, err := a.Note(ctx, odd)
	if err != nil || note == nil || a.Database != nil && !i.noteDatabase(ctx, a.Folded()) {
		return
	}
	i.keep(ctx, noteOfFiles, note)
}

// noteDatabase keeps the pkg database, and reports whether it could.
func (i *Image) noteDatabase(ctx context.Context, image *pkgdb.Image) bool {
	d, err := digest.SHA256.FromReader(until.Reader(ctx, image.Reader()))
	if err != nil {
		return false
	}
	l := layer.Layer{Digest: d, Size: image.Size()}
	f, err := i.blobs.Fetch(l, layout.Unnamed, func(to io.Writer) error {
		_, err := io.Copy(to, until.Reader(ctx, image.Reader()))
		return err
	})
	if err != nil {
		return false
	}
	f.Close()
	i.keep(ctx, noteOfDatabase, l)
	return true
}
