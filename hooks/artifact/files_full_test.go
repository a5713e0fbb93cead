// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package artifact_test

import (
	"fmt"
	"testing"

	"github.com/orlop/orlop/hooks/artifact/artifacttest"
)

// TestReadFilesLarge holds no file that is too large, which is there all the same.
func TestReadFilesLarge(t *testing.T) {
	t.Parallel()
	a := artifacttest.Read(t, artifacttest.Describe(t, fmt.Sprintf("layer l compression=zstd:fastest\nfile /more x=%d\nfile /small x=3", 64<<20+1)).Source())
	held, err := a.ReadFiles(t.Context(), map[string]bool{"/small": true, "/more": true})
	if err != nil || string(held["/small"]) != "xxx" {
		t.Errorf("got %q, %v, want the small one", held["/small"], err)
	}
	if text, is := held["/more"]; text != nil || !is {
		t.Errorf("got %d bytes, %t, want none", len(text), is)
	}
}
