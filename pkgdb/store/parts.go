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

// part opens the unfinished file of a package. What an earlier run has left in
// it is gone on with; while another run is at it, this one has a file of its own.
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

// found opens a part to go on with, nil for none. What somebody has put there
// is removed: a link, or another name of a file, would be written through.
func found(dir *os.Root, name string) (*os.File, error) {
	info, err := dir.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // its run has just ended
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

// removed is the error of removing something that another run may have removed.
func removed(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// create makes a file that was not there. It follows no link.
func create(dir *os.Root, name string) (*os.File, error) {
	return dir.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

// temp makes an unfinished file of a new name. It is locked, so that nobody's
// Prune removes it before it has the name it is made for; one that Prune was
// quicker to remove is made again.
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

// lock makes a file this run's until it is closed. That another run has it is
// syscall.EWOULDBLOCK; there are file systems without locks.
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

// rename gives a finished file, which is on the disk if it is to last, its name in
// a folder. In one that is shared others may read it.
func (st *Store) rename(f *os.File, folder, name string) error {
	dir, err := st.folder(folder, true)
	if err != nil {
		return err
	}
	defer dir.Close()
	in, from := st.top, partsDir
	if st.isShared && ownDirs[folder] {
		in = st.own // nobody else can change what is on the way
	} else if st.isShared {
		from = path.Join(ownDir(), partsDir)
		if err := f.Chmod(0o640); err != nil {
			return err
		}
	}
	from = path.Join(from, filepath.Base(f.Name()))
	err = in.Rename(from, path.Join(folder, name))
	if info, other := dir.Lstat(name); err != nil && other == nil && info.IsDir() {
		if err := removed(dir.Remove(name)); err != nil { // a folder that is not empty has been put there by hand
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
		_ = dir.Remove(filepath.Base(f.Name())) // Prune gets it, if not this
	}
}
