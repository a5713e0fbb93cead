// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

// Package scripts_test runs Makefile.inc and the scripts with the real bmake
// and dash, on source trees that have the form of FreeBSD's (testdata).
package scripts_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// orlop is the program, and logging a wrapper that first writes what it is
// called for into the log of the tree's dummy targets, but for what only answers
// make(1).
var orlop, logging string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "orlop-scripts")
	if err == nil {
		err = os.Chmod(dir, 0o755) // for tests that run as somebody else
	}
	if err == nil {
		orlop, logging = filepath.Join(dir, "orlop"), filepath.Join(dir, "logging")
		out, failed := exec.Command("go", "build", "-o", orlop, "../cmd/orlop").CombinedOutput()
		if err = failed; err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
	}
	if err == nil {
		err = os.WriteFile(logging, []byte("#!/bin/sh\ncase $1 in make|version) ;; *) echo \"orlop $1\" >> log ;; esac\nexec "+orlop+" \"$@\"\n"), 0o755)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

// tree is a source tree, and how make(1) is called in its folder release.
type tree struct {
	src, obj string
	way      way
	vars     []string
	env      []string
	user     *syscall.Credential
}

// way is how orlop comes into a release build: by a makefile in front of the
// tree's, or installed into the tree.
type way struct {
	makefile, mirrors string
	says              string // what its messages begin with
	freebsd           string // folder of a sys.mk as FreeBSD's, "" for this machine's own
}

// sysMk is FreeBSD's share/mk/sys.mk as far as it matters here, in our own words:
// make.conf(5) is read first, and the shell stops where a command fails, which that
// of other systems does not.
const sysMk = `.if exists(${__MAKE_CONF})
.include "${__MAKE_CONF}"
.endif
MAKEFILE_PREFERENCE?=	BSDmakefile makefile Makefile
.MAKE.MAKEFILE_PREFERENCE=	${MAKEFILE_PREFERENCE}
.SHELL: name="sh" quiet="set -" echo="set -v" filter="set -" hasErrCtl="yes" \
	check="set -e" ignore="set +e" echoFlag="v" errFlag="e" path="/bin/sh"
`

// newTree lays out a source tree from testdata, "main" being 15 with another
// version, and puts orlop in front of it.
func newTree(t *testing.T, branch string) *tree {
	t.Helper()
	tr := bareTree(t, branch)
	tr.front(t)
	return tr
}

// front puts orlop in front of a tree, in which nothing is changed, and has
// FreeBSD's shell.
func (tr *tree) front(t *testing.T) {
	t.Helper()
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	mk := filepath.Join(filepath.Dir(tr.src), "mk")
	write(t, filepath.Join(mk, "sys.mk"), sysMk)
	tr.way = way{filepath.Join(dir, "release.mk"), filepath.Join(dir, "mirrors.mk"), "release.mk: ", mk}
}

// installedTree has orlop in place of its own Makefile.oci.
func installedTree(t *testing.T, branch string) *tree {
	t.Helper()
	tr := bareTree(t, branch)
	tr.install(t)
	return tr
}

// install puts orlop into a tree, and has this machine's shell.
func (tr *tree) install(t *testing.T) {
	t.Helper()
	runScript(t, "install-into-src.sh", "--save", filepath.Join(filepath.Dir(tr.src), "saved"), tr.src)
	tr.way = way{"Makefile", "Makefile.mirrors", "Makefile.oci: ", ""}
}

// bothWays runs a test with trees that have orlop in front, and in them.
func bothWays(t *testing.T, test func(*testing.T, func(*testing.T, string) *tree)) {
	t.Helper()
	eachWay(t, func(t *testing.T, put func(*tree, *testing.T)) {
		test(t, func(t *testing.T, branch string) *tree {
			tr := bareTree(t, branch)
			put(tr, t)
			return tr
		})
	})
}

// eachWay is bothWays for tests that change trees before orlop comes.
func eachWay(t *testing.T, test func(*testing.T, func(*tree, *testing.T))) {
	t.Helper()
	for name, put := range map[string]func(*tree, *testing.T){"release.mk": (*tree).front, "installed": (*tree).install} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, put)
		})
	}
}

func bareTree(t *testing.T, branch string) *tree {
	t.Helper()
	dir := t.TempDir()
	tr := &tree{src: filepath.Join(dir, "src"), obj: filepath.Join(dir, "obj", "release")}
	for _, name := range []string{"src", "src-" + strings.ReplaceAll(branch, "main", "15")} {
		archive, err := txtar.ParseFile("testdata/" + name + ".txtar")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			write(t, filepath.Join(tr.src, f.Name), string(f.Data))
		}
	}
	if branch == "main" {
		tr.newvers(t, "16.0", "CURRENT")
	}
	if err := os.MkdirAll(tr.obj, 0o777); err != nil {
		t.Fatal(err)
	}
	tr.vars = []string{"WITH_OCIIMAGES=yes", "ORLOP=" + logging}
	return tr
}

// newvers changes what the tree says that it is.
func (tr *tree) newvers(t *testing.T, revision, branch string) {
	t.Helper()
	name := filepath.Join(tr.src, "sys/conf/newvers.sh")
	text := regexp.MustCompile(`(?m)^REVISION=.*`).ReplaceAllString(read(t, name), `REVISION="`+revision+`"`)
	write(t, name, regexp.MustCompile(`(?m)^BRANCH=".*`).ReplaceAllString(text, `BRANCH="`+branch+`"`))
}

// sample has the tree package the sample repository, as if it were its world.
func (tr *tree) sample(t *testing.T) {
	t.Helper()
	repo := filepath.Join(t.TempDir(), "repo")
	if err := os.CopyFS(repo, os.DirFS("../cmd/orlop/sample")); err != nil {
		t.Fatal(err)
	}
	tr.newvers(t, "15.0", "RELEASE-p3")
	tr.vars = append(tr.vars, "REPO="+repo, "ORLOP_FLAGS=--exceptions "+filepath.Join(repo, "exceptions.ucl"))
}

// zones has the tree package a world of one small package, and make one image.
func (tr *tree) zones(t *testing.T, abi string) (repo string) {
	t.Helper()
	repo = t.TempDir()
	pkgtest.WriteRepo(repo, zoneinfo(abi, "UTC"))
	tr.vars = append(tr.vars, "REPO="+repo, "OCI_IMAGES=zones")
	return repo
}

// publish changes the world that the tree packages.
func (tr *tree) publish(packages ...pkgtest.Package) {
	i := slices.IndexFunc(tr.vars, func(v string) bool { return strings.HasPrefix(v, "REPO=") })
	pkgtest.WriteRepo(strings.TrimPrefix(tr.vars[i], "REPO="), packages...)
}

func zoneinfo(abi, text string) pkgtest.Package {
	return pkgtest.Package{Name: "FreeBSD-zoneinfo", Version: "15.0", ABI: abi,
		Files: []pkgtest.File{{Path: "/usr/share/zoneinfo/UTC", Body: text}}}
}

// try runs make(1) in release of the tree. It warns of nothing.
func (tr *tree) try(args ...string) (string, error) {
	if !slices.Contains(args, "-f") {
		args = append([]string{"-f", tr.way.makefile}, args...)
	}
	return tr.bmake(append(slices.Clone(tr.vars), args...)...)
}

func (tr *tree) bmake(args ...string) (string, error) {
	if tr.way.freebsd != "" {
		args = append([]string{"-m", tr.way.freebsd}, args...)
	}
	cmd := exec.Command("bmake", args...)
	cmd.Dir = filepath.Join(tr.src, "release")
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + tr.obj, "MAKEOBJDIR=" + tr.obj}, tr.env...)
	if tr.user != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: tr.user}
	}
	out, err := cmd.CombinedOutput()
	if warning := regexp.MustCompile(`(?m)^.*(?i:warning).*$`).Find(out); err == nil && warning != nil {
		err = fmt.Errorf("make(1) warns: %s", warning)
	}
	return string(out), err
}

func (tr *tree) make(t *testing.T, args ...string) string {
	t.Helper()
	out, err := tr.try(args...)
	if err != nil {
		t.Fatalf("make %q: %v\n%s", args, err, out)
	}
	return out
}

// took returns the log of what was done since it was last asked.
func (tr *tree) took(t *testing.T) []string {
	t.Helper()
	name := filepath.Join(tr.obj, "log")
	text, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	os.Remove(name)
	return strings.Fields(strings.ReplaceAll(string(text), "orlop ", "orlop-"))
}

// file reads a file of the object directory.
func (tr *tree) file(t *testing.T, name string) string {
	t.Helper()
	return read(t, filepath.Join(tr.obj, name))
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// runScript runs a script of this folder under dash.
func runScript(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := tryScript(name, args...)
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return out
}

func tryScript(name string, args ...string) (string, error) {
	out, err := exec.Command("dash", append([]string{name}, args...)...).CombinedOutput()
	return string(out), err
}

// contents returns all of a folder: name to mode and bytes, or to the target
// of a link.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.Walk(dir, func(name string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, name)
		if info.Mode().Type() == os.ModeSymlink {
			all[rel], err = os.Readlink(name)
			return err
		}
		all[rel] = info.Mode().String() + "\n" + read(t, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func names(all map[string]string) []string {
	var list []string
	for name := range all {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
