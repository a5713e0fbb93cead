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

// sources are source trees of each branch, in git or not, with what the script
// changes in them and how it learns where the tree's own files are.
func sources(t *testing.T, test func(t *testing.T, tr *tree, keep, want []string)) {
	t.Helper()
	for branch, want := range map[string][]string{
		"14":   {"release/Makefile.oci", "release/scripts/make-oci-image.sh"},
		"15":   {"release/Makefile.oci", "release/release.sh", "release/scripts/make-oci-image.sh"},
		"main": {"release/Makefile.oci", "release/release.sh", "release/scripts/make-oci-image.sh"},
	} {
		for _, git := range []bool{true, false} {
			t.Run(branch, func(t *testing.T) {
				t.Parallel()
				tr := bareTree(t, branch)
				odd := filepath.Join(filepath.Dir(tr.src), "a source tree")
				if err := os.Rename(tr.src, odd); err != nil {
					t.Fatal(err)
				}
				tr.src = odd
				for _, name := range want { // the last newline must survive
					path := filepath.Join(odd, name)
					write(t, path, strings.TrimSuffix(read(t, path), "\n"))
				}
				keep := []string{odd}
				if git {
					commit(t, tr)
				} else {
					keep = []string{"--save", filepath.Join(filepath.Dir(odd), "their own"), odd}
				}
				test(t, tr, keep, want)
			})
		}
	}
}

// install-into-src.sh changes what it says, once, and takes it back: to every
// byte, with nothing left.
func TestInteropInstallIntoSource(t *testing.T) {
	t.Parallel()
	sources(t, func(t *testing.T, tr *tree, keep, want []string) {
		before := plainFiles(t, tr.src)
		out := runScript(t, "install-into-src.sh", keep...)
		installed := plainFiles(t, tr.src)
		if got := changed(before, installed); !slices.Equal(got, want) {
			t.Errorf("changed %q, want %q", got, want)
		}
		for _, name := range want {
			if n := len(regexp.MustCompile(`(?m)^`+name+`: `).FindAllString(out, -1)); n != 1 {
				t.Errorf("said %q, want one line about %s", out, name)
			}
		}
		if warns := strings.Contains(out, "this tree is not in git"); warns == (len(keep) == 1) || !strings.Contains(out, "src.txz") {
			t.Errorf("said %q, want a warning of src.txz, and without git of that", out)
		}
		checkList(t, before["release/Makefile.oci"], installed["release/Makefile.oci"])
		checkDiff(t, before, installed)

		out = runScript(t, "install-into-src.sh", keep...)
		if n := strings.Count(out, ": is in place\n"); n != len(want) || !maps.Equal(plainFiles(t, tr.src), installed) {
			t.Errorf("the second time it said\n%s", out)
		}
		undo := append([]string{"-u"}, keep...)
		out = runScript(t, "install-into-src.sh", undo...)
		if after := plainFiles(t, tr.src); !maps.Equal(after, before) {
			t.Errorf("undone, these are others: %q", changed(before, after))
		}
		if n := strings.Count(out, ": is as before\n"); n != len(want) {
			t.Errorf("undoing it said\n%s", out)
		}
		if out, err := tryScript("install-into-src.sh", undo...); err == nil || !strings.Contains(out, "orlop is not installed there") {
			t.Errorf("undone twice: got %v, %s", err, out)
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(tr.src), "their own*")); len(left) > 0 {
			t.Errorf("left %q", left)
		}
	})
}

// plainFiles are the contents of a tree but of git's own folder.
func plainFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := contents(t, dir)
	maps.DeleteFunc(all, func(name, _ string) bool { return strings.HasPrefix(name, ".git/") })
	return all
}

// checkList wants the installed file to begin with the images of the tree's own,
// and to be Makefile.inc otherwise.
func checkList(t *testing.T, before, installed string) {
	t.Helper()
	list := strings.TrimSpace(regexp.MustCompile(`(?m)^OCI_IMAGES=(.*)$`).FindStringSubmatch(before)[1])
	var rest []string
	n := 0
	_, installed, _ = strings.Cut(installed, "\n") // the mode
	for line := range strings.Lines(installed) {
		switch {
		case line == "OCI_TREE_IMAGES=\t"+list+"\n" && len(rest) < 2: // a later one is Makefile.inc's own
			n++
		case strings.HasPrefix(line, "# Put here by orlop's install-into-src.sh; "):
			n += 2
		default:
			rest = append(rest, line)
		}
	}
	if n != 3 || strings.Join(rest, "") != read(t, "../Makefile.inc") {
		t.Errorf("release/Makefile.oci is not Makefile.inc with a mark and the list %q", list)
	}
}

// changed lists what differs.
func changed(a, b map[string]string) []string {
	var list []string
	for _, name := range names(b) {
		if a[name] != b[name] {
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

// checkDiff holds that release.sh has one other line, and nothing else.
func checkDiff(t *testing.T, before, after map[string]string) {
	t.Helper()
	const name = "release/release.sh"
	lost, gained := lines(before[name]), lines(after[name])
	for line, n := range lines(after[name]) {
		lost[line] -= n
	}
	for line, n := range lines(before[name]) {
		gained[line] -= n
	}
	if before[name] == after[name] {
		return // FreeBSD 14
	}
	if l, g := positive(lost), positive(gained); l != 1 || g != 1 {
		t.Errorf("%s: %d lines lost and %d gained, want one", name, l, g)
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

// A kernel of a tree with orlop in front of it or in it is that of the tree
// without: newvers.sh asks git whether files are modified.
func TestInteropInstallKernelVersion(t *testing.T) {
	t.Parallel()
	for name, script := range newversScripts(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := bareTree(t, "15")
			write(t, filepath.Join(tr.src, "sys/conf/newvers.sh"), script)
			write(t, filepath.Join(tr.src, "sys/sys/param.h"), "#define __FreeBSD_version 1500068\n")
			write(t, filepath.Join(tr.src, "sys/../COPYRIGHT"), "ours\n")
			commit(t, tr)
			before := kernelVersion(t, tr)
			if strings.Contains(before, "-dirty") {
				t.Fatalf("the tree is called modified at first: %s", before)
			}
			tr.zones(t, "FreeBSD:15:amd64")
			tr.front(t)
			tr.make(t, "release", "GIT_CMD="+program(t, "git"))
			if got, status := kernelVersion(t, tr), git(t, tr, "status", "--porcelain", "--ignored"); got != before || status != "" {
				t.Errorf("with orlop in front: got\n%s\nwant\n%s\ngit status: %s", got, before, status)
			}
			runScript(t, "install-into-src.sh", tr.src)
			if got := kernelVersion(t, tr); got != before {
				t.Errorf("with orlop installed: got\n%s\nwant\n%s", got, before)
			}
			if out := git(t, tr, "status", "--porcelain"); out != "" {
				t.Errorf("git status: %s", out)
			}
			runScript(t, "install-into-src.sh", "-u", tr.src)
			if got := kernelVersion(t, tr); got != before {
				t.Errorf("without it again: got\n%s\nwant\n%s", got, before)
			}
			if out := git(t, tr, "ls-files", "-v"); regexp.MustCompile(`(?m)^S `).MatchString(out) {
				t.Errorf("git still overlooks changes:\n%s", out)
			}
			write(t, filepath.Join(tr.src, "release/Makefile.oci"), "changed\n")
			if got := kernelVersion(t, tr); !strings.Contains(got, "-dirty") {
				t.Errorf("a changed tree is not called so, the test sees nothing:\n%s", got)
			}
		})
	}
}

// newversScripts are one in the form of FreeBSD's, and FreeBSD's own where it is.
func newversScripts(t *testing.T) map[string]string {
	t.Helper()
	scripts := map[string]string{"own words": `#!/bin/sh
TYPE="FreeBSD"
REVISION="15.0"
BRANCH="RELEASE"
top=$(cd "$(dirname "$0")/../.." && pwd)
version="FreeBSD 15.0 $(git --git-dir="$top/.git" rev-parse --short=12 HEAD)"
if ! git --git-dir="$top/.git" "--work-tree=$top" -c core.checkStat=minimal -c core.fileMode=off diff --quiet; then
	version="$version-dirty: $(date) $(hostname):$(pwd)"
fi
echo "$version" > vers.c
`}
	if text, err := os.ReadFile("../../shared/src/sys/conf/newvers.sh"); err == nil {
		scripts["FreeBSD's"] = string(text)
	}
	return scripts
}

// kernelVersion is what newvers.sh -R leaves for a kernel.
func kernelVersion(t *testing.T, tr *tree) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("sh", filepath.Join(tr.src, "sys/conf/newvers.sh"), "-R")
	cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + tr.obj, "MAKE=true"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return read(t, filepath.Join(dir, "vers.c"))
}

func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func git(t *testing.T, tr *tree, args ...string) string {
	t.Helper()
	out, err := exec.Command("git", append([]string{"-C", tr.src}, args...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
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
		tr := installedTree(t, tt.branch)
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
// and undoing gives the tree's own files.
func TestInteropInstallAgain(t *testing.T) {
	t.Parallel()
	const oci, script, drop = "release/Makefile.oci", "release/release.sh", "release/scripts/make-oci-image.sh"
	for _, tt := range []struct {
		name string
		out  []string // is checked out
		old  []string // is that of another version of orlop
	}{
		{"all checked out", []string{oci, script, drop}, nil},
		{"one checked out", []string{oci}, nil},
		{"installed half", []string{script}, nil},
		{"another version of orlop", nil, []string{oci, drop}},
		{"both", []string{script}, []string{oci}},
	} {
		for _, again := range []bool{false, true} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				sources(t, func(t *testing.T, tr *tree, keep, want []string) {
					before := plainFiles(t, tr.src)
					runScript(t, "install-into-src.sh", keep...)
					installed := plainFiles(t, tr.src)
					for _, name := range tt.out {
						_, text, _ := strings.Cut(before[name], "\n")
						write(t, filepath.Join(tr.src, name), text)
					}
					for _, name := range tt.old {
						write(t, filepath.Join(tr.src, name), older(t, filepath.Join(tr.src, name)))
					}
					if again {
						runScript(t, "install-into-src.sh", keep...)
						if got := changed(installed, plainFiles(t, tr.src)); len(got) > 0 {
							t.Errorf("installed again, these are others: %q", got)
						}
					}
					out, err := tryScript("install-into-src.sh", append([]string{"-u"}, keep...)...)
					if nothing := strings.Contains(out, "orlop is not installed there"); err != nil && !nothing {
						t.Errorf("%v: %s", err, out)
					}
					if after := plainFiles(t, tr.src); !maps.Equal(after, before) {
						t.Errorf("undone, these are others: %q", changed(before, after))
					}
				})
			})
		}
	}
}

// An undo that git refuses, and an installation that was killed before it changed
// a file, leave something to undo: git must not hide changes for ever.
func TestInteropInstallOverlooked(t *testing.T) {
	t.Parallel()
	tr := bareTree(t, "15")
	commit(t, tr)
	before := plainFiles(t, tr.src)
	runScript(t, "install-into-src.sh", tr.src)
	lock := filepath.Join(tr.src, ".git/index.lock")
	write(t, lock, "")
	if out, err := tryScript("install-into-src.sh", "-u", tr.src); err == nil {
		t.Errorf("undone with a locked index: %s", out)
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	overlooked := func() bool { return regexp.MustCompile(`(?m)^S `).MatchString(git(t, tr, "ls-files", "-v")) }
	runScript(t, "install-into-src.sh", "-u", tr.src)
	if after := plainFiles(t, tr.src); overlooked() || !maps.Equal(after, before) {
		t.Errorf("undone at last, git overlooks changes: %t, and these are others: %q", overlooked(), changed(before, after))
	}
	git(t, tr, "update-index", "--skip-worktree", "release/Makefile.oci")
	runScript(t, "install-into-src.sh", "-u", tr.src)
	if overlooked() {
		t.Error("git still overlooks changes")
	}
	if out, err := tryScript("install-into-src.sh", "-u", tr.src); err == nil || !strings.Contains(out, "orlop is not installed there") {
		t.Errorf("undone once more: %v, %s", err, out)
	}
}

// older is a file as an older version of orlop would have put it there.
func older(t *testing.T, name string) string {
	t.Helper()
	mark := regexp.MustCompile(`(?m)^(# Put here by orlop.*: )\d+\n`)
	text := read(t, name)
	where := mark.FindStringSubmatchIndex(text)
	body := text[:where[0]] + text[where[1]:] + "# An older version.\n"
	cmd := exec.Command("cksum")
	cmd.Stdin = strings.NewReader(body)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	sum, _, _ := strings.Cut(string(out), " ")
	return text[:where[3]] + sum + "\n" + text[where[1]:] + "# An older version.\n"
}
