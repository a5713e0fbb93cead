// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// TestOwnReleaseOffline makes an image of packages that tell no release from a
// network, and then from the store alone: the ABI tells its name both times.
func TestOwnReleaseOffline(t *testing.T) {
	t.Parallel()
	repo, dir, cache := t.TempDir(), t.TempDir(), t.TempDir()
	pkgtest.WriteRepo(repo, pkgtest.Package{Name: "tool", Files: []pkgtest.File{{Path: "/usr/local/bin/tool", Body: "tool"}}})
	from := []string{"--insecure-unsigned", "--repo", serve(t, repo), "--cache", cache}
	own := []string{"--name", "tiny", "--package", "tool"}
	lock := dir + "/online/container-image-tiny.lock.json"
	for _, f := range []struct {
		out  string
		args []string
	}{
		{"online", own}, {"offline", append([]string{"--offline"}, own...)},
		{"locked", []string{"--lock", lock}}, {"locked-offline", []string{"--offline", "--lock", lock}},
	} {
		args := append(append([]string{"build", "-q", "-o", filepath.Join(dir, f.out)}, from...), f.args...)
		if status, said := orlop(t, args...); status != 0 {
			t.Fatalf("%s: status %d: %s", f.out, status, said)
		}
		for _, ending := range []string{".txz", ".lock.json"} {
			file := "container-image-tiny" + ending
			if fileSum(t, filepath.Join(dir, f.out, file)) != fileSum(t, filepath.Join(dir, "online", file)) {
				t.Errorf("%s: %s is another one than online", f.out, file)
			}
		}
	}
	definition := filepath.Join(dir, "tiny.ucl")
	if err := os.WriteFile(definition, []byte("image tiny { packages = [ tool ] }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, network := range [][]string{nil, {"--offline"}} {
		args := append(append([]string{"verify", "-q", "--rebuild", "--image-file", definition}, from...), network...)
		if status, said := orlop(t, append(args, dir+"/online/container-image-tiny.txz")...); status != 0 || said != "" {
			t.Errorf("%v: status %d, said %s", network, status, said)
		}
	}
}
