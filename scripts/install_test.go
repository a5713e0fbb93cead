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
)

// install-into-src.sh changes what it says, once, and takes it back.
func TestInteropInstallIntoSource(t *testing.T) {
	t.Parallel()
	for branch, want := range map[string][]string{
		"14":   {"release/Makefile.mirrors", "release/Makefile.oci", "release/scripts/make-oci-image.sh"},
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
			unread := "release/tools/oci-image-runtime.conf"
			if _, there := before[unread]; there != strings.Contains(out, "\n"+unread+": is not read, orlop has this image itself\n") {
				t.Errorf("said %q, want a line about %s: %t", out, unread, there)
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

// What became of files since then does not wedge the script: it installs again,
// and undoing gives the tree's own files, newer ones as well.
func TestInteropInstallAgain(t *testing.T) {
	t.Parallel()
	const oci, mirrors, script = "release/Makefile.oci", "release/Makefile.mirrors", "release/release.sh"
	for _, tt := range []struct {
		name   string
		out    []string // is checked out
		more   []string // gets a further line
		merged string   // whose line is the tree's from now on
	}{
		{"all checked out", []string{oci, mirrors, script, "release/scripts/make-oci-image.sh"}, nil, ""},
		{"one checked out", []string{oci}, nil, ""},
		{"installed half", []string{mirrors, script}, nil, ""},
		{"upstream's change merged", nil, []string{mirrors}, mirrors},
		{"upstream's next version", []string{oci}, []string{oci}, oci},
		{"another version of orlop", nil, []string{oci, "release/.orlop/orlop/Makefile.oci"}, ""},
	} {
		for _, again := range []bool{false, true} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				tr := bareTree(t, "15")
				before := contents(t, tr.src)
				runScript(t, "install-into-src.sh", tr.src)
				installed := contents(t, tr.src)
				for _, name := range tt.out {
					_, text, _ := strings.Cut(before[name], "\n")
					write(t, filepath.Join(tr.src, name), text)
				}
				for _, name := range tt.more {
					write(t, filepath.Join(tr.src, name), read(t, filepath.Join(tr.src, name))+"# more\n")
				}
				if tt.merged != "" {
					before[tt.merged] += "# more\n"
				}
				if again {
					runScript(t, "install-into-src.sh", tr.src)
					if tt.merged == mirrors {
						installed[mirrors] += "# more\n"
					}
					if got := changed(installed, contents(t, tr.src)); len(got) > 0 {
						t.Errorf("installed again, these are others: %q", got)
					}
				}
				runScript(t, "install-into-src.sh", "-u", tr.src)
				if after := contents(t, tr.src); !maps.Equal(after, before) {
					t.Errorf("undone, these are others: %q", changed(before, after))
				}
			})
		}
	}
}
