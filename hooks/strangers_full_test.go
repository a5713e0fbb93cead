// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package hooks_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release"
)

// TestStrangers builds what the goldens of strangers' repositories asked for, with all that
// their scripts do, on no base and on one of their release. Each rebuild has the same digest.
// Rows and files are those that pkg(8) made; so they are on a base, beside its own.
func TestStrangers(t *testing.T) {
	t.Parallel()
	needShared(t)
	requests, err := filepath.Glob(shared + "/golden/third-party/*/requests.txt")
	if err != nil || len(requests) != 2 {
		t.Fatal(requests, err)
	}
	for _, file := range requests {
		dir := filepath.Dir(file)
		for name, definition := range map[string]string{
			"alone":   "image x { packages = [ @ ] }",
			"on base": "image low { packages = [ base ] }\nimage x { parent = low; packages = [ @ ] }",
		} {
			t.Run(filepath.Base(dir)+" "+name, func(t *testing.T) {
				t.Parallel()
				list := strings.Join(strings.Fields(string(read(t, file))), ", ")
				cfg := config(t, filepath.Join(shared, "repos/third-party", filepath.Base(dir)), "x")
				repos(cfg).Repos[0].Name = map[string]string{"pearos": "pearOS-bsd", "planed-es": "planed-es"}[filepath.Base(dir)]
				cfg.Revision, cfg.Branch = map[string]string{"pearos": "15.0", "planed-es": "14.0"}[filepath.Base(dir)], "RELEASE"
				base := baseOf(baseGroup, baseMaster)
				base.ABI = "FreeBSD:" + cfg.Revision[:2] + ":amd64"
				ours := t.TempDir()
				pkgtest.WriteRepo(ours, base)
				repos(cfg).Repos = append(repos(cfg).Repos, catalog.Repo{Name: "base", URL: ours})
				cfg.SkipScripts, cfg.Exceptions = false, anything
				cfg.ImageFiles = []string{write(t, strings.ReplaceAll(definition, "@", list))}
				a := build(t, cfg)["x"]
				compareFiles(t, a, filepath.Join(dir, "all/files.mtree"))
				image := database(t, a, filepath.Join(cfg.OutDir, release.ArtifactName("x")))
				if golden := filepath.Join(dir, "all/dump.txt"); name == "alone" {
					compareDump(t, image, golden)
				} else if lost := missing(strings.Split(strings.TrimSpace(string(read(t, golden))), "\n"), rows(t, image)); lost != nil {
					t.Errorf("only in pkg's database: %q", lost)
				}
				again := cfg
				fromLock(&again, &store.Store{}, lockOf(t, cfg, "x"))
				again.OutDir = t.TempDir()
				if got := build(t, again)["x"].Descriptor.Digest; got != a.Descriptor.Digest {
					t.Errorf("again from its lock: got %s, want %s", got, a.Descriptor.Digest)
				}
			})
		}
	}
}
