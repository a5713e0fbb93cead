// SPDX-License-Identifier: BSD-2-Clause

package input

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/etc"
)

// Tree is a FreeBSD source tree, for files that no package has.
type Tree struct {
	SrcDir string // "" for none
}

// TreeOf returns the source tree of an input.
func TreeOf(in Input) Tree {
	if has, is := in.(interface{ tree() Tree }); is {
		return has.tree()
	}
	return Tree{}
}

func (s Tree) tree() Tree { return s }

// Newvers is the file in a source tree that names the release.
const Newvers = "sys/conf/newvers.sh"

// Check checks that the source tree is a folder.
func (s Tree) Check() error {
	if s.SrcDir == "" {
		return nil
	}
	return CheckFolder("srcdir", s.SrcDir, "a source tree")
}

// Exists reports whether the tree has a file or folder.
func (s Tree) Exists(name string) bool {
	_, err := os.Stat(filepath.Join(s.SrcDir, name))
	return s.SrcDir != "" && err == nil
}

// Has reports whether the tree has what an image takes, and as the right kind.
func (s Tree) Has(t define.Taken) bool {
	if s.SrcDir == "" || t.Source == "" {
		return false
	}
	root, err := os.OpenRoot(s.SrcDir)
	if err != nil {
		return false // Files says so
	}
	defer root.Close()
	info, err := root.Lstat(t.Source)
	return err == nil && info.IsDir() == t.Folder
}

// Files offers a file or folder of the tree.
func (s Tree) Files(ctx context.Context, t define.Taken, target string) (*Offer, error) {
	switch {
	case s.SrcDir == "" || t.Source == "":
		return nil, nil
	case !t.Folder:
		text, err := s.read(t.Source)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return &Offer{From: "srcdir", Files: []etc.Source{{Path: target, Text: text}}}, err
	case !s.Has(t):
		return nil, nil
	}
	files, err := s.readFolder(ctx, t.Source, target)
	return &Offer{From: "srcdir", Files: files}, err
}

// readFolder reads a folder of the source tree, without its makefiles.
func (s Tree) readFolder(ctx context.Context, source, target string) ([]etc.Source, error) {
	root, err := os.OpenRoot(s.SrcDir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var files []etc.Source
	err = fs.WalkDir(root.FS(), source, func(name string, d fs.DirEntry, err error) error {
		if err = cmp.Or(err, ctx.Err()); err != nil || !d.Type().IsRegular() || strings.HasPrefix(d.Name(), "Makefile") || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		text, err := readRegular(root, name)
		files = append(files, etc.Source{Path: target + strings.TrimPrefix(name, source), Text: text})
		return err
	})
	return files, err
}

// read opens a file of the source tree. A tree that lacks it gives
// os.ErrNotExist; nothing outside the tree is ever read.
func (s Tree) read(name string) ([]byte, error) {
	root, err := os.OpenRoot(s.SrcDir)
	if err != nil {
		return nil, &fault.UsageError{Err: fmt.Errorf("--srcdir: %w", err)}
	}
	defer root.Close()
	return readRegular(root, name)
}

// readRegular reads a file that a definition names. It refuses a FIFO, which would
// block, and a link, whose target somebody else may have chosen.
func readRegular(root *os.Root, name string) ([]byte, error) {
	f, err := store.OpenRegular(root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxWanted+1))
	if err == nil && len(text) > maxWanted {
		err = fmt.Errorf("%s: has more than %d bytes", name, maxWanted)
	}
	return text, err
}

// CheckFolder checks that a flag names a folder.
func CheckFolder(flag, path, wanted string) error {
	info, err := os.Stat(path)
	if err != nil {
		return &fault.UnreadError{Flag: flag, Path: path, Err: err}
	}
	if !info.IsDir() {
		return fault.Usagef("--%s: %s: found %s, wanted the folder of %s", flag, path, store.Kind(info.Mode()), wanted)
	}
	return nil
}

// CheckFile checks that a flag names a file of any kind that can be read.
func CheckFile(flag, path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		err = syscall.EISDIR
	}
	if err != nil {
		return nil, &fault.UnreadError{Flag: flag, Path: path, Err: err}
	}
	return info, nil
}
