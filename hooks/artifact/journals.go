// SPDX-License-Identifier: BSD-2-Clause

package artifact

import (
	"context"
	"io"
	"strings"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/release/tree"
)

// journals are what SQLite has left beside a pkg database: an image is often made while
// pkg's last changes are only there.
type journals struct {
	found map[string]journal // by what is added to the name of the database
	whole *pkgdb.Image       // the database with all of them; nil for none
}

// journal is one of them.
type journal struct {
	*pkgdb.Image
	digest tree.Digest
}

// keepJournal keeps a journal, and records its hash.
func (a *Artifact) keepJournal(ctx context.Context, n *tree.Node, contents io.Reader) error {
	image, err := pkgdb.Collect(ctx, contents)
	if err != nil {
		return err
	}
	if err = a.sum(n, image.Reader()); err != nil {
		image.Close()
		return err
	}
	if a.journals.found == nil {
		a.journals.found = map[string]journal{}
	}
	suffix := strings.TrimPrefix(n.Path, pkgdb.Path)
	a.journals.found[suffix].Close() // of a lower layer
	a.journals.found[suffix] = journal{image, n.Digest}
	return nil
}

// foldJournals applies the journals that are in the image's tree.
func (a *Artifact) foldJournals(ctx context.Context) error {
	beside := map[string]*pkgdb.Image{}
	for suffix, j := range a.journals.found {
		n := a.Tree.Lookup(pkgdb.Path + suffix)
		if n != nil && n.Digest == j.digest && j.Size() > 0 && suffix != "-shm" { // which is only an index of the log
			beside[suffix] = j.Image
		}
	}
	if len(beside) == 0 {
		return nil
	}
	var err error
	a.journals.whole, err = pkgdb.Fold(ctx, a.Database, beside)
	return err
}

// CloseDatabase releases the pkg database.
func (a *Artifact) CloseDatabase() {
	a.Database.Close()
	a.journals.whole.Close()
	for _, j := range a.journals.found {
		j.Close()
	}
}
