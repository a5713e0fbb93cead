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

// TestHonestLocks finds every image reproduced that somebody vouches for whom
// the user trusts.
func TestHonestLocks(t *testing.T) {
	t.Parallel()
	w := newForgery(t)
	archive := w.honest(t, "static")
	if err := os.Remove(filepath.Dir(archive) + "/container-image-catalogue-FreeBSD-base.pkg"); err != nil { // TestKeptCatalogue has it
		t.Fatal(err)
	}
	moved := newForgery(t) // trusts another signer, to which the repository has moved on
	for name, f := range map[string]struct {
		args func(t *testing.T) []string
		not  bool // not reproduced
		want string
	}{
		"a signed repository over http":              {func(*testing.T) []string { return w.trusting() }, false, ""},
		"the same, where the store has all but that": {func(t *testing.T) []string { return append(w.trusting(), "--cache", t.TempDir()) }, false, ""},
		"an unsigned directory": {func(t *testing.T) []string {
			dir := copied(t, w.official)
			pkgtest.Unsign(dir)
			return []string{"--repo", dir}
		}, false, ""},
		"an unsigned repository over http": {func(t *testing.T) []string {
			dir := copied(t, w.official)
			pkgtest.Unsign(dir)
			return []string{"--insecure-unsigned", "--repo", serve(t, dir)}
		}, false, ""},
		"the store alone": {func(t *testing.T) []string {
			cache := t.TempDir()
			if status, said := orlop(t, "fetch", "-q", "--repo-conf-dir", w.conf, "--cache", cache, "--lock", archive+".lock.json"); status != 0 {
				t.Fatal(said)
			}
			if err := os.RemoveAll(cache + "/catalogues"); err != nil { // today's
				t.Fatal(err)
			}
			return append(w.trusting(), "--cache", cache, "--offline")
		}, false, ""},
		"the store alone, whose catalogue nobody signed": {func(t *testing.T) []string {
			cache := t.TempDir()
			dir := copied(t, w.official)
			pkgtest.Unsign(dir)
			if status, said := orlop(t, "fetch", "-q", "--repo", dir, "--cache", cache, "--lock", archive+".lock.json"); status != 0 {
				t.Fatal(said)
			}
			return append(w.trusting(), "--cache", cache, "--offline")
		}, true, `"result":"unvouched"`},
		"another signer's catalogue": {func(*testing.T) []string { return moved.trusting() }, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, said := w.verify(t, archive, f.args(t)...)
			if reproduced := status == 0 && strings.Contains(said, `"result":"reproduced"`); reproduced == f.not || !strings.Contains(said, f.want) {
				t.Errorf("status %d, wanted %q: %s", status, f.want, said)
			}
		})
	}
}

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

// TestOwnImage finds an image of one's own reproduced only beside its
// definition.
func TestOwnImage(t *testing.T) {
	t.Parallel()
	w := newForgery(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, name)
	}
	const plain = `image mine { parent = static; packages = [ FreeBSD-clibs ]; cmd = [ /usr/bin/x ];
		known-dangling { "/usr/lib/libxnet.so" = "a name for the linker" }; known-missing { "program:**" = "nothing starts here" } }`
	mine := write("mine.ucl", plain)
	archive := w.honest(t, "mine", "--image-file", mine)
	for name, f := range map[string]struct {
		file   string // the user's definition
		change func(lock object)
		want   string
	}{
		"with its definition":        {plain, nil, `"result":"reproduced"`},
		"whose definitions":          {plain, nil, `"definitions":[{"layer":"static","definition":"FreeBSD's"},{"layer":"mine","definition":"yours"}]`},
		"whose definition it is not": {"", nil, `{"layer":"mine","definition":"the lock's"}`},
		"whose command it is not":    {plain, func(l object) { definition(l, 1)["cmd"] = []any{"/bin/evil"} }, `{"layer":"mine","definition":"not yours"}`},
		"without":                    {"", nil, `the definition of image mine is the lock's: cmd [\"/usr/bin/x\"], packages [\"FreeBSD-clibs\"], parent \"static\"; --image-file gives your own`},
		"with one of another image":  {`image other { parent = static; packages = [ FreeBSD-clibs ] }`, nil, "the definition of image mine is the lock's"},
		"with another definition":    {strings.Replace(plain, "cmd", "env = [ A=b ]; cmd", 1), nil, `the definition of image mine is not yours: env.0 is absent, wanted \"A=b\"`},
		"with another command":       {plain, func(l object) { definition(l, 1)["cmd"] = []any{"/bin/evil"} }, `the definition of image mine is not yours: cmd.0 is \"/bin/evil\", wanted \"/usr/bin/x\"`},
		"with an environment more":   {plain, func(l object) { definition(l, 1)["env"] = []any{"LD_PRELOAD=/evil"} }, `the definition of image mine is not yours: env.0 is`},
		"with a label more":          {plain, func(l object) { definition(l, 1)["labels"] = object{"a": "b"} }, `the definition of image mine is not yours: labels.a is`},
		"with another base":          {plain, func(l object) { definition(l, 0)["env"] = []any{"A=b"} }, `the definition of image static is not FreeBSD's: env.0 is`},
		"with scripts passed over":   {plain, func(l object) { definition(l, 1)["skip_scripts"] = true }, `the definition of image mine is not yours: skip_scripts is true`},
		"with packages more":         {plain, func(l object) { addPackage(l, w.entry(t, "FreeBSD-tcpd", "mine")) }, `package FreeBSD-tcpd differs from what the definition of image mine resolves to`},
		"a clean one of a forger's ": {"", func(l object) { definition(l, 1)["cmd"] = []any{"/bin/evil"} }, `the definition of image mine is the lock's: cmd [\"/bin/evil\"]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive := archive
			if f.change != nil {
				archive = w.forgeFrom(t, archive+".lock.json", f.change)
			}
			args := w.trusting()
			if f.file != "" {
				file := filepath.Join(t.TempDir(), "d.ucl")
				if err := os.WriteFile(file, []byte(f.file), 0o666); err != nil {
					t.Fatal(err)
				}
				args = append(args, "--image-file", file)
			}
			status, said := w.verify(t, archive, args...)
			if !strings.Contains(said, f.want) || (status == 0) != (f.file == plain && f.change == nil) || status != 0 && (status != 4 || strings.Contains(said, "reproduced")) {
				t.Errorf("status %d, wanted %s: %s", status, f.want, said)
			}
		})
	}
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
