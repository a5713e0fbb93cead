// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// stagingPattern names the folder inside the output folder in which a run
// prepares its files. Nothing else may look into it.
const stagingPattern = ".orlop-part-*"

// staging is where files stand until all of a run are complete. It is on the
// file system of the output, so that a rename puts them into place, and it is
// locked, so that a run can tell what a killed one left.
type staging struct {
	dir  string
	lock *os.File
}

func newStaging(out string) (*staging, error) {
	if err := os.MkdirAll(out, 0o777); err != nil {
		return nil, err
	}
	sweep(out)
	for tries := 3; ; tries-- {
		dir, err := os.MkdirTemp(out, stagingPattern)
		if err != nil {
			return nil, err
		}
		lock, err := lockFolder(dir)
		if err == nil {
			return &staging{dir, lock}, nil
		}
		if tries == 0 { // another run's sweep came between, three times over
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
	}
}

// sweep removes what killed runs left. A folder that is in use is locked.
func sweep(out string) {
	left, _ := filepath.Glob(filepath.Join(out, stagingPattern))
	for _, dir := range left {
		if lock, err := lockFolder(dir); err == nil {
			os.RemoveAll(dir)
			lock.Close()
		}
	}
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

func (s *staging) path(name string) string { return filepath.Join(s.dir, name) }

func (s *staging) create(name string) (*os.File, error) {
	return os.OpenFile(s.path(name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
}

// write makes a small file.
func (s *staging) write(name string, text []byte) error {
	f, err := s.create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(text); err != nil {
		return err
	}
	return f.Sync()
}

// scratch makes a file without a name.
func (s *staging) scratch() (*os.File, error) {
	f, err := os.CreateTemp(s.dir, "scratch-*")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

// remove deletes whatever was not renamed away.
func (s *staging) remove() {
	os.RemoveAll(s.dir)
	s.lock.Close()
}

// place renames prepared files and folders into the output folder, in order,
// and makes the renames last.
func (s *staging) place(names []string) error {
	out := filepath.Dir(s.dir)
	for _, name := range names {
		target := filepath.Join(out, name)
		err := os.Rename(s.path(name), target)
		if errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.EEXIST) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EISDIR) {
			// A layout folder, or one in the way: what stood there goes with the staging folder.
			if err = os.Rename(target, s.path("old-"+name)); err == nil {
				err = os.Rename(s.path(name), target)
			}
		}
		if err != nil {
			return err
		}
	}
	return syncFolder(out)
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
