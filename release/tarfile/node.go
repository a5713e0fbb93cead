// SPDX-License-Identifier: BSD-2-Clause

package tarfile

import (
	"archive/tar"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/tree"
)

// maxPath bounds a path and the target of a link, in bytes. FreeBSD's kernel
// accepts 1024 (PATH_MAX in sys/syslimits.h), Linux's 4096.
const maxPath = 4096

// Node turns a header into a node.
func Node(h *tar.Header) (tree.Node, error) {
	n := tree.Node{Mode: uint32(h.Mode) & 0o7777, Uname: h.Uname, Gname: h.Gname,
		UID: h.Uid, GID: h.Gid, Time: h.ModTime.Unix(), Flags: h.PAXRecords["SCHILY.fflags"], Records: furtherRecords(h)}
	var err error
	if n.Path, err = clean(h.Name); err != nil {
		return n, err
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		n.Type, n.Size = tree.File, h.Size
	case tar.TypeDir:
		n.Type = tree.Dir
	case tar.TypeSymlink:
		n.Type, n.Link = tree.Symlink, h.Linkname
	case tar.TypeLink:
		n.Type = tree.Hardlink
		if n.Link, err = clean(h.Linkname); err != nil {
			return n, fmt.Errorf("is a hard link to %q, which %w", h.Linkname, err)
		}
	case tar.TypeChar, tar.TypeBlock:
		n.Type, n.Link = tree.CharDevice, fmt.Sprintf("%d,%d", h.Devmajor, h.Devminor)
		if h.Typeflag == tar.TypeBlock {
			n.Type = tree.BlockDevice
		}
	case tar.TypeFifo:
		n.Type = tree.FIFO
	default:
		return n, fmt.Errorf("has the tar type %q, which is none of the file types in image-spec's layer.md", h.Typeflag)
	}
	if len(n.Path) > maxPath || len(n.Link) > maxPath {
		return n, fault.Unsupportedf("has a path or link of %d bytes, wanted at most %d", max(len(n.Path), len(n.Link)), maxPath)
	}
	return n, nil
}

// clean turns "a/b", "./a//b", "/a/./b" and "a/b/" into "/a/b", as programs that
// extract a layer do.
func clean(name string) (string, error) {
	if name == "" {
		return "", errors.New("has no name")
	}
	if whole := "/" + name; tree.CheckPath(whole) == nil { // as for almost all
		return whole, nil
	}
	var path strings.Builder
	for part := range strings.SplitSeq(name, "/") {
		switch part {
		case "", ".":
		case "..":
			return "", errors.New(`has ".." in its path, which may lead out of the root`)
		default:
			path.WriteString("/" + part)
		}
	}
	if path.Len() == 0 {
		return "/", nil
	}
	return path.String(), tree.CheckPath(path.String())
}

// IsSparse reports whether an entry has holes, in any of the ways to write them.
func IsSparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return h.Typeflag == tar.TypeGNUSparse
}

// knownRecords are those that a node represents, and times that nobody restores.
var knownRecords = []string{"path", "linkpath", "size", "uid", "gid", "uname", "gname", "mtime", "atime", "ctime", "hdrcharset", "SCHILY.fflags"}

// furtherRecords are the other pax records, KEY=VALUE.
func furtherRecords(h *tar.Header) string {
	if len(h.PAXRecords) == 0 { // as almost always
		return ""
	}
	var list []string
	for _, key := range slices.Sorted(maps.Keys(h.PAXRecords)) {
		if !slices.Contains(knownRecords, key) {
			list = append(list, key+"="+shown(h.PAXRecords[key], true))
		}
	}
	return strings.Join(list, " ")
}
