// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// OpenRegular opens a file below a folder for reading. It has to be a regular
// file itself: a FIFO would block, a device may do anything, and a link leads
// to what somebody else chose. That there is none is fs.ErrNotExist.
func OpenRegular(root *os.Root, name string) (*os.File, error) {
	name = cmp.Or(strings.TrimRight(name, "/"), name) // a slash makes a Root follow links (CVE-2026-39822)
	found, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if err := regular(found); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	// The name may have come to stand for something else since: then the open
	// must not wait for the other end of a FIFO, and what it gave is of no use.
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if opened, err := f.Stat(); err != nil || !os.SameFile(found, opened) {
		f.Close()
		return nil, &fs.PathError{Op: "open", Path: name, Err: cmp.Or(err, errors.New("has been replaced meanwhile"))}
	}
	return f, nil
}

// OpenRegularFile is OpenRegular for a path. Its folder may be anything.
func OpenRegularFile(path string) (*os.File, error) {
	dir, name := filepath.Split(cmp.Or(strings.TrimRight(path, "/"), path))
	if name == "" && dir != "" || name == ".." {
		return nil, &fs.PathError{Op: "open", Path: path, Err: wantedRegular(fs.ModeDir)}
	}
	root, err := os.OpenRoot(cmp.Or(dir, "."))
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: reason(err)}
	}
	defer root.Close()
	f, err := OpenRegular(root, name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: reason(err)}
	}
	return f, nil
}

// regular says what a file is, if it is no regular one.
func regular(info fs.FileInfo) error {
	if info.Mode().IsRegular() {
		return nil
	}
	return wantedRegular(info.Mode())
}

func wantedRegular(found fs.FileMode) error {
	what := "something else"
	switch {
	case found&fs.ModeDir != 0:
		what = "a folder"
	case found&fs.ModeSymlink != 0:
		what = "a symbolic link"
	case found&fs.ModeNamedPipe != 0:
		what = "a FIFO"
	case found&fs.ModeSocket != 0:
		what = "a socket"
	case found&fs.ModeDevice != 0:
		what = "a device"
	}
	return fmt.Errorf("is %s, wanted a regular file", what)
}
