// SPDX-License-Identifier: BSD-2-Clause

package input

import (
	"cmp"
	"context"
	"hash"
	"io"
	"os"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/tree"
)

// rootPackage reads a package's files in the order of their paths, as in its
// archive, and then its directories.
type rootPackage struct {
	ctx      context.Context // ends every read
	root     *Root
	manifest *pkgfile.Manifest
	next     int
	entry    pkgfile.Entry
	cur      int // place of the file being read, -1 for none
	file     *os.File
	hash     hash.Hash
}

// Next returns the next file or directory, io.EOF after the last.
func (p *rootPackage) Next() (*pkgfile.Entry, error) {
	if err := cmp.Or(p.Close(), p.ctx.Err()); err != nil {
		return nil, err
	}
	n := p.next - p.manifest.Files.Len()
	p.next++
	if n >= len(p.manifest.Dirs) {
		return nil, io.EOF
	}
	if n >= 0 {
		d := &p.manifest.Dirs[n]
		_, err := p.node(d.Path, tree.Dir)
		p.entry = pkgfile.Entry{Path: d.Path, IsDir: true, Attr: d.Attr, Flags: *d.Flags}
		return &p.entry, err
	}
	i := n + p.manifest.Files.Len()
	f := p.manifest.Files.Bare(i)
	want := tree.File
	if at := p.root.nodes[f.Path]; f.IsLink || at != nil && at.Type == tree.Symlink && !f.Known {
		want = tree.Symlink
	}
	node, err := p.node(f.Path, want)
	if err != nil {
		return nil, err
	}
	e := &p.entry
	*e = pkgfile.Entry{Path: f.Path, IsConfig: f.IsConfig, Attr: f.Attr, Flags: *f.Flags, Time: node.Time}
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
		e.Size = p.root.size(node)
		p.cur = i
	}
	return e, nil
}

// size returns the size of a file under any of its names.
func (in *Root) size(n *tree.Node) int64 {
	if n.Type == tree.Hardlink {
		return in.nodes[n.Link].Size
	}
	return n.Size
}

func (p *rootPackage) owns(path string) bool {
	_, found := p.manifest.Files.Find(path)
	return found
}

// node returns what the folder has at a path.
func (p *rootPackage) node(path string, want tree.Type) (*tree.Node, error) {
	n := p.root.nodes[path]
	switch {
	case n == nil:
		return nil, p.fault(path, "file in the root", "absent", "one")
	case n.Type != want && !(n.Type == tree.Hardlink && want == tree.File):
		return nil, p.fault(path, "type in the root", n.Type.String(), want.String())
	}
	return n, nil
}

func (p *rootPackage) fault(path, fact, found, wanted string) error {
	return &pkgdb.Fault{Subject: p.manifest.FullName() + ": " + path, Fact: fact, Found: found, Wanted: wanted}
}

// Read reads the contents of the current file; its sum is checked at the end.
func (p *rootPackage) Read(b []byte) (int, error) {
	if p.cur < 0 {
		return 0, io.EOF
	}
	path, want := p.manifest.Files.Path(p.cur), sum.Sum(p.manifest.Files.Sum(p.cur))
	if p.file == nil {
		var err error
		if p.file, err = p.root.root.Open(path[1:]); err != nil {
			return 0, err
		}
		p.hash = want.New()
	}
	n, err := until.Reader(p.ctx, p.file).Read(b)
	p.hash.Write(b[:n])
	if err == io.EOF && want != "" {
		if wrong := want.Check(p.manifest.FullName()+": "+path, p.hash); wrong != nil {
			return n, wrong
		}
	}
	return n, err
}

// Close closes the current file.
func (p *rootPackage) Close() error {
	file := p.file
	p.cur, p.file, p.hash = -1, nil, nil
	if file == nil {
		return nil
	}
	return file.Close()
}
