// SPDX-License-Identifier: BSD-2-Clause

package root

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/own"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/tree"
)

// bring puts the files of the definition into the tree: those of folders, archives and
// other images, texts, folders, and links.
func (b *Builder) bring(ctx context.Context, m *Root) error {
	var errs []error
	set := b.Own[m.Step]
	if len(set.Unvouched) > 0 {
		m.doubt("the contents of %s of image %s are the lock's; --image-file compares them with the definition's folder", fault.Some(set.Unvouched), m.Def.Name)
	}
	files := set.Files
	for i := range files {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		errs = append(errs, b.bringFile(ctx, m, &files[i]))
	}
	for _, f := range m.Def.Files {
		if f.Content != nil {
			n := owned(f.Target, define.Owned{Owner: f.Owner, Group: f.Group, Mode: f.Mode}, 0o644)
			errs = append(errs, m.bringText(n, []byte(*f.Content)))
		}
	}
	errs = append(errs, m.pkgConf())
	for _, l := range m.Def.Links {
		errs = append(errs, m.bringText(tree.Node{Path: l.Key, Mode: 0o755, Link: l.Value}, nil))
	}
	for _, d := range m.Def.Dirs {
		n := owned(d.Path, d.Owned, 0o755)
		n.Type = tree.Dir
		errs = append(errs, m.bringDir(n, d.Owned != define.Owned{}))
	}
	return errors.Join(errs...)
}

// owned is a node with some attributes.
func owned(path string, o define.Owned, mode uint32) tree.Node {
	if o.Mode != 0 {
		mode = o.Mode
	}
	return tree.Node{Path: path, Mode: mode, Uname: o.Owner, Gname: o.Group}
}

// bringFile puts in a file, link or folder that was read. Small ones that a hook looks
// into are kept in memory.
func (b *Builder) bringFile(ctx context.Context, m *Root, f *own.File) error {
	mode, err := strconv.ParseUint("0"+f.Mode, 8, 12)
	if err != nil {
		return fmt.Errorf("%s: mode %q is not octal", f.Path, f.Mode)
	}
	m.Brought = append(m.Brought, f.Own)
	n := tree.Node{Path: f.Path, Mode: uint32(mode), Uname: f.Uname, Gname: f.Gname, Link: f.Link}
	switch {
	case f.Link != "":
		n.Mode = 0o755
		return m.bringText(n, nil)
	case f.SHA256 == "":
		n.Type = tree.Dir
		return m.bringDir(n, f.Uname != "" || f.Gname != "")
	case b.Wanted.Has(f.Path):
		text, err := f.Read(ctx, maxText)
		if err != nil {
			return err
		}
		return m.bringText(n, text)
	}
	n.Size = f.Size
	if n.Digest, err = tree.ParseDigest(f.SHA256); err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	if err := m.clear(&n); err != nil {
		return err
	}
	if err := m.place(n, nil); err != nil {
		return err
	}
	if _, placed := m.Generated[n.Path]; placed {
		delete(m.Generated, n.Path)
		m.own[n.Path] = f
	}
	return nil
}

// maxText bounds a file that a hook looks into, in bytes.
const maxText = 64 << 20

// ownFile is the file of a definition, of this step or a lower one, that a node is; nil for
// another node.
func (m *Root) ownFile(n *tree.Node) *own.File {
	for at := m; at != nil && n.Origin == tree.Generated; at = at.Parent {
		if f := at.own[n.Path]; f != nil {
			return f
		}
		if _, newer := at.Generated[n.Path]; newer {
			return nil
		}
	}
	return nil
}

// bringText puts in a file whose contents are known, or a link.
func (m *Root) bringText(n tree.Node, text []byte) error {
	if err := m.clear(&n); err != nil {
		return err
	}
	return m.generate(n, text)
}

// bringDir puts in a folder. One that is there stays as it is, unless the definition says
// whose it is.
func (m *Root) bringDir(n tree.Node, said bool) error {
	old := m.Tree.Lookup(n.Path)
	if old != nil && old.Type == tree.Dir && (old.Origin == tree.Packaged || m.inherited(n.Path) != nil) {
		if said {
			m.touch(old)
			m.claim(n.Path)
			m.Tree.SetAttributes(n.Path, n.Mode, orRoot(n.Uname), orWheel(n.Gname))
		}
		return nil
	}
	m.claim(n.Path)
	n.Origin, n.Uname, n.Gname = tree.Generated, orRoot(n.Uname), orWheel(n.Gname)
	return m.Tree.Put(n)
}

// clear makes room for a file of the definition where a package or the parent has one, if
// the definition says that it may.
func (m *Root) clear(n *tree.Node) error {
	m.claim(n.Path)
	old := m.Tree.Lookup(n.Path)
	switch {
	case old == nil:
		m.bringBack(n.Path)
		return nil
	case old.Origin == tree.Generated && m.inherited(n.Path) == nil && m.own[n.Path] == nil:
		return nil
	case old.Type == tree.Dir:
		return nil // Put reports it
	case !m.Def.Replacing(n.Path):
		if m.inherited(n.Path) != nil && isSame(old, n) {
			return nil
		}
		return &tree.ConflictError{Path: n.Path, A: old.Owner(), B: "the definition", Reason: "replaces would let the second have it"}
	}
	if err := m.alone(old); err != nil {
		return err
	}
	m.touch(old)
	free := *old
	free.Origin, free.Package = tree.Generated, ""
	m.Tree.Replace(free)
	return nil
}

// isSame reports whether a generated file is the very one that is to be made.
func isSame(old, n *tree.Node) bool {
	return old.Origin == tree.Generated && old.Digest == n.Digest && old.Link == n.Link && old.Mode == n.Mode &&
		old.Uname == orRoot(n.Uname) && old.Gname == orWheel(n.Gname)
}

// alone requires a file to have no other name, under which it would stay as it was.
func (m *Root) alone(n *tree.Node) error {
	if m.otherName(n.Path) != "" {
		return &tree.ConflictError{Path: n.Path, A: n.Owner(), B: "the definition", Reason: "the second changes it, and in the first it has another name"}
	}
	return nil
}

// otherName is another name of a file, "" for none: of a first name the first of the others.
func (m *Root) otherName(path string) string {
	if m.linked == nil { // once: only packages and what is below a step have hard links
		m.linked = map[string]string{}
		for n := range m.Tree.All() {
			if n.Type == tree.Hardlink {
				m.linked[n.Path], m.linked[n.Link] = n.Link, cmp.Or(m.linked[n.Link], n.Path)
			}
		}
	}
	return m.linked[path]
}

// claim remembers that the definition says whose a path is.
func (m *Root) claim(path string) {
	if m.claimed == nil {
		m.claimed = map[string]bool{}
	}
	m.claimed[path] = true
}

// by names what says whose a path is, for messages.
func (m *Root) by(n *tree.Node) string {
	if m.claimed[n.Path] {
		return "the definition"
	}
	return n.Owner()
}

// touch remembers how a package has a path that the definition changes.
func (m *Root) touch(n *tree.Node) {
	if m.touched == nil {
		m.touched = map[string]tree.Node{}
	}
	if _, known := m.touched[n.Path]; known {
		return
	}
	if old := m.asPackaged(n); old.Origin == tree.Packaged {
		m.touched[n.Path] = *old
	}
}

// bringBack remembers that the definition has a path of a package that a lower step has
// taken away.
func (m *Root) bringBack(path string) {
	for at := m.Parent; at != nil; at = at.Parent {
		if by := at.departed.paths[path]; by != "" {
			m.touch(&tree.Node{Path: path, Origin: tree.Packaged, Package: by})
			return
		}
	}
}

// asPackaged is the node that a package has where the definition or scripts of this or a
// lower step have changed it; the node itself where no package has one.
func (m *Root) asPackaged(n *tree.Node) *tree.Node {
	if n.Origin == tree.Packaged {
		return n
	}
	for at := m; at != nil; at = at.Parent {
		if old, known := at.touched[n.Path]; known {
			return &old
		}
	}
	if m.ownFile(n) != nil {
		return n
	}
	for at := m; at != nil; at = at.Parent {
		for _, f := range at.Packages {
			if _, has := f.Manifest.Files.Find(n.Path); has {
				old := *n
				old.Origin, old.Package = tree.Packaged, f.Name
				return &old
			}
		}
	}
	return n
}

// recordChanges lists what the definition has changed of packages.
func (m *Root) recordChanges() {
	for _, path := range slices.Sorted(maps.Keys(m.touched)) {
		old, n := m.touched[path], m.Tree.Lookup(path)
		if n == nil {
			continue
		}
		there := &lock.There{Link: n.Link, Uname: n.Uname, Gname: n.Gname}
		if n.Type != tree.Symlink {
			there.Mode = fmt.Sprintf("%04o", n.Mode)
		}
		if n.Type == tree.File && n.Origin == tree.Generated {
			there.SHA256 = n.Digest.String()
		}
		if !m.touchedBelow(path) && there.SHA256 == "" && n.Link == old.Link && n.Mode == old.Mode && n.Uname == old.Uname && n.Gname == old.Gname {
			continue
		}
		m.Departures = append(m.Departures, lock.Departure{Kind: lock.FileChanged, Path: path, Package: old.Package, Row: m.rowOf(&old), There: there})
	}
}

// touchedBelow reports whether a lower step has changed what a package has.
func (m *Root) touchedBelow(path string) bool {
	for at := m.Parent; at != nil; at = at.Parent {
		if _, known := at.touched[path]; known {
			return true
		}
	}
	return false
}

// rowOf is the sum that a package's row has of a path, "" for none.
func (m *Root) rowOf(n *tree.Node) string {
	if f := m.owner(n); f != nil {
		if i, is := f.Manifest.Files.Find(n.Path); is {
			return f.Manifest.Files.Sum(i)
		}
	}
	return ""
}

func orRoot(name string) string  { return cmp.Or(name, "root") }
func orWheel(name string) string { return cmp.Or(name, "wheel") }
