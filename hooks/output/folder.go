// SPDX-License-Identifier: BSD-2-Clause

// Package output makes the files of a run appear all together or not at all. They
// replace what an earlier run of orlop wrote, and nothing else.
package output

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/pkgdb/until"
)

// SizeOf returns the size of a file, or of all files in a folder.
func SizeOf(path string) (int64, error) {
	var size int64
	err := filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}

// A folder inside the output folder, in which a run prepares its files. Nothing else
// may read it. A file in it marks it as orlop's.
const (
	stagingPrefix = ".orlop-part-"
	stagingMark   = "orlop"
	markText      = "orlop prepares files here; its next run removes what a killed one has left\n"
	asidePrefix   = "old-" // of what an output replaces
)

// Folder is where files are staged until all of a run are complete. It is on the
// file system of the output, so that a rename puts them into place, and it is
// locked, so that a run recognises what a killed one left.
type Folder struct {
	out, dir string
	made     []string // folders that were not there before, the outermost first
	staged   []string // names of what is to be placed, in this order
	lock     *os.File

	subs  []string // subfolders of out that others were made for with Sub
	above *Folder  // of a subfolder: whose Place places everything
}

// NewFolder makes the output folder, unless it is there, and checks that it can be
// written.
func NewFolder(ctx context.Context, out string) (*Folder, error) {
	s := &Folder{out: out}
	for tries := 3; ; tries-- {
		err := s.open(ctx)
		if err == nil {
			return s, nil
		}
		s.removeFolders()
		if tries == 0 || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, err
		} // else another run's end or sweep came between
	}
}

func (s *Folder) open(ctx context.Context) error {
	if err := s.makeFolders(s.out); err != nil {
		return err
	}
	sweep(s.out)
	var err error
	if s.dir, err = os.MkdirTemp(s.out, stagingPrefix+"*"); err != nil {
		return fmt.Errorf("%s: cannot be written: %w", s.out, fault.Reason(err))
	}
	if s.lock, err = lockFolder(s.dir); err != nil {
		_ = syscall.Rmdir(s.dir)
		return fmt.Errorf("%s: %w", s.dir, err)
	}
	if err = s.write(ctx, stagingMark, []byte(markText)); err != nil {
		s.removeOwn()
	}
	return err
}

// makeFolders makes a folder and its parents.
func (s *Folder) makeFolders(path string) error {
	path = cmp.Or(strings.TrimRight(path, "/"), path)
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s: found %s, wanted a folder for what is written", path, store.Kind(info.Mode()))
	}
	if err == nil || unlessAbsent(err) != nil {
		return err
	}
	if link, err := os.Lstat(path); err == nil && link.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("%s: found a dangling symbolic link, wanted a folder for what is written", path)
	}
	if above := path[:strings.LastIndexByte(path, '/')+1]; above != "" {
		if err := s.makeFolders(above); err != nil {
			return err
		}
	}
	err = os.Mkdir(path, 0o777)
	if err == nil {
		s.made = append(s.made, path)
	} else if info, other := os.Stat(path); other == nil && info.IsDir() { // another run was first, or it is called ..
		err = nil
	}
	return err
}

// sweep removes what killed runs of orlop left. A folder that is in use is
// locked.
func sweep(out string) {
	entries, _ := os.ReadDir(out)
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), stagingPrefix) {
			continue
		}
		dir := filepath.Join(out, e.Name())
		if lock, err := lockFolder(dir); err == nil {
			sweepOne(dir)
			lock.Close()
		}
	}
}

// sweepOne removes a folder that is empty or has the mark. It checks again what that
// run moved aside, which may be somebody else's.
func sweepOne(dir string) {
	if syscall.Rmdir(dir) == nil || !marked(dir) {
		return
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if name := filepath.Join(dir, e.Name()); strings.HasPrefix(e.Name(), asidePrefix) && Check(name, name) != nil {
			return
		}
	}
	os.RemoveAll(dir)
}

// marked reports whether a folder has the mark, which a kill may have cut short.
func marked(dir string) bool {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return false
	}
	defer root.Close()
	f, err := store.OpenRegular(root, stagingMark)
	if err != nil {
		return false
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, int64(len(markText)+1)))
	return err == nil && strings.HasPrefix(markText, string(text))
}

func lockFolder(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Path returns the path of a staged file.
func (s *Folder) Path(name string) string { return filepath.Join(s.dir, name) }

func (s *Folder) create(name string) (*os.File, error) {
	return os.OpenFile(s.Path(name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
}

// Stage returns the path for a file or folder that Place renames into the output
// folder.
func (s *Folder) Stage(name string) string {
	s.staged = append(s.staged, name)
	return s.Path(name)
}

// Write stages a small file.
func (s *Folder) Write(ctx context.Context, name string, text []byte) error {
	s.Stage(name)
	return s.write(ctx, name, text)
}

// write makes a small file.
func (s *Folder) write(ctx context.Context, name string, text []byte) error {
	f, err := s.create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	disk := until.NewDisk(ctx, f)
	if _, err := disk.Write(text); err != nil {
		return err
	}
	return disk.Finish()
}

// Scratch creates a file without a name.
func (s *Folder) Scratch() (*os.File, error) {
	f, err := os.CreateTemp(s.dir, "scratch-*")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

// Remove deletes what was not placed, and the folders that stayed empty. That of a
// subfolder can be filled again.
func (s *Folder) Remove() {
	if s.above != nil {
		s.removeStaged()
		return
	}
	s.removeOwn()
	s.removeFolders()
}

// removeOwn deletes the staging folder, unless it still has something that was moved
// aside and could not be moved back.
func (s *Folder) removeOwn() {
	entries, _ := os.ReadDir(s.dir)
	if !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), asidePrefix) }) {
		os.RemoveAll(s.dir)
	}
	s.lock.Close()
}

func (s *Folder) removeFolders() {
	for _, path := range slices.Backward(s.made) {
		_ = syscall.Rmdir(path) // fails if the folder is not empty
	}
	s.made = nil
}
