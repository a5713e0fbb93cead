// SPDX-License-Identifier: BSD-2-Clause

package output

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Place renames all staged files into the output folder and its subfolders, in that
// order, and syncs these. If one of them would replace something that orlop did not
// write, it renames none. No signal interrupts the renames: all files are there, or
// none.
func (s *Folder) Place(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.above != nil {
		s.leave()
		return nil
	}
	if err := s.checkPlaces(); err != nil {
		return err
	}
	for _, name := range s.subs {
		if err := s.makeFolders(filepath.Join(s.out, name)); err != nil {
			return err
		}
	}
	for _, name := range s.staged {
		if err := s.put(name); err != nil {
			return err
		}
	}
	for _, name := range s.subs {
		if err := SyncFolder(filepath.Join(s.out, name)); err != nil {
			return err
		}
	}
	return SyncFolder(s.out)
}

// checkPlaces judges what is where something is to be placed.
func (s *Folder) checkPlaces() error {
	var errs []error
	for _, name := range s.subs {
		_, err := subfolder(filepath.Join(s.out, name))
		errs = append(errs, err)
	}
	for _, name := range s.staged {
		target := filepath.Join(s.out, name)
		errs = append(errs, Check(target, target))
	}
	return errors.Join(errs...)
}

// put renames one staged file. A file replaces a file in one step. A folder cannot
// replace anything or be replaced: the old one is moved aside and checked where
// nobody else changes it.
func (s *Folder) put(name string) error {
	target, aside := filepath.Join(s.out, name), s.Path(asidePrefix+strings.ReplaceAll(name, "/", "-"))
	before, err := os.Lstat(target)
	if err != nil || before.Mode().IsRegular() {
		err = os.Rename(s.Path(name), target)
		if !errors.Is(err, syscall.ENOTDIR) && !errors.Is(err, syscall.EISDIR) && !errors.Is(err, syscall.EEXIST) && !errors.Is(err, syscall.ENOTEMPTY) {
			return err
		}
	}
	if err := os.Rename(target, aside); err != nil {
		return err
	}
	err = Check(target, aside)
	if err == nil {
		err = os.Rename(s.Path(name), target)
	}
	if err == nil {
		return removeOutput(aside)
	}
	if _, other := os.Lstat(target); !errors.Is(other, fs.ErrNotExist) || os.Rename(aside, target) != nil {
		err = fmt.Errorf("%w; it is now %s", err, aside)
	}
	return err
}

// SyncFolder waits until what was renamed or linked in a folder is on the disk.
func SyncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
