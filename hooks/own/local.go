// SPDX-License-Identifier: BSD-2-Clause

package own

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/glob"
)

// Local finds the files that an image takes from the definition's folder, by path, and
// hashes them. Create makes files without a name.
func Local(ctx context.Context, img *define.Image, folder Folder, create func() (*os.File, error), observe event.Observer) ([]File, error) {
	l := &local{newScanner(create, observe), folder, nil}
	defer l.close()
	for i := range img.Files {
		if f := &img.Files[i]; f.Local != "" {
			if err := l.file(ctx, f); err != nil {
				return nil, err
			}
		}
	}
	for i := range img.Trees {
		if t := &img.Trees[i]; t.Local != "" {
			if err := l.tree(ctx, t, i+1); err != nil {
				return nil, fault.Within("tree "+t.Target, err)
			}
		}
	}
	return l.found, nil
}

// local collects files.
type local struct {
	*scanner
	folder Folder
	found  []File
}

// file adds a single file.
func (l *local) file(ctx context.Context, f *define.File) error {
	attributes := &attributes{Owned: define.Owned{Owner: f.Owner, Group: f.Group, Mode: f.Mode}}
	return l.folder.walk(ctx, f.Local, func(root *os.Root, top, _ string, info fs.FileInfo) error {
		if !info.Mode().IsRegular() {
			return &LocalError{f.Local, fmt.Errorf("is %s, wanted a file; tree takes folders", store.Kind(info.Mode()))}
		}
		return l.add(ctx, root, top, info, attributes.of(f.Target, "", info), "", folderSource{l.folder, f.Local})
	})
}

// tree adds a folder with all in it.
func (l *local) tree(ctx context.Context, t *define.Tree, group int) error {
	attributes, err := newAttributes(t.Owned, t.Modes)
	if err != nil {
		return err
	}
	exclude, err := patterns(t.Exclude)
	if err != nil {
		return err
	}
	err = l.folder.walk(ctx, t.Local, func(root *os.Root, top, name string, info fs.FileInfo) error {
		switch {
		case name == "" && !info.IsDir():
			return &LocalError{t.Local, fmt.Errorf("is %s, wanted a folder; file takes files", store.Kind(info.Mode()))}
		case name == "" && t.Target == "/":
			return nil
		case name != "" && matchesAny(exclude, name):
			return fs.SkipDir
		case path.Base(name) == ".git":
			l.observe.Notice("%s: %s is part of the image; exclude leaves it out", path.Join(t.Local, name), path.Base(name))
		}
		f := attributes.of(path.Join(t.Target, name), name, info)
		f.Group = group
		return l.add(ctx, root, path.Join(top, name), info, f, name, folderSource{l.folder, t.Local})
	})
	if err == nil {
		err = attributes.unused()
	}
	return err
}

// add adds a file, link or folder that is in the root under a name.
func (l *local) add(ctx context.Context, root *os.Root, at string, info fs.FileInfo, f File, name string, from source) error {
	var err error
	f.From = lock.FromDefinition
	switch mode := info.Mode(); {
	case mode.IsDir():
	case mode&fs.ModeSymlink != 0:
		if f.Link, err = root.Readlink(at); err == nil && leaves(name, f.Link) {
			err = fmt.Errorf("is a link to %s, which is not in the tree; link makes one to anywhere", f.Link)
		}
		f.Mode = ""
	case mode.IsRegular():
		r, no := store.OpenRegular(root, at)
		if err = no; err == nil {
			err = l.hash(ctx, &f, r)
			r.Close()
		}
		f.from, f.name = from, name
	default:
		err = fmt.Errorf("is %s, wanted a file, folder or link", store.Kind(mode))
	}
	if err == nil {
		err = sayable(f.Path, f.Link)
	}
	if err != nil {
		return &LocalError{at, err}
	}
	l.found = append(l.found, f)
	return nil
}

// leaves reports whether a relative link leads out of its tree.
func leaves(name, target string) bool {
	if path.IsAbs(target) {
		return false // it is a path of the image
	}
	to := path.Join(path.Dir(name), target)
	return to == ".." || strings.HasPrefix(to, "../")
}

// attributes says what owners and modes files have.
type attributes struct {
	define.Owned
	modes []*modePattern
}

type modePattern struct {
	glob.Pattern
	mode uint32
	used bool
}

func newAttributes(owned define.Owned, modes []define.Pair) (*attributes, error) {
	a := &attributes{Owned: owned}
	for _, m := range modes {
		p, err := glob.Compile(m.Key)
		if err != nil {
			return nil, fault.Within("modes", err)
		}
		mode, err := strconv.ParseUint(m.Value, 8, 12)
		if err != nil {
			return nil, fault.Usagef("modes: %s: mode %q is not octal", m.Key, m.Value)
		}
		a.modes = append(a.modes, &modePattern{p, uint32(mode), false})
	}
	return a, nil
}

// of describes a file of an image that has a name in its tree.
func (a *attributes) of(path, name string, info fs.FileInfo) File {
	mode := uint32(0o644)
	if info.IsDir() || info.Mode()&0o100 != 0 {
		mode = 0o755
	}
	return a.with(path, name, mode, info.IsDir())
}

// with is of for a mode. A pattern of all in a folder says nothing of the folders there,
// since hardly any mode is right for files and folders.
func (a *attributes) with(path, name string, mode uint32, folder bool) File {
	if a.Mode != 0 {
		mode = a.Mode
	}
	for _, m := range a.modes {
		if m.Match(name) {
			m.used = true
			if !folder || !strings.HasSuffix(m.String(), "**") {
				mode = m.mode
			}
		}
	}
	f := File{Own: lock.Own{Path: path, Mode: fmt.Sprintf("%04o", mode)}}
	if a.Owner != "" && a.Owner != "root" {
		f.Uname = a.Owner
	}
	if a.Owned.Group != "" && a.Owned.Group != "wheel" {
		f.Gname = a.Owned.Group
	}
	return f
}

// unused finds patterns that match nothing.
func (a *attributes) unused() error {
	for _, m := range a.modes {
		if !m.used {
			return &UnmatchedError{"modes", m.String()}
		}
	}
	return nil
}

// UnmatchedError is a pattern of a definition that matches nothing.
type UnmatchedError struct{ Key, Pattern string }

func (e *UnmatchedError) Error() string {
	return fmt.Sprintf("%s: %s matches nothing", e.Key, e.Pattern)
}

// Unmet reports that the request cannot be met.
func (*UnmatchedError) Unmet() bool { return true }

func patterns(list []string) ([]glob.Pattern, error) {
	var all []glob.Pattern
	for _, text := range list {
		p, err := glob.Compile(text)
		if err != nil {
			return nil, fault.Within("exclude", err)
		}
		all = append(all, p)
	}
	return all, nil
}

func matchesAny(list []glob.Pattern, name string) bool {
	return slices.ContainsFunc(list, func(p glob.Pattern) bool { return p.Match(name) })
}
