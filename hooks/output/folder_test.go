// SPDX-License-Identifier: BSD-2-Clause

package output

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPutChecks moves things into place where something has come between the
// judgement of all outputs and this one: what orlop did not write is put back.
func TestPutChecks(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"file", "folder"} {
		out := t.TempDir()
		s, err := NewFolder(t.Context(), out)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Remove()
		if kind == "file" {
			err = s.Write(t.Context(), "x", []byte("new"))
		} else {
			err = os.Mkdir(s.Path("x"), 0o777)
		}
		if err == nil {
			err = os.MkdirAll(filepath.Join(out, "x", "notes"), 0o777)
		}
		if err != nil {
			t.Fatal(err)
		}
		want := filepath.Join(out, "x") + ": found a folder without index.json, wanted "
		if err := s.put("x"); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, wanted %s", kind, err, want)
		}
		s.Remove()
		if _, err := os.Stat(filepath.Join(out, "x", "notes")); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if left, _ := os.ReadDir(out); len(left) != 1 {
			t.Errorf("%s: left %v", kind, left)
		}
	}
}

// TestAsideStays keeps what was moved aside and cannot be moved back.
func TestAsideStays(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	s, err := NewFolder(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	notes := filepath.Join(s.Path("old-x"), "notes")
	if err := os.MkdirAll(notes, 0o777); err != nil {
		t.Fatal(err)
	}
	s.Remove()
	again, err := NewFolder(t.Context(), out) // which sweeps
	if err != nil {
		t.Fatal(err)
	}
	again.Remove()
	if _, err := os.Stat(notes); err != nil {
		t.Error(err)
	}
}
