// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/crypto/blake2b"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/tree"
)

// MismatchError is a fact that two parts of an artifact tell differently.
type MismatchError struct {
	Subject, Fact, Found, Wanted string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("%s: %s is %s, wanted %s", e.Subject, e.Fact, e.Found, e.Wanted)
}

// Artifact is what an archive turned out to hold.
type Artifact struct {
	*oci.Contents
	Layers   [][]*tree.Node  // entries in the order of the archive
	Tree     *tree.Tree      // all layers, one over the other
	Packages []pkgdb.Package // nil where the image has no pkg database

	database []byte
	sums     map[string]sums // of files, by path
}

// sums are a file's in both of pkg's families.
type sums struct{ sha256, blake2b []byte }

// Read reads an archive whole: every blob, every layer, the pkg database. What
// it returns beside an error is as complete as the faults allow.
func Read(ctx context.Context, path string) (*Artifact, error) {
	archive, err := oci.Open(path)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	a := &Artifact{Tree: new(tree.Tree), sums: map[string]sums{}}
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
	a.Layers = append(a.Layers, nodes)
	if err != nil {
		return err
	}
	var errs []error
	if ids := a.Config.RootFS.DiffIDs; i < len(ids) && l.DiffID != ids[i] {
		errs = append(errs, &MismatchError{"its tar file", "DiffID", l.DiffID.String(), ids[i].String() + ", which the config has"})
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
	plain := sha256.New()
	blake, err := blake2b.New512(nil)
	if err != nil {
		return err
	}
	if n.Path == databasePath {
		if n.Size > maxDatabase {
			return fmt.Errorf("%s has %d bytes, wanted at most %d", n.Path, n.Size, maxDatabase)
		}
		if a.database, err = io.ReadAll(contents); err != nil {
			return err
		}
		return nil
	}
	if _, err := io.Copy(io.MultiWriter(plain, blake), contents); err != nil {
		return err
	}
	s := sums{plain.Sum(nil), blake.Sum(nil)}
	a.sums[n.Path] = s
	n.Digest = hex.EncodeToString(s.sha256)
	return nil
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
	content, err := db.Content()
	if err != nil {
		return err
	}
	a.Packages, err = content.Packages()
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
	for _, p := range a.Packages {
		for _, f := range p.Files {
			errs = append(errs, a.checkFile(p, f)...)
		}
		for _, d := range p.Dirs {
			errs = append(errs, a.checkDir(p, d)...)
		}
	}
	return a, errors.Join(errs...)
}

// checkFile compares a row of files with the node of its path.
func (a *Artifact) checkFile(p pkgdb.Package, f pkgdb.File) []error {
	n, c := a.compare(p, f.Path)
	if n == nil {
		return c.errs
	}
	wanted := sum.Sum(f.Sum)
	if _, err := sum.Parse(f.Sum); err != nil {
		return append(c.errs, err)
	}
	switch n.Type {
	case tree.Dir:
		c.fact("type", n.Type.String(), "file")
	case tree.Symlink:
		if f.Known {
			c.fact("link", n.Link, f.Link)
		}
		c.fact("sum", string(sum.OfLink(wanted.Kind(), n.Link)), string(wanted.Typed()))
	default:
		s := a.sums[f.Path]
		c.fact("sum", string(wanted.Kind().Format(map[bool][]byte{true: s.blake2b, false: s.sha256}[wanted.Kind() == sum.BLAKE2b])), string(wanted.Typed()))
		c.fact("link", "", f.Link)
	}
	if f.Known {
		c.fact("mode", fmt.Sprintf("%04o", n.Mode), fmt.Sprintf("%04o", f.Perm))
		c.fact("uname", n.Uname, f.Uname)
		c.fact("gname", n.Gname, f.Gname)
		c.fact("time", fmt.Sprint(n.Time), fmt.Sprint(f.Time))
	}
	return c.errs
}

// checkDir compares a row of directories with the node of its path.
func (a *Artifact) checkDir(p pkgdb.Package, d pkgdb.Dir) []error {
	n, c := a.compare(p, d.Path)
	if n == nil {
		return c.errs
	}
	c.fact("type", n.Type.String(), "dir")
	if d.Known {
		c.fact("mode", fmt.Sprintf("%04o", n.Mode), fmt.Sprintf("%04o", d.Perm))
		c.fact("uname", n.Uname, d.Uname)
		c.fact("gname", n.Gname, d.Gname)
	}
	return c.errs
}

// comparison collects what differs at one path.
type comparison struct {
	subject string
	errs    []error
}

func (a *Artifact) compare(p pkgdb.Package, path string) (*tree.Node, *comparison) {
	c := &comparison{subject: p.Name + "-" + p.Version + ": " + path}
	n := a.Tree.Lookup(path)
	if n == nil {
		c.errs = append(c.errs, &MismatchError{c.subject, "file", "absent", "one, as the pkg database has it"})
	}
	return n, c
}

func (c *comparison) fact(name, found, wanted string) {
	if found != wanted {
		c.errs = append(c.errs, &MismatchError{c.subject, name, found, wanted + ", as the pkg database has it"})
	}
}
