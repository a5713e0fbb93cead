// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// TestRepositoriesPermuted builds from several repositories, read in any order: images
// and locks have the same bytes. They have a package of the same bytes in common, and
// others of which one has a newer version.
func TestRepositoriesPermuted(t *testing.T) {
	t.Parallel()
	same := pkgtest.Package{Name: "same", Files: []pkgtest.File{{Path: "/same", Body: "same", Mode: 0o644}}}
	dirs := map[string]string{"base": t.TempDir(), "ports": t.TempDir(), "local": t.TempDir()}
	pkgtest.WriteRepo(dirs["base"], same, pkgtest.Package{Name: "lib", Version: "2"}, pkgtest.Package{Name: "tool", Deps: []string{"lib", "both"}})
	pkgtest.WriteRepo(dirs["ports"], same, pkgtest.Package{Name: "lib", Version: "1"}, pkgtest.Package{Name: "both", Version: "1"},
		pkgtest.Package{Name: "web", Deps: []string{"same"}, Keys: map[string]any{"shlibs_required": []string{"libz.so.1"}}})
	pkgtest.WriteRepo(dirs["local"], pkgtest.Package{Name: "both", Version: "1.1"}, pkgtest.Package{Name: "z", Keys: map[string]any{"shlibs_provided": []string{"libz.so.1"}}})
	var first map[string]string
	for _, order := range []string{"base ports local", "local ports base", "ports base local", "base local ports"} {
		out := t.TempDir()
		args := []string{"build", "-q", "--cache", t.TempDir(), "-o", out, "--name", "x", "--package", "tool", "--package", "web"}
		for _, name := range strings.Fields(order) {
			args = append(args, "--repo", name+"="+dirs[name])
		}
		if status, said := orlop(t, args...); status != 0 {
			t.Fatalf("%s: %s", order, said)
		}
		made := map[string]string{}
		files, err := filepath.Glob(out + "/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			made[filepath.Base(file)] = string(text)
		}
		if first == nil {
			first = made
			if text := made["container-image-x.lock.json"]; strings.Count(text, `"name": "same"`) != 1 || !strings.Contains(text, `"version": "1.1"`) || len(made) != 2 {
				t.Errorf("got %d files, and the lock\n%s", len(made), text)
			}
		}
		if d := cmp.Diff(first, made); d != "" {
			t.Errorf("%s (-first +this):\n%.2000s", order, d)
		}
	}
}
