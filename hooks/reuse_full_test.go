// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package hooks_test

import (
	"os"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/store"
)

// TestReuseDamage changes a byte of each file of a store in turn. What is
// damaged is found and made again.
func TestReuseDamage(t *testing.T) {
	t.Parallel()
	st := &store.Store{Dir: t.TempDir() + "/store"}
	cfg := reuseConfig(t, st, -1)
	want := map[int]string{-1: digestOf(t, cfg), 3: digestOf(t, reuseConfig(t, nil, 3))}
	files := storeFiles(t, st.Dir)
	if len(files) < 4 { // facts, the database, a layer and its record
		t.Fatalf("the store has %q", files)
	}
	for i, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at := []int{0, len(text) / 2, len(text) - 1}[i%3]
		damaged := append([]byte{}, text...)
		damaged[at] ^= 1
		if err := os.WriteFile(path, damaged, 0o666); err != nil {
			t.Fatal(err)
		}
		for _, changed := range []int{-1, 3} {
			if got, want := digestOf(t, reuseConfig(t, st, changed)), want[changed]; got != want {
				t.Errorf("%s, byte %d, package %d changed: the image is %s, wanted %s", path, at, changed, got, want)
			}
		}
		if now, err := os.ReadFile(path); err == nil && string(now) == string(damaged) && strings.Contains(path, "/layers/") {
			t.Errorf("%s, byte %d: the damaged layer is still there", path, at)
		}
		if err := os.WriteFile(path, text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}
