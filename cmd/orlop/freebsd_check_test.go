// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// checkBasics are the programs that every FreeBSD has, as far as the check needs them.
var checkBasics = strings.Fields("sh cat cut sed grep sort diff cmp tar find touch mkdir rm cp chmod tail tr wc dirname env mktemp gzip")

// checkStubs stand in place of what only FreeBSD has, and of what takes long. Each
// does what the check asks of it, and leaves the same files as the image of checkFiles.
var checkStubs = map[string]string{
	"uname":           `echo FreeBSD`,
	"id":              `echo 0`,
	"cc":              `:`,
	"go":              `[ "$1" = test ] || { while [ "$1" != -o ]; do shift; done; cp "$STUBS/orlop" "$2"; }`,
	"freebsd-version": `echo 15.0-RELEASE-p1`,
	"pkg-static":      `:`,
	"podman": `echo "podman $*" >> "$STUBS/calls"
case $* in
load*) echo "Loaded image: localhost/x:1" ;;
*check*-ma*) echo "pkg: illegal option -- m" >&2; exit 1 ;;
*echo*) echo hello ;;
"image mount"*) echo "$STUBS/mounted" ;;
esac`,
	"stat":  `echo uarch,schg`,
	"sleep": `exec /bin/sleep 0.02`, // which is enough for the clock of a file system
	"pkg": `case $* in
-v) echo 2.7.5 ;;
"config ABI") echo FreeBSD:15:amd64 ;;
*query*) echo b; echo a ;;
esac`,
	"pwd_mkdb":      `for f in passwd pwd.db spwd.db; do echo $f > "$4/$f"; done`,
	"services_mkdb": `echo services.db > "$3"`,
	"cap_mkdb":      `echo login.conf.db > "$1.db"`,
	"certctl":       `mkdir -p "$DESTDIR/etc/ssl/certs"; echo a > "$DESTDIR/etc/ssl/certs/a.0"; echo a > "$DESTDIR/etc/ssl/cert.pem"`,
	"make": `echo "make $*" >> "$STUBS/calls"
case $* in
*" -V .OBJDIR") echo "$STUBS/obj" ;;
*" release "*) mkdir -p "$STUBS/obj"; touch "$STUBS/obj/container-image-MANIFESTS" "$STUBS/obj/container-image-static.txz" ;;
*" install "*) for a; do case $a in DESTDIR=*) mkdir -p "${a#*=}/ociimages" ;; esac; done ;;
*" ftp-stage "*) for a; do case $a in RELEASEDIR=*)
	cd "${a#*=}/ociimages" && mkdir ../ftp-stage && touch ../ftp-stage/x-container-image-static.lock.json || exit ;;
esac; done ;;
esac`,
	"orlop": `echo "orlop $*" >> "$STUBS/calls"
out=
[ "$1" != build ] || for a; do [ "$before" != -o ] || out=$a; before=$a; done
case $* in
version) echo orlop test ;;
"demo -q") sed -n '/^IMAGE /,/^toolchain /p' "$CLONE/README.md" ;;
build*) mkdir -p "$out"; for i in static dynamic runtime notoolchain toolchain; do cp "$STUBS/image.tar" "$out/container-image-$i.txz"; done ;;
"ls --files"*) echo '{"path":"/bin/x","flags":"schg"}'; echo '{"path":"/bin/y"}' ;;
ls*) echo "a  1"; echo "b  2" ;;
"pkgdb normalise"*) touch "$6" ;;
esac`,
}

// checkFiles are what an image has.
var checkFiles = map[string]string{
	"etc/master.passwd": "x\n", "etc/passwd": "passwd\n", "etc/pwd.db": "pwd.db\n", "etc/spwd.db": "spwd.db\n",
	"var/db/services.db": "services.db\n", "etc/login.conf": "x\n", "etc/login.conf.db": "login.conf.db\n",
	"usr/share/certs/trusted/a.pem": "a\n", "etc/ssl/certs/a.0": "a\n", "etc/ssl/cert.pem": "a\n", "var/db/pkg/local.sqlite": "db\n",
}

// freebsdCheck is a clone with the script, a folder of programs, and a source tree.
type freebsdCheck struct{ clone, stubs, bin, src, work string }

func newFreeBSDCheck(t *testing.T, without ...string) freebsdCheck {
	t.Helper()
	dir := t.TempDir()
	c := freebsdCheck{dir + "/clone", dir + "/stubs", dir + "/bin", dir + "/src", dir + "/work"}
	put := func(name, text string, mode os.FileMode) {
		t.Helper()
		err := os.MkdirAll(filepath.Dir(name), 0o777)
		if err == nil {
			err = os.WriteFile(name, []byte(text), mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for from, to := range map[string]string{"../../scripts/check-on-freebsd.sh": "scripts/check-on-freebsd.sh", "../../README.md": "README.md"} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		put(filepath.Join(c.clone, to), string(text), 0o755)
	}
	put(c.clone+"/scripts/release.mk", "", 0o644)
	put(c.clone+"/scripts/mirrors.mk", "", 0o644)
	put(c.src+"/release/Makefile", "", 0o644)
	put(dir+"/repo/meta.conf", "", 0o644)
	put(c.stubs+"/image.tar", checkArchive(t), 0o644)
	for name, text := range checkStubs {
		where := c.bin
		if name == "orlop" {
			where = c.stubs
		}
		if !slices.Contains(without, name) {
			put(filepath.Join(where, name), "#!/bin/sh\n"+text+"\n", 0o755)
		}
	}
	for _, name := range checkBasics {
		path, err := exec.LookPath(name)
		if err == nil {
			err = os.Symlink(path, filepath.Join(c.bin, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// checkArchive is an image of one layer, as an archive.
func checkArchive(t *testing.T) string {
	t.Helper()
	layer := checkTar(t, checkFiles)
	blob := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
	ref := func(text string) string { return `{"digest":"sha256:` + blob(text) + `"}` }
	config := "{}"
	manifest := `{"config":` + ref(config) + `,"layers":[` + ref(layer) + `]}`
	return checkTar(t, map[string]string{
		"index.json": `{"manifests":[` + ref(manifest) + `]}`, "blobs/sha256/" + blob(manifest): manifest,
		"blobs/sha256/" + blob(config): config, "blobs/sha256/" + blob(layer): layer,
	})
}

func checkTar(t *testing.T, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, text := range files {
		err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o444, Size: int64(len(text))})
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// run runs the check with dash, where it is, and returns status and report.
func (c freebsdCheck) run(t *testing.T, args ...string) (int, string) {
	t.Helper()
	shell, err := exec.LookPath("dash")
	if err != nil {
		shell = "/bin/sh"
	}
	cmd := exec.Command(shell, append([]string{c.clone + "/scripts/check-on-freebsd.sh"}, args...)...)
	cmd.Dir = c.clone
	cmd.Env = []string{"PATH=" + c.bin, "STUBS=" + c.stubs, "CLONE=" + c.clone, "TMPDIR=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// all are the arguments with which no step lacks anything.
func (c freebsdCheck) all(more ...string) []string {
	return append([]string{"-r", filepath.Dir(c.src) + "/repo", "-S", c.src, "-w", c.work, "-n", "host"}, more...)
}

// checkSteps are those of the script, each with what it says.
func checkSteps(t *testing.T) (names, lines []string) {
	t.Helper()
	_, text := newFreeBSDCheck(t).run(t, "-l")
	for line := range strings.Lines(text) {
		name, about, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		names, lines = append(names, name), append(lines, "* `"+name+"`: "+about)
	}
	return names, lines
}

// TestCheckAgrees compares the steps with the README's list, and the workflow's
// call with the script's flags.
func TestCheckAgrees(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, found := strings.Cut(string(readme), "\nSome things can be checked on FreeBSD only")
	list, _, _ = strings.Cut(list, "\n## ")
	got := regexp.MustCompile(`(?m)^\* .*$`).FindAllString(list, -1)
	if names, want := checkSteps(t); !found || len(names) < 12 || !slices.Equal(got, want) {
		t.Errorf("README.md has\n%s\nthe script has\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	workflow, err := os.ReadFile("../../scripts/ci/check-on-freebsd.yml")
	if err != nil || !strings.Contains(string(workflow), "sh scripts/check-on-freebsd.sh -n host -w ") {
		t.Errorf("the workflow does not run the script: %v", err)
	}
	for _, uses := range regexp.MustCompile(`uses: .*`).FindAllString(string(workflow), -1) {
		if !regexp.MustCompile(`^uses: [a-z-]+/[a-z-]+@[0-9a-f]{40} # v`).MatchString(uses) {
			t.Errorf("%s is not pinned", uses)
		}
	}
}

// TestCheckAll has every step done, and looks at what was called.
func TestCheckAll(t *testing.T) {
	t.Parallel()
	c := newFreeBSDCheck(t)
	status, report := c.run(t, c.all()...)
	names, _ := checkSteps(t)
	var lines []string
	for _, m := range regexp.MustCompile(`(?m)^ok +([a-z]+)(?:: .*)?$`).FindAllStringSubmatch(report, -1) {
		lines = append(lines, m[1])
	}
	if status != 0 || !slices.Equal(lines, names) || !strings.Contains(report, fmt.Sprintf("FreeBSD: %d ok, 0 failed, 0 skipped; more in %s\n", len(names), c.work)) {
		t.Errorf("status %d, %s", status, report)
	}
	calls, err := os.ReadFile(c.stubs + "/calls")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"make -C " + c.src + "/release -f " + c.clone + "/scripts/release.mk release WITH_OCIIMAGES=yes ORLOP=" + c.work + "/orlop\n",
		"make -C " + c.src + "/release -f " + c.clone + "/scripts/release.mk oci-release WITH_OCIIMAGES=yes",
		"podman run --rm --network host -v /rescue:/rescue:ro localhost/x:1 /rescue/echo hello\n",
		"podman run --rm --network host localhost/x:1 /bin/sh -c echo hello\n",
		"/of-host/pkg-static check -sa\n",
		"orlop pkgdb normalise --pkgdb-schema 39 -o ",
	} {
		if !strings.Contains(string(calls), want) {
			t.Errorf("nobody called %sin %s", want, calls)
		}
	}
	for _, line := range []string{"ok       pkg: this pkg has no check -m", "ok       flags: 1 files", "ok       schema: pkg 2.7.5, schema 39", "ok       images: static dynamic"} {
		if !strings.Contains(report, line) {
			t.Errorf("no line %s in %s", line, report)
		}
	}
	// What an earlier run left need not be made again.
	status, report = c.run(t, c.all("-o", "load", "-o", "passwd", "-b", c.stubs+"/orlop")...)
	if status != 0 || !strings.Contains(report, "2 ok, 0 failed, 13 skipped") || !strings.Contains(report, "skipped  build: not asked for\n") {
		t.Errorf("status %d, %s", status, report)
	}
}

// TestCheckUsage gives it what it does not know.
func TestCheckUsage(t *testing.T) {
	t.Parallel()
	c := newFreeBSDCheck(t)
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-s", "nosuch"}, "step nosuch is not known; -l lists them\n"},
		{[]string{"-o", ""}, "step  is not known"},
		{[]string{"-o", "b.*"}, "step b.* is not known"},
		{[]string{"-x"}, "usage: "},
		{[]string{"-b"}, "usage: "},
		{[]string{"-b", "nosuchprogram"}, "no nosuchprogram\n"},
	} {
		if status, said := c.run(t, tt.args...); status != 2 || !strings.Contains(said, tt.want) {
			t.Errorf("%q: status %d, %s", tt.args, status, said)
		}
	}
	if status, said := c.run(t, append(c.all("-S", c.work), "-o", "release", "-b", c.stubs+"/orlop")...); status != 1 || !strings.Contains(said, "failed   release: "+c.work+": found no release/Makefile") {
		t.Errorf("a tree that is none: status %d, %s", status, said)
	}
}
