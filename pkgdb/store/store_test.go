// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/orlop/orlop/pkgdb/sum"
)

func TestVerified(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "100%2?#") // make(1) puts paths into URLs as they are
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	body := []byte("hello\n")
	if err := os.WriteFile(filepath.Join(dir, "a:b c.pkg"), body, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "out.pkg")); err != nil {
		t.Fatal(err)
	}
	good := Ref{Name: "a-1", Path: "a:b c.pkg", Sum: sum.Of(sum.BLAKE2b, body), Size: 6}
	with := func(change func(*Ref)) Ref { r := good; change(&r); return r }
	tests := []struct {
		name string
		ref  Ref
		want any
	}{
		{"good", good, nil},
		{"other size", with(func(r *Ref) { r.Size = 5 }), new(*SizeError)},
		{"other bytes", with(func(r *Ref) { r.Sum = sum.Of(sum.SHA256, nil) }), new(*sum.MismatchError)},
		{"absent", with(func(r *Ref) { r.Path = "none.pkg" }), new(*AbsentError)},
		{"a directory", with(func(r *Ref) { r.Path = "." }), new(*AbsentError)},
		{"outside", with(func(r *Ref) { r.Path = "../x.pkg" }), new(*AbsentError)},
		{"link to outside", with(func(r *Ref) { r.Path = "out.pkg" }), new(*AbsentError)},
	}
	for _, location := range []string{dir, "file://" + dir, "file:" + dir, "file://localhost" + dir} {
		s, err := new(Store).Source(location, "none")
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range tests {
			r, err := s.Verified(t.Context(), tt.ref)
			if tt.want == nil {
				if err != nil {
					t.Errorf("%s: %v", tt.name, err)
					continue
				}
				if b, err := io.ReadAll(r); err != nil || string(b) != "hello\n" {
					t.Errorf("%s: read %q, %v", tt.name, b, err)
				}
				r.Close()
			} else if !errors.As(err, tt.want) {
				t.Errorf("%s: got error %v (%T), want a %T", tt.name, err, err, tt.want)
			}
		}
	}
}

func TestVerifiedInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.pkg"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, _ := new(Store).Source(dir, "none")
	if _, err := s.Verified(ctx, Ref{Path: "a.pkg", Sum: sum.Of(sum.SHA256, nil)}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestNewSourceRefuses(t *testing.T) {
	t.Parallel()
	for _, location := range []string{"https://pkg.example.org/x", "pkg+https://pkg.example.org/x", "ftp://x/", "file://host/x"} {
		if _, err := new(Store).Source(location, "none"); err == nil {
			t.Errorf("%s: accepted", location)
		}
	}
	for _, location := range []string{"./FreeBSD:15:amd64/latest", "/usr/obj/FreeBSD:15:amd64", "FreeBSD:15:amd64/latest", "dir"} {
		if s, err := new(Store).Source(location, "none"); err != nil || s.dir != location {
			t.Errorf("%s: got %v, %v", location, s, err)
		}
	}
}

// TestHint suggests a remedy for a URL with an empty folder name, and for no other.
func TestHint(t *testing.T) {
	for what, want := range map[string]bool{
		"meta.conf of repository file:///tmp/repo":          false,
		"meta.conf of repository file:///tmp//latest":       true,
		"meta.conf of repository https://example.org/a/b":   false,
		"meta.conf of repository https://example.org//base": true,
	} {
		if got := (&AbsentError{what, fs.ErrNotExist}).Hint() != ""; got != want {
			t.Errorf("%s: got a hint: %v, want %v", what, got, want)
		}
	}
}
