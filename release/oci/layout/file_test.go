// SPDX-License-Identifier: BSD-2-Clause

package layout

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/oci"
)

// TestOpenOnce opens a file's archive once and gives the same one to all who ask; it is
// closed with the file, and its blobs can be read at once.
func TestOpenOnce(t *testing.T) {
	t.Parallel()
	im, blobs := sample()
	for _, f := range []Format{Dir, Tar, TXZ} {
		s, err := Open(t.Context(), save(t, f))
		if err != nil {
			t.Fatal(err)
		}
		first, err := s.Open(t.Context())
		again, more := s.Open(t.Context())
		if err := errors.Join(err, more); err != nil || first != again || s.Folder() != (f == Dir) || s.Piped {
			t.Errorf("%s: got %v, the same %t, a folder %t, piped %t", f, err, first == again, s.Folder(), s.Piped)
		}
		var readers []io.Reader
		for _, l := range im.Layers {
			r, err := first.Blob(t.Context(), v1.Descriptor{Digest: l.Digest, Size: l.Size})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			readers = append(readers, r)
		}
		for i := len(readers) - 1; i >= 0; i-- {
			if got, err := io.ReadAll(readers[i]); err != nil || !bytes.Equal(got, blobs[i]) {
				t.Errorf("%s: blob %d has %d bytes, %v, want %d", f, i, len(got), err, len(blobs[i]))
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: Close: %v", f, err)
		}
		if f == Dir {
			continue
		}
		r, err := first.Blob(t.Context(), v1.Descriptor{Digest: im.Layers[0].Digest, Size: im.Layers[0].Size})
		if err == nil {
			_, err = io.ReadAll(r)
		}
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s: after Close got %v, want %v", f, err, fs.ErrClosed)
		}
	}
}

// TestOpenFaults tells what is not there from what cannot be opened.
func TestOpenFaults(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), filepath.Join(t.TempDir(), "x"))
	if absent, is := errors.AsType[*oci.AbsentError](err); !is || !absent.Absent() {
		t.Errorf("nothing: got a %T, %v", err, err)
	}
	loop := filepath.Join(t.TempDir(), "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), loop)
	if _, absent := errors.AsType[*oci.AbsentError](err); err == nil || absent {
		t.Errorf("a loop: got a %T, %v", err, err)
	}
}

// TestReader reads a file from its start, each time, whoever else reads it.
func TestReader(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, []byte("a text"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	half := s.Reader(t.Context())
	if _, err := io.ReadFull(half, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got, err := io.ReadAll(s.Reader(t.Context())); string(got) != "a text" || err != nil {
			t.Errorf("got %q, %v, want all of it", got, err)
		}
	}
	if got, err := io.ReadAll(half); string(got) != "ext" || err != nil {
		t.Errorf("got %q, %v, want the rest", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := io.ReadAll(s.Reader(ctx)); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: got %v", err)
	}
}

// piped gives bytes through a pipe, which stays open until the test ends where they are
// not all.
func piped(t *testing.T, text []byte, all bool) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	go func() {
		if _, err := w.Write(text); err == nil && all {
			w.Close()
		}
	}()
	return r
}

// TestPipe reads what comes through a pipe as if it lay in a file.
func TestPipe(t *testing.T) {
	t.Parallel()
	for _, f := range []Format{Tar, TXZ, TarZstd} {
		text, err := os.ReadFile(save(t, f))
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(t.Context(), "-", piped(t, text, true))
		if err != nil {
			t.Fatal(err)
		}
		source, err := s.Open(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		if c, err := oci.Read(t.Context(), source, ""); err != nil || len(c.Manifest.Layers) != 2 || !s.Piped {
			t.Errorf("%s: got %v, piped %t", f, err, s.Piped)
		}
		if got, err := io.ReadAll(s.Reader(t.Context())); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s: got %d bytes, %v, want %d", f, len(got), err, len(text))
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	s, err := New(t.Context(), "-", piped(t, []byte("a text"), true))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Open(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "-: is not an archive") {
		t.Errorf("a text: got %v", err)
	}
}

// TestPipeEnds waits for a pipe no longer than its context lasts.
func TestPipeEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if s, err := New(ctx, "-", piped(t, []byte("a part"), false)); s != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
}

// TestSpoolBound keeps a byte more than is allowed, by which the caller sees it, and no
// name of what it keeps.
func TestSpoolBound(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int64{0: 0, 9: 9, 10: 10, 11: 11, 99: 11} {
		f, size, err := spool(strings.NewReader(strings.Repeat("x", n)), 10)
		if err != nil || size != want {
			t.Fatalf("%d bytes: got %d, %v, want %d", n, size, err, want)
		}
		if _, err := os.Stat(f.Name()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s has a name: %v", f.Name(), err)
		}
		f.Close()
	}
}

// TestBlobRefuses tells each reason why there is no blob.
func TestBlobRefuses(t *testing.T) {
	t.Parallel()
	im, _ := sample()
	source, err := open(save(t, Tar))
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	none := digest.FromString("none")
	for _, tt := range []struct {
		d           v1.Descriptor
		want        string
		unsupported bool
	}{
		{v1.Descriptor{Digest: "sha256:0"}, `digest "sha256:0": `, false},
		{v1.Descriptor{Digest: none}, "blob " + none.String() + " is not in the archive", false},
		{v1.Descriptor{Digest: none, URLs: []string{"https://x", "https://y"}}, "blob " + none.String() + " is not in the archive but at https://x, which this version does not fetch", true},
		{v1.Descriptor{Digest: none, Size: -1}, "size of blob " + none.String() + " is -1 in its descriptor, wanted 0 or more", false},
		{v1.Descriptor{Digest: im.Layers[0].Digest, Size: 4}, "size of blob " + im.Layers[0].Digest.String() + " is 3, wanted 4", false},
	} {
		r, err := source.Blob(t.Context(), tt.d)
		_, unsupported := errors.AsType[*fault.UnsupportedError](err)
		if r != nil || err == nil || !strings.HasPrefix(err.Error(), tt.want) || unsupported != tt.unsupported {
			t.Errorf("%+v: got %v, want %s", tt.d, err, tt.want)
		}
	}
}

// TestWriteEnds stops where its context ends.
func TestWriteEnds(t *testing.T) {
	t.Parallel()
	im, blobs := sample()
	for _, f := range []Format{Dir, Tar} {
		ctx, cancel := context.WithCancel(t.Context())
		err := Write(ctx, filepath.Join(t.TempDir(), "x"), f, im, im.Documents(), func(i int) (io.ReadCloser, error) {
			cancel()
			return io.NopCloser(bytes.NewReader(blobs[i])), nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want %v", f, err, context.Canceled)
		}
	}
	if err := Write(t.Context(), filepath.Join(t.TempDir(), "x"), "zip", im, im.Documents(), nil); err == nil || err.Error() != `format "zip" is not known` {
		t.Errorf("got %v", err)
	}
}
