// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
)

// part opens the unfinished file of a package. It resumes what an earlier run
// left; while another run holds the file, this one gets a file of its own.
func (st *Store) part(want Ref) (*os.File, error) {
	dir, err := st.folder(partsDir, true)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	f, err := create(dir, want.name())
	if errors.Is(err, fs.ErrExist) {
		f, err = found(dir, want.name())
	}
	if err != nil {
		return nil, err
	}
	if f != nil && lock(f) == nil && sameFile(dir, f) {
		return f, nil
	}
	if f != nil {
		f.Close()
	}
	return st.temp(want.name())
}

// found opens a part to resume, nil for none. Foreign entries are removed: a
// link, symbolic or hard, would redirect the writes.
func found(dir *os.Root, name string) (*os.File, error) {
	info, err := dir.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // its run has just finished
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || !mine(info) {
		return nil, removed(dir.Remove(name))
	}
	f, err := dir.OpenFile(name, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if opened, err := f.Stat(); err != nil || !os.SameFile(info, opened) {
		f.Close()
		return nil, err
	}
	return f, nil
}

// removed ignores that another run has already removed a file.
func removed(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// create makes a new file. It follows no link.
func create(dir *os.Root, name string) (*os.File, error) {
	return dir.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

// temp makes an unfinished file under a new name. It is locked, so that Prune of
// another run does not remove it before it is renamed; if Prune was faster, it
// is made again.
func (st *Store) temp(name string) (*os.File, error) {
	for n := 0; ; n++ {
		dir, err := st.folder(partsDir, true)
		if err != nil {
			return nil, err
		}
		f, err := create(dir, fmt.Sprintf("%s-%d-%d", name, os.Getpid(), n))
		kept := err == nil && !errors.Is(lock(f), syscall.EWOULDBLOCK) && sameFile(dir, f)
		dir.Close()
		switch {
		case kept:
			return f, nil
		case err == nil:
			f.Close()
		case !errors.Is(err, fs.ErrExist):
			return nil, err
		}
	}
}

// lock locks a file for this run until it is closed. If another run has it, that
// is syscall.EWOULDBLOCK; some file systems have no locks.
func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// sameFile reports whether a file still has its name.
func sameFile(dir *os.Root, f *os.File) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := dir.Lstat(filepath.Base(f.Name()))
	return err == nil && os.SameFile(a, b)
}

// rename gives a finished file, which is synced if it must survive a crash, its
// name in a folder. In a shared one others may read it.
func (st *Store) rename(f *os.File, folder, name string) error {
	dir, err := st.folder(folder, true)
	if err != nil {
		return err
	}
	defer dir.Close()
	in, from := st.top, partsDir
	if st.isShared && ownDirs[folder] {
		in = st.own // nobody else can change the path to it
	} else if st.isShared {
		from = path.Join(ownDir(), partsDir)
		if err := f.Chmod(0o640); err != nil {
			return err
		}
	}
	from = path.Join(from, filepath.Base(f.Name()))
	err = in.Rename(from, path.Join(folder, name))
	if info, other := dir.Lstat(name); err != nil && other == nil && info.IsDir() {
		if err := removed(dir.Remove(name)); err != nil { // a folder that is not empty was made by hand
			return err
		}
		err = in.Rename(from, path.Join(folder, name))
	}
	return err
}

// Discard removes an unfinished file, if it is one. It stays open.
func (st *Store) Discard(f *os.File) {
	dir, err := st.folder(partsDir, false)
	if err != nil {
		return
	}
	defer dir.Close()
	if sameFile(dir, f) {
		_ = dir.Remove(filepath.Base(f.Name())) // otherwise Prune removes it
	}
}
