// SPDX-License-Identifier: BSD-2-Clause

package output

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/store"
)

// Sub returns the folder for what goes into a subfolder of the output folder, which
// may be absent. Its Place leaves everything to that of s.
func (s *Folder) Sub(name string) (*Folder, error) {
	sub := &Folder{out: filepath.Join(s.out, name), dir: s.Path(name), above: s}
	there, err := subfolder(sub.out)
	if err == nil && there {
		sweep(sub.out)
		err = s.takeFrom(sub)
	} else if err == nil {
		err = os.Mkdir(sub.dir, 0o777)
	}
	if err != nil {
		return nil, err
	}
	s.subs = append(s.subs, name)
	return sub, nil
}

// subfolder reports whether there is a folder. One behind a link could be that of
// another platform.
func subfolder(path string) (there bool, err error) {
	info, err := os.Lstat(path)
	if err != nil {
		return false, unlessAbsent(err)
	}
	if !info.IsDir() {
		return false, fmt.Errorf("%s: found %s, wanted a folder or nothing there", path, store.Kind(info.Mode()))
	}
	return true, nil
}

// takeFrom makes the folder where a subfolder's files are prepared: in the subfolder,
// and renames it, to learn before the work whether the files can be renamed, too.
func (s *Folder) takeFrom(sub *Folder) error {
	var err error
	for tries := 3; tries > 0; tries-- {
		var made string
		if made, err = os.MkdirTemp(sub.out, stagingPrefix+"*"); err == nil {
			err = os.Rename(made, sub.dir)
			_ = syscall.Rmdir(made) // unless it was renamed
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		} // else another run's sweep came between
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EXDEV):
		return fmt.Errorf("%s: is on another file system than %s, wanted it on the same", sub.out, s.out)
	}
	return fmt.Errorf("%s: cannot be written: %w", sub.out, fault.Reason(err))
}

// leave leaves all staged files to the folder above.
func (s *Folder) leave() {
	name := filepath.Base(s.dir)
	for _, file := range s.staged {
		s.above.staged = append(s.above.staged, filepath.Join(name, file))
	}
	s.staged = nil
}

// removeStaged deletes the files that were not left to the folder above.
func (s *Folder) removeStaged() {
	for _, file := range s.staged {
		os.RemoveAll(s.Path(file))
	}
	s.staged = nil
}
