// SPDX-License-Identifier: BSD-2-Clause

package input

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/tree"
)

// Root is a root that pkg(8) filled for an ordinary user (INSTALL_AS_USER). Its
// database lists the packages, as a catalogue does; the folder has the contents,
// the METALOG owners, modes and flags.
type Root struct {
	Tree
	Path    string       // of the root
	Metalog string       // the file that pkg wrote with it
	Schema  pkgdb.Schema // of the image's database, whose digest the lock has as the catalogue's

	Observe event.Observer

	root    *os.Root
	content *pkgdb.Content
	nodes   map[string]*tree.Node // of the folder, by path
	logged  map[string]tree.Node  // of the METALOG, by path
	pkgs    map[string]*pkgdb.Installed
}

// Check checks for a root that pkg(8) filled, and its METALOG.
func (in *Root) Check() error {
	err := CheckFolder("root", in.Path, "a root")
	if err == nil {
		if _, none := os.Stat(in.Path + pkgdb.Path); none != nil {
			err = fault.Usagef("--root: %s: found no %s, wanted a root that pkg(8) filled", in.Path, pkgdb.Path[1:])
		}
	}
	_, unread := CheckFile("metalog", in.Metalog)
	return errors.Join(err, unread)
}

// Close closes the folder.
func (in *Root) Close() error {
	if in.root == nil {
		return nil
	}
	return in.root.Close()
}

// Catalogues returns a catalogue for each repository that packages came from.
func (in *Root) Catalogues(ctx context.Context) ([]*catalog.Catalogue, error) {
	var err error
	if in.content, err = pkgdb.ReadContent(ctx, in.Path+pkgdb.Path); err != nil {
		return nil, err
	}
	if err := in.content.Pure(); err != nil {
		return nil, err
	}
	digest, err := in.digest(ctx)
	if err != nil {
		return nil, err
	}
	if err := in.readFolder(ctx); err != nil {
		return nil, err
	}
	pkgs, err := in.content.Installed(ctx)
	if err != nil {
		return nil, err
	}
	in.pkgs = map[string]*pkgdb.Installed{}
	repos, packages := map[string]*catalog.Repo{}, map[string][]*catalog.Package{}
	var errs []error
	for i := range pkgs {
		p := &pkgs[i]
		errs = append(errs, in.attribute(ctx, p))
		in.pkgs[p.Name] = p
		repo := repos[p.Repository]
		if repo == nil {
			repo = &catalog.Repo{Name: p.Repository}
			repos[p.Repository] = repo
		}
		packages[repo.Name] = append(packages[repo.Name], &catalog.Package{Summary: p.Summary(), Repo: repo})
	}
	var list []*catalog.Catalogue
	for _, name := range slices.Sorted(maps.Keys(repos)) {
		c, err := catalog.New(ctx, repos[name], digest, packages[name])
		errs = append(errs, err)
		list = append(list, c)
	}
	return list, errors.Join(errs...)
}

// digest is that of the normal form of the database, in hex. The lock has it as
// the digest of the catalogue.
func (in *Root) digest(ctx context.Context) (string, error) {
	normal, err := in.content.Encode(ctx, "", in.Schema)
	if err != nil {
		return "", err
	}
	defer normal.Close()
	h := sha256.New()
	_, err = io.Copy(h, until.Reader(ctx, normal.Reader()))
	return hex.EncodeToString(h.Sum(nil)), err
}

// readFolder lists the folder, and reads its METALOG.
func (in *Root) readFolder(ctx context.Context) error {
	var err error
	if in.root, err = os.OpenRoot(in.Path); err != nil {
		return err
	}
	nodes, err := tree.ReadDir(ctx, in.root)
	if err != nil {
		return err
	}
	in.nodes = map[string]*tree.Node{}
	for i := range nodes {
		in.nodes[nodes[i].Path] = &nodes[i]
	}
	return in.readMetalog(ctx, in.Metalog)
}

func (in *Root) readMetalog(ctx context.Context, file string) error {
	f, err := until.Open(ctx, file)
	if err != nil {
		return &fault.UnreadError{Flag: "metalog", Path: file, Err: err}
	}
	defer f.Close()
	in.logged, err = tree.ReadMetalog(f, file, func(path string) bool { return in.nodes[path] != nil })
	if _, large := errors.AsType[*tree.LimitError](err); err == nil || large {
		return err
	}
	return &fault.UsageError{Err: err}
}

// attribute sets owner, mode and flags of a package's entries from the METALOG.
// Those that the database has must be the same.
func (in *Root) attribute(ctx context.Context, p *pkgdb.Installed) error {
	var errs []error
	var files pkgfile.Files
	for _, f := range p.Files.All() {
		if err := ctx.Err(); err != nil {
			return err
		}
		errs = append(errs, in.describe(p, f.Path, &f.Attr, &f.Flags))
		files.Append(f)
	}
	p.Files = files
	for i := range p.Dirs {
		errs = append(errs, in.describe(p, p.Dirs[i].Path, &p.Dirs[i].Attr, &p.Dirs[i].Flags))
	}
	return errors.Join(errs...)
}

func (in *Root) describe(p *pkgdb.Installed, path string, a *pkgfile.Attr, flags **uint32) error {
	c := pkgdb.Comparison{Subject: p.FullName() + ": " + path}
	n, ok := in.logged[path]
	if !ok {
		c.Fact("entry in the METALOG", "absent", "one")
		return errors.Join(c.Errs...)
	}
	bits, err := pkgfile.ParseFlags(n.Flags)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Subject, err)
	}
	if a.Known {
		c.Fact("uname in the METALOG", n.Uname, a.Uname)
		c.Fact("gname in the METALOG", n.Gname, a.Gname)
		c.Fact("mode in the METALOG", fmt.Sprintf("%04o", n.Mode), fmt.Sprintf("%04o", a.Perm))
		c.Fact("flags in the METALOG", cmp.Or(n.Flags, "none"), cmp.Or(pkgfile.FormatFlags(**flags), "none"))
	}
	*a = pkgfile.Attr{Known: true, Uname: n.Uname, Gname: n.Gname, Perm: n.Mode}
	*flags = &bits
	return errors.Join(c.Errs...)
}

// CheckPlanned checks that every package of the root is planned for the images, and
// reports files of the root that no package has.
func (in *Root) CheckPlanned(ctx context.Context, images []string, packages []string) error {
	owned, planned := map[string]bool{}, map[string]bool{}
	for _, name := range packages {
		planned[name] = true
		files := &in.pkgs[name].Files
		for i := range files.Len() {
			owned[files.Path(i)] = true
		}
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(in.pkgs)) {
		if !planned[name] {
			errs = append(errs, &solve.UnresolvedError{Chain: []string{name},
				Reason: "it is installed in the root, but image " + strings.Join(images, ", ") + " does not need it"})
		}
	}
	paths, err := until.Sorted(ctx, maps.Keys(in.nodes))
	errs = append(errs, err)
	for _, path := range paths {
		if ctx.Err() != nil {
			break
		}
		if n := in.nodes[path]; n.Type != tree.Dir && !owned[path] && !strings.HasPrefix(path, "/var/db/pkg/") {
			in.Observe.Notice("%s: no package has it, so it is left out or rebuilt", path)
		}
	}
	return errors.Join(errs...)
}

// Database returns the root's database with some of its packages, for an image with
// an epoch, in a file without a name that it makes in a folder. Automatic has the mark
// of each package; with own, the marks are the root's.
func (in *Root) Database(ctx context.Context, dir string, automatic map[string]bool, own bool, epoch int64, schema pkgdb.Schema) (*pkgdb.Image, error) {
	marks := maps.Clone(automatic)
	if own {
		for name := range marks {
			marks[name] = in.pkgs[name].Automatic
		}
	}
	c, err := in.content.Only(ctx, marks)
	if err != nil {
		return nil, err
	}
	c.SetInstalled(epoch)
	c.Clamp(epoch)
	return c.Encode(ctx, dir, schema)
}

// Open starts reading a package from the root.
func (in *Root) Open(ctx context.Context, p *catalog.Package, _ *pkgfile.Manifest) (*Reader, error) {
	m := in.pkgs[p.Name].Manifest
	return &Reader{Manifest: m, Members: &rootPackage{ctx: ctx, root: in, manifest: m, cur: -1}}, nil
}
