// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package scripts_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A tree that the script does not understand, or may not change, stays as it is.
func TestInteropInstallRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, file string
		edit       func(string) string // nil to remove it
		after      bool                // once orlop is installed
		want       string
	}{
		{"a list of another form", "release/Makefile.oci", func(s string) string {
			return strings.ReplaceAll(s, "OCI_IMAGES= static", "OCI_IMAGES= ${ALL} static")
		}, false, "release/Makefile.oci: unknown form; nothing is changed"},
		{"a list that grows", "release/Makefile.oci", func(s string) string { return s + "OCI_IMAGES+= more\n" }, false,
			"release/Makefile.oci: unknown form; nothing is changed"},
		{"a list under a condition", "release/Makefile.oci", func(s string) string {
			return strings.Replace(s, "OCI_IMAGES=", ".if ${TARGET} == arm64\nOCI_IMAGES=", 1) + ".endif\n"
		}, false, "release/Makefile.oci: unknown form; nothing is changed"},
		{"lines of another system", "release/Makefile.oci", func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }, false,
			"release/Makefile.oci: its lines end in CR and LF in git (see core.autocrlf), wanted LF; nothing is changed"},
		{"no list", "release/Makefile.oci", func(s string) string { return strings.ReplaceAll(s, "OCI_IMAGES=", "IMAGES=") }, false,
			"release/Makefile.oci: unknown form; nothing is changed"},
		{"a release script of another form", "release/release.sh", func(s string) string {
			return strings.ReplaceAll(s, "\tfi\n", "\tfi # so\n")
		}, false, "release/release.sh: unknown form; nothing is changed"},
		{"no release", "release/Makefile.oci", nil, false, "Makefile.oci: no such file; wanted the source tree of FreeBSD 14.2 or later"},
		{"somebody's change", "release/Makefile.oci", func(s string) string { return s + "# ours\n" }, true,
			"release/Makefile.oci: somebody has changed it, and "},
		{"somebody's change of release.sh", "release/release.sh", func(s string) string { return s + "# ours\n" }, true,
			"release/release.sh: somebody has changed it, and "},
	} {
		for _, git := range []bool{true, false} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				tr := bareTree(t, "15")
				name := filepath.Join(tr.src, tt.file)
				edit := func() {
					if tt.edit == nil {
						os.Remove(name)
					} else if text := read(t, name); tt.edit(text) == text {
						t.Fatal("the edit does nothing")
					} else {
						write(t, name, tt.edit(text))
					}
				}
				if !tt.after {
					edit()
				}
				keep := []string{tr.src}
				if git {
					commit(t, tr)
				} else {
					keep = []string{"--save", filepath.Join(filepath.Dir(tr.src), "saved"), tr.src}
				}
				if tt.after {
					runScript(t, "install-into-src.sh", keep...)
					edit()
				}
				refuses(t, tr, tt.want, keep...)
				if tt.after {
					refuses(t, tr, tt.want, append([]string{"-u"}, keep...)...)
				}
			})
		}
	}
	t.Run("a change that git does not have", func(t *testing.T) {
		t.Parallel()
		tr := bareTree(t, "15")
		commit(t, tr)
		name := filepath.Join(tr.src, "release/release.sh")
		write(t, name, read(t, name)+"# ours\n")
		refuses(t, tr, "release/release.sh: somebody has changed it", tr.src)
	})
	t.Run("what is saved would be in src.txz", func(t *testing.T) {
		t.Parallel()
		tr := bareTree(t, "15")
		refuses(t, tr, "saved: is in the tree, and so would be in src.txz; wanted a directory elsewhere", "--save", filepath.Join(tr.src, "saved"), tr.src)
	})
	t.Run("neither git nor --save", func(t *testing.T) {
		t.Parallel()
		tr := bareTree(t, "15")
		refuses(t, tr, "release/Makefile.oci: git does not have it; nothing is changed; to keep the tree's own files, give --save DIR", tr.src)
	})
	t.Run("a link", func(t *testing.T) {
		t.Parallel()
		tr := bareTree(t, "15")
		elsewhere := filepath.Join(filepath.Dir(tr.src), "Makefile.oci")
		if err := os.Rename(filepath.Join(tr.src, "release/Makefile.oci"), elsewhere); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(elsewhere, filepath.Join(tr.src, "release/Makefile.oci")); err != nil {
			t.Fatal(err)
		}
		before := read(t, elsewhere)
		refuses(t, tr, "release/Makefile.oci: a symbolic link, wanted the file itself; nothing is changed", "--save", filepath.Join(filepath.Dir(tr.src), "saved"), tr.src)
		if read(t, elsewhere) != before {
			t.Error("what it leads to was written")
		}
	})
	t.Run("own forms lost", func(t *testing.T) {
		t.Parallel()
		tr := installedTree(t, "15")
		refuses(t, tr, "release/Makefile.oci: is orlop's, and its own form is not in ", "--save", filepath.Join(filepath.Dir(tr.src), "other"), "-u", tr.src)
	})
	for _, name := range []string{"release/Makefile.oci", "release/scripts"} {
		t.Run("not writable: "+name, func(t *testing.T) {
			t.Parallel()
			tr := bareTree(t, "15")
			path := filepath.Join(tr.src, name)
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			asNobody(t, tr)
			if err := os.Chmod(path, info.Mode()&^0o222); err != nil {
				t.Fatal(err)
			}
			refuses(t, tr, name+": not writable; nothing is changed", "--save", filepath.Join(filepath.Dir(tr.src), "saved"), tr.src)
			if err := os.Chmod(path, info.Mode()); err != nil { // so that it can be removed
				t.Fatal(err)
			}
		})
	}
	for _, args := range [][]string{nil, {"a", "b"}, {"-x", "a"}, {"--save"}, {"--save", "a"}} {
		if out, err := tryScript("install-into-src.sh", args...); err == nil || !strings.Contains(out, "usage: ") {
			t.Errorf("%q: got %v, %q, want the usage", args, err, out)
		}
	}
}

// refuses runs the script as the tree's user, from a copy that he can read: it
// is to say one line and to leave everything as it is.
func refuses(t *testing.T, tr *tree, want string, args ...string) {
	t.Helper()
	home := filepath.Join(filepath.Dir(tr.src), "orlop")
	for _, name := range []string{"Makefile.inc", "scripts/install-into-src.sh", "scripts/make-oci-image.sh"} {
		write(t, filepath.Join(home, name), read(t, filepath.Join("..", name)))
	}
	before := contents(t, tr.src)
	cmd := exec.Command("dash", append([]string{filepath.Join(home, "scripts/install-into-src.sh")}, args...)...)
	if tr.user != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: tr.user}
	}
	text, err := cmd.CombinedOutput()
	if out := string(text); err == nil || !strings.Contains(out, want) || strings.Count(out, "\n") != 1 {
		t.Errorf("%q: got %v, %q, want one line with %q", args, err, out, want)
	}
	if after := contents(t, tr.src); !maps.Equal(before, after) {
		t.Errorf("%q changed %q", args, changed(before, after))
	}
}
