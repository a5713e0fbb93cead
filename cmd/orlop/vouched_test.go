// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// TestKeptCatalogue builds from a repository that moves on. Beside the lock lies
// the catalogue that it was made from, by which an image is vouched for, under
// whatever name, if the signature is right.
func TestKeptCatalogue(t *testing.T) {
	t.Parallel()
	w := newForgery(t)
	archive := w.honest(t, "static")
	kept := filepath.Join(filepath.Dir(archive), "container-image-catalogue-FreeBSD-base.pkg")
	official, err := os.ReadFile(filepath.Join(w.official, "data.pkg"))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(kept); err != nil || string(text) != string(official) {
		t.Fatalf("the kept catalogue is not the signed one as it came: %v", err)
	}
	// The next release has other packages. The old ones are where they were.
	next := t.TempDir()
	pkgtest.WriteRepo(next, pkgtest.Package{Name: "FreeBSD-runtime", Version: "15.0p9"})
	w.signs.Sign(next)
	if err := os.CopyFS(w.official+"/old", os.DirFS(next)); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(w.official+"/old/data.pkg", w.official+"/data.pkg"); err != nil {
		t.Fatal(err)
	}
	fresh := func() []string { return append(w.trusting(), "--cache", t.TempDir()) }
	expect := func(what string, status int, result string, args ...string) {
		t.Helper()
		if got, said := w.verify(t, archive, args...); got != status || !strings.Contains(said, `"result":"`+result+`"`) {
			t.Errorf("%s: status %d, wanted %d and %s: %s", what, got, status, result, said)
		}
	}
	expect("beside the lock", 0, "reproduced", fresh()...)
	published := filepath.Join(filepath.Dir(archive), "15.0-RELEASE-amd64-catalogue.pkg")
	if err := os.Rename(kept, published); err != nil {
		t.Fatal(err)
	}
	expect("under another name", 0, "reproduced", fresh()...)
	pkgtest.NewSigner(rand.Reader).Sign(next)
	strangers := copied(t, next)
	if err := os.WriteFile(strangers+"/data.pkg", official, 0o666); err != nil {
		t.Fatal(err)
	}
	pkgtest.NewSigner(rand.Reader).Sign(strangers)
	if err := os.Rename(strangers+"/data.pkg", published); err != nil {
		t.Fatal(err)
	}
	expect("signed by a stranger", 4, "unvouched", fresh()...)
	if err := os.Remove(published); err != nil {
		t.Fatal(err)
	}
	expect("nowhere", 4, "unvouched", fresh()...)
	expect("nowhere, and the lock is believed", 0, "unvouched", append(fresh(), "--trust-lock")...)
}

func copied(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func serve(t *testing.T, dir string) string {
	t.Helper()
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	return server.URL
}
