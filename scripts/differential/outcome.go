// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
)

// outcome is what an install has led to.
type outcome struct {
	status int
	log    string
	rows   []string          // of the database, as orlop pkgdb dump prints them
	files  map[string]string // what is known of a path
}

// onDisk says what a path is, with the owner that pkg would have given to it.
func onDisk(path, owner string) string {
	info, err := os.Lstat(path)
	check(err)
	if owner == "" {
		owner = "root:wheel"
	}
	mode := info.Sys().(*syscall.Stat_t).Mode & 0o7777
	switch info.Mode().Type() {
	case fs.ModeDir:
		return fmt.Sprintf("dir %04o %s", mode, owner)
	case fs.ModeSymlink:
		target, err := os.Readlink(path)
		check(err)
		return fmt.Sprintf("link %s %d %s", owner, info.ModTime().Unix(), target)
	}
	text, err := os.ReadFile(path)
	check(err)
	return fmt.Sprintf("file %04o %s %d %x %d", mode, owner, info.ModTime().Unix(), sha256.Sum256(text), len(text))
}

var metalogLine = regexp.MustCompile(`^\./(\S*) .*uname=(\S*) gname=(\S*) `)

// metalog reads the owners that pkg could not give as an ordinary user.
func metalog(file string) map[string]string {
	owners := map[string]string{}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return owners
	}
	check(err)
	for line := range strings.SplitSeq(string(text), "\n") {
		if m := metalogLine.FindStringSubmatch(line); m != nil {
			owners["/"+plain(m[1])] = m[2] + ":" + m[3]
		}
	}
	return owners
}

var octal = regexp.MustCompile(`\\[0-7]{3}`)

// plain undoes the escapes of mtree(5).
func plain(s string) string {
	return octal.ReplaceAllStringFunc(s, func(o string) string {
		return string([]byte{(o[1]-'0')<<6 | (o[2]-'0')<<3 | (o[3] - '0')})
	})
}

// inImage reads a listing of orlop ls --mtree.
func inImage(listing []byte) map[string]string {
	files, sums := map[string]string{}, map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(listing)); lines.Scan(); {
		name, rest, _ := strings.Cut(lines.Text(), " ")
		name = plain(strings.TrimPrefix(name, "."))
		if name == "" || strings.HasPrefix(name, "#") || strings.HasPrefix(name, "/var/db/pkg") {
			continue
		}
		k := map[string]string{}
		for word := range strings.SplitSeq(rest, " ") {
			key, value, _ := strings.Cut(word, "=")
			k[key] = value
		}
		owner, seconds := plain(k["uname"])+":"+plain(k["gname"]), strings.TrimSuffix(k["time"], ".0")
		switch k["type"] {
		case "dir":
			files[name] = fmt.Sprintf("dir %s %s", k["mode"], owner)
		case "link":
			files[name] = fmt.Sprintf("link %s %s %s", owner, seconds, plain(k["link"]))
		default:
			files[name] = fmt.Sprintf("file %s %s %s %s %s", k["mode"], owner, seconds, k["sha256digest"], k["size"])
			sums[name] = k["sha256digest"]
		}
	}
	return files
}

// difference says what orlop has otherwise than pkg, "" where it is the same.
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
			list = append(list, fmt.Sprintf("file %q:\n\tpkg   %s\n\torlop %s", path, theirs.files[path], ours.files[path]))
		}
	}
	return strings.Join(list, "\n")
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// lacks are the rows of b that a does not have.
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

// record leaves what pkg(8) did beside a case, as the tests read it.
func (o outcome) record(dir string) {
	want := filepath.Join(dir, "want")
	check(os.MkdirAll(want, 0o755))
	listing := "#mtree v2.0\n"
	for _, path := range slices.Sorted(maps.Keys(o.files)) {
		listing += "." + escape(path) + " " + mtreeLine(o.files[path]) + "\n"
	}
	for name, text := range map[string]string{"rc": fmt.Sprintln(o.status), "log.txt": o.log, "dump.txt": strings.Join(o.rows, "\n") + "\n", "files.mtree": listing} {
		check(os.WriteFile(filepath.Join(want, name), []byte(text), 0o644))
	}
}

// mtreeLine writes what onDisk says in the words of mtree(5).
func mtreeLine(what string) string {
	words := strings.SplitN(what, " ", 5)
	owner := func(word string) string { return "uname=" + strings.Replace(word, ":", " gname=", 1) }
	switch words[0] {
	case "dir":
		return "type=dir mode=" + words[1] + " " + owner(words[2])
	case "link":
		return "type=link mode=0755 " + owner(words[1]) + " time=" + words[2] + " link=" + escape(strings.Join(words[3:], " "))
	}
	return "type=file mode=" + words[1] + " " + owner(words[2]) + " size=" + words[4][65:] + " sha256digest=" + words[4][:64] + " time=" + words[3]
}

// escape writes a path as mtree(5) does.
func escape(path string) string {
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c > '~' || strings.IndexByte("\\#*?[=", c) >= 0 {
			fmt.Fprintf(&b, "\\%03o", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
