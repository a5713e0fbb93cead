// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package scripts_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// install-into-src.sh changes what it says, once, and takes it back.
func TestInteropInstallIntoSource(t *testing.T) {
	t.Parallel()
	for branch, want := range map[string][]string{
		"14":   {"release/Makefile.oci", "release/scripts/make-oci-image.sh"},
		"15":   {"release/Makefile.mirrors", "release/Makefile.oci", "release/release.sh", "release/scripts/make-oci-image.sh"},
		"main": {"release/Makefile.mirrors", "release/Makefile.oci", "release/release.sh", "release/scripts/make-oci-image.sh"},
	} {
		t.Run(branch, func(t *testing.T) {
			t.Parallel()
			tr := bareTree(t, branch)
			odd := filepath.Join(filepath.Dir(tr.src), "a source tree")
			if err := os.Rename(tr.src, odd); err != nil {
				t.Fatal(err)
			}
			before := contents(t, odd)
			out := runScript(t, "install-into-src.sh", odd)
			installed := contents(t, odd)
			if got := changed(before, installed); !slices.Equal(got, want) {
				t.Errorf("changed %q, want %q", got, want)
			}
			for _, name := range want {
				if n := len(regexp.MustCompile(`(?m)^`+name+`: `).FindAllString(out, -1)); n != 1 {
					t.Errorf("said %q, want one line about %s", out, name)
				}
			}
			if read(t, filepath.Join(odd, "release/Makefile.oci")) != read(t, "../Makefile.inc") {
				t.Error("release/Makefile.oci is not Makefile.inc")
			}
			checkDiff(t, before, installed)

			out = runScript(t, "install-into-src.sh", odd)
			if n := strings.Count(out, ": is in place\n"); n != len(want) || !maps.Equal(contents(t, odd), installed) {
				t.Errorf("the second time it said\n%s", out)
			}
			out = runScript(t, "install-into-src.sh", "-u", odd)
			if after := contents(t, odd); !maps.Equal(after, before) {
				t.Errorf("undone, these are others: %q", changed(before, after))
			}
			if n := strings.Count(out, ": is as before\n"); n != len(want) {
				t.Errorf("undoing it said\n%s", out)
			}
			if out, err := tryScript("install-into-src.sh", "-u", odd); err == nil || !strings.Contains(out, "has nothing of orlop") {
				t.Errorf("undone twice: got %v, %s", err, out)
			}
		})
	}
}

// changed lists what differs, but for what the script keeps for itself.
func changed(a, b map[string]string) []string {
	var list []string
	for _, name := range names(b) {
		if a[name] != b[name] && !strings.HasPrefix(name, "release/.orlop/") {
			list = append(list, name)
		}
	}
	for _, name := range names(a) {
		if _, ok := b[name]; !ok {
			list = append(list, name)
		}
	}
	return list
}

// checkDiff holds that what stays FreeBSD's has another line in release.sh and
// two more in Makefile.mirrors, and nothing else.
func checkDiff(t *testing.T, before, after map[string]string) {
	t.Helper()
	for name, want := range map[string]struct{ lost, gained int }{
		"release/Makefile.mirrors": {0, 2}, "release/release.sh": {1, 1}, "release/Makefile": {0, 0},
	} {
		lost := lines(before[name])
		gained := lines(after[name])
		for line, n := range lines(after[name]) {
			lost[line] -= n
		}
		for line, n := range lines(before[name]) {
			gained[line] -= n
		}
		if name == "release/release.sh" && lost["\tif [ -n \"${WITH_OCIIMAGES}\" ]; then"] == 0 || before[name] == "" {
			continue // FreeBSD 14
		}
		if l, g := positive(lost), positive(gained); l != want.lost || g != want.gained {
			t.Errorf("%s: %d lines lost and %d gained, want %d and %d", name, l, g, want.lost, want.gained)
		}
	}
}

func lines(text string) map[string]int {
	n := map[string]int{}
	for line := range strings.Lines(text) {
		n[strings.TrimSuffix(line, "\n")]++
	}
	return n
}

func positive(m map[string]int) (sum int) {
	for _, n := range m {
		sum += max(n, 0)
	}
	return sum
}

// release.sh packages base where `make release` will not, and nowhere else.
func TestInteropInstallPackagesOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		branch, images, nopkgbase string
		want                      int // runs of packages
	}{
		{"15", "", "", 0}, {"15", "yes", "", 0}, {"15", "", "yes", 0}, {"15", "yes", "yes", 1},
		{"14", "", "", 0}, {"14", "yes", "", 1},
	} {
		tr := newTree(t, tt.branch)
		cmd := exec.Command("dash", "-ec", `chroot() { echo "$@"; }; . "$0"; WITH_OCIIMAGES=$1 NOPKGBASE=$2; chroot_build_target`,
			filepath.Join(tr.src, "release/release.sh"), tt.images, tt.nopkgbase)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "CHROOT=" + t.TempDir()}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), " buildworld\n") {
			t.Fatalf("%+v: %v\n%s", tt, err, out)
		}
		if n := strings.Count(string(out), " packages\n"); n != tt.want {
			t.Errorf("%+v: packages %d times, want %d\n%s", tt, n, tt.want, out)
		}
	}
}

// A tree that the script does not understand stays as it is.
func TestInteropInstallRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, file string
		edit       func(string) string
		after      bool // once orlop is installed
		want       string
	}{
		{"a mirror script of another form", "release/Makefile.mirrors", func(s string) string {
			return strings.ReplaceAll(s, "CHECKSUM", "SUMS")
		}, false, "release/Makefile.mirrors: not of a form that is known; nothing is changed"},
		{"a release script of another form", "release/release.sh", func(s string) string {
			return strings.ReplaceAll(s, "\tfi\n", "\tfi # so\n")
		}, false, "release/release.sh: not of a form that is known; nothing is changed"},
		{"no release", "release/Makefile.oci", nil, false, "Makefile.oci: no such file; wanted the source tree of FreeBSD 14.2 or later"},
		{"somebody's change", "release/Makefile.mirrors", func(s string) string { return s + "# ours\n" }, true,
			"release/Makefile.mirrors was changed since orlop was installed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tr := bareTree(t, "15")
			if tt.after {
				runScript(t, "install-into-src.sh", tr.src)
			}
			name := filepath.Join(tr.src, tt.file)
			if tt.edit == nil {
				os.Remove(name)
			} else if text := read(t, name); tt.edit(text) == text {
				t.Fatal("the edit does nothing")
			} else {
				write(t, name, tt.edit(text))
			}
			before := contents(t, tr.src)
			for _, args := range [][]string{{tr.src}, {"-u", tr.src}} {
				if len(args) == 2 && !tt.after {
					continue
				}
				out, err := tryScript("install-into-src.sh", args...)
				if err == nil || !strings.Contains(out, tt.want) || strings.Count(out, "\n") != 1 {
					t.Errorf("%q: got %v, %q, want one line with %q", args, err, out, tt.want)
				}
				if after := contents(t, tr.src); !maps.Equal(before, after) {
					t.Errorf("%q changed %q", args, changed(before, after))
				}
			}
		})
	}
	for _, args := range [][]string{nil, {"a", "b"}, {"-x", "a"}} {
		if out, err := tryScript("install-into-src.sh", args...); err == nil || !strings.Contains(out, "usage: ") {
			t.Errorf("%q: got %v, %q, want the usage", args, err, out)
		}
	}
}

// The script that upstream's recipes call makes the images that make(1) does.
func TestInteropMakeOCIImage(t *testing.T) {
	t.Parallel()
	tr := newTree(t, "15")
	tr.zones(t, "FreeBSD:15:amd64")
	tr.make(t, "release")
	curdir := filepath.Join(tr.src, "release")
	run := func(arch, image, output string, env ...string) (string, error) {
		cmd := exec.Command("dash", filepath.Join(curdir, "scripts/make-oci-image.sh"), curdir, "15.0", "RELEASE", arch, image, output)
		cmd.Dir, cmd.Env = tr.obj, append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + tr.obj, "ORLOP=" + orlop}, env...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run("amd64", "zones", "other.txz"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, same := range map[string]string{"other.txz": "container-image-zones.txz", "other.lock.json": "container-image-zones.lock.json"} {
		if tr.file(t, name) != tr.file(t, same) {
			t.Errorf("%s is not %s", name, same)
		}
	}

	repo := t.TempDir()
	pkgtest.WriteRepo(repo, zoneinfo("FreeBSD:15:amd64", "UTC"), pkgtest.Package{Name: "FreeBSD-locales"})
	conf := t.TempDir()
	write(t, filepath.Join(conf, "base.conf"), `FreeBSD-base: { url: "file://`+repo+`", enabled: yes }`)
	if out, err := run("amd64", "more", "more.txz", "ORLOP_REPO_CONF_DIR="+conf); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := inspect(t, filepath.Join(tr.obj, "more.txz")); got.OS != "freebsd" {
		t.Errorf("got %+v", got)
	}

	before := names(contents(t, tr.obj))
	for _, tt := range []struct{ arch, image, want string }{
		{"sparc64", "zones", "sparc64"}, {"amd64", "nothing", "oci-image-nothing.conf"}, {"aarch64", "zones", "FreeBSD:15:aarch64"},
	} {
		if out, err := run(tt.arch, tt.image, "bad.txz"); err == nil || !strings.Contains(out, tt.want) {
			t.Errorf("%s %s: got %v, %q, want an error with %q", tt.arch, tt.image, err, out, tt.want)
		}
	}
	if after := names(contents(t, tr.obj)); !slices.Equal(before, after) {
		t.Errorf("failures left %q, before %q", after, before)
	}
}
