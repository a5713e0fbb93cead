// SPDX-License-Identifier: BSD-2-Clause

// Package input has the sources of packages and files for a build: repositories,
// locks, and a root that pkg(8) filled.
package input

import (
	"context"
	"errors"
	"io"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/etc"
)

// Input is a source of packages and files. It knows nothing of images.
type Input interface {
	// Catalogues lists the packages that there are.
	Catalogues(ctx context.Context) ([]*catalog.Catalogue, error)
	// Open starts reading a package whose bytes are checked. Known is its manifest if
	// that has everything and so vouches for each byte that is used, else nil.
	Open(ctx context.Context, p *catalog.Package, known *pkgfile.Manifest) (*Reader, error)
	// Files offers a file or the files of a folder that are in no package, by their
	// paths below target; nil if there are none.
	Files(ctx context.Context, t define.Taken, target string) (*Offer, error)
}

// Reader reads a package.
type Reader struct {
	Manifest *pkgfile.Manifest
	Members
	// PassedOver returns the directories of an archive that its manifest lacks, once
	// it has been read to its end; nil for no archive.
	PassedOver func() []string
}

// Members reads the members of a package one after the other. The contents of each
// file are compared with its sum. Next overwrites the entry that it returned before.
type Members interface {
	Next() (*pkgfile.Entry, error)
	io.ReadCloser
}

// Offer is a file, or the files of a folder by path, from one origin.
type Offer struct {
	From  string // NAME-VERSION, or "srcdir"
	Name  string // of the package
	Files []etc.Source
}

// archived reads the members of a package from its archive.
type archived struct {
	*pkgfile.Reader
	file io.Closer
}

func (a archived) Close() error { return errors.Join(a.Reader.Close(), a.file.Close()) }

// readArchive returns a Reader of an open package.
func readArchive(pkg *pkgfile.Reader, file io.Closer) *Reader {
	return &Reader{Manifest: pkg.Manifest, Members: archived{pkg, file},
		PassedOver: func() []string { return pkg.PassedOver }}
}
