// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package artifact_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/orlop/orlop/hooks/artifact"
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

// TestNoteLarge makes no note of an image with more entries than a note may have.
func TestNoteLarge(t *testing.T) {
	t.Parallel()
	d := artifacttest.Describe(t, "layer l compression=zstd:fastest")
	var lines strings.Builder
	for i := range 500_000 { // and the root
		fmt.Fprintf(&lines, "dir /%d\n", i)
	}
	d.Lines(lines.String())
	a, err := artifact.Examine(t.Context(), d.Source(), "")
	if err != nil {
		t.Fatal(err)
	}
	if note, err := a.Note(t.Context(), nil); err != nil || note != nil {
		t.Errorf("got a note of %d bytes, %v", len(note), err)
	}
}
