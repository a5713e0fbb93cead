// SPDX-License-Identifier: BSD-2-Clause

package output_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks/output"
)

// sub prepares a subfolder of an output folder.
func sub(t *testing.T, s *output.Folder, name string) *output.Folder {
	t.Helper()
	f, err := s.Sub(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestPlaceSubfolders puts the files of subfolders into place with those of the whole,
// whether the subfolders were there or not. Until then none is seen.
func TestPlaceSubfolders(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out")
	for round, text := range []string{"first", "second"} {
		s := newFolder(t, out)
		before := list(t, out)
		one, two := sub(t, s, "one"), sub(t, s, "two")
		prepare(t, one, map[string]string{"file": text})
		newLayout().write(t, two.Stage("layout"))
		layout := list(t, two.Path("layout"))
		prepare(t, s, map[string]string{"file": text})
		for _, f := range []*output.Folder{one, two} {
			if err := f.Place(t.Context()); err != nil {
				t.Fatal(err)
			}
			f.Remove()
		}
		during := list(t, out)
		for name := range during {
			if strings.HasPrefix(name, filepath.Base(s.Path(""))) {
				delete(during, name)
				delete(before, name)
			}
		}
		if diff := cmp.Diff(before, during); diff != "" {
			t.Errorf("round %d: before everything is complete (-before +during):\n%s", round, diff)
		}
		if err := s.Place(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Remove()
		want := map[string]string{"file": text, "one": "d---------", "one/file": text, "two": "d---------", "two/layout": "d---------"}
		for name, text := range layout {
			want["two/layout/"+name] = text
		}
		if diff := cmp.Diff(want, list(t, out)); diff != "" {
			t.Errorf("round %d (-want +got):\n%s", round, diff)
		}
	}
}

// TestSubfolderAgain fills a subfolder anew after a part of the run has failed, and
// leaves no folder if all of it does.
func TestSubfolderAgain(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	write(t, filepath.Join(out, "there", "mine"), "x")
	before := list(t, out)
	s := newFolder(t, out)
	for _, name := range []string{"there", "absent"} {
		f := sub(t, s, name)
		for range 2 {
			prepare(t, f, map[string]string{"file": "new"})
			f.Remove()
		}
	}
	s.Remove()
	if diff := cmp.Diff(before, list(t, out)); diff != "" {
		t.Errorf("left (-before +after):\n%s", diff)
	}
}

// TestPlaceSubfoldersOrNothing places nothing if there is something of somebody else
// in one of the places, in a subfolder or instead of it.
func TestPlaceSubfoldersOrNothing(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		make func(out string) error
		want string
	}{
		"in it":      {func(out string) error { return os.MkdirAll(out+"/two/file/notes", 0o777) }, "/two/file: found a folder without index.json"},
		"instead":    {func(out string) error { return os.WriteFile(out+"/two", nil, 0o666) }, "/two: found a regular file, wanted a folder or nothing there"},
		"a link":     {func(out string) error { return os.Symlink("one", out+"/two") }, "/two: found a symbolic link, wanted a folder or nothing there"},
		"not a link": {func(string) error { return nil }, ""},
	} {
		out := t.TempDir()
		s := newFolder(t, out)
		for _, name := range []string{"one", "two"} {
			f := sub(t, s, name)
			prepare(t, f, map[string]string{"file": "new"})
			if err := f.Place(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := tt.make(out); err != nil {
			t.Fatal(err)
		}
		err := s.Place(t.Context())
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), out+tt.want)) {
			t.Errorf("%s: got %v, wanted %q", what, err, tt.want)
		}
		s.Remove()
		if _, err := os.Stat(out + "/one"); (err == nil) != (tt.want == "") {
			t.Errorf("%s: the other folder: %v", what, err)
		}
	}
}

// TestSubFaults wants a folder in which files can be made, or nothing there, before
// the work begins, and clears up what a killed run has left in it.
func TestSubFaults(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	write(t, filepath.Join(out, "file"), "x")
	if err := errors.Join(os.Symlink(".", filepath.Join(out, "link")), os.MkdirAll(filepath.Join(out, "there", ".orlop-part-1"), 0o777)); err != nil {
		t.Fatal(err)
	}
	s := newFolder(t, out)
	for name, want := range map[string]string{
		"file": "found a regular file, wanted a folder or nothing there",
		"link": "found a symbolic link, wanted a folder or nothing there",
	} {
		if _, err := s.Sub(name); err == nil || err.Error() != filepath.Join(out, name)+": "+want {
			t.Errorf("got %v, wanted %s", err, want)
		}
	}
	sub(t, s, "there")
	if left, err := os.ReadDir(filepath.Join(out, "there")); err != nil || len(left) > 0 {
		t.Errorf("left %v (%v)", left, err)
	}
}
