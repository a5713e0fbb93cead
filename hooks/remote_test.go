// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"archive/tar"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/pkgdb/trust"
	"github.com/orlop/orlop/release/define"
)

// signer signs repositories, and has a folder that trusts it.
type signer struct {
	*pkgtest.Signer
	fingerprints string
}

func newSigner(t *testing.T) *signer {
	t.Helper()
	s := &signer{pkgtest.NewSigner(rand.Reader), t.TempDir()}
	s.Trust(s.fingerprints)
	return s
}

// version is a repository with a package of a version, signed.
func (s *signer) version(t *testing.T, v string) string {
	t.Helper()
	dir := t.TempDir()
	pkgtest.WriteRepo(dir, pkgtest.Package{Name: "FreeBSD-runtime", Version: v, Files: []pkgtest.File{{Path: "/bin/sh", Body: "sh " + v}}})
	s.Sign(dir)
	return dir
}

// overHTTP is a configuration for the folder that serve tells at each request.
func overHTTP(t *testing.T, s *signer, serve func() string) hooks.Config {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.FileServer(http.Dir(serve())).ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	cfg := config(t, server.URL, "x")
	repos(cfg).Repos[0] = catalog.Repo{Name: "FreeBSD-base", URL: server.URL, MirrorType: "none", Signature: "fingerprints", Fingerprints: s.fingerprints}
	cfg.Custom = &define.Image{Name: "x", Packages: []string{"FreeBSD-runtime"}}
	repos(cfg).Store = &store.Store{Dir: t.TempDir() + "/store", Retries: 1, Backoff: time.Millisecond}
	return cfg
}

// TestSignedOverHTTP builds from a signed repository on a network: once right,
// and once for each way to cheat.
func TestSignedOverHTTP(t *testing.T) {
	t.Parallel()
	s, stranger := newSigner(t), newSigner(t)
	good := s.version(t, "15.0")
	cfg := overHTTP(t, s, func() string { return good })
	results, err := hooks.Build(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(results[0].Lock)
	if err != nil {
		t.Fatal(err)
	}
	l, err := lock.Parse("lock", text)
	if err != nil {
		t.Fatal(err)
	}
	if r := l.Repositories[0]; r.Signer != s.Fingerprint() || r.URL != repos(cfg).Repos[0].URL || len(r.Catalogue) != 64 {
		t.Errorf("the lock has %+v", r)
	}
	for name, tt := range map[string]struct {
		want   string
		target any
		cheat  func(dir string)
	}{
		"stripped": {"the catalogue is not signed, wanted a key of", new(*trust.Error), func(dir string) {
			pkgtest.Unsign(dir)
		}},
		"a stranger's": {"found the keys data (sha256 " + stranger.Fingerprint() + "), none of which", new(*trust.Error), func(dir string) { stranger.Sign(dir) }},
		"no catalogue": {"HTTP status 404", new(*store.AbsentError), func(dir string) { os.Remove(dir + "/data.pkg") }},
		"no package":   {"HTTP status 404", new(*store.AbsentError), func(dir string) { os.RemoveAll(dir + "/FreeBSD-runtime-15.0.pkg") }},
		"another package": {"FreeBSD-runtime-15.0: FreeBSD-runtime-15.0.pkg: sum is ", new(*sum.MismatchError), func(dir string) {
			file := dir + "/FreeBSD-runtime-15.0.pkg"
			if err := edit(file, func(s string) string { return s[:len(s)-1] + "x" }); err != nil {
				t.Fatal(err)
			}
		}},
		"bomb": {"data: unpacks to more than 200 times its size", new(*catalog.FormatError), func(dir string) {
			writeBomb(t, dir+"/data.pkg")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := s.version(t, "15.0")
			tt.cheat(dir)
			cfg := overHTTP(t, s, func() string { return dir })
			_, err := hooks.Build(t.Context(), cfg)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !errors.As(err, tt.target) {
				t.Errorf("got %v (%T), want %s", err, err, tt.want)
			}
			if left, _ := filepath.Glob(cfg.OutDir + "/*"); len(left) > 0 {
				t.Errorf("left %v", left)
			}
			list, err := repos(cfg).Store.List(t.Context())
			list = slices.DeleteFunc(list, func(e store.Entry) bool { return strings.HasPrefix(e.Name, "signed/") }) // which is right
			if err != nil || len(list) > 0 {
				t.Errorf("the store has %v, %v", list, err)
			}
		})
	}
}

// writeBomb writes a catalogue of 2 GiB in some hundred KiB.
func writeBomb(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	enc, err := zstd.NewWriter(f, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	const size = 2 << 30
	w := tar.NewWriter(enc)
	if err := w.WriteHeader(&tar.Header{Name: "data", Mode: 0o644, Size: size}); err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range size / len(zeros) {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), enc.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestUnsignedOverHTTP is refused, whatever says that there is no signature,
// unless the user takes it on himself.
func TestUnsignedOverHTTP(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	dir := s.version(t, "15.0")
	for _, signature := range []string{"none", ""} {
		cfg := overHTTP(t, s, func() string { return dir })
		repos(cfg).Repos[0].Signature = signature
		if _, err := hooks.Build(t.Context(), cfg); err == nil {
			t.Errorf("signature %q: accepted", signature)
		}
		repos(cfg).InsecureUnsigned = true
		if _, err := hooks.Build(t.Context(), cfg); err != nil {
			t.Errorf("signature %q: %v", signature, err)
		}
	}
}

// TestMovedOn builds from a lock while the repository changes: a newer
// catalogue is no matter as long as the package is to be had, an older one is
// refused.
func TestMovedOn(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	old, now, new := s.version(t, "14.9"), s.version(t, "15.0"), s.version(t, "15.0p1")
	dir := now
	cfg := overHTTP(t, s, func() string { return dir })
	cfg.Revision, cfg.Branch = "15.0", "RELEASE"
	first, err := hooks.Build(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(first[0].Lock)
	if err != nil {
		t.Fatal(err)
	}
	l, err := lock.Parse("lock", text)
	if err != nil {
		t.Fatal(err)
	}
	again, full := cfg, repos(cfg).Store
	for _, tt := range []struct {
		dir   string
		store *store.Store
		want  string
	}{
		{now, full, ""}, {new, full, ""}, {t.TempDir(), full, ""},
		{new, &store.Store{Dir: t.TempDir() + "/store", Backoff: time.Millisecond}, "FreeBSD-runtime-15.0: FreeBSD-runtime-15.0.pkg of repository"},
		{old, full, `repository "FreeBSD-base": rollback: its newest FreeBSD-runtime is 14.9, the lock has 15.0`},
	} {
		dir, again.Input = tt.dir, cfg.Input
		fromLock(&again, tt.store, l)
		again.OutDir = t.TempDir()
		made, err := hooks.Build(t.Context(), again)
		if tt.want == "" && (err != nil || made[0].Digest != first[0].Digest) || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("got %v, %v, want %q", made, err, tt.want)
		}
	}
}
