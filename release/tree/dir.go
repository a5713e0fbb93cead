// SPDX-License-Identifier: BSD-2-Clause

package tree

import (
	"cmp"
	"context"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/orlop/orlop/pkgdb/until"
)

// ReadDir lists a folder that is a root file system, in path order. Owners are
// only numbers, and file flags are not read. The first of several names of an
// inode is a File, the others are hard links to it. Devices, sockets and pipes
// are skipped: no package has them. No symbolic link is followed.
func ReadDir(ctx context.Context, root *os.Root) ([]Node, error) {
	type inode struct{ dev, ino uint64 }
	inodes := map[string]inode{} // of files that may have more names
	var nodes []Node
	err := fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		n := Node{Path: "/" + p, Mode: permissions(info.Mode()), Time: info.ModTime().Unix()}
		if p == "." {
			n.Path = "/"
		}
		stat, _ := info.Sys().(*syscall.Stat_t)
		if stat != nil {
			n.UID, n.GID = int(stat.Uid), int(stat.Gid)
		}
		switch info.Mode().Type() {
		case 0:
			n.Size = info.Size()
			if stat != nil && stat.Nlink > 1 {
				inodes[n.Path] = inode{uint64(stat.Dev), uint64(stat.Ino)}
			}
		case fs.ModeDir:
			n.Type = Dir
		case fs.ModeSymlink:
			n.Type = Symlink
			if n.Link, err = root.Readlink(p); err != nil {
				return err
			}
		default:
			return nil
		}
		nodes = append(nodes, n)
		return nil
	})
	if err == nil {
		err = until.Sort(ctx, nodes, func(a, b Node) int { return strings.Compare(a.Path, b.Path) })
	}
	first := map[inode]string{}
	for i := range nodes {
		n := &nodes[i]
		if id, ok := inodes[n.Path]; !ok {
			continue
		} else if link, ok := first[id]; ok {
			n.Type, n.Link, n.Size = Hardlink, link, 0
		} else {
			first[id] = n.Path
		}
	}
	return nodes, err
}

// permissions converts Go's mode to that of stat(2).
func permissions(m fs.FileMode) uint32 {
	mode := uint32(m.Perm())
	for _, bit := range []struct {
		from fs.FileMode
		to   uint32
	}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}} {
		if m&bit.from != 0 {
			mode |= bit.to
		}
	}
	return mode
}
