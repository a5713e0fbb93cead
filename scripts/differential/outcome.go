// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/orlop/orlop/release/tree"
)

// outcome is the result of an install.
type outcome struct {
	status int
	log    string
	rows   []string // of the database, as orlop pkgdb dump prints them
	files  map[string]tree.Node
}

// compared returns a node without what need not be equal: the times of directories,
// the modes of links, and flags, which only FreeBSD has.
func compared(n tree.Node) tree.Node {
	switch n.Flags = ""; n.Type {
	case tree.Dir:
		n.Time = 0
	case tree.Symlink:
		n.Mode = 0o755
	}
	return n
}

// onDisk reads a path below a root, with the owner that pkg would have set.
func onDisk(root, path string, owner tree.Node) tree.Node {
	info, err := os.Lstat(root + path)
	check(err)
	n := tree.Node{Path: path, Uname: "root", Gname: "wheel", Time: info.ModTime().Unix(), Origin: tree.Listed}
	if owner.Uname != "" {
		n.Uname, n.Gname = owner.Uname, owner.Gname
	}
	n.Mode = uint32(info.Sys().(*syscall.Stat_t).Mode) & 0o7777 // of 16 bits on FreeBSD
	switch info.Mode().Type() {
	case fs.ModeDir:
		n.Type = tree.Dir
	case fs.ModeSymlink:
		n.Type = tree.Symlink
		n.Link, err = os.Readlink(root + path)
		check(err)
	default:
		text, err := os.ReadFile(root + path)
		check(err)
		n.Size, n.Digest = int64(len(text)), tree.DigestOf(text)
	}
	return compared(n)
}

// metalog reads the owners that pkg could not set as an ordinary user.
func metalog(file, root string) map[string]tree.Node {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	check(err)
	defer f.Close()
	owners, err := tree.ReadMetalog(f, file, func(path string) bool {
		_, err := os.Lstat(root + path)
		return err == nil
	})
	check(err)
	return owners
}

// inImage reads the output of orlop ls --mtree.
func inImage(listing []byte) map[string]tree.Node {
	nodes, err := tree.ReadMtree(bytes.NewReader(listing), "orlop ls", "/")
	check(err)
	files := map[string]tree.Node{}
	for _, n := range nodes {
		if n.Path != "/" && !strings.HasPrefix(n.Path, "/var/db/pkg") {
			files[n.Path] = compared(n)
		}
	}
	return files
}

// difference says how orlop's result differs from pkg's, "" if it does not.
func difference(theirs, ours outcome) string {
	switch {
	case theirs.status < 0: // pkg was killed, by an assertion of its own
		return ""
	case theirs.status == 0 && ours.status != 0:
		return "pkg installs, orlop refuses: " + firstLine(ours.log)
	case theirs.status != 0 && ours.status == 0:
		return fmt.Sprintf("pkg refuses (%d), orlop builds: %s", theirs.status, theirs.log)
	case theirs.status != 0:
		return ""
	}
	var list []string
	for _, row := range lacks(ours.rows, theirs.rows) {
		list = append(list, "pkg's row:   "+row)
	}
	for _, row := range lacks(theirs.rows, ours.rows) {
		list = append(list, "orlop's row: "+row)
	}
	all := maps.Clone(theirs.files)
	maps.Copy(all, ours.files)
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if theirs.files[path] != ours.files[path] && !strings.HasPrefix(path, "/var") {
			list = append(list, fmt.Sprintf("file %q:\n\tpkg   %s\n\torlop %s", path, show(theirs.files[path]), show(ours.files[path])))
		}
	}
	return strings.Join(list, "\n")
}

func show(n tree.Node) string {
	if n.Path == "" {
		return "nothing"
	}
	return fmt.Sprintf("%s %04o %s:%s %d, %d bytes %s%s", n.Type, n.Mode, n.Uname, n.Gname, n.Time, n.Size, n.Digest, n.Link)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// lacks returns the rows of b that a does not have.
func lacks(a, b []string) []string {
	has := map[string]int{}
	for _, row := range a {
		has[row]++
	}
	var out []string
	for _, row := range b {
		if has[row]--; has[row] < 0 {
			out = append(out, row)
		}
	}
	return out
}

// record saves the results of pkg(8) with a case, in the form that the tests read.
func (o outcome) record(dir string) {
	want := filepath.Join(dir, "want")
	check(os.MkdirAll(want, 0o755))
	var root tree.Tree
	for _, n := range o.files {
		check(root.Put(n))
	}
	var listing strings.Builder
	check(tree.WriteMtree(context.Background(), &listing, &root))
	for name, text := range map[string]string{"rc": fmt.Sprintln(o.status), "log.txt": o.log, "dump.txt": strings.Join(o.rows, "\n") + "\n", "files.mtree": listing.String()} {
		check(os.WriteFile(filepath.Join(want, name), []byte(text), 0o644))
	}
}
