// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"os"

	"golang.org/x/crypto/blake2b"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/etc"
	"github.com/orlop/orlop/release/tree"
)

// Root is a root file system with the sums of its files.
type Root struct {
	Tree *tree.Tree

	blake2b  map[string]string // of contents, by their sha256 in hex, which nodes have
	hasher   hasher
	accounts *etc.Accounts // its own
	folder   bool          // on a disk: owners are numbers, and flags are not read
	anyOwner bool          // owners say nothing
}

func newRoot() Root { return Root{Tree: new(tree.Tree), blake2b: map[string]string{}} }

// sumOf is that of a file's contents.
func (r *Root) sumOf(n *tree.Node, k sum.Kind) string {
	if n.Type == tree.Hardlink {
		if n = r.Tree.Lookup(n.Link); n == nil {
			return ""
		}
	}
	raw, err := hex.DecodeString(n.Digest)
	if k == sum.BLAKE2b {
		raw = []byte(r.blake2b[n.Digest])
	}
	if err != nil || len(raw) == 0 {
		return ""
	}
	return string(k.Format(raw))
}

// hasher makes the sums of many files, one after the other, in both of pkg's
// families.
type hasher struct {
	sha256, blake2b hash.Hash
	both            io.Writer
	buf             []byte
	empty           string // sha256 of no bytes, in hex
}

// sum reads the contents of a file and keeps their sums.
func (r *Root) sum(n *tree.Node, contents io.Reader) error {
	h := &r.hasher
	if h.buf == nil {
		blake, err := blake2b.New512(nil)
		if err != nil {
			return err
		}
		sha := sha256.New()
		*h = hasher{sha, blake, io.MultiWriter(sha, blake), make([]byte, 64<<10), hexDigest(nil)}
		r.blake2b[h.empty] = string(blake.Sum(nil))
	}
	h.sha256.Reset()
	h.blake2b.Reset()
	size, err := io.CopyBuffer(h.both, contents, h.buf)
	if size == 0 || err != nil {
		n.Digest = h.empty
		return err
	}
	n.Digest = hex.EncodeToString(h.sha256.Sum(h.buf[:0]))
	if _, known := r.blake2b[n.Digest]; !known {
		r.blake2b[n.Digest] = string(h.blake2b.Sum(nil))
	}
	return nil
}

// readRoot reads a folder that is a root file system. Owners are resolved in
// its own accounts. Where all files belong to one ordinary user, as in a root
// that was filled with INSTALL_AS_USER, owners are not compared.
func readRoot(ctx context.Context, dir string) (*Root, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	nodes, err := tree.ReadDir(ctx, root)
	if err != nil {
		return nil, err
	}
	r := newRoot()
	r.accounts, r.folder = etc.Standard(), true
	owners := map[int]bool{}
	for i := range nodes {
		n := &nodes[i]
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		owners[n.UID] = true
		if n.Type == tree.File {
			f, err := root.Open(n.Path[1:])
			if err == nil {
				err = r.sum(n, until.Reader(ctx, f))
				f.Close()
			}
			if err != nil {
				return nil, err
			}
		}
		if err := r.Tree.Put(*n); err != nil {
			return nil, err
		}
	}
	r.anyOwner = len(owners) == 1 && !owners[0]
	passwd, noPasswd := until.Do(ctx, func() ([]byte, error) { return root.ReadFile("etc/master.passwd") })
	group, noGroup := until.Do(ctx, func() ([]byte, error) { return root.ReadFile("etc/group") })
	if noPasswd == nil && noGroup == nil {
		r.accounts, err = etc.ParseAccounts(passwd, group)
	}
	return &r, err
}

// maxFaults bounds what is told of files none of which is as the database has it.
const maxFaults = 10_000

// compare finds everything in which the files differ from what a pkg database
// says of them. Its rows may be many: a signal ends it.
func compareRoot(ctx context.Context, r *Root, pkgs []pkgdb.Installed) []error {
	var errs []error
	modes := chmods(r, pkgs)
	for _, p := range pkgs {
		for i, f := range p.Files {
			if i%1024 == 0 && ctx.Err() != nil {
				return []error{ctx.Err()}
			}
			if errs = append(errs, compareFile(r, modes, p, f)...); len(errs) > maxFaults {
				return append(errs[:maxFaults], &fault.ContentError{Err: errors.New("more differs from the pkg database")})
			}
		}
		for _, d := range p.Dirs {
			errs = append(errs, compareDir(r, modes, p, d)...)
		}
		if ctx.Err() != nil {
			return []error{ctx.Err()}
		}
	}
	if !r.folder {
		errs = append(errs, compareFlags(r, pkgs)...)
	}
	return errs
}

// unowned lists the files and links that no package has.
func unowned(ctx context.Context, r *Root, pkgs []pkgdb.Installed) ([]string, error) {
	left := map[string]bool{}
	for n := range r.Tree.Until(ctx) {
		left[n.Path] = n.Type != tree.Dir && n.Path != databasePath
	}
	for _, p := range pkgs {
		for _, f := range p.Files {
			delete(left, f.Path)
		}
	}
	maps.DeleteFunc(left, func(_ string, is bool) bool { return !is })
	return until.Sorted(ctx, maps.Keys(left))
}

// compareFile compares a row of files with the node of its path.
func compareFile(r *Root, modes map[string]uint32, p pkgdb.Installed, f pkgfile.File) []error {
	n, c := find(r, p, f.Path)
	if n == nil {
		return c.errs
	}
	if f.Sum == "" && !f.Known { // of a package of pkg before 1.2, which says nothing more
		return c.errs
	}
	wanted, err := sum.Parse(f.Sum)
	if err != nil {
		return append(c.errs, fmt.Errorf("%s: %w", c.subject, err))
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
		c.fact("sum", r.sumOf(n, wanted.Kind()), string(wanted.Typed()))
		c.fact("link", "", f.Link)
	}
	compareAttributes(c, r, modes, n, f.Attr)
	if f.Known && f.Time != nil && n.Type != tree.Dir {
		c.fact("time", fmt.Sprint(n.Time), fmt.Sprint(*f.Time))
	}
	return c.errs
}

// compareDir compares a row of directories with the node of its path.
func compareDir(r *Root, modes map[string]uint32, p pkgdb.Installed, d pkgfile.Dir) []error {
	n, c := find(r, p, d.Path)
	if n == nil {
		return c.errs
	}
	c.fact("type", n.Type.String(), "dir")
	compareAttributes(c, r, modes, n, d.Attr)
	return c.errs
}

// comparison collects what differs at one path.
type comparison struct {
	subject string
	errs    []error
}

func find(r *Root, p pkgdb.Installed, path string) (*tree.Node, *comparison) {
	c := &comparison{subject: p.FullName() + ": " + path}
	n := r.Tree.Lookup(path)
	if n == nil {
		c.fact("file", "absent", "one")
	}
	return n, c
}

func compareAttributes(c *comparison, r *Root, modes map[string]uint32, n *tree.Node, a pkgfile.Attr) {
	if !a.Known {
		return
	}
	if n.Type != tree.Symlink { // nobody looks at a link's
		mode, says := modeOf(modes, n, a)
		c.differs("mode", fmt.Sprintf("%04o", n.Mode), fmt.Sprintf("%04o", mode), says)
	}
	if !r.anyOwner {
		compareOwner(c, "uname", n.Uname, n.UID, a.Uname, r.folder, r.accounts.UID)
		compareOwner(c, "gname", n.Gname, n.GID, a.Gname, r.folder, r.accounts.GID)
	}
}

// owner compares the number of an owner, which counts when an image runs, with
// what a name stands for. The name beside it comes second (image-spec, layer.md,
// File Attributes), and counts where the accounts do not know the other.
func compareOwner(c *comparison, fact, name string, id int, wanted string, folder bool, lookup func(string) (int, bool)) {
	number, known := lookup(wanted)
	switch {
	case name == wanted: // whether the number is this name's, checkOwners tells
	case known && id == number, !known && name == "" && !folder:
	case known && name == "":
		c.fact(fact, fmt.Sprint(id), fmt.Sprintf("%s, %d", wanted, number))
	case known:
		c.fact(fact, fmt.Sprintf("%s, %d", name, id), fmt.Sprintf("%s, %d", wanted, number))
	default:
		c.fact(fact, cmp.Or(name, fmt.Sprint(id)), wanted)
	}
}

// asDatabase says where what is wanted comes from.
const asDatabase = "as the pkg database has it"

func (c *comparison) fact(name, found, wanted string) { c.differs(name, found, wanted, asDatabase) }

func (c *comparison) differs(name, found, wanted, says string) {
	if found != wanted {
		c.errs = append(c.errs, &pkgdb.Fault{Subject: c.subject, Fact: name, Found: fault.Shown(found), Wanted: fault.Shown(wanted) + ", " + says})
	}
}
