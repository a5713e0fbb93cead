// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestUpdateVouched brings one package of a signed repository up to date. The new lock
// is vouched for by the catalogues of both days, and by nothing less.
func TestUpdateVouched(t *testing.T) {
	t.Parallel()
	w := newForgery(t)
	archive := w.honest(t, "dynamic")
	republish(t, w.official, "15.0p4", asIs, "FreeBSD-openssl-lib", "FreeBSD-runtime", "FreeBSD-clibs")
	w.signs.Sign(w.official)
	cache, out := t.TempDir(), t.TempDir()
	status, printed, said := capture(t, "lock", "-q", "--repo-conf-dir", w.conf, "--cache", cache, "--lock", archive+".lock.json", "--update", "FreeBSD-openssl-lib", "-o", out)
	if want := "dynamic  up  FreeBSD-openssl-lib  15.0p1  15.0p4  in dynamic\n"; status != 0 || printed != want || said != "" {
		t.Fatalf("status %d, says %q, wanted %q: %s", status, printed, want, said)
	}
	lock := filepath.Join(out, "container-image-dynamic.lock.json")
	if status, said := orlop(t, "build", "-q", "--repo-conf-dir", w.conf, "--cache", cache, "--format", "dir", "--lock", lock, "-o", out); status != 0 {
		t.Fatal(said)
	}
	kept, _ := filepath.Glob(filepath.Join(out, "container-image-catalogue-*.pkg"))
	if len(kept) != 2 {
		t.Errorf("kept the catalogues %q, wanted those of both days", kept)
	}
	made := strings.TrimSuffix(lock, ".lock.json")
	args := func(more ...string) []string { return append(append(w.trusting(), "--cache", t.TempDir()), more...) }
	status, said = w.verify(t, made, args()...)
	const older = "image dynamic: an update of its lock left older packages as they were: FreeBSD-runtime-15.0p3 (there is 15.0p4), FreeBSD-clibs-15.0p3 (there is 15.0p4)"
	if status != 0 || !strings.Contains(said, `"result":"reproduced"`) || !strings.Contains(said, older) {
		t.Errorf("status %d, wanted it reproduced and %q: %s", status, older, said)
	}
	// The lower step has not changed, so it is the same layer.
	if a, b := layersOf(t, archive), layersOf(t, made); len(a) != 2 || len(b) != 2 || a[0] != b[0] || a[1] == b[1] {
		t.Errorf("layers were %v, are %v", a, b)
	}
	if status, said := orlop(t, "fetch", "-q", "--repo-conf-dir", w.conf, "--cache", w.cache, "--lock", lock); status != 0 {
		t.Fatal(said)
	}
	for name, change := range map[string]func(lock object){
		"a package less": func(l object) {
			l["packages"] = slices.DeleteFunc(at[[]any](l, "packages"), func(p any) bool { return p.(object)["name"] == "FreeBSD-zoneinfo" })
		},
		"a package more": func(l object) { addPackage(l, w.entry(t, "FreeBSD-tcpd", "dynamic")) },
		"no catalogue of before": func(l object) {
			delete(firstRepository(l), "earlier")
		},
		"another catalogue of before": func(l object) {
			at[[]any](firstRepository(l), "earlier")[0].(object)["catalogue"] = strings.Repeat("0", 64)
		},
	} {
		t.Run(name, func(t *testing.T) {
			forged := w.forgeFrom(t, lock, change, "--repo", w.official)
			for _, file := range kept {
				if err := os.Link(file, filepath.Join(filepath.Dir(forged), filepath.Base(file))); err != nil && !os.IsExist(err) {
					t.Fatal(err)
				}
			}
			w.expect(t, name, forged, 4, `"result":"unvouched"`, args()...)
		})
	}
}

// layersOf lists the digests of the layers of an image in a folder.
func layersOf(t *testing.T, archive string) []string {
	t.Helper()
	var index, manifest object
	readJSON(t, filepath.Join(archive, "index.json"), &index)
	digest := at[string](at[[]any](index, "manifests")[0].(object), "digest")
	readJSON(t, filepath.Join(archive, "blobs", strings.Replace(digest, ":", "/", 1)), &manifest)
	var list []string
	for _, l := range at[[]any](manifest, "layers") {
		list = append(list, at[string](l.(object), "digest"))
	}
	return list
}
