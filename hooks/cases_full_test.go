// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package hooks_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/store"
)

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
