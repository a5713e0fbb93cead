// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// TestForgedLocks lets images be made again whose locks say what nobody vouches
// for. They come out byte for byte, and are never called reproduced.
func TestForgedLocks(t *testing.T) {
	t.Parallel()
	w := newForgery(t)
	w.static, w.dynamic = w.honest(t, "static"), w.honest(t, "dynamic")
	src := t.TempDir()
	l := openLayout(t, w.static)
	l.open(0)
	passwd := string(l.find(0, "etc/master.passwd").body) + "evil::0:0::0:0:evil:/root:/bin/sh\n"
	for name, text := range map[string]string{"etc/rc.local": "evil", "etc/master.passwd": passwd, "etc/termcap/termcap.small": "termcap\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(src, name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(src, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	taken := func(target, source string) object {
		return object{"path": target, "from": nil, "source": source, "folder": false, "target": target, "mode": 0o644, "optional": false}
	}
	// pin has the lock's file at a path, or a new one after it, be of a source tree.
	pin := func(lock object, after, path, text string) {
		s := step(lock, 0)
		list := at[[]any](s, "files")
		i := slices.IndexFunc(list, func(f any) bool { return f.(object)["path"] == after })
		file := object{"path": path, "sha256": fmt.Sprintf("%x", sha256.Sum256([]byte(text))), "from": "srcdir"}
		if after == path {
			list[i] = file
		} else {
			s["files"] = slices.Insert(list, i+1, any(file))
		}
	}
	for name, f := range map[string]struct {
		image  string
		change func(lock object)
		build  []string // flags of the forger
		want   string
	}{
		// (a) who signed it, and where it is from
		"a second repository with the signer's name": {"static", func(lock object) {
			lock["repositories"] = append(at[[]any](lock, "repositories"), object{"name": "Z", "url": w.evil, "catalogue": strings.Repeat("0", 64), "signer": w.signs.Fingerprint()})
			addPackage(lock, evil("evil", "1.0", "Z", "static"))
		}, []string{"--repo", "FreeBSD-base=" + w.forger, "--repo", "Z=" + w.forger}, `repository \"Z\", evil-1.0: the lock's URL is not used: `},
		"a second repository without a place": {"static", func(lock object) {
			lock["repositories"] = append(at[[]any](lock, "repositories"), object{"name": "Z", "url": "", "catalogue": strings.Repeat("0", 64), "signer": w.signs.Fingerprint()})
			addPackage(lock, evil("evil", "1.0", "Z", "static"))
		}, []string{"--repo", "FreeBSD-base=" + w.forger, "--repo", "Z=" + w.forger}, `it is not given, and the lock names no URL of it`},
		"all from a repository of another name": {"static", func(lock object) {
			firstRepository(lock)["name"] = "other"
			for _, p := range at[[]any](lock, "packages") {
				p.(object)["repository"] = "other"
			}
		}, []string{"--repo", "other=" + w.forger}, `repository \"other\"`},
		"a catalogue that never was": {"static", func(lock object) {
			firstRepository(lock)["catalogue"] = strings.Repeat("0", 64)
			addPackage(lock, evil("evil", "1.0", "FreeBSD-base", "static"))
		}, nil, "evil-1.0: its catalogue has none of this version, size and sum"},
		// (b) packages that the catalogue does not have
		"a package more": {"static", func(lock object) {
			addPackage(lock, evil("evil", "1.0", "FreeBSD-base", "static"))
		}, nil, "evil-1.0: its catalogue has none of this version, size and sum"},
		"a package more, as a donor": {"static", func(lock object) {
			p := evil("evil", "1.0", "FreeBSD-base", "static")
			p["donor"], p["requested"] = true, ""
			addPackage(lock, p)
		}, nil, "evil-1.0: its catalogue has none of this version, size and sum"},
		"other bytes under a package's name": {"static", func(lock object) {
			editNamed(at[[]any](lock, "packages"), "FreeBSD-zoneinfo", func(p object) {
				e := evil("FreeBSD-zoneinfo", "15.0", "FreeBSD-base", "static")
				p["sum"], p["size"], p["path"] = e["sum"], e["size"], e["path"]
			})
		}, nil, "FreeBSD-zoneinfo-15.0: its catalogue has none of this version, size and sum"},
		"an older version": {"static", func(lock object) {
			editNamed(at[[]any](lock, "packages"), "FreeBSD-zoneinfo", func(p object) {
				e := evil("FreeBSD-zoneinfo", "14.9", "FreeBSD-base", "static")
				p["version"], p["sum"], p["size"], p["path"] = "14.9", e["sum"], e["size"], e["path"]
			})
		}, nil, "FreeBSD-zoneinfo-14.9: its catalogue has none of this version, size and sum"},
		// the same of packages that are all signed
		"a signed package more": {"static", func(lock object) {
			addPackage(lock, w.entry(t, "FreeBSD-vi", "static"))
		}, nil, "package FreeBSD-vi differs from what the definition of image static resolves to: found 15.0 in layer static, requested by static, wanted none"},
		"a signed package less": {"dynamic", func(lock object) {
			lock["packages"] = slices.DeleteFunc(at[[]any](lock, "packages"), func(p any) bool { return p.(object)["name"] == "FreeBSD-openssl-lib" })
		}, nil, "package FreeBSD-openssl-lib differs from what the definition of image dynamic resolves to: found none"},
		"a package in another layer": {"dynamic", func(lock object) {
			editNamed(at[[]any](lock, "packages"), "FreeBSD-openssl-lib", func(p object) { p["layer"] = "static" })
			step(lock, 0)["epoch"] = step(lock, 1)["epoch"]
		}, nil, "found 15.0p1 in layer static, requested by dynamic"},
		"a package that was not asked for": {"static", func(lock object) {
			editNamed(at[[]any](lock, "packages"), "FreeBSD-zoneinfo", func(p object) { p["requested"] = "" })
		}, nil, "found 15.0 in layer static, automatic"},
		"a donor that no definition names": {"static", func(lock object) {
			p := w.entry(t, "FreeBSD-vi", "static")
			p["donor"], p["requested"] = true, ""
			addPackage(lock, p)
		}, nil, "package FreeBSD-vi-15.0 lends files to image static, whose definition does not name it"},
		// (c) definitions under FreeBSD's names
		"a file out of the artifact": {"static", func(lock object) {
			d := definition(lock, 0)
			d["files"] = append(at[[]any](d, "files"), taken("/etc/rc.local", "etc/rc.local"))
			pin(lock, "/etc/group", "/etc/rc.local", "evil")
		}, []string{"--srcdir", src}, "the definition of image static is not FreeBSD's"},
		"a command": {"static", func(lock object) {
			definition(lock, 0)["cmd"] = []any{"/rescue/evil"}
		}, nil, "the definition of image static is not FreeBSD's: cmd.0 is"},
		"an environment": {"static", func(lock object) {
			definition(lock, 0)["env"] = []any{"LD_PRELOAD=/evil.so"}
		}, nil, "the definition of image static is not FreeBSD's: env.0 is"},
		"a lower layer's definition": {"dynamic", func(lock object) {
			definition(lock, 0)["os_release"] = false
		}, nil, "the definition of image static is not FreeBSD's: os_release is false, wanted true"},
		"another definition's packages": {"static", func(lock object) {
			definition(lock, 0)["packages"] = []any{"FreeBSD-zoneinfo", "FreeBSD-vi"}
			addPackage(lock, w.entry(t, "FreeBSD-vi", "static"))
		}, nil, "the definition of image static is not FreeBSD's: packages.1 is"},
		// what files are taken from
		"an account out of the artifact": {"static", func(lock object) {
			pin(lock, "/etc/master.passwd", "/etc/master.passwd", passwd)
		}, []string{"--srcdir", src}, "/etc/master.passwd of image static is not what FreeBSD-runtime-15.0p3 has"},
		"a certificate less": {"static", func(lock object) {
			s, gone := step(lock, 0), false
			s["files"] = slices.DeleteFunc(at[[]any](s, "files"), func(f any) bool {
				this := !gone && strings.HasPrefix(at[string](f.(object), "path"), "/usr/share/certs/")
				gone = gone || this
				return this
			})
		}, nil, "/usr/share/certs/trusted of image static is not what FreeBSD-caroot-15.0 has"},
		"an old format, which says less": {"static", func(lock object) {
			addPackage(lock, evil("evil", "1.0", "FreeBSD-base", "static"))
			lock["format"] = 1
		}, nil, "evil-1.0: its catalogue has none of this version, size and sum"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive := w.forge(t, f.image, f.change, f.build...)
			ways := [][]string{w.trusting(), append(w.trusting(), "--offline"), {"--repo", w.official}}
			for _, args := range ways[:waysToForge] {
				status, said := w.verify(t, archive, args...)
				if status == 0 || strings.Contains(said, "reproduced") || !strings.Contains(said, f.want) {
					t.Errorf("verify %v: status %d, wanted %s: %s", args, status, f.want, said)
				}
				if status != 4 || !strings.Contains(said, `"result":"unvouched"`) {
					t.Errorf("verify %v: status %d, wanted 4 and unvouched: %s", args, status, said)
				}
			}
			if status, said := w.verify(t, archive, append(w.trusting(), "--trust-lock")...); strings.Contains(f.want, "evil-1.0") && (status != 0 || !strings.Contains(said, f.want)) {
				t.Errorf("--trust-lock: status %d: %s", status, said)
			}
		})
	}
	t.Cleanup(func() {
		if n := w.asked.Load(); n > 0 {
			t.Errorf("the forger's server was asked %d times", n)
		}
	})
}

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
