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
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/verify"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/store"
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

// TestCasesAgain makes each image of a case in other ways: from the store that a
// first build leaves, and from its lock, which is also made without the image.
func TestCasesAgain(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("testdata/pkg/*/want/rc")
	if err != nil || len(cases) == 0 {
		t.Fatal(cases, err)
	}
	for _, file := range cases {
		dir := filepath.Dir(filepath.Dir(file))
		if strings.TrimSpace(string(read(t, file))) != "0" {
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			cfg := caseConfig(t, dir)
			cached(&cfg, &store.Store{Dir: filepath.Join(t.TempDir(), "store")})
			first := buildOnce(t, cfg)
			lockText := read(t, first.Lock)
			if again := buildOnce(t, cfg); again.Digest != first.Digest {
				t.Errorf("from the store: got %s, want %s", again.Digest, first.Digest)
			}
			parts := cfg
			parts.Input = &unpacking{Repositories: repos(cfg), names: map[string]bool{}} // which leaves no note of a build
			if again := buildOnce(t, parts); again.Digest != first.Digest {
				t.Errorf("from the parts in the store: got %s, want %s", again.Digest, first.Digest)
			}
			l, err := lock.Parse(first.Lock, lockText)
			if err != nil {
				t.Fatal(err)
			}
			alone := cfg
			cached(&alone, nil)
			alone.OutDir = t.TempDir()
			made, err := hooks.MakeLocks(t.Context(), alone)
			if err != nil {
				t.Fatal(err)
			}
			if text := read(t, made[0].File); !bytes.Equal(text, lockText) {
				t.Errorf("the lock without the image is another:\n%s\n%s", text, lockText)
			}
			locked := cfg
			fromLock(&locked, nil, l)
			locked.OutDir = t.TempDir()
			if again := buildOnce(t, locked); again.Digest != first.Digest {
				t.Errorf("from the lock: got %s, want %s", again.Digest, first.Digest)
			}
		})
	}
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
