// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// TestOwnDamage changes an image whose definition changes packages' files: verify finds
// whatever is not as the lock has it, be it the package's own.
func TestOwnDamage(t *testing.T) {
	t.Parallel()
	repo, dir, out := t.TempDir(), t.TempDir(), t.TempDir()
	pkgtest.WriteRepo(repo, shopPackages()...)
	definition := filepath.Join(dir, "app.ucl")
	const text = `image app { packages = [ base, shop ]; file "/srv/x.conf" { local = x.conf; owner = www }; edit "/usr/local/etc/shop.ini" { append = [ "last = 1" ] };
		attributes "/usr/local/www/shop/lib/**" { owner = www; mode = "0640" } }`
	writeFiles(t, dir, map[string]string{"x.conf": "x = 1\n", "app.ucl": text})
	if status, said := orlop(t, "build", "-q", "--format", "dir", "--repo", repo, "-o", out, "--image-file", definition, "app"); status != 0 {
		t.Fatal(said)
	}
	honest := filepath.Join(out, "container-image-app")
	const ini, php, own = "usr/local/etc/shop.ini", "usr/local/www/shop/lib/a.php", "srv/x.conf"
	for name, tt := range map[string]struct {
		change func(l *opened)
		status int
		path   string // that is named
	}{
		"nothing":                    {func(*opened) {}, 0, ""},
		"another text":               {func(l *opened) { l.find(0, ini).set([]byte("evil")) }, 5, ini},
		"the package's text":         {func(l *opened) { l.find(0, ini).set([]byte(shopPackages()[1].Files[0].Body)) }, 5, ini},
		"another mode":               {func(l *opened) { l.find(0, ini).Mode = 0o666 }, 5, ini},
		"another owner":              {func(l *opened) { l.find(0, ini).Uname, l.find(0, ini).Uid = "www", 80 }, 5, ini},
		"no changed file":            {func(l *opened) { l.drop(0, ini) }, 5, ini},
		"the package's mode":         {func(l *opened) { l.find(0, php).Mode = 0o644 }, 5, php},
		"the package's owner":        {func(l *opened) { l.find(0, php).Uname, l.find(0, php).Uid = "root", 0 }, 5, php},
		"contents with the owner":    {func(l *opened) { l.find(0, php).set([]byte("<?php b")) }, 5, php},
		"setuid":                     {func(l *opened) { l.find(0, php).Mode = 0o4640 }, 5, php},
		"another file of the folder": {func(l *opened) { l.find(0, own).set([]byte("x = 2\n")) }, 5, own},
		"another mode of it":         {func(l *opened) { l.find(0, own).Mode = 0o666 }, 5, own},
		"another owner of it":        {func(l *opened) { l.find(0, own).Uname, l.find(0, own).Uid = "root", 0 }, 5, own},
		"none of it":                 {func(l *opened) { l.drop(0, own) }, 5, own},
	} {
		l := openLayout(t, honest)
		l.open(0)
		tt.change(l)
		l.save()
		status, said := orlop(t, "verify", "-q", l.dir)
		if name != "nothing" && status == 0 || tt.status != status || !strings.Contains(said, tt.path) {
			t.Errorf("%s: status %d, wanted %d and %q: %s", name, status, tt.status, tt.path, said)
		}
		if err := os.RemoveAll(l.dir); err != nil {
			t.Fatal(err)
		}
	}
}
