// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package scripts_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// The signed catalogue of a repository is published beside the locks, under
// whatever name, and vouches for the images when the repository has moved on.
func TestInteropMakeSigned(t *testing.T) {
	t.Parallel()
	const kept = "container-image-catalogue-base.pkg"
	tr := newTree(t, "15")
	repo := tr.zones(t, "FreeBSD:15:amd64")
	signer, dir := pkgtest.NewSigner(rand.Reader), t.TempDir()
	signer.Trust(filepath.Join(dir, "keys"))
	signer.Sign(repo)
	write(t, filepath.Join(dir, "conf/base.conf"), `base: { url: "file://`+repo+`", signature_type: fingerprints, fingerprints: "`+dir+`/keys" }`)
	tr.vars = append(tr.vars, "ORLOP_REPO_CONF_DIR="+filepath.Join(dir, "conf"))
	signed := read(t, filepath.Join(repo, "data.pkg"))
	tr.make(t, "release")
	root := filepath.Join(tr.obj, "R")
	tr.make(t, "install", "DESTDIR="+root)
	if read(t, filepath.Join(root, "ociimages", kept)) != signed {
		t.Error("what is installed is not the catalogue that was signed")
	}
	checkSums(t, filepath.Join(root, "ociimages"), "CHECKSUM.SHA256", "SHA256", 4)

	// It is a result like the others.
	tr.make(t, "oci-release")
	if err := os.Remove(filepath.Join(tr.obj, kept)); err != nil {
		t.Fatal(err)
	}
	tr.make(t, "oci-release")
	if tr.file(t, kept) != signed {
		t.Error("it was not made again")
	}

	// The repository moves on.
	archive := read(t, filepath.Join(repo, "FreeBSD-zoneinfo-15.0.pkg"))
	pkgtest.WriteRepo(repo, zoneinfo("FreeBSD:15:amd64", "a leap second more"))
	write(t, filepath.Join(repo, "FreeBSD-zoneinfo-15.0.pkg"), archive)
	signer.Sign(repo)
	if out := tr.make(t, "oci-verify"); !strings.Contains(out, "\treproduced\n") {
		t.Errorf("oci-verify: %s", out)
	}
	if out, err := tr.try("oci-verify", "ORLOP_FLAGS="); err != nil {
		t.Errorf("oci-verify: %v: %s", err, out)
	}
	if err := os.RemoveAll(filepath.Join(tr.obj, kept)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(tr.obj, "container-image-store/signed")); err != nil {
		t.Fatal(err)
	}
	if out, err := tr.try("oci-verify"); err == nil || !strings.Contains(out, "unvouched: ") {
		t.Errorf("oci-verify without it: %v: %s", err, out)
	}

	tr.env = append(tr.env, "PATH="+freebsdSums(t)+":"+os.Getenv("PATH"))
	tr.make(t, "-f", tr.way.mirrors, "ftp-stage", "RELEASEDIR="+root)
	const latest = "R/ftp-stage/releases/OCI-IMAGES/15.0-RELEASE/amd64/Latest/"
	if tr.file(t, latest+"FreeBSD-15.0-RELEASE-amd64-"+kept) != signed {
		t.Error("what is staged is not the catalogue that was signed")
	}
	tr.make(t, "oci-clean")
	for name := range contents(t, tr.obj) {
		if strings.HasPrefix(name, "container-image-") {
			t.Errorf("oci-clean leaves %s", name)
		}
	}
}
