// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/etc"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/tree"
)

// takenFile is a file whose bytes no package of the image brings.
type takenFile struct {
	Path   string // in the image; of an mtree file, in the package
	SHA256 string
	From   string // package, or "srcdir"
}

// configure adds directories of mtree files and files from donors or the
// source tree, and what FreeBSD's programs would make of the files that are
// there; then it resolves every owner in the image's own accounts and bounds
// every time by the epoch. It leaves complete nodes.
func (r *run) configure(m *member) error {
	err := errors.Join(r.mtrees(m), r.files(m), r.folders(m))
	if err == nil {
		err = errors.Join(r.generators(m), m.keepImmutable())
	}
	if err == nil {
		err = r.owners(m)
	}
	m.times()
	return err
}

func (r *run) mtrees(m *member) error {
	var errs []error
	for _, mt := range m.def.Mtree {
		text, err := r.take(m, mt.Taken, mt.Path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		nodes, err := tree.ReadMtree(bytes.NewReader(text), mt.Path, mt.Prefix)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, n := range nodes {
			if err := m.tree.Put(n); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

func (r *run) files(m *member) error {
	var errs []error
	for _, f := range m.def.Files {
		text, err := r.take(m, f.Taken, f.Target)
		if f.Optional && errors.Is(err, fs.ErrNotExist) {
			m.leftOut = append(m.leftOut, f.Target)
			r.notice("image %s: %s is left out: neither a package nor --srcdir has it", m.def.Name, f.Target)
			continue
		}
		if err == nil {
			err = m.generate(tree.Node{Path: f.Target, Mode: f.Mode}, text)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// folders adds the files of folders that no package of the image installs.
func (r *run) folders(m *member) error {
	var errs []error
	for _, f := range m.def.Folders {
		files, err := r.takeFolder(m, f.Taken, f.Target)
		if f.Optional && errors.Is(err, fs.ErrNotExist) {
			m.leftOut = append(m.leftOut, f.Target)
			r.notice("image %s: %s is left out: neither a package nor --srcdir has it", m.def.Name, f.Target)
			continue
		}
		errs = append(errs, err)
		for _, s := range files {
			errs = append(errs, m.generate(tree.Node{Path: s.Path, Mode: 0o444}, s.Text)) // share/mk/bsd.own.mk: FILESMODE
		}
	}
	return errors.Join(errs...)
}

// takeFolder gets the files of a folder, by name, as take gets one. A source
// tree's makefiles are no part of it.
func (r *run) takeFolder(m *member, t release.Taken, target string) ([]etc.Source, error) {
	var files []etc.Source
	if r.inSource(t) {
		root, err := os.OpenRoot(r.SrcDir)
		if err != nil {
			return nil, err
		}
		defer root.Close()
		entries, err := fs.ReadDir(root.FS(), t.Source)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if !e.Type().IsRegular() || strings.HasPrefix(e.Name(), "Makefile") || strings.HasPrefix(e.Name(), ".") {
				continue
			}
			text, err := root.ReadFile(t.Source + "/" + e.Name())
			if err != nil {
				return nil, err
			}
			files = append(files, etc.Source{Path: target + "/" + e.Name(), Text: text})
			m.note(target+"/"+e.Name(), "srcdir", text)
		}
		return files, nil
	}
	for _, name := range t.From {
		p := r.lender(m, name)
		if p == nil {
			continue
		}
		for _, path := range slices.Sorted(maps.Keys(p.contents)) {
			if name, inside := strings.CutPrefix(path, t.Path+"/"); inside && !strings.Contains(name, "/") {
				files = append(files, etc.Source{Path: target + "/" + name, Text: p.contents[path]})
				m.note(target+"/"+name, p.FullName(), p.contents[path])
			}
		}
		if files != nil {
			return files, nil
		}
	}
	return nil, &AbsentFileError{target, t}
}

// generate adds a file with the given contents, or a link, owned by root:wheel.
func (m *member) generate(n tree.Node, text []byte) error {
	n.Type, n.Origin, n.Uname, n.Gname, n.Time = tree.File, tree.Generated, "root", "wheel", m.epoch
	if n.Link != "" {
		n.Type = tree.Symlink
	} else {
		digest := sha256.Sum256(text)
		n.Size, n.Digest = int64(len(text)), hex.EncodeToString(digest[:])
	}
	if old := m.inherited(n.Path); old != nil && old.Origin == tree.Generated && old.Digest == n.Digest && old.Link == n.Link && old.Mode == n.Mode {
		return nil // a lower step has made it
	}
	if old := m.tree.Lookup(n.Path); old == nil || old.Origin != tree.Generated || !m.tree.Replace(n) {
		if err := m.tree.Put(n); err != nil {
			return err
		}
	}
	m.generated[n.Path] = text
	return nil
}

// take gets a file from the source tree, else from the first of the packages
// that has it. An error that nobody has it is fs.ErrNotExist.
func (r *run) take(m *member, t release.Taken, target string) ([]byte, error) {
	if r.SrcDir != "" && t.Source != "" {
		text, err := r.readSource(t.Source)
		if err == nil {
			m.note(target, "srcdir", text)
			return text, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	for _, name := range t.From {
		p := r.lender(m, name)
		if p == nil {
			continue
		}
		if text, ok := p.contents[t.Path]; ok {
			m.note(target, p.FullName(), text)
			return text, nil
		}
	}
	return nil, &AbsentFileError{target, t}
}

func (m *member) note(path, from string, text []byte) {
	digest := sha256.Sum256(text)
	m.taken = append(m.taken, takenFile{path, hex.EncodeToString(digest[:]), from})
}

// lender finds a package that this image installs or borrows from.
func (r *run) lender(m *member, name string) *fetched {
	if p := m.plan.Lookup(name); p != nil {
		return r.fetched[p.Package]
	}
	for _, p := range m.step().Donors {
		if p.Name == name {
			return r.fetched[p.Package]
		}
	}
	return nil
}

// AbsentFileError is a file that an image needs and nobody has.
type AbsentFileError struct {
	Target string // path in the image
	Taken  release.Taken
}

func (e *AbsentFileError) Error() string {
	where := "there is no --srcdir for it"
	if e.Taken.Source != "" {
		where = "a --srcdir with " + e.Taken.Source + " would do"
	}
	return fmt.Sprintf("%s: none of the packages %v of the repository has %s; %s", e.Target, e.Taken.From, e.Taken.Path, where)
}

// Unwrap lets errors.Is find fs.ErrNotExist.
func (e *AbsentFileError) Unwrap() error { return fs.ErrNotExist }

// keepImmutable leaves an immutable directory of the parent as it is: a second
// entry for it could not be extracted. A package that describes it without the
// flags has its way in the pkg database only.
func (m *member) keepImmutable() error {
	if m.parent == nil {
		return nil
	}
	var errs []error
	for old := range m.parent.tree.All() {
		if old.Type != tree.Dir || !layer.Immutable(old.Flags) {
			continue
		}
		n := m.tree.Lookup(old.Path)
		if n.Mode != old.Mode || n.Uname != old.Uname || n.Gname != old.Gname {
			errs = append(errs, &tree.ConflictError{Path: n.Path, A: old.Owner(), B: n.Owner(),
				Reason: "the directory is immutable in the first and has another mode or owner in the second"})
		}
		m.tree.SetFlags(n.Path, old.Flags)
	}
	return errors.Join(errs...)
}

// changed reports whether this step put the node into the tree or changed it. Times do
// not count: a directory's is only that of the layer it is written in.
func (m *member) changed(n *tree.Node) bool {
	old := m.inherited(n.Path)
	if old == nil {
		return true
	}
	a, b := *old, *n
	a.Time, a.Package, a.Origin, b.Time, b.Package, b.Origin = 0, "", 0, 0, "", 0
	return a != b || n.Type != tree.Dir && n.Origin == tree.Packaged && old.Origin != tree.Packaged
}

// owners gives every node its numeric ids. What the parent has keeps the ids
// that it has there.
func (r *run) owners(m *member) error {
	accounts, err := m.accounts()
	if err != nil {
		return wrong(err)
	}
	r.noteAccounts(m, accounts)
	var errs []error
	for n := range m.tree.All() {
		if old := m.inherited(n.Path); old != nil && old.Uname == n.Uname && old.Gname == n.Gname {
			m.tree.SetOwner(n.Path, old.UID, old.GID)
			continue
		}
		uid, ok := accounts.UID(n.Uname)
		if !ok {
			errs = append(errs, &OwnerError{n.Owner(), n.Path, "user", n.Uname})
		}
		gid, ok := accounts.GID(n.Gname)
		if !ok {
			errs = append(errs, &OwnerError{n.Owner(), n.Path, "group", n.Gname})
		}
		m.tree.SetOwner(n.Path, uid, gid)
	}
	return errors.Join(errs...)
}

// noteAccounts tells the users and groups that packages need and the image does
// not have. pkg only records them.
func (r *run) noteAccounts(m *member, accounts *etc.Accounts) {
	for _, f := range m.packages {
		for _, kind := range []struct {
			name   string
			needed []string
			lookup func(string) (int, bool)
		}{{"user", f.manifest.Users, accounts.UID}, {"group", f.manifest.Groups, accounts.GID}} {
			for _, name := range kind.needed {
				if _, ok := kind.lookup(name); !ok {
					m.noAccount = append(m.noAccount, f.FullName()+": "+kind.name+" "+name)
					r.notice("image %s: %s: its %s %q is not in the image", m.def.Name, f.FullName(), kind.name, name)
				}
			}
		}
	}
}

// inherited is the parent's node at a path, nil if there is none.
func (m *member) inherited(path string) *tree.Node {
	if m.parent == nil {
		return nil
	}
	return m.parent.tree.Lookup(path)
}

// OwnerError is an owner that the image's accounts lack.
type OwnerError struct {
	By, Path   string // who brings the path
	Kind, Name string // "user" or "group", and which
}

func (e *OwnerError) Error() string {
	return fmt.Sprintf("%s: %s: %s %q is not in the image's accounts", e.By, e.Path, e.Kind, e.Name)
}

// accounts reads the image's own passwd and group. An image that has none uses
// FreeBSD's standard accounts; the host's are never asked.
func (m *member) accounts() (*etc.Accounts, error) {
	passwd := m.content("/etc/master.passwd")
	if passwd == nil {
		passwd = m.content("/etc/passwd")
	}
	group := m.content("/etc/group")
	if passwd == nil || group == nil {
		return etc.Standard(), nil
	}
	return etc.ParseAccounts(passwd, group)
}

// content returns a file that a hook generated or that was read from a
// package, of this image or an ancestor; nil if there is none.
func (m *member) content(path string) []byte {
	n := m.tree.Lookup(path)
	for at := m; at != nil && n != nil; at = at.parent {
		if text, ok := at.generated[path]; ok && n.Origin == tree.Generated {
			return text
		}
		for _, f := range at.packages {
			if f.Name == n.Package {
				return f.contents[path]
			}
		}
	}
	return nil
}

// times bounds the times of this step by its epoch. Directories have the epoch.
func (m *member) times() {
	for n := range m.tree.All() {
		switch {
		case n.Type == tree.Dir:
			m.tree.SetTime(n.Path, m.epoch)
		case m.changed(n):
			m.tree.SetTime(n.Path, min(n.Time, m.epoch))
		}
	}
}
