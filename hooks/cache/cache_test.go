// SPDX-License-Identifier: BSD-2-Clause

package cache_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	delf "debug/elf"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/hooks/cache"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release/elf"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/tree"
)

// newStore is a store in a folder of its own, and the notices of it.
func newStore(t *testing.T) (*store.Store, *strings.Builder) {
	t.Helper()
	var notices strings.Builder
	return &store.Store{Dir: filepath.Join(t.TempDir(), "store"), Notice: func(text string) { notices.WriteString(text + "\n") }}, &notices
}

// damage flips the last byte of each file of a kind in a store.
func damage(t *testing.T, st *store.Store, folder string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(st.Dir, folder, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the store has %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text[len(text)-1] ^= 1
		if err := errors.Join(os.Chmod(file, 0o600), os.WriteFile(file, text, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNew gives no cache to a run that could not keep one, or does not say who it is.
func TestNew(t *testing.T) {
	t.Parallel()
	st, _ := newStore(t)
	for _, tt := range []struct {
		name  string
		st    *store.Store
		maker string
		want  bool
	}{
		{"whole", st, "one", true}, {"no maker", st, "", false}, {"no store", nil, "one", false}, {"a store without a folder", new(store.Store), "one", false},
	} {
		if got := cache.New(tt.st, tt.maker) != nil; got != tt.want {
			t.Errorf("%s: got a cache: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// fragments are those of a layer, by their keys.
func fragments(keys ...string) []layer.Fragment {
	var list []layer.Fragment
	for _, key := range keys {
		list = append(list, layer.Fragment{Key: key})
	}
	return list
}

// keep leaves a layer with a text in a cache.
func keep(t *testing.T, c *cache.Cache, method layer.Compression, text string, keys ...string) *cache.Layer {
	t.Helper()
	blob, err := c.Create(func() (*os.File, error) { return nil, errors.New("the store cannot be written") })
	if err != nil {
		t.Fatal(err)
	}
	defer blob.Close()
	if _, err := blob.WriteString(text); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(text))
	made := &cache.Layer{Asks: map[string]cache.Asks{
		"a": {Needs: map[string]elf.Needs{"/bin/\xff": {Class: delf.ELFCLASS64, Machine: delf.EM_X86_64, Libraries: []string{"libc.so.7"}, SearchPath: []string{"$ORIGIN"}, Interpreter: "/libexec/ld-elf.so.1"}},
			Scripts: map[string]string{"/etc/rc": "/bin/sh"}},
		"none": {},
	}}
	made.Digest, made.Size, made.DiffID = digest.NewDigestFromEncoded(digest.SHA256, hex.EncodeToString(sum[:])), int64(len(text)), "sha256:"+digest.Digest(strings.Repeat("d", 64))
	made.Fragments = []layer.Made{{Key: "a"}}
	c.Keep(t.Context(), method, fragments(keys...), made, blob)
	return made
}

// wantLayer compares a layer with what was kept, blob and all.
func wantLayer(t *testing.T, what string, got *cache.Layer, blob *os.File, want *cache.Layer, text string) {
	t.Helper()
	if got == nil || blob == nil {
		t.Errorf("%s: got no layer", what)
		return
	}
	defer blob.Close()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
	if found, err := io.ReadAll(blob); err != nil || string(found) != text {
		t.Errorf("%s: got the blob %q, %v, want %q", what, found, err, text)
	}
}

// wantNone wants no layer.
func wantNone(t *testing.T, what string, got *cache.Layer, blob *os.File) {
	t.Helper()
	if got != nil || blob != nil {
		t.Errorf("%s: got %+v, want none", what, got)
	}
}

// TestLayer gives a layer back as it was kept, to the same program, for the same
// fragments in their order, in the same compression.
func TestLayer(t *testing.T) {
	t.Parallel()
	st, _ := newStore(t)
	made := keep(t, cache.New(st, "one"), "gzip", "blob", "a", "b")
	again := cache.New(st, "one")
	got, blob := again.Layer(t.Context(), "gzip", fragments("a", "b"))
	wantLayer(t, "the same", got, blob, made, "blob")
	for what, look := range map[string]func() (*cache.Layer, *os.File){
		"another maker's": func() (*cache.Layer, *os.File) {
			return cache.New(st, "two").Layer(t.Context(), "gzip", fragments("a", "b"))
		},
		"another compression":  func() (*cache.Layer, *os.File) { return again.Layer(t.Context(), "zstd", fragments("a", "b")) },
		"another order":        func() (*cache.Layer, *os.File) { return again.Layer(t.Context(), "gzip", fragments("b", "a")) },
		"fewer fragments":      func() (*cache.Layer, *os.File) { return again.Layer(t.Context(), "gzip", fragments("a")) },
		"the last of no name":  func() (*cache.Layer, *os.File) { return again.Last(t.Context()) },
		"the last that is not": func() (*cache.Layer, *os.File) { return again.Last(t.Context(), "image") },
	} {
		got, blob := look()
		wantNone(t, what, got, blob)
	}
}

// TestLast gives the layer that was made last under a name.
func TestLast(t *testing.T) {
	t.Parallel()
	st, _ := newStore(t)
	c := cache.New(st, "one")
	first, second := keep(t, c, "gzip", "first", "a"), keep(t, c, "gzip", "second", "b")
	c.SetLast(t.Context(), c.LayerKey("gzip", fragments("a")), "image", 1)
	got, blob := c.Last(t.Context(), "image", 1)
	wantLayer(t, "the first", got, blob, first, "first")
	for range 2 {
		c.SetLast(t.Context(), c.LayerKey("gzip", fragments("b")), "image", 1)
		got, blob = c.Last(t.Context(), "image", 1)
		wantLayer(t, "the second", got, blob, second, "second")
	}
	got, blob = c.Last(t.Context(), "image", 2)
	wantNone(t, "another name", got, blob)
	got, blob = cache.New(st, "two").Last(t.Context(), "image", 1)
	wantNone(t, "another maker's", got, blob)
	c.SetLast(t.Context(), c.LayerKey("gzip", fragments("gone")), "image", 1)
	got, blob = c.Last(t.Context(), "image", 1)
	wantNone(t, "one that is not kept", got, blob)
}

// TestSetLastOnce writes nothing where the last layer is the same already: a store
// that everybody reads stays as it is.
func TestSetLastOnce(t *testing.T) {
	t.Parallel()
	st, _ := newStore(t)
	c := cache.New(st, "one")
	c.SetLast(t.Context(), c.LayerKey("gzip", fragments("a")), "image")
	before := notes(t, st)
	c.SetLast(t.Context(), c.LayerKey("gzip", fragments("a")), "image")
	if diff := cmp.Diff(before, notes(t, st)); diff != "" {
		t.Errorf("the same again (-before +after):\n%s", diff)
	}
	c.SetLast(t.Context(), c.LayerKey("gzip", fragments("b")), "image")
	if cmp.Equal(before, notes(t, st)) {
		t.Error("another layer: got the same note")
	}
}

// notes are the inodes of the notes in a store: another file is another one.
func notes(t *testing.T, st *store.Store) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(st.Dir, "notes", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the store has %v, %v", files, err)
	}
	found := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		found[file] = info.ModTime().String() + hex.EncodeToString(text)
	}
	return found
}

// TestDamagedLayer drops a blob that is damaged, and leaves one that is not.
func TestDamagedLayer(t *testing.T) {
	t.Parallel()
	st, notices := newStore(t)
	c := cache.New(st, "one")
	made := keep(t, c, "gzip", "blob", "a")
	if c.Check(t.Context(), made.Digest.Encoded()) {
		t.Error("got damage, want none")
	}
	damage(t, st, "layers")
	if !c.Check(t.Context(), made.Digest.Encoded()) {
		t.Error("got no damage, want some")
	}
	got, blob := c.Layer(t.Context(), "gzip", fragments("a"))
	wantNone(t, "a damaged one", got, blob)
	if !strings.Contains(notices.String(), "is damaged and was dropped") {
		t.Errorf("got the notices %q", notices)
	}
	if c.Check(t.Context(), made.Digest.Encoded()) {
		t.Error("what is not there: got damage")
	}
	again := keep(t, c, "gzip", "blob", "a")
	got, blob = c.Layer(t.Context(), "gzip", fragments("a"))
	wantLayer(t, "made again", got, blob, again, "blob")
	c.Drop(again)
	got, blob = c.Layer(t.Context(), "gzip", fragments("a"))
	wantNone(t, "one that was dropped", got, blob)
}

// TestDamagedNotes takes nothing from a note whose bytes have changed, and keeps
// another in its place.
func TestDamagedNotes(t *testing.T) {
	t.Parallel()
	st, notices := newStore(t)
	c := cache.New(st, "one")
	keep(t, c, "gzip", "blob", "a")
	hash := func(text string) func() (tree.Digest, error) {
		return func() (tree.Digest, error) { return tree.DigestOf([]byte(text)), nil }
	}
	if _, err := c.DatabaseSum(t.Context(), []any{"x"}, hash("first")); err != nil {
		t.Fatal(err)
	}
	damage(t, st, "notes")
	got, blob := c.Layer(t.Context(), "gzip", fragments("a"))
	wantNone(t, "a damaged note", got, blob)
	for range 2 { // the second of what was kept anew
		if sum, err := c.DatabaseSum(t.Context(), []any{"x"}, hash("second")); err != nil || sum != tree.DigestOf([]byte("second")) {
			t.Errorf("got %s, %v, want the second", sum, err)
		}
	}
	if n := strings.Count(notices.String(), "a note in the store is damaged and was dropped"); n != 2 {
		t.Errorf("got %d notices, want 2:\n%s", n, notices)
	}
}

// TestDatabaseSum hashes a database once for equal parts and one program.
func TestDatabaseSum(t *testing.T) {
	t.Parallel()
	st, _ := newStore(t)
	one, two := cache.New(st, "one"), cache.New(st, "two")
	for _, tt := range []struct {
		name  string
		c     *cache.Cache
		parts []any
		write string // "" where it must not be called
		want  string
	}{
		{"first", one, []any{"a", 1}, "first", "first"},
		{"again", one, []any{"a", 1}, "", "first"},
		{"other parts", one, []any{"a", 2}, "second", "second"},
		{"another maker", two, []any{"a", 1}, "third", "third"},
		{"still there", one, []any{"a", 1}, "", "first"},
		{"no cache", nil, []any{"a", 1}, "fourth", "fourth"},
	} {
		got, err := tt.c.DatabaseSum(t.Context(), tt.parts, func() (tree.Digest, error) {
			if tt.write == "" {
				t.Errorf("%s: it is made again", tt.name)
			}
			return tree.DigestOf([]byte(tt.write)), nil
		})
		if err != nil || got != tree.DigestOf([]byte(tt.want)) {
			t.Errorf("%s: got %s, %v, want the digest of %q", tt.name, got, err, tt.want)
		}
	}
}

// TestDatabaseSumFails keeps nothing of a database that could not be made.
func TestDatabaseSumFails(t *testing.T) {
	t.Parallel()
	st, _ := newStore(t)
	c := cache.New(st, "one")
	hash := func(text string, err error) func() (tree.Digest, error) {
		return func() (tree.Digest, error) { return tree.DigestOf([]byte(text)), err }
	}
	if _, err := c.DatabaseSum(t.Context(), []any{"a"}, hash("half", fs.ErrInvalid)); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("got %v, want %v", err, fs.ErrInvalid)
	}
	if got, err := c.DatabaseSum(t.Context(), []any{"a"}, hash("whole", nil)); err != nil || got != tree.DigestOf([]byte("whole")) {
		t.Errorf("got %s, %v, want the digest of the whole", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := c.DatabaseSum(ctx, []any{"b"}, hash("", ctx.Err())); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: got %s, %v", got, err)
	}
}

// TestNil has nothing and keeps nothing, and is otherwise like any other.
func TestNil(t *testing.T) {
	t.Parallel()
	var c *cache.Cache
	f, err := c.Create(func() (*os.File, error) { return os.Create(filepath.Join(t.TempDir(), "x")) })
	if err != nil {
		t.Fatal(err)
	}
	c.Keep(t.Context(), "gzip", fragments("a"), &cache.Layer{}, f)
	c.SetLast(t.Context(), c.LayerKey("gzip", fragments("a")), "image")
	got, blob := c.Layer(t.Context(), "gzip", fragments("a"))
	wantNone(t, "a layer", got, blob)
	got, blob = c.Last(t.Context(), "image")
	wantNone(t, "the last", got, blob)
	if c.Check(t.Context(), strings.Repeat("0", 64)) {
		t.Error("got damage, want none")
	}
	c.Discard(f)
	if _, err := f.WriteString("x"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a discarded file: got %v, want that it is closed", err)
	}
	c.Close(t.Context())
}

// TestUnwritable makes files elsewhere where a store cannot be written, and is none
// the worse for it.
func TestUnwritable(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := cache.New(&store.Store{Dir: filepath.Join(file, "store")}, "one")
	other := filepath.Join(t.TempDir(), "other")
	f, err := c.Create(func() (*os.File, error) { return os.Create(other) })
	if err != nil || f.Name() != other {
		t.Fatalf("got %v, %v, want %s", f, err, other)
	}
	made := &cache.Layer{}
	made.Digest = digest.FromString("x")
	c.Keep(t.Context(), "gzip", fragments("a"), made, f)
	got, blob := c.Layer(t.Context(), "gzip", fragments("a"))
	wantNone(t, "a layer", got, blob)
	c.Discard(f)
	if _, err := os.Stat(other); err != nil {
		t.Errorf("a file that is not the store's: got %v, want it left to its owner", err)
	}
	want := tree.DigestOf([]byte("db"))
	if sum, err := c.DatabaseSum(t.Context(), nil, func() (tree.Digest, error) { return want, nil }); err != nil || sum != want {
		t.Errorf("got %s, %v", sum, err)
	}
}

// TestForeignBlob keeps no record of a layer whose file is not one of the store.
func TestForeignBlob(t *testing.T) {
	t.Parallel()
	st, _ := newStore(t)
	c := cache.New(st, "one")
	f, err := os.Create(filepath.Join(t.TempDir(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	made := &cache.Layer{}
	made.Digest = digest.FromString("x")
	c.Keep(t.Context(), "gzip", fragments("a"), made, f)
	got, blob := c.Layer(t.Context(), "gzip", fragments("a"))
	wantNone(t, "a layer", got, blob)
	if _, err := f.Stat(); err != nil {
		t.Error(err)
	}
}

// TestKeepFails leaves nothing of a layer in a store that has no folder for it.
func TestKeepFails(t *testing.T) {
	t.Parallel()
	st, _ := newStore(t)
	c := cache.New(st, "one")
	c.SetLast(t.Context(), c.LayerKey("gzip", fragments("a")), "image") // makes the store
	if err := os.RemoveAll(filepath.Join(st.Dir, "layers")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(st.Dir, "layers"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	keep(t, c, "gzip", "half", "a")
	got, blob := c.Layer(t.Context(), "gzip", fragments("a"))
	wantNone(t, "a layer", got, blob)
	if files := filesOf(t, st); len(files) > 0 {
		t.Errorf("got %v, want none", files)
	}
}

// TestDiscard leaves nothing of an unfinished file in the store.
func TestDiscard(t *testing.T) {
	t.Parallel()
	st, _ := newStore(t)
	c := cache.New(st, "one")
	f, err := c.Create(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("half"); err != nil {
		t.Fatal(err)
	}
	if n := len(filesOf(t, st)); n != 1 {
		t.Errorf("got %d files of half a layer, want 1", n)
	}
	c.Discard(f)
	if files := filesOf(t, st); len(files) > 0 {
		t.Errorf("got %v, want none", files)
	}
	if _, err := f.WriteString("x"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v, want that it is closed", err)
	}
}

// filesOf are the files of a store with something in them.
func filesOf(t *testing.T, st *store.Store) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(st.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Equal(text, []byte("half")) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestClose cuts back a store that has grown, and no other.
func TestClose(t *testing.T) {
	t.Parallel()
	st, _ := newStore(t)
	st.Limit = 1
	c := cache.New(st, "one")
	made := keep(t, c, "gzip", "blob", "a")
	idle := cache.New(st, "one")
	idle.Close(t.Context())
	got, blob := idle.Layer(t.Context(), "gzip", fragments("a"))
	wantLayer(t, "of a run that added nothing", got, blob, made, "blob")
	c.Close(t.Context())
	if left, err := st.List(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("got %v, %v, want an empty store", left, err)
	}
}
