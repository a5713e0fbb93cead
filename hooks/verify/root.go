// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release/tarfile"
	"github.com/orlop/orlop/release/tree"
)

// maxFaults bounds the reported faults of files that differ from the database.
const maxFaults = 10_000

// compareRoot finds everything in which files differ from their rows in the pkg
// database. There may be many rows, so the context can end it.
func compareRoot(ctx context.Context, r *artifact.Root, pkgs []pkgdb.Installed) []error {
	var errs []error
	by := scriptedBy(r, pkgs)
	for _, p := range pkgs {
		for i, f := range p.Files.All() {
			if i%1024 == 0 && ctx.Err() != nil {
				return []error{ctx.Err()}
			}
			if errs = append(errs, compareFile(r, by, p, f)...); len(errs) > maxFaults {
				return append(errs[:maxFaults], &fault.ContentError{Err: errors.New("more differs from the pkg database")})
			}
		}
		for _, d := range p.Dirs {
			errs = append(errs, compareDir(r, by, p, d)...)
		}
		if ctx.Err() != nil {
			return []error{ctx.Err()}
		}
	}
	if !r.Folder {
		errs = append(errs, compareFlags(r, pkgs)...)
	}
	return errs
}

// unowned lists the files and links that no package has.
func unowned(ctx context.Context, r *artifact.Root, pkgs []pkgdb.Installed) ([]string, error) {
	owners := artifact.OwnersOf(pkgs)
	var left []string
	for n := range r.Tree.Until(ctx) {
		if n.Type != tree.Dir && n.Path != pkgdb.Path && !owners.HasFile(n.Path) {
			left = append(left, n.Path)
		}
	}
	return left, ctx.Err()
}

// compareFile compares a row of files with the node of its path.
func compareFile(r *artifact.Root, by *scripted, p pkgdb.Installed, f pkgfile.File) []error {
	n, c := find(r, p, f.Path)
	if n == nil {
		return []error{departedFile(f.Path, f.Sum, errors.Join(c.Errs...))}
	}
	if f.Sum == "" && !f.Known { // registered by pkg before 1.2, which recorded nothing more
		return c.Errs
	}
	wanted, err := sum.Parse(f.Sum)
	if err != nil {
		return append(c.Errs, fmt.Errorf("%s: %w", c.Subject, err))
	}
	edited := false
	switch n.Type {
	case tree.Dir:
		c.Fact("type", n.Type.String(), "file")
	case tree.Symlink:
		if f.Known {
			c.Fact("link", n.Link, f.Link)
		}
		c.Fact("sum", string(sum.OfLink(wanted.Kind(), n.Link)), string(wanted.Typed()))
	default:
		found := r.SumOf(n, wanted.Kind())
		if edited = found != string(wanted.Typed()) && by.edits(n, wanted); !edited {
			c.Fact("sum", found, string(wanted.Typed()))
		}
		c.Fact("link", "", f.Link)
	}
	compareAttributes(c, r, by, n, f.Attr)
	if f.Known && f.Time != nil && n.Type != tree.Dir && !edited {
		c.Fact("time", fmt.Sprint(n.Time), fmt.Sprint(*f.Time))
	}
	return changedFile(n, f.Sum, c.Errs)
}

// compareDir compares a row of directories with the node of its path.
func compareDir(r *artifact.Root, by *scripted, p pkgdb.Installed, d pkgfile.Dir) []error {
	n, c := find(r, p, d.Path)
	if n == nil {
		return []error{departedFile(d.Path, "", errors.Join(c.Errs...))}
	}
	c.Fact("type", n.Type.String(), "dir")
	compareAttributes(c, r, by, n, d.Attr)
	return changedFile(n, "", c.Errs)
}

func find(r *artifact.Root, p pkgdb.Installed, path string) (*tree.Node, *pkgdb.Comparison) {
	c := &pkgdb.Comparison{Subject: p.FullName() + ": " + path}
	n := r.Tree.Lookup(path)
	if n == nil {
		c.Fact("file", "absent", "one")
	}
	return n, c
}

func compareAttributes(c *pkgdb.Comparison, r *artifact.Root, by *scripted, n *tree.Node, a pkgfile.Attr) {
	if !a.Known {
		return
	}
	if n.Type != tree.Symlink { // that of a link has no effect
		mode, says := by.modeOf(n, a)
		c.Differs("mode", fmt.Sprintf("%04o", n.Mode), fmt.Sprintf("%04o", mode), says)
	}
	if !r.AnyOwner {
		compareOwner(c, "uname", n.Uname, n.UID, a.Uname, r.Folder, r.Accounts.UID)
		compareOwner(c, "gname", n.Gname, n.GID, a.Gname, r.Folder, r.Accounts.GID)
	}
}

// compareOwner compares the number of an owner, which counts when an image runs, with
// the number of the wanted name. The name in the entry comes second (image-spec,
// layer.md, File Attributes), and counts if the accounts lack the wanted one.
func compareOwner(c *pkgdb.Comparison, fact, name string, id int, wanted string, folder bool, lookup func(string) (int, bool)) {
	number, known := lookup(wanted)
	switch {
	case name == wanted: // checkOwners checks the number
	case known && id == number, !known && name == "" && !folder:
	case known && name == "":
		c.Fact(fact, fmt.Sprint(id), fmt.Sprintf("%s, %d", wanted, number))
	case known:
		c.Fact(fact, fmt.Sprintf("%s, %d", name, id), fmt.Sprintf("%s, %d", wanted, number))
	default:
		c.Fact(fact, cmp.Or(name, fmt.Sprint(id)), wanted)
	}
}

// compareFlags compares file flags with the pkg database, as far as a layer can carry
// them. All names of an inode share its flags. It skips directories: one that a
// lower layer made immutable stays so, even if a package of an upper layer has it
// without the flags.
func compareFlags(r *artifact.Root, pkgs []pkgdb.Installed) []error {
	type inode struct {
		subject       string // of its first name
		found, wanted map[string]bool
	}
	inodes := map[string]*inode{} // those with flags anywhere, which are few
	each := func(visit func(p *pkgdb.Installed, path, inode, found, wanted string)) {
		for i := range pkgs {
			for _, f := range pkgs[i].Files.All() {
				if path, inode, found, wanted, ok := flagsOf(r, f); ok {
					visit(&pkgs[i], path, inode, found, wanted)
				}
			}
		}
	}
	each(func(_ *pkgdb.Installed, _, name, found, wanted string) {
		if found != "" || wanted != "" {
			inodes[name] = &inode{found: map[string]bool{}, wanted: map[string]bool{}}
		}
	})
	if len(inodes) == 0 {
		return nil
	}
	var order []*inode
	each(func(p *pkgdb.Installed, path, name, found, wanted string) {
		at := inodes[name]
		if at == nil {
			return
		}
		if at.subject == "" {
			at.subject = p.FullName() + ": " + path
			order = append(order, at)
		}
		addFlags(at.found, found)
		addFlags(at.wanted, wanted)
	})
	var errs []error
	for _, at := range order {
		c := pkgdb.Comparison{Subject: at.subject}
		c.Fact("flags", flagText(at.found), flagText(at.wanted))
		errs = append(errs, c.Errs...)
	}
	return errs
}

// flagsOf returns the inode of a file, the flags that it has, and those that it should
// have; nothing for one that is reported already, or whose flags are not in the
// database.
func flagsOf(r *artifact.Root, f pkgfile.File) (path, inode, found, wanted string, ok bool) {
	n := r.Tree.Lookup(f.Path)
	if n == nil || n.Type == tree.Dir || !f.Known {
		return "", "", "", "", false
	}
	if inode = n.Path; n.Type == tree.Hardlink {
		inode = n.Link
	}
	if f.Flags != nil && *f.Flags != 0 {
		wanted, _ = tarfile.KnownFlags(pkgfile.FormatFlags(*f.Flags))
	}
	return f.Path, inode, n.Flags, wanted, true
}

func addFlags(set map[string]bool, flags string) {
	for name := range strings.SplitSeq(flags, ",") {
		if name != "" {
			set[name] = true
		}
	}
}

func flagText(set map[string]bool) string {
	return cmp.Or(strings.Join(slices.Sorted(maps.Keys(set)), ","), "none")
}
