// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// OpenRegular opens a file below a folder for reading. It must be a regular file
// itself: a FIFO would block, a device may do anything, and a link leads to
// somebody else's choice. A missing file is fs.ErrNotExist.
func OpenRegular(root *os.Root, name string) (*os.File, error) {
	name = cmp.Or(strings.TrimRight(name, "/"), name) // a slash makes a Root follow links (CVE-2026-39822)
	for tries := 10; ; tries-- {
		found, err := root.Lstat(name)
		if err != nil {
			return nil, err
		}
		if !found.Mode().IsRegular() {
			return nil, &fs.PathError{Op: "open", Path: name, Err: kindError{found.Mode()}}
		}
		// The name may meanwhile mean something else: then the open must not
		// wait for the other end of a FIFO, and its result is useless.
		f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			return nil, err
		}
		opened, err := f.Stat()
		if err == nil && os.SameFile(found, opened) {
			return f, nil
		}
		f.Close()
		if err != nil || tries == 0 { // otherwise a run has replaced the file
			return nil, &fs.PathError{Op: "open", Path: name, Err: cmp.Or(err, errors.New("keeps being replaced"))}
		}
	}
}

// OpenRegularFile is OpenRegular for a path. Its folder may be anything.
func OpenRegularFile(path string) (*os.File, error) {
	dir, name := filepath.Split(cmp.Or(strings.TrimRight(path, "/"), path))
	if name == "" && dir != "" || name == ".." {
		return nil, &fs.PathError{Op: "open", Path: path, Err: kindError{fs.ModeDir}}
	}
	root, err := openFolder(cmp.Or(dir, "."))
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

// kindError says what was found instead of a regular file.
type kindError struct{ found fs.FileMode }

func (e kindError) Error() string { return "is " + Kind(e.found) + ", wanted a regular file" }

// Kind names the kind of file of a mode, for messages.
func Kind(found fs.FileMode) string {
	switch {
	case found.IsRegular():
		return "a regular file"
	case found.IsDir():
		return "a folder"
	case found&fs.ModeSymlink != 0:
		return "a symbolic link"
	case found&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case found&fs.ModeSocket != 0:
		return "a socket"
	case found&fs.ModeDevice != 0:
		return "a device"
	}
	return "something else"
}

// ReadRegularFile reads a file that nobody has named, such as one beside an
// archive: a regular file of so many bytes at most.
func ReadRegularFile(path string, most int64) ([]byte, error) {
	f, err := OpenRegularFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("has more than %d bytes", most)}
	}
	return text, err
}
