// SPDX-License-Identifier: BSD-2-Clause

package own_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/hooks/own"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/oci/layout"
)

// inFolder finds the files of a tree of a folder.
func inFolder(t testing.TB, dir string, tree define.Tree) ([]own.File, error) {
	t.Helper()
	tree.Target, tree.Local = "/srv", "root"
	return own.Local(t.Context(), &define.Image{Own: define.Own{Trees: []define.Tree{tree}}}, own.Folder{Dir: dir}, layout.Unnamed, nil)
}

func write(t testing.TB, path, text string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestNames takes every name that a lock can say, and refuses others.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, want string }{
		{"a", ""}, {"a b", ""}, {"a\nb", ""}, {"ä€😀", ""}, {"-rf", ""}, {"*", ""}, {`back\slash`, ""}, {" ", ""}, {"\x01", ""}, {strings.Repeat("x", 255), ""}, {".wh.x", "is a whiteout in a layer"},
		{"a\xffb", "is not UTF-8"}, {"\xed\xa0\x80", "is not UTF-8"},
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "root", tt.name), "x")
		files, err := inFolder(t, dir, define.Tree{})
		switch {
		case tt.want == "" && (err != nil || !slices.ContainsFunc(files, func(f own.File) bool { return f.Path == "/srv/"+tt.name })):
			t.Errorf("%q: found %v, %v", tt.name, files, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || fault.ClassOf(err) != fault.Failed):
			t.Errorf("%q: %v, wanted %s", tt.name, err, tt.want)
		}
	}
}

// TestChanged changes a file after it was hashed: whoever reads it again is told, and gets
// no more bytes than there were.
func TestChanged(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"b", "", "much longer", strings.Repeat("x", 1<<20)} {
		dir := t.TempDir()
		path := filepath.Join(dir, "root/a")
		write(t, path, "a")
		files, err := inFolder(t, dir, define.Tree{})
		if err != nil {
			t.Fatal(err)
		}
		f := files[slices.IndexFunc(files, func(f own.File) bool { return f.Path == "/srv/a" })]
		write(t, path, text)
		r, err := f.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, r)
		if err == nil || fault.ClassOf(err) != fault.Wrong || !strings.Contains(err.Error(), "/srv/a: has changed since it was read") {
			t.Errorf("%.20q: %v", text, err)
		}
		r.Close()
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if r, err := f.Open(t.Context()); err == nil {
			r.Close()
			t.Error("a file that is gone was opened")
		}
	}
}

// BenchmarkLocal hashes the files of folders.
func BenchmarkLocal(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			for i := range n {
				write(b, filepath.Join(dir, "root", fmt.Sprint(i%100), fmt.Sprint(i)), fmt.Sprint("text of ", i))
			}
			for b.Loop() {
				if files, err := inFolder(b, dir, define.Tree{Modes: []define.Pair{{Key: "**/1", Value: "0600"}}}); err != nil || len(files) < n {
					b.Fatalf("found %d files, wanted %d: %v", len(files), n, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/file")
		})
	}
}
