// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package scripts_test

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// Locks say where others find the packages, and oci-verify proves it once they
// are there, with nothing of this machine.
func TestInteropMakePublic(t *testing.T) {
	t.Parallel()
	tr := newTree(t, "15")
	repo := tr.zones(t, "FreeBSD:15:amd64")
	signer, dir := pkgtest.NewSigner(rand.Reader), t.TempDir()
	signer.Trust(filepath.Join(dir, "keys"))
	signer.Sign(repo)

	const notice = "release.mk: ORLOP_PUBLIC_URL is empty, so that locks do not say where others find the packages\n"
	if out := tr.make(t, "release"); strings.Count(out, notice) != 1 {
		t.Errorf("want %q once in\n%s", notice, out)
	}
	if out := tr.make(t, "release"); strings.Contains(out, notice) {
		t.Errorf("it is said again, and nothing is new:\n%s", out)
	}
	if out, err := tr.try("oci-verify", "ORLOP_PUBLIC=yes"); err == nil || !strings.Contains(out, "ORLOP_PUBLIC needs ORLOP_PUBLIC_URL") {
		t.Errorf("without a url: %v\n%s", err, out)
	}

	published := http.NotFoundHandler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { published.ServeHTTP(w, r) }))
	defer server.Close()
	tr.vars = append(tr.vars, "ORLOP_PUBLIC_URL="+server.URL+"/$${ABI}/base", "ORLOP_FLAGS=--lock-urls --trust-lock --insecure-unsigned")
	if out := tr.make(t, "release"); strings.Contains(out, "ORLOP_PUBLIC_URL") {
		t.Errorf("it says\n%s", out)
	}
	if lock := tr.file(t, "container-image-zones.lock.json"); !strings.Contains(lock, `"url": "`+server.URL+`/FreeBSD:15:amd64/base"`) {
		t.Errorf("the lock has another url:\n%s", lock)
	}
	write(t, filepath.Join(dir, "conf/base.conf"), `FreeBSD-base: { url: "`+server.URL+`/${ABI}/base", signature_type: fingerprints, fingerprints: "`+dir+`/keys" }`)
	for public, want := range map[string]string{
		"ORLOP_PUBLIC=yes":                           "\tunvouched\n", // nobody but the lock, and FreeBSD's keys are not these
		"ORLOP_PUBLIC=" + filepath.Join(dir, "conf"): "\treproduced\n",
	} {
		published = http.NotFoundHandler()
		if out, err := tr.try("oci-verify", public); err == nil {
			t.Errorf("%s, before publication: no error in\n%s", public, out)
		}
		published = http.StripPrefix("/FreeBSD:15:amd64/base/", http.FileServer(http.Dir(repo)))
		if out := tr.make(t, "oci-verify", public); !strings.Contains(out, want) {
			t.Errorf("%s: want %q in\n%s", public, want, out)
		}
	}
}
