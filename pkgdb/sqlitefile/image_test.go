// SPDX-License-Identifier: BSD-2-Clause

package sqlitefile_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// TestCollect takes streams of both kinds, and leaves no file.
func TestCollect(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for _, size := range []int{0, 1, sqlitefile.MaxHeld, sqlitefile.MaxHeld + 1, sqlitefile.MaxHeld + 5000} {
		want := bytes.Repeat([]byte("0123456"), size/7+1)[:size]
		image, err := sqlitefile.Collect(t.Context(), bytes.NewReader(want))
		if err != nil {
			t.Fatal(err)
		}
		piece := make([]byte, 10)
		n, err := image.ReadAt(piece, int64(size)-5)
		if size >= 5 && (n != 5 || !errors.Is(err, io.EOF) || !bytes.Equal(piece[:5], want[size-5:])) {
			t.Errorf("%d bytes: got %q, %v at the end", size, piece[:n], err)
		}
		if again, err := io.ReadAll(image.Reader()); err != nil || !bytes.Equal(again, want) {
			t.Errorf("%d bytes: read %d, %v", size, len(again), err)
		}
		if image.Size() != int64(size) || !bytes.Equal(text(t, image), want) {
			t.Errorf("got %d bytes, want %d", image.Size(), size)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("got %v, %v, want nothing", left, err)
	}
}

// TestCollectFails passes on the errors of a stream, early and late, of its context,
// and of a folder that takes no file.
func TestCollectFails(t *testing.T) {
	bang := errors.New("bang")
	long := strings.NewReader(strings.Repeat("x", sqlitefile.MaxHeld+1))
	for name, r := range map[string]io.Reader{"at once": iotest.ErrReader(bang), "later": io.MultiReader(long, iotest.ErrReader(bang))} {
		if image, err := sqlitefile.Collect(t.Context(), r); image != nil || !errors.Is(err, bang) {
			t.Errorf("%s: got %v, %v", name, image, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sqlitefile.Collect(ctx, strings.NewReader("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	t.Setenv("TMPDIR", t.TempDir()+"/none")
	long.Seek(0, io.SeekStart)
	if _, err := sqlitefile.Collect(t.Context(), long); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a folder: got %v", err)
	}
}

func TestDifference(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000)
	for _, tt := range []struct {
		a, b string
		want int64
	}{
		{"", "", -1}, {"a", "a", -1}, {"", "a", 0}, {"a", "", 0}, {"ab", "ac", 1}, {"ab", "a", 1}, {"a", "ab", 1},
		{long, long, -1}, {long, long + "y", 100_000}, {long + "y", long + "z", 100_000}, {"y" + long, "z" + long, 0}, {long[:65536], long, 65536},
	} {
		for _, b := range images(t, []byte(tt.b)) {
			for _, a := range images(t, []byte(tt.a)) {
				if got, err := a.Difference(t.Context(), b); got != tt.want || err != nil {
					t.Errorf("%.10q and %.10q: got %d, %v, want %d", tt.a, tt.b, got, err, tt.want)
				}
			}
		}
	}
	closed := sqlitefile.InFile(t, []byte("a"))
	closed.Close()
	if _, err := closed.Difference(t.Context(), sqlitefile.NewImage(nil)); err == nil {
		t.Error("of a closed image: got no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := closed.Difference(ctx, closed); err != context.Canceled {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

// TestOpenFile opens a database in a file, and leaves no copy of it.
func TestOpenFile(t *testing.T) {
	dir := t.TempDir()
	base := sample(t, "a", "b")
	base[18], base[19] = 2, 2 // as with a write-ahead log
	image := sqlitefile.InFile(t, base)
	defer image.Close()
	t.Setenv("TMPDIR", dir)
	db, err := sqlitefile.Open(t.Context(), image)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("got %v, %v, want nothing", left, err)
	}
	if got := query(t, db, "SELECT name FROM t"); strings.Join(got, " ") != "a b" {
		t.Errorf("got %q, want a and b", got)
	}
	if result, err := db.Query("INSERT INTO t VALUES ('c')"); err == nil {
		result.Close()
		t.Error("could write")
	}
}
