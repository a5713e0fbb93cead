// SPDX-License-Identifier: BSD-2-Clause

// Package input has the ways in which packages and files come into a build:
// repositories, locks, and a root that pkg(8) has filled.
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

// Input is where packages and files come from. It knows nothing of images.
type Input interface {
	// Catalogues tells which packages there are.
	Catalogues(ctx context.Context) ([]*catalog.Catalogue, error)
	// Open starts to read a package, its bytes checked. Known is its manifest if
	// that tells all and so vouches for every byte that is used, else nil.
	Open(ctx context.Context, p *catalog.Package, known *pkgfile.Manifest) (*Reader, error)
	// Files offers a file, or the files of a folder, that are in no package, by
	// their paths below target; nil where there are none.
	Files(ctx context.Context, t define.Taken, target string) (*Offer, error)
}

// Reader reads a package.
type Reader struct {
	Manifest      *pkgfile.Manifest
	Text, Compact []byte // of the manifest, and of the compact one; nil where there is none
	Members
	// PassedOver are directories of an archive that its manifest does not have, once
	// it is read to its end; nil for no archive.
	PassedOver func() []string
}

// Members are those of a package, one after the other. The contents of each file
// are compared with its sum.
type Members interface {
	Next() (*pkgfile.Entry, error)
	io.ReadCloser
}

// Offer is a file, or a folder's files by path, that somebody has.
type Offer struct {
	From  string // NAME-VERSION, or "srcdir"
	Name  string // of the package
	Files []etc.Source
}

// archived are the members of a package in its archive.
type archived struct {
	*pkgfile.Reader
	file io.Closer
}

func (a archived) Close() error { return errors.Join(a.Reader.Close(), a.file.Close()) }

// readArchive makes a Reader of a package that is opened.
func readArchive(pkg *pkgfile.Reader, file io.Closer) *Reader {
	return &Reader{Manifest: pkg.Manifest, Text: pkg.Text, Compact: pkg.Compact, Members: archived{pkg, file},
		PassedOver: func() []string { return pkg.PassedOver }}
}
