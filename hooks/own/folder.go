// SPDX-License-Identifier: BSD-2-Clause

package own

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/store"
)

// Folder is where the local files of a definition are.
type Folder struct {
	Dir   string            // of the definition, as an absolute path; "" if it is not given
	Named map[string]string // paths of what the command line names, by last element
}

// Given reports whether the local files of a definition can be read.
func (f Folder) Given(locals []string) bool {
	return f.Dir != "" || !slices.ContainsFunc(locals, func(name string) bool { return f.Named[name] == "" })
}

// root opens the folder that has a file or folder, and returns its name there. Nothing
// outside of it is ever read.
func (f Folder) root(local string) (*os.Root, string, error) {
	dir, name := f.Dir, local
	if named := f.Named[local]; named != "" {
		dir, name = filepath.Dir(named), filepath.Base(named)
	}
	if dir == "" {
		return nil, "", errNoFolder
	}
	root, err := os.OpenRoot(dir)
	return root, name, err
}

// folderSource reads the files of a folder again.
type folderSource struct {
	Folder
	local string
}

func (s folderSource) open(_ context.Context, name string) (io.ReadCloser, error) {
	root, top, err := s.root(s.local)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return store.OpenRegular(root, path.Join(top, name))
}

// errNoFolder is the reason why a file of a lock's definition cannot be read.
var errNoFolder = fmt.Errorf("the folder of its definition is not given, --image-file names that: %w", fs.ErrNotExist)

// LocalError is a file or folder of a definition that cannot be read.
type LocalError struct {
	Path string // below the definition's folder
	Err  error
}

func (e *LocalError) Error() string { return "local " + e.Path + ": " + fault.Reason(e.Err).Error() }

// Unwrap returns the cause.
func (e *LocalError) Unwrap() error { return e.Err }

// Absent reports that the file is not there.
func (e *LocalError) Absent() bool { return errors.Is(e.Err, fs.ErrNotExist) }

// walker goes through a local file or folder.
type walker struct {
	root  *os.Root
	local string // as the definition names it
	top   string // in root
	visit func(name string, info fs.FileInfo) error
}

// walk visits what a definition names, a folder before its contents, all in the order of
// names. No link is followed: those on the way are errors, others are visited.
func (f Folder) walk(ctx context.Context, local string, visit func(root *os.Root, top, name string, info fs.FileInfo) error) error {
	root, top, err := f.root(local)
	if err != nil {
		return &LocalError{local, err}
	}
	defer root.Close()
	info, err := exact(root, top)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		err = errors.New("is a symbolic link, wanted a file or folder itself")
	}
	if err != nil {
		return &LocalError{local, err}
	}
	w := walker{root, local, top, func(name string, info fs.FileInfo) error { return visit(root, top, name, info) }}
	return w.walk(ctx, "", info)
}

func (w *walker) walk(ctx context.Context, name string, info fs.FileInfo) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := w.visit(name, info); err != nil || !info.IsDir() {
		if err == fs.SkipDir {
			err = nil
		}
		return err
	}
	entries, err := readDir(w.root, path.Join(w.top, name))
	for i := 0; err == nil && i < len(entries); i++ {
		below := path.Join(name, entries[i].Name())
		info, no := w.root.Lstat(path.Join(w.top, below))
		if err = no; err == nil {
			if err := w.walk(ctx, below, info); err != nil {
				return err
			}
		}
	}
	if err != nil {
		return &LocalError{path.Join(w.local, name), err}
	}
	return nil
}

// sayable refuses a name, or a target of a link, that a lock cannot say, which is JSON, and
// a name that stands for the absence of a file in a layer (image-spec, layer.md).
func sayable(name, target string) error {
	switch {
	case !utf8.ValidString(name):
		return fault.Unsupportedf("the name %q is not UTF-8, and a lock has no other", name)
	case strings.HasPrefix(path.Base(name), ".wh."):
		return fault.Unsupportedf("the name %q is a whiteout in a layer", name)
	case !utf8.ValidString(target):
		return fault.Unsupportedf("%q is a link to %q, which is not UTF-8, and a lock has nothing else", name, target)
	}
	return nil
}

// readDir lists a folder in the order of names.
func readDir(root *os.Root, name string) ([]fs.DirEntry, error) {
	d, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	list, err := d.ReadDir(-1)
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list, err
}

// exact finds a path whose names are written as they are on the disk, also where its file
// system does not mind, and without a link on the way: else other hosts find nothing, or
// something else.
func exact(root *os.Root, name string) (fs.FileInfo, error) {
	dir := "."
	var info fs.FileInfo
	for part := range strings.SplitSeq(name, "/") {
		if info != nil && !info.IsDir() {
			return nil, fmt.Errorf("%s is %s, wanted a folder", dir, store.Kind(info.Mode()))
		}
		var err error
		if info, err = root.Lstat(path.Join(dir, part)); err != nil {
			return nil, err
		}
		entries, err := readDir(root, dir)
		if err != nil {
			return nil, err
		}
		if part != "." && !listed(entries, part) {
			return nil, fmt.Errorf("%s is written otherwise on the disk: %w", cmp.Or(part, name), fs.ErrNotExist)
		}
		dir = path.Join(dir, part)
	}
	return info, nil
}

// listed reports whether a folder has the very name.
func listed(entries []fs.DirEntry, name string) bool {
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name })
}
