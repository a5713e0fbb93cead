// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

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
			for _, args := range [][]string{w.trusting(), append(w.trusting(), "--offline"), {"--repo", w.official}} {
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
