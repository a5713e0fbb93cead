// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/sum"
)

// forgery is a world in which somebody forges locks: a signed repository that a
// user trusts, and a forger's, which has the same packages and more.
type forgery struct {
	official string // folder of the signed repository
	forger   string // folder of the other one
	url      string // of official, over http
	conf     string // configuration that trusts the signer, at url
	cache    string // the user's store, into which everything has come somehow
	signs    *pkgtest.Signer
	static   string // honest archives
	dynamic  string
	asked    atomic.Int64 // requests to the forger's server
	evil     string       // its URL
}

// evilPackages are what the forger would like to have in images.
var evilPackages = []pkgtest.Package{
	{Name: "evil", Files: []pkgtest.File{{Path: "/usr/local/etc/rc.d/evil", Body: "evil"}}},
	{Name: "FreeBSD-zoneinfo", Version: "15.0", Files: []pkgtest.File{{Path: "/usr/share/zoneinfo/evil", Body: "evil"}}},
	{Name: "FreeBSD-zoneinfo", Version: "14.9", Files: []pkgtest.File{{Path: "/usr/share/zoneinfo/old", Body: "evil"}}},
}

func newForgery(t *testing.T) *forgery {
	t.Helper()
	w := &forgery{official: t.TempDir(), forger: t.TempDir(), conf: t.TempDir(), cache: t.TempDir()}
	w.signs = pkgtest.NewSigner(rand.Reader)
	keys := t.TempDir()
	w.signs.Trust(keys)
	for _, dir := range []string{w.official, w.forger} {
		if err := os.CopyFS(dir, os.DirFS("sample")); err != nil {
			t.Fatal(err)
		}
	}
	w.signs.Sign(w.official)
	for _, p := range evilPackages {
		dir := t.TempDir()
		pkgtest.WriteRepo(dir, p)
		w.inStore(t, dir, p.Name)
		name := "/" + p.Name + "-" + max(p.Version, "1.0") + ".pkg"
		text, err := os.ReadFile(dir + name)
		if err == nil {
			err = os.WriteFile(w.forger+name+".evil", text, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	official := httptest.NewServer(http.FileServer(http.Dir(w.official)))
	evil := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.asked.Add(1)
		http.FileServer(http.Dir(w.forger)).ServeHTTP(rw, r)
	}))
	t.Cleanup(official.Close)
	t.Cleanup(evil.Close)
	w.url, w.evil = official.URL, evil.URL
	conf := fmt.Sprintf("FreeBSD-base: { url: %q, signature_type: fingerprints, fingerprints: %q }\n", w.url, keys)
	if err := os.WriteFile(w.conf+"/base.conf", []byte(conf), 0o666); err != nil {
		t.Fatal(err)
	}
	if status, said := orlop(t, "fetch", "-q", "--cache", w.cache, "--repo-conf-dir", w.conf, "dynamic"); status != 0 {
		t.Fatal(said)
	}
	return w
}

// inStore puts a package into the user's store, as any earlier run may have.
func (w *forgery) inStore(t *testing.T, repo, name string) {
	t.Helper()
	if status, said := orlop(t, "fetch", "-q", "--cache", w.cache, "--repo", repo, "--revision", "15.0", "--branch", "RELEASE", "--name", "x", "--package", name); status != 0 {
		t.Fatal(said)
	}
}

// honest builds an image from the signed repository and returns its archive.
func (w *forgery) honest(t *testing.T, image string, more ...string) string {
	t.Helper()
	out := t.TempDir()
	args := append([]string{"build", "-q", "--repo-conf-dir", w.conf, "--exceptions", "sample/exceptions.ucl", "--cache", t.TempDir(), "--format", "dir", "-o", out}, more...)
	if status, said := orlop(t, append(args, image)...); status != 0 {
		t.Fatal(said)
	}
	return out + "/container-image-" + image
}

// forge makes the image that a changed lock describes, with all that the forger
// has, and leaves the lock with what it claims beside the image.
func (w *forgery) forge(t *testing.T, image string, change func(lock object), args ...string) string {
	t.Helper()
	archive := map[string]string{"static": w.static, "dynamic": w.dynamic}[image]
	if archive == "" {
		archive = w.honest(t, image)
	}
	return w.forgeFrom(t, archive+".lock.json", change, args...)
}

func (w *forgery) forgeFrom(t *testing.T, honest string, change func(lock object), args ...string) string {
	t.Helper()
	var lock object
	readJSON(t, honest, &lock)
	change(lock)
	layers := map[any]int{}
	for i, l := range at[[]any](lock, "layers") {
		layers[l.(object)["image"]] = 2 * i
	}
	slices.SortStableFunc(at[[]any](lock, "packages"), func(a, b any) int { // as orlop writes them
		rank := func(p object) int {
			if p["donor"] == true {
				return layers[p["layer"]] + 1
			}
			return layers[p["layer"]]
		}
		return rank(a.(object)) - rank(b.(object))
	})
	claims := at[[]any](lock, "repositories")
	dir := t.TempDir()
	writeJSON(t, dir+"/forged.lock.json", lock)
	args = append([]string{"build", "-q", "--lock", dir + "/forged.lock.json", "--cache", w.cache, "--format", "dir", "-o", dir}, args...)
	if !slices.Contains(args, "--repo") {
		args = append(args, "--repo", w.forger)
	}
	if status, said := orlop(t, args...); status != 0 {
		t.Fatalf("the forger cannot build it: %s", said)
	}
	archive := dir + "/container-image-" + at[string](lock, "image")
	readJSON(t, archive+".lock.json", &lock)
	lock["repositories"] = claims
	writeJSON(t, archive+".lock.json", lock)
	return archive
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func writeJSON(t *testing.T, file string, v any) {
	t.Helper()
	text, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		err = os.WriteFile(file, text, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// verify makes an image again as the user does who trusts the signer.
func (w *forgery) verify(t *testing.T, archive string, args ...string) (status int, said string) {
	t.Helper()
	var out, err bytes.Buffer
	all := append([]string{"orlop", "verify", "-q", "--json", "--rebuild", "--cache", w.cache}, args...)
	status = run(t.Context(), append(all, archive), &out, &err, func(string) (string, bool) { return "", false })
	return status, out.String() + err.String()
}

func (w *forgery) trusting() []string { return []string{"--repo-conf-dir", w.conf} }

// evil is a lock's entry for one of the forger's packages.
func evil(name, version, repository, layer string) object {
	for _, p := range evilPackages {
		if p.Name == name && max(p.Version, "1.0") == version {
			text := p.Archive()
			return object{"name": name, "version": version, "sum": string(sum.Of(sum.BLAKE2b, text)), "size": len(text),
				"path": name + "-" + version + ".pkg.evil", "repository": repository, "layer": layer, "requested": layer, "donor": false}
		}
	}
	panic(name)
}

func addPackage(lock object, p object) {
	lock["packages"] = append(at[[]any](lock, "packages"), p)
}

// edit changes the entries of a list of objects that have a name.
func editNamed(list []any, name string, change func(object)) {
	for _, e := range list {
		if o := e.(object); o["name"] == name {
			change(o)
		}
	}
}

func definition(lock object, layer int) object {
	return at[object](at[[]any](lock, "layers")[layer].(object), "definition")
}

func step(lock object, layer int) object { return at[[]any](lock, "layers")[layer].(object) }

func firstRepository(lock object) object { return at[[]any](lock, "repositories")[0].(object) }

// entry is a lock's entry for a package of the sample.
func (w *forgery) entry(t *testing.T, name, layer string) object {
	t.Helper()
	var found object
	var document struct{ Packages []object }
	if err := json.Unmarshal(pkgtest.CatalogueData(w.official), &document); err != nil {
		t.Fatal(err)
	}
	for _, p := range document.Packages {
		if p["name"] == name {
			text, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			s, err := pkgfile.ParseSummary(text)
			if err != nil {
				t.Fatal(err)
			}
			found = object{"name": name, "version": s.Version, "sum": string(s.Sum), "size": s.Size, "path": s.Path,
				"repository": "FreeBSD-base", "layer": layer, "requested": layer, "donor": false}
		}
	}
	return found
}
