// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// TestOwnSteps gives an image and its parent files of their own, and lets the upper one
// change what the lower one has, in layers and squashed.
func TestOwnSteps(t *testing.T) {
	t.Parallel()
	repo := t.TempDir()
	pkgtest.WriteRepo(repo, shopPackages()...)
	const low = `attributes "/usr/local/www/shop/lib/a.php" { owner = www; mode = "0600" }; tree "/srv" { local = site }; file "/srv/single" { local = x.conf }; edit "/usr/local/etc/shop.ini" { append = [ "low = 1" ] }; remove = [ "/usr/local/www/shop/index.php" ]`
	for _, tt := range []struct {
		name, keys string
		status     int
		want       string   // of the message
		list       []string // lines of ls --files; those that begin with ! are not there
		alone      int      // status of verify without the lock
	}{
		{"nothing", "", 0, "", []string{"-rw-r--r-- root:wheel /srv/a.txt"}, 5},
		{"an edit of a lower file", `edit "/srv/a.txt" { append = [ "more" ] }`, 0, "", []string{"-rw-r--r-- root:wheel /srv/a.txt"}, 5},
		{"an edit of a packaged file again", `edit "/usr/local/etc/shop.ini" { append = [ "high = 1" ] }`, 0, "", nil, 5},
		{"attributes of an edited packaged file", `attributes "/usr/local/etc/shop.ini" { owner = www; mode = "0600" }`, 0, "", []string{"-rw------- www:wheel /usr/local/etc/shop.ini"}, 5},
		{"attributes as the package has them", `attributes "/usr/local/www/shop/lib/a.php" { owner = root; mode = "0644" }`, 0, "", []string{"-rw-r--r-- root:wheel /usr/local/www/shop/lib/a.php"}, 5},
		{"an edited packaged file, replaced", `file "/usr/local/etc/shop.ini" { local = y.conf }; replaces = [ "/usr/local/etc/shop.ini" ]`, 0, "", nil, 5},
		{"an edited packaged file, removed", `remove = [ "/usr/local/etc/shop.ini" ]`, 0, "", []string{"! /usr/local/etc/shop.ini"}, 5},
		{"a lower file, replaced", `file "/srv/a.txt" { local = y.conf }; replaces = [ "/srv/a.txt" ]`, 0, "", []string{"-rw-r--r-- root:wheel /srv/a.txt"}, 5},
		{"a lower file, brought again", `file "/srv/a.txt" { local = y.conf }`, 3, "in both", nil, 0},
		{"a lower file, the same again", `file "/srv/single" { local = x.conf }`, 0, "", []string{"-rw-r--r-- root:wheel /srv/single"}, 5},
		{"a text for a lower file", `file "/srv/a.txt" { content = text }; replaces = [ "/srv/**" ]`, 0, "", nil, 5},
		{"a link for a lower file", `link { "/srv/a.txt" = "b.txt" }; replaces = [ "/srv/**" ]`, 0, "", []string{"lrwxr-xr-x root:wheel /srv/a.txt -> b.txt"}, 5},
		{"attributes of a lower file", `attributes "/srv/a.txt" { owner = www; mode = "0600" }`, 0, "", []string{"-rw------- www:wheel /srv/a.txt"}, 5},
		{"attributes of all below", `attributes "/srv/**" { owner = www }`, 0, "", []string{"-rw-r--r-- www:wheel /srv/a.txt", "lrwxr-xr-x www:wheel /srv/l -> b.txt"}, 5},
		{"attributes of a folder", `attributes "/srv" { owner = www; mode = "0700" }`, 0, "", []string{"drwx------ www:wheel /srv"}, 5},
		{"attributes of a packaged file below", `attributes "/bin/sh" { mode = "0511" }`, 0, "", []string{"-r-x--x--x root:wheel /bin/sh"}, 5},
		{"attributes of a file with two names", `attributes "/bin/test" { owner = www }`, 0, "", []string{"-r-xr-xr-x www:wheel /bin/test", "-r-xr-xr-x www:wheel /bin/zest"}, 5},
		{"removal of a lower file", `remove = [ "/srv/a.txt" ]`, 0, "", []string{"! /srv/a.txt", "-rw-r--r-- root:wheel /srv/b.txt"}, 5},
		{"removal of a lower tree", `remove = [ "/srv" ]`, 0, "", []string{"! /srv/a.txt", "! /srv"}, 5},
		{"removal of an own file", `tree "/opt" { local = site }; remove = [ "/opt/a.txt" ]`, 0, "", []string{"! /opt/a.txt", "-rw-r--r-- root:wheel /opt/b.txt"}, 5},
		{"an edit of a file that goes", `edit "/bin/sh" { append = [ x ] }; remove = [ "/bin/sh" ]`, 0, "", []string{"! /bin/sh"}, 5},
		{"an edit of a file that shares its inode", `edit "/bin/zest" { append = [ x ] }`, 3, "has another name", nil, 0},
		{"a file that was removed, brought", `file "/usr/local/www/shop/index.php" { local = y.conf }`, 0, "", []string{"-rw-r--r-- root:wheel /usr/local/www/shop/index.php"}, 5},
		{"a folder for a lower file", `dir "/srv/a.txt" { mode = "0700" }`, 3, "/srv/a.txt", nil, 0},
		{"two groups", `tree "/opt" { local = site }; tree "/mnt" { local = site }`, 0, "", []string{"-rw-r--r-- root:wheel /opt/a.txt"}, 5},
		{"layers", `tree "/opt" { local = site }; layers { at-most = 4 }`, 0, "", []string{"-rw-r--r-- root:wheel /opt/a.txt"}, 5},
		{"only", `tree "/opt" { local = site }; only { programs = [ "/bin/sh" ]; paths = [ "/usr/local/etc/**" ] }; pkg-database = keep`, 0, "", []string{"-rw-r--r-- root:wheel /opt/a.txt", "-rw-r--r-- root:wheel /srv/a.txt"}, 5},
		{"no database", `tree "/opt" { local = site }; pkg-database = none`, 0, "", []string{"-rw-r--r-- root:wheel /opt/a.txt"}, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			writeFiles(t, dir, map[string]string{"site/a.txt": "a", "site/b.txt": "b", "site/l": "->b.txt", "x.conf": "x", "y.conf": "y"})
			s := &steps{repo, filepath.Join(dir, "app.ucl")}
			text := "image low { packages = [ base, shop ]; " + low + " }\nimage app { parent = low; " + tt.keys + " }\n"
			if err := os.WriteFile(s.definition, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			s.check(t, nil, tt.status, tt.want, tt.list, tt.alone)
			switch tt.name {
			case "layers": // which goes without
			case "no database": // the one layer says nothing else
				s.check(t, []string{"--squash"}, tt.status, tt.want, tt.list, 0)
			default:
				s.check(t, []string{"--squash"}, tt.status, tt.want, tt.list, tt.alone)
			}
		})
	}
}

// steps is a definition of images on each other.
type steps struct{ repo, definition string }

func (s *steps) check(t *testing.T, how []string, status int, want string, listed []string, alone int) {
	t.Helper()
	out := t.TempDir()
	got, said := orlop(t, append(append([]string{"build", "-q", "--repo", s.repo, "-o", out, "--image-file", s.definition}, how...), "app")...)
	if got != status || !strings.Contains(said, want) {
		t.Errorf("%v: status %d, said %s\nwanted %d, %s", how, got, said, status, want)
		return
	}
	if status != 0 {
		return
	}
	archive := filepath.Join(out, "container-image-app.txz")
	_, list, _ := capture(t, "ls", "--files", archive)
	for _, line := range listed {
		path, not := strings.CutPrefix(line, "! ")
		if not && strings.Contains(list, " "+path+"\n") || !not && !hasLine(list, line) {
			t.Errorf("%v: found\n%s\nwanted %s", how, list, line)
		}
	}
	if status, said := orlop(t, "verify", "-q", archive); status != 0 {
		t.Errorf("%v: verify: status %d, said %s", how, status, said)
	}
	if status, said := orlop(t, "verify", "-q", "--rebuild", "--repo", s.repo, "--image-file", s.definition, archive); status != 0 {
		t.Errorf("%v: rebuild: status %d, said %s", how, status, said)
	}
	copied := filepath.Join(t.TempDir(), "copy.txz")
	text, err := os.ReadFile(archive)
	if err == nil {
		err = os.WriteFile(copied, bytes.Clone(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if status, said := orlop(t, "verify", "-q", copied); status != alone {
		t.Errorf("%v: verify without the lock: status %d, wanted %d; said %s", how, status, alone, said)
	}
	if status, said := orlop(t, "verify", "-q", "--allow-departures", copied); status != 0 {
		t.Errorf("%v: verify --allow-departures: status %d, said %s", how, status, said)
	}
}
