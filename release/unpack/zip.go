// SPDX-License-Identifier: BSD-2-Clause

package unpack

import (
	"archive/zip"
	"errors"
	"io"
	"io/fs"
	"strings"

	"github.com/orlop/orlop/release/tree"
)

// emptyZip begins a zip file without entries (APPNOTE.TXT 4.3.16).
const emptyZip = "PK\x05\x06"

// encrypted is the flag of an entry that needs a password (APPNOTE.TXT 4.4.4).
const encrypted = 1

// readZip reads the entries of a zip file, in the order of its directory.
func (a *archive) readZip(r io.ReaderAt, size int64) error {
	z, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // a setting of the environment; place decides
		return a.broken("", err)
	}
	for _, f := range z.File {
		if err := a.zipEntry(f); err != nil {
			return err
		}
	}
	return nil
}

func (a *archive) zipEntry(f *zip.File) error {
	if strings.IndexByte(f.Name, '\\') >= 0 {
		return refuse(f.Name, `has a \ in its name, wanted / between names (APPNOTE.TXT 4.4.17.1)`)
	}
	path, prefix, taken, err := a.place(f.Name)
	if err != nil || !taken {
		return err
	}
	e := Entry{Path: path, Mode: 0o755}
	if e.Type, err = zipType(f); err != nil {
		return err
	}
	if f.UncompressedSize64 > uint64(max(a.left, 0)) {
		return a.broken(f.Name, a.tooLarge())
	}
	var contents io.Reader = strings.NewReader("")
	if e.Type != tree.Dir {
		file, err := f.Open()
		if errors.Is(err, zip.ErrAlgorithm) {
			return refuse(f.Name, "is packed with method %d, wanted 0 (stored) or 8 (deflated)", f.Method)
		} else if err != nil {
			return a.broken(f.Name, err)
		}
		defer file.Close()
		contents = a.limit(file)
	}
	switch e.Type {
	case tree.File:
		e.Size, e.Mode = int64(f.UncompressedSize64), fileMode(f.Mode()&0o100 != 0)
	case tree.Symlink: // its contents are its target
		target, err := io.ReadAll(io.LimitReader(contents, maxPath+1))
		if err != nil {
			return a.broken(f.Name, err)
		}
		e.Link = string(target)
		if err := a.checkSymlink(f.Name, path, e.Link); err != nil {
			return err
		}
	}
	again, err := a.add(f.Name, path, seen{kind: e.Type, prefix: prefix})
	if err != nil || again {
		return err
	}
	return a.give(f.Name, e, contents)
}

// zipType is the type of an entry. One made on a system without modes has none, and is a
// file, or a folder by its name.
func zipType(f *zip.File) (tree.Type, error) {
	kind := f.Mode().Type()
	switch {
	case f.Flags&encrypted != 0:
		return 0, refuse(f.Name, "is encrypted, which this version does not read")
	case strings.HasSuffix(f.Name, "/"), kind == fs.ModeDir:
		return tree.Dir, nil
	case kind == fs.ModeSymlink:
		return tree.Symlink, nil
	case kind == 0:
		return tree.File, nil
	}
	return 0, refuse(f.Name, "has the mode %v, wanted a file, a folder or a link", f.Mode())
}
