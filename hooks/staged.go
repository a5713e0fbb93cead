// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/tree"
)

// stagedRoot is a root that pkg(8) filled for an ordinary user
// (INSTALL_AS_USER). Its database says which packages there are and stands for
// a catalogue; the folder has the contents, the METALOG owners, modes and flags.
type stagedRoot struct {
	root    *os.Root
	content *pkgdb.Content
	nodes   map[string]*tree.Node // of the folder, by path
	logged  map[string]tree.Node  // of the METALOG, by path
	pkgs    map[string]*pkgdb.Installed
}

// readStaged reads Config.RootDir and leaves a catalogue for each repository
// that its packages came from.
func (r *run) readStaged(ctx context.Context) error {
	content, err := pkgdb.ReadContent(ctx, r.RootDir+pkgdb.Path)
	if err != nil {
		return err
	}
	if err := content.Pure(); err != nil {
		return err
	}
	normal, err := content.Encode(ctx, r.Schema)
	if err != nil {
		return err
	}
	s := &stagedRoot{content: content, nodes: map[string]*tree.Node{}, pkgs: map[string]*pkgdb.Installed{}}
	if s.root, err = os.OpenRoot(r.RootDir); err != nil {
		return err
	}
	r.staged = s
	nodes, err := tree.ReadDir(ctx, s.root)
	if err != nil {
		return err
	}
	for i := range nodes {
		s.nodes[nodes[i].Path] = &nodes[i]
	}
	if err := s.readMetalog(ctx, r.Metalog); err != nil {
		return err
	}
	pkgs, err := content.Installed(ctx)
	if err != nil {
		return err
	}
	// What the lock names in the place of a catalogue.
	digest := sum.HexSHA256(normal)
	catalogues := map[string]*catalog.Catalogue{}
	var errs []error
	for i := range pkgs {
		p := &pkgs[i]
		errs = append(errs, s.attribute(ctx, p))
		s.pkgs[p.Name] = p
		c := catalogues[p.Repository]
		if c == nil {
			c = &catalog.Catalogue{Repo: &catalog.Repo{Name: p.Repository}, Digest: digest}
			catalogues[p.Repository] = c
		}
		c.Packages = append(c.Packages, &catalog.Package{Summary: p.Summary(), Repo: c.Repo})
	}
	for _, name := range slices.Sorted(maps.Keys(catalogues)) {
		r.catalogues = append(r.catalogues, catalogues[name])
	}
	return errors.Join(errs...)
}

func (s *stagedRoot) readMetalog(ctx context.Context, file string) error {
	f, err := until.Open(ctx, file)
	if err != nil {
		return &fault.UnreadError{Flag: "metalog", Path: file, Err: err}
	}
	defer f.Close()
	s.logged, err = tree.ReadMetalog(f, file, func(path string) bool { return s.nodes[path] != nil })
	if _, large := errors.AsType[*tree.LimitError](err); err == nil || large {
		return err
	}
	return &fault.UsageError{Err: err}
}

// attribute gives a package's entries owner, mode and flags from the METALOG.
// What the database has of these must be the same.
func (s *stagedRoot) attribute(ctx context.Context, p *pkgdb.Installed) error {
	var errs []error
	for i := range p.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		f := &p.Files[i]
		errs = append(errs, s.describe(p, f.Path, &f.Attr, &f.Flags))
	}
	for i := range p.Dirs {
		errs = append(errs, s.describe(p, p.Dirs[i].Path, &p.Dirs[i].Attr, &p.Dirs[i].Flags))
	}
	return errors.Join(errs...)
}

func (s *stagedRoot) describe(p *pkgdb.Installed, path string, a *pkgfile.Attr, flags **uint32) error {
	c := pkgdb.Comparison{Subject: p.FullName() + ": " + path}
	n, ok := s.logged[path]
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

// checkStaged wants the image to have every package of the root, and tells
// which files of the root no package has.
func (r *run) checkStaged(ctx context.Context) error {
	if r.staged == nil {
		return nil
	}
	owned, planned := map[string]bool{}, map[string]bool{}
	for _, m := range r.family {
		for _, p := range m.step().Packages {
			planned[p.Name] = true
			for _, f := range r.staged.pkgs[p.Name].Files {
				owned[f.Path] = true
			}
		}
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(r.staged.pkgs)) {
		if !planned[name] {
			errs = append(errs, &solve.UnresolvedError{Chain: []string{name},
				Reason: "it is installed in the root, but image " + strings.Join(r.Images, ", ") + " has no need of it"})
		}
	}
	paths, err := until.Sorted(ctx, maps.Keys(r.staged.nodes))
	errs = append(errs, err)
	for _, path := range paths {
		if ctx.Err() != nil {
			break
		}
		if n := r.staged.nodes[path]; n.Type != tree.Dir && !owned[path] && !strings.HasPrefix(path, "/var/db/pkg/") {
			r.notice("%s: no package has it, so it is left out or made anew", path)
		}
	}
	return errors.Join(errs...)
}

// database is the root's database as it stands in the image of a member: that
// of the whole root keeps the marks that its user made, those of the images
// below have the marks of their requests.
func (s *stagedRoot) database(ctx context.Context, m *member, schema pkgdb.Schema) ([]byte, error) {
	marks := map[string]bool{}
	for _, step := range m.plan.Steps {
		for _, p := range step.Packages {
			marks[p.Name] = m.plan.Automatic(p, len(m.plan.Steps)-1)
			if m.wanted {
				marks[p.Name] = s.pkgs[p.Name].Automatic
			}
		}
	}
	c, err := s.content.Only(ctx, marks)
	if err != nil {
		return nil, err
	}
	c.SetInstalled(m.epoch)
	c.Clamp(m.epoch)
	return c.Encode(ctx, schema)
}

// open starts to read a package out of the root.
func (s *stagedRoot) open(ctx context.Context, p *catalog.Package) (*pkgfile.Manifest, opened, error) {
	m := s.pkgs[p.Name].Manifest
	return m, &stagedPackage{ctx: ctx, staged: s, manifest: m}, nil
}

// stagedPackage goes through a package's files in the order of their paths, as
// its archive has them, and then through its directories.
type stagedPackage struct {
	ctx      context.Context // ends every read
	staged   *stagedRoot
	manifest *pkgfile.Manifest
	next     int
	cur      *pkgfile.File // being read
	file     *os.File
	hash     hash.Hash
}

// Next returns the next file or directory, io.EOF after the last.
func (p *stagedPackage) Next() (*pkgfile.Entry, error) {
	if err := cmp.Or(p.Close(), p.ctx.Err()); err != nil {
		return nil, err
	}
	n := p.next - len(p.manifest.Files)
	p.next++
	if n >= len(p.manifest.Dirs) {
		return nil, io.EOF
	}
	if n >= 0 {
		d := &p.manifest.Dirs[n]
		_, err := p.node(d.Path, tree.Dir)
		return &pkgfile.Entry{Dir: d, Attr: d.Attr, Flags: *d.Flags}, err
	}
	f := &p.manifest.Files[n+len(p.manifest.Files)]
	want := tree.File
	if at := p.staged.nodes[f.Path]; f.IsLink || at != nil && at.Type == tree.Symlink && !f.Known {
		want = tree.Symlink
	}
	node, err := p.node(f.Path, want)
	if err != nil {
		return nil, err
	}
	e := &pkgfile.Entry{File: f, Attr: f.Attr, Flags: *f.Flags, Time: node.Time}
	if f.Time != nil {
		e.Time = *f.Time
	}
	switch {
	case want == tree.Symlink:
		if f.IsLink && node.Link != f.Link {
			return nil, p.fault(f.Path, "link", node.Link, f.Link)
		}
		e.IsLink, e.Link = true, node.Link
	case node.Type == tree.Hardlink && p.owns(node.Link):
		e.HardLink = node.Link
	default:
		e.Size = p.staged.size(node)
		p.cur = f
	}
	return e, nil
}

// size is that of a file, under whatever name.
func (s *stagedRoot) size(n *tree.Node) int64 {
	if n.Type == tree.Hardlink {
		return s.nodes[n.Link].Size
	}
	return n.Size
}

func (p *stagedPackage) owns(path string) bool {
	_, found := slices.BinarySearchFunc(p.manifest.Files, path, func(f pkgfile.File, path string) int { return strings.Compare(f.Path, path) })
	return found
}

// node is what the folder has at a path.
func (p *stagedPackage) node(path string, want tree.Type) (*tree.Node, error) {
	n := p.staged.nodes[path]
	switch {
	case n == nil:
		return nil, p.fault(path, "file in the root", "absent", "one")
	case n.Type != want && !(n.Type == tree.Hardlink && want == tree.File):
		return nil, p.fault(path, "type in the root", n.Type.String(), want.String())
	}
	return n, nil
}

func (p *stagedPackage) fault(path, fact, found, wanted string) error {
	return &pkgdb.Fault{Subject: p.manifest.FullName() + ": " + path, Fact: fact, Found: found, Wanted: wanted}
}

// Read reads the contents of the current file; its sum is checked at the end.
func (p *stagedPackage) Read(b []byte) (int, error) {
	if p.cur == nil {
		return 0, io.EOF
	}
	want := sum.Sum(p.cur.Sum)
	if p.file == nil {
		var err error
		if p.file, err = p.staged.root.Open(p.cur.Path[1:]); err != nil {
			return 0, err
		}
		p.hash = want.New()
	}
	n, err := until.Reader(p.ctx, p.file).Read(b)
	p.hash.Write(b[:n])
	if err == io.EOF && want != "" {
		if wrong := want.Check(p.manifest.FullName()+": "+p.cur.Path, p.hash); wrong != nil {
			return n, wrong
		}
	}
	return n, err
}

// Close closes the current file.
func (p *stagedPackage) Close() error {
	file := p.file
	p.cur, p.file, p.hash = nil, nil, nil
	if file == nil {
		return nil
	}
	return file.Close()
}
