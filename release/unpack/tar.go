// SPDX-License-Identifier: BSD-2-Clause

package unpack

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/orlop/orlop/pkgdb/tarread"
	"github.com/orlop/orlop/release/tree"
)

// readTar reads the entries of a tar file.
func (a *archive) readTar(r io.Reader) error {
	t := tarread.NewReader(r)
	last := ""
	for {
		h, err := t.Next()
		if errors.Is(err, tar.ErrInsecurePath) { // a setting of the environment; place decides
			err = nil
		}
		switch {
		case err == io.EOF:
			return nil
		case last == "" && (errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF)):
			return a.broken("", errors.New("is no archive that this version reads, wanted tar, plain or packed with gzip, xz or zstd, or zip"))
		case last == "" && err != nil:
			return a.broken("", err)
		case err != nil:
			return a.broken("", fmt.Errorf("after entry %q: %w", last, plainly(err)))
		}
		if last = h.Name; h.Typeflag == tar.TypeXGlobalHeader {
			err = checkGlobal(h)
		} else {
			err = a.tarEntry(h, t)
		}
		if err != nil {
			return err
		}
	}
}

// checkGlobal passes a header for all entries after it, such as that of git archive with a
// commit, unless it says what archive/tar does not heed.
func checkGlobal(h *tar.Header) error {
	for _, key := range []string{"path", "linkpath", "size"} {
		if _, is := h.PAXRecords[key]; is {
			return refuse(h.Name, "is a global pax header with %s, which this version does not read", key)
		}
	}
	return nil
}

func (a *archive) tarEntry(h *tar.Header, contents io.Reader) error {
	path, prefix, taken, err := a.place(h.Name)
	if err != nil || !taken {
		return err
	}
	e := Entry{Path: path, Mode: 0o755}
	if e.Type, err = tarType(h); err != nil {
		return err
	}
	s := seen{kind: e.Type, prefix: prefix}
	switch e.Type {
	case tree.File:
		e.Size, e.Mode = h.Size, fileMode(h.Mode&0o100 != 0)
	case tree.Symlink:
		e.Link, err = h.Linkname, a.checkSymlink(h.Name, path, h.Linkname)
	case tree.Hardlink:
		e.Mode = 0
		e.Link, err = a.linkedFile(h.Name, path, h.Linkname)
		s.file = e.Link
	}
	if err != nil {
		return err
	}
	again, err := a.add(h.Name, path, s)
	if err != nil || again {
		return err
	}
	if e.Type != tree.File {
		contents = strings.NewReader("")
	}
	return a.give(h.Name, e, contents)
}

// fileMode is a file's mode.
func fileMode(executable bool) uint32 {
	if executable {
		return 0o755
	}
	return 0o644
}

func tarType(h *tar.Header) (tree.Type, error) {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return 0, refuse(h.Name, "is a sparse file, which this version does not read")
		}
	}
	kind := fmt.Sprintf("of type %q", h.Typeflag)
	switch h.Typeflag {
	case tar.TypeReg:
		if !strings.HasSuffix(h.Name, "/") {
			return tree.File, nil
		}
		kind = "a file with the name of a folder"
	case tar.TypeDir:
		return tree.Dir, nil
	case tar.TypeSymlink:
		return tree.Symlink, nil
	case tar.TypeLink:
		return tree.Hardlink, nil
	case tar.TypeGNUSparse:
		kind = "a sparse file"
	case tar.TypeChar, tar.TypeBlock:
		kind = "a device"
	case tar.TypeFifo:
		kind = "a FIFO"
	}
	return 0, refuse(h.Name, "is %s, wanted a file, a folder or a link", kind)
}
