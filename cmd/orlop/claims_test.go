// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/sum"
)

// world is a forgery whose repositories both have other packages, beside those
// of their names or in their place.
func world(t *testing.T, beside bool, pkgs ...pkgtest.Package) *forgery {
	t.Helper()
	w := newForgery(t)
	for _, dir := range []string{w.official, w.forger} {
		for _, p := range pkgs {
			replacePackage(t, dir, beside, p)
		}
	}
	w.signs.Sign(w.official)
	return w
}

// replacePackage puts a package into a repository.
func replacePackage(t *testing.T, dir string, beside bool, p pkgtest.Package) {
	t.Helper()
	one := t.TempDir()
	pkgtest.WriteRepo(one, p)
	list := slices.DeleteFunc(packagesOf(t, dir), func(e any) bool { return !beside && e.(object)["name"] == p.Name })
	name := p.Name + "-" + p.Version + ".pkg"
	text, err := os.ReadFile(filepath.Join(one, name))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name), text, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	pkgtest.WriteCatalogue(dir, append(list, packagesOf(t, one)...))
}

func packagesOf(t *testing.T, dir string) []any {
	t.Helper()
	var document object
	if err := json.Unmarshal(pkgtest.CatalogueData(dir), &document); err != nil {
		t.Fatal(err)
	}
	return at[[]any](document, "packages")
}

// expect verifies and compares the status and what is said.
func (w *forgery) expect(t *testing.T, what, archive string, status int, want string, args ...string) {
	t.Helper()
	got, said := w.verify(t, archive, args...)
	if got != status || !strings.Contains(said, want) || status != 0 && strings.Contains(said, "reproduced") {
		t.Errorf("%s: status %d, wanted %d and %s: %s", what, got, status, want, said)
	}
}

// TestForgedChain lets a layer stand on another one than its definition says.
func TestForgedChain(t *testing.T) {
	t.Parallel()
	w := newForgery(t)
	archive := w.honest(t, "dynamic")
	lock := changedLock(t, archive+".lock.json", func(l object) {
		l["layers"] = at[[]any](l, "layers")[1:]
		l["packages"] = slices.DeleteFunc(at[[]any](l, "packages"), func(p any) bool { return p.(object)["layer"] == "static" })
	})
	const want = `layer dynamic: its definition has parent "static", the layer below is ""`
	if status, said := orlop(t, "build", "-q", "--lock", lock, "--repo", w.forger, "-o", t.TempDir()); status != 2 || !strings.Contains(said, want) {
		t.Errorf("build: status %d: %s", status, said)
	}
	if status, said := w.verify(t, archive, append(w.trusting(), "--lock", lock)...); status == 0 || strings.Contains(said, "reproduced") {
		t.Errorf("verify: status %d: %s", status, said)
	}
}

// TestForgedKeys has a folder of keys that FreeBSD's definition marks as optional
// come out of the artifact: pkg in the image would believe a forger.
func TestForgedKeys(t *testing.T) {
	t.Parallel()
	w := world(t, false, pkgtest.Package{Name: "FreeBSD-pkg-bootstrap", Version: "15.0", Files: []pkgtest.File{
		{Path: "/etc/pkg/FreeBSD.conf", Body: "FreeBSD: { url: \"x\" }\n"}, {Path: "/usr/share/keys/pkg/trusted/k", Body: "function: sha256\n"}}})
	const evil, path = "function: sha256\nfingerprint: evil\n", "/usr/share/keys/pkgbase-15"
	src := t.TempDir()
	if err := os.MkdirAll(src+"/share/keys/pkgbase-15/trusted", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(src+"/share/keys/pkgbase-15/trusted/evil", []byte(evil), 0o666); err != nil {
		t.Fatal(err)
	}
	archive := w.forge(t, "static", func(l object) {
		s := step(l, 0)
		list := at[[]any](s, "files")
		after := slices.IndexFunc(list, func(f any) bool { return f.(object)["path"] == "/usr/share/keys/pkg/trusted/k" })
		s["files"] = slices.Insert(list, after+1, any(object{"path": path + "/trusted/evil", "sha256": fmt.Sprintf("%x", sha256.Sum256([]byte(evil))), "from": "srcdir"}))
		s["left_out"] = slices.DeleteFunc(at[[]any](s, "left_out"), func(p any) bool { return p == path })
	}, "--srcdir", src)
	w.expect(t, "keys", archive, 4, "only the artifact of image static has "+path+"/trusted/evil", w.trusting()...)
}

// TestForgedLender has a package of one lock, which nobody vouches for, lend a
// file to the image of another lock of the run.
func TestForgedLender(t *testing.T) {
	t.Parallel()
	w := newForgery(t)
	l := openLayout(t, w.honest(t, "static"))
	l.open(0)
	passwd := string(l.find(0, "etc/master.passwd").body) + "evil::0:0::0:0:evil:/root:/bin/sh\n"
	repo, src := t.TempDir(), t.TempDir()
	pkgtest.WriteRepo(repo, pkgtest.Package{Name: "FreeBSD-runtime", Version: "15.0p2", Files: []pkgtest.File{{Path: "/etc/master.passwd", Body: passwd, Mode: 0o600}}})
	w.inStore(t, repo, "FreeBSD-runtime")
	text, err := os.ReadFile(repo + "/FreeBSD-runtime-15.0p2.pkg")
	if err == nil {
		err = os.WriteFile(w.forger+"/lender.pkg", text, 0o666)
	}
	if err == nil {
		err = os.Mkdir(src+"/etc", 0o777)
	}
	if err == nil {
		err = os.WriteFile(src+"/etc/master.passwd", []byte(passwd), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	pin := func(lock object) {
		for _, f := range at[[]any](step(lock, 0), "files") {
			if f.(object)["path"] == "/etc/master.passwd" {
				f.(object)["sha256"] = fmt.Sprintf("%x", sha256.Sum256([]byte(passwd)))
			}
		}
	}
	static := w.forge(t, "static", pin, "--srcdir", src)
	dynamic := w.forge(t, "dynamic", func(lock object) {
		pin(lock)
		addPackage(lock, object{"name": "FreeBSD-runtime", "version": "15.0p2", "sum": string(sum.Of(sum.BLAKE2b, text)), "size": len(text),
			"path": "lender.pkg", "repository": "FreeBSD-base", "layer": "dynamic", "requested": "", "donor": true})
	}, "--srcdir", src)
	const want = "/etc/master.passwd of image static is not what FreeBSD-runtime-15.0p3 has"
	w.expect(t, "alone", static, 4, want, w.trusting()...)
	w.expect(t, "both", static, 4, static+": unvouched: "+want, append(w.trusting(), dynamic)...)
}

// TestForgedRelease has an image call itself a patch level that it is not of.
func TestForgedRelease(t *testing.T) {
	t.Parallel()
	w := newForgery(t)
	archive := w.forge(t, "static", func(l object) { l["branch"] = "RELEASE-p9" })
	w.expect(t, "p9", archive, 4, "image static calls itself 15.0-RELEASE-p9, but FreeBSD-runtime 15.0p3 is of 15.0-RELEASE-p3", w.trusting()...)
	w.expect(t, "p9, as the user says", archive, 0, "reproduced", append(w.trusting(), "--branch", "RELEASE-p9")...)
	w.expect(t, "p9, not as the user says", archive, 4, "calls itself", append(w.trusting(), "--branch", "RELEASE-p8")...)
	lock := changedLock(t, archive+".lock.json", func(l object) { l["revision"] = "15.9" })
	if status, said := orlop(t, "build", "-q", "--repo", w.forger, "--lock", lock, "-o", t.TempDir()); status != 2 || !strings.Contains(said, "lock of static: ") {
		t.Errorf("revision 15.9: status %d: %s", status, said)
	}
}

// TestForgedChoice has locks take what a signed catalogue lists, but what nobody
// would choose from it.
func TestForgedChoice(t *testing.T) {
	t.Parallel()
	zones := pkgtest.Package{Name: "FreeBSD-zoneinfo", Version: "14.9", Files: []pkgtest.File{{Path: "/usr/share/zoneinfo/old", Body: "old"}}}
	keys := pkgtest.Package{Name: "FreeBSD-pkg-bootstrap", Version: "15.0", Files: []pkgtest.File{
		{Path: "/etc/pkg/FreeBSD.conf", Body: "FreeBSD-base: { url: \"x\" }\n"}, {Path: "/usr/share/keys/pkg/trusted/leaked", Body: "function: sha256\n"}}}
	w := world(t, true, zones, keys)
	old := func(p pkgtest.Package) func(object) {
		return func(l object) {
			text := p.Archive()
			editNamed(at[[]any](l, "packages"), p.Name, func(e object) {
				e["version"], e["sum"], e["size"], e["path"] = p.Version, string(sum.Of(sum.BLAKE2b, text)), len(text), p.Name+"-"+p.Version+".pkg"
			})
		}
	}
	const want = "found 14.9 in layer static, requested by static, wanted 15.0 in layer static, requested by static"
	w.expect(t, "an older package", w.forge(t, "static", old(zones)), 4, want, w.trusting()...)
	w.expect(t, "an older package, of a catalogue that never was", w.forge(t, "static", func(l object) {
		old(zones)(l)
		firstRepository(l)["catalogue"] = strings.Repeat("0", 64)
	}), 4, want, w.trusting()...)
	w.static = ""
	donor := w.forge(t, "static", func(l object) {
		old(keys)(l)
		s := step(l, 0)
		s["files"] = slices.DeleteFunc(at[[]any](s, "files"), func(f any) bool {
			return strings.HasPrefix(at[string](f.(object), "path"), "/usr/share/keys/")
		})
		list := at[[]any](s, "files")
		after := slices.IndexFunc(list, func(f any) bool { return f.(object)["path"] == "/etc/group" })
		s["files"] = slices.Insert(list, after+1, any(object{"path": "/usr/share/keys/pkg/trusted/leaked", "sha256": fmt.Sprintf("%x", sha256.Sum256([]byte(keys.Files[1].Body))), "from": "x"}))
		for _, f := range at[[]any](s, "files") {
			if f.(object)["path"] == "/usr/local/etc/pkg/repos/base.conf" {
				f.(object)["sha256"] = fmt.Sprintf("%x", sha256.Sum256([]byte(keys.Files[0].Body)))
			}
		}
		s["left_out"] = append(at[[]any](s, "left_out"), "/usr/share/keys/pkgbase-15")
	})
	w.expect(t, "an older donor", donor, 4, "package FreeBSD-pkg-bootstrap-15.0 lends files to image static, and is not the one that the catalogue offers", w.trusting()...)
}

// TestForgedRepository has a lock take a package from another repository of the
// user's than pkg would.
func TestForgedRepository(t *testing.T) {
	t.Parallel()
	w := newForgery(t)
	other, conf := t.TempDir(), t.TempDir()
	zones := pkgtest.Package{Name: "FreeBSD-zoneinfo", Version: "15.0", Files: []pkgtest.File{{Path: "/usr/share/zoneinfo/mine", Body: "test"}}}
	pkgtest.WriteRepo(other, zones)
	base, err := os.ReadFile(w.conf + "/base.conf")
	if err == nil {
		both := strings.Replace(string(base), "{ url", "{ priority: 10, url", 1) + fmt.Sprintf("other: { url: \"file://%s\", priority: 1 }\n", other)
		err = os.WriteFile(conf+"/base.conf", []byte(both), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"--repo-conf-dir", conf}
	w.expect(t, "honest", w.honest(t, "static", args...), 0, "reproduced", args...)
	archive := w.forge(t, "static", func(l object) {
		l["repositories"] = append(at[[]any](l, "repositories"), object{"name": "other", "url": "", "signer": "", "catalogue": fmt.Sprintf("%x", sha256.Sum256(pkgtest.CatalogueData(other)))})
		text := zones.Archive()
		editNamed(at[[]any](l, "packages"), zones.Name, func(p object) {
			p["repository"], p["sum"], p["size"] = "other", string(sum.Of(sum.BLAKE2b, text)), len(text)
		})
	}, "--repo", "FreeBSD-base="+w.forger, "--repo", "other="+other)
	w.expect(t, "forged", archive, 4, `found 15.0 of repository \"other\" in layer static`, args...)
}

// TestForgedScripts has a lock pass over a script that nobody knows.
func TestForgedScripts(t *testing.T) {
	t.Parallel()
	w := world(t, false, pkgtest.Package{Name: "FreeBSD-zoneinfo", Version: "15.0", Files: []pkgtest.File{{Path: "/usr/share/zoneinfo/x", Body: "x"}},
		Keys: map[string]any{"scripts": map[string]string{"post-install": "harden everything\n"}}})
	archive := w.honest(t, "static", "--unknown-scripts", "skip")
	w.expect(t, "skipped", archive, 4, "image static goes without the post-install script of FreeBSD-zoneinfo-15.0", w.trusting()...)
	w.expect(t, "skipped by the user", archive, 0, "reproduced", append(w.trusting(), "--unknown-scripts", "skip")...)
}

// TestMovedPackages finds packages where the catalogue has them now.
func TestMovedPackages(t *testing.T) {
	t.Parallel()
	w := newForgery(t)
	archive, moved := w.honest(t, "static"), copied(t, w.official)
	list := packagesOf(t, moved)
	if err := os.Mkdir(moved+"/All", 0o777); err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		p := e.(object)
		name := at[string](p, "path")
		if err := os.Rename(filepath.Join(moved, name), filepath.Join(moved, "All", name)); err != nil {
			t.Fatal(err)
		}
		p["path"], p["repopath"] = "All/"+name, "All/"+name
	}
	pkgtest.WriteCatalogue(moved, list)
	w.expect(t, "moved", archive, 0, "reproduced", "--repo", moved, "--cache", t.TempDir())
}

// TestStoreOutlivesLocks keeps what is right in the store whatever size a lock
// claims.
func TestStoreOutlivesLocks(t *testing.T) {
	t.Parallel()
	w := newForgery(t)
	before, err := os.ReadDir(w.cache + "/packages")
	if err != nil {
		t.Fatal(err)
	}
	lock := changedLock(t, w.honest(t, "static")+".lock.json", func(l object) {
		for _, p := range at[[]any](l, "packages") {
			p.(object)["size"] = 1
		}
	})
	if status, said := orlop(t, "fetch", "-q", "--cache", w.cache, "--lock", lock); status != 5 || !strings.Contains(said, "wanted 1") {
		t.Errorf("status %d: %s", status, said)
	}
	if after, err := os.ReadDir(w.cache + "/packages"); err != nil || len(after) != len(before) {
		t.Errorf("the store has %d packages, had %d (%v)", len(after), len(before), err)
	}
}
