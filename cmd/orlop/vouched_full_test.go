// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
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
