// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/verify"
	"github.com/orlop/orlop/pkgdb/catalog"
)

// TestCases installs packages and repositories of odd forms, and compares what
// comes of it with what pkg(8) made of the same: testdata/pkg/README says how.
func TestCases(t *testing.T) {
	t.Parallel()
	casesIn(t, "testdata/pkg")
}

// TestSharedCases has those that a fresh clone does not.
func TestSharedCases(t *testing.T) {
	t.Parallel()
	needShared(t)
	casesIn(t, shared+"/cases/pkg")
}

func casesIn(t *testing.T, dir string) {
	t.Helper()
	cases, err := filepath.Glob(dir + "/*/request.txt")
	if err != nil || len(cases) < 25 {
		t.Fatalf("found %d cases, %v", len(cases), err)
	}
	for _, file := range cases {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			t.Parallel()
			compareCase(t, filepath.Dir(file))
		})
	}
}

// unlike are the cases in which pkg itself registers something else than it
// installs, and what verify has to say about it.
var unlike = map[string]string{
	"ucl-manifest":   "app-1.0: /usr/local/share/app/f: mode is 0644, wanted 0755, as the pkg database has it",
	"unlike-headers": "app-1.0: /usr/local/bin/x: mode is 0755, wanted 0644, as the pkg database has it",
}

func compareCase(t *testing.T, dir string) {
	results, err := hooks.Build(t.Context(), caseConfig(t, dir))
	if status := strings.TrimSpace(string(read(t, dir, "want/rc"))); status != "0" {
		if err == nil {
			t.Errorf("pkg(8) ended with %s, orlop built an image", status)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	a, found := verify.Artifact(t.Context(), source(t, results[0].File), "")
	err = found.Err()
	if want := unlike[filepath.Base(dir)]; want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("verify: got %v, want %q", err, want)
	}
	compareFiles(t, a, filepath.Join(dir, "want/files.mtree"))
	compareDump(t, database(t, a, results[0].File), filepath.Join(dir, "want/dump.txt"))
}

// caseConfig builds what was asked for in a case, from its own repositories.
func caseConfig(t *testing.T, dir string) hooks.Config {
	t.Helper()
	abs, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	files, err := filepath.Glob(filepath.Join(dir, "conf/*.conf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text := read(t, file)
		for i, name := range []string{"repo", "other"} {
			text = bytes.ReplaceAll(text, fmt.Appendf(nil, "@%d@", i), []byte(filepath.Join(abs, name)))
		}
		if err := os.WriteFile(filepath.Join(work, filepath.Base(file)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := json.Marshal(strings.Split(strings.TrimSpace(string(read(t, dir, "request.txt"))), "\n"))
	if err != nil {
		t.Fatal(err)
	}
	definition := filepath.Join(work, "x.ucl")
	if err := os.WriteFile(definition, fmt.Appendf(nil, "image x { packages = %s }\n", want), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config(t, "", "x")
	if repos(cfg).Repos, err = catalog.ReadConf([]string{work}, map[string]string{"ABI": "FreeBSD:15:amd64"}); err != nil {
		t.Fatal(err)
	}
	cfg.ABI, cfg.Revision, cfg.Branch, cfg.ImageFiles, cfg.Exceptions = "FreeBSD:15:amd64", "15.0", "RELEASE", []string{definition}, anything
	return cfg
}

func buildOnce(t *testing.T, cfg hooks.Config) hooks.Result {
	t.Helper()
	cfg.OutDir = t.TempDir()
	results, err := hooks.Build(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return results[0]
}

func read(t *testing.T, path ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
