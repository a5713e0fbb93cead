// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package scripts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// release.sh, whose arguments of make(1) are fixed, makes the same images by way
// of its configuration alone, and packages base once.
func TestInteropReleaseSh(t *testing.T) {
	t.Parallel()
	tr := bareTree(t, "15")
	tr.sample(t)
	chroot := filepath.Join(filepath.Dir(tr.src), "chroot")
	if err := os.MkdirAll(filepath.Join(chroot, "usr"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tr.src, filepath.Join(chroot, "usr/src")); err != nil {
		t.Fatal(err)
	}
	tr.src = filepath.Join(chroot, "usr/src")
	commit(t, tr) // of which nothing in the chroot tells: there is no git
	before := contents(t, tr.src)
	bin := releaseShims(t, chroot)
	conf := filepath.Join(bin, "release.conf")
	clone, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	write(t, conf, "CHROOTDIR="+chroot+"\nORLOPDIR="+clone+"\n. "+clone+"/scripts/examples/release.conf\n")
	cmd := exec.Command("dash", filepath.Join(tr.src, "release/release.sh"), "-c", conf)
	cmd.Env = append(os.Environ(), append(tr.vars[2:], "PATH="+bin+":"+os.Getenv("PATH"), "MAKEOBJDIR="+tr.obj, "CHROOT="+bin)...)
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "warning") {
		t.Fatalf("%v\n%s", err, out)
	}
	head := strings.TrimSpace(git(t, tr, "rev-parse", "HEAD"))
	if lock := tr.file(t, "container-image-static.lock.json"); !strings.Contains(lock, `"org.opencontainers.image.revision": "`+head) {
		t.Errorf("the lock does not have the commit %s", head)
	}
	got := tr.file(t, "container-image-MANIFESTS")
	tr.front(t)
	tr.make(t, "oci-clean")
	tr.make(t, "oci-release", "GIT_CMD="+program(t, "git"))
	if want := tr.file(t, "container-image-MANIFESTS"); got != want {
		t.Errorf("manifests: got\n%s\nwith release.mk\n%s", got, want)
	}
	checkInstalled(t, filepath.Join(chroot, "R"))
	if got, want := read(t, filepath.Join(bin, "log")), "buildworld\n"; got != want {
		t.Errorf("make(1) was called for %q in /usr/src, want %q", got, want)
	}
	if got := changed(before, contents(t, tr.src)); len(got) > 0 {
		t.Errorf("the tree has other files now: %q", got)
	}
}

// releaseShims are the programs that release.sh calls: a chroot(8) that maps
// paths, and a make(1) that reads make.conf(5) and logs what is made of a world.
func releaseShims(t *testing.T, chroot string) (bin string) {
	t.Helper()
	bin = t.TempDir()
	const preference = ".MAKE.MAKEFILE_PREFERENCE=\t${MAKEFILE_PREFERENCE"
	write(t, filepath.Join(bin, "mk/sys.mk"), strings.Replace(sysMk, preference, preference+":S,^/usr/local,"+chroot+"/usr/local,", 1))
	for name, text := range map[string]string{
		"chroot": `shift
for arg; do
	shift
	case $arg in /usr/src* | /usr/local*) arg=` + chroot + `$arg ;; esac
	set -- "$@" "$arg"
done
exec "$@"`,
		"make": `case $2 in
*/src) for target; do :; done; echo "$target" >> ` + bin + `/log ;;
*) exec bmake -m ` + bin + `/mk "$@" ;;
esac`,
	} {
		write(t, filepath.Join(bin, name), "#!/bin/sh\n"+text+"\n")
		if err := os.Chmod(filepath.Join(bin, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return bin
}

// What install.sh puts below a prefix works from there, with the program there.
func TestInteropInstallSh(t *testing.T) {
	t.Parallel()
	prefix := filepath.Join(t.TempDir(), "a prefix")
	out := runScript(t, "install.sh", "-o", orlop, prefix)
	got := names(contents(t, prefix))
	for _, want := range []string{"bin/orlop", "share/orlop/release.mk", "share/orlop/mirrors.mk", "share/orlop/Makefile.inc",
		"share/examples/orlop/release.conf", "share/examples/orlop/make.conf", "share/examples/orlop/nginx/nginx.ucl", "share/examples/orlop/nginx/site/index.html",
		"share/man/man5/orlop-image.5", "share/man/man7/orlop-release.7", "share/man/man8/orlop.8"} {
		if !slices.Contains(got, want) || !strings.Contains(out, want+"\n") {
			t.Errorf("%s is not among %q, or not said in\n%s", want, got, out)
		}
	}
	again := runScript(t, "install.sh", "-o", orlop, prefix)
	if after := names(contents(t, prefix)); again != out || !slices.Equal(after, got) {
		t.Errorf("the second time: %q\n%s", after, again)
	}

	plain := filepath.Join(filepath.Dir(prefix), "prefix") // make(1) has no blanks in its own paths
	runScript(t, "install.sh", "-o", orlop, plain)
	tr := newTree(t, "15")
	tr.zones(t, "FreeBSD:15:amd64")
	tr.vars = slices.DeleteFunc(tr.vars, func(v string) bool { return strings.HasPrefix(v, "ORLOP=") })
	tr.way.makefile = filepath.Join(plain, "share/orlop/release.mk")
	if out := tr.make(t, "oci-release"); !strings.Contains(out, plain+"/bin/orlop build zones\n") {
		t.Errorf("the program is another:\n%s", out)
	}

	for _, args := range [][]string{nil, {"a", "b"}, {"-x", "a"}} {
		if out, err := tryScript("install.sh", args...); err == nil || !strings.Contains(out, "usage: ") {
			t.Errorf("%q: got %v, %q, want the usage", args, err, out)
		}
	}
	if os.Getuid() != 0 {
		return
	}
	readOnly := t.TempDir()
	if err := os.Chmod(readOnly, 0o555); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("dash", "install.sh", "-o", orlop, readOnly)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := cmd.CombinedOutput(); err == nil || len(names(contents(t, readOnly))) > 0 {
		t.Errorf("a folder that is read-only: %v, %s", err, out)
	}
}

// Without WITH_OCIIMAGES the makefile in front changes nothing, whatever
// OCI_IMAGES says, and with it a tree that has orlop installed is built as well.
func TestInteropMakeBoth(t *testing.T) {
	t.Parallel()
	tr := installedTree(t, "15")
	tr.zones(t, "FreeBSD:15:amd64")
	tr.front(t)
	tr.make(t, "-j4", "release")
	tr.make(t, "install", "DESTDIR="+filepath.Join(tr.obj, "R"))
	if got, want := tr.file(t, "container-image-MANIFESTS"), "zones:15.0-RELEASE-amd64) = "; !strings.Contains(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Targets of images alone take the packages that `make packages` has left, so
// that base is not packaged again; make release takes those that it publishes.
func TestInteropMakePackages(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, newTree func(*testing.T, string) *tree) {
		tr := newTree(t, "15")
		repo := tr.zones(t, "FreeBSD:15:amd64")
		left := filepath.Join(filepath.Dir(tr.obj), "repo/FreeBSD:15:amd64/latest")
		if err := os.CopyFS(left, os.DirFS(repo)); err != nil {
			t.Fatal(err)
		}
		out := tr.make(t, "oci-release")
		want := tr.way.says + "packages are those of " + left + "; make release uses those that it publishes\n"
		if took := tr.took(t); slices.Contains(took, "pkgbase-repo") || !strings.Contains(out, want) {
			t.Errorf("did %q, and said\n%s", took, out)
		}
		first := manifestLine(t, tr)
		tr.make(t, "oci-verify")
		tr.took(t)
		pkgtest.WriteRepo(repo, zoneinfo("FreeBSD:15:amd64", "other"))
		tr.make(t, "release")
		if took := tr.took(t); !slices.Contains(took, "pkgbase-repo") || manifestLine(t, tr) == first {
			t.Errorf("release did %q, and has the image of other packages", took)
		}
		published := manifestLine(t, tr)
		tr.make(t, "oci-release")
		if took := tr.took(t); !slices.Equal(took, []string{"orlop-plan"}) || manifestLine(t, tr) != published {
			t.Errorf("after release, oci-release did %q", took)
		}
	})
}

// A folder that a failed run of packages has left counts as made for make(1).
func TestInteropMakePackagesFailed(t *testing.T) {
	t.Parallel()
	tr := newTree(t, "15")
	tr.zones(t, "FreeBSD:15:amd64")
	if err := os.MkdirAll(filepath.Join(tr.obj, "pkgbase-repo/FreeBSD:15:aarch64"), 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := tr.try("oci-release")
	for _, want := range []string{"no repository in " + tr.obj + "/pkgbase-repo/FreeBSD:15:amd64/latest", "from another ABI: FreeBSD:15:aarch64; remove it to make it again"} {
		if err == nil || !strings.Contains(out, want) {
			t.Errorf("got %v, want %q in\n%s", err, want, out)
		}
	}
}

// Each target gets those of ORLOP_FLAGS that its command knows, with blanks in
// them; what no command knows stops before anything is made.
func TestInteropMakeFlags(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, newTree func(*testing.T, string) *tree) {
		tr := newTree(t, "15")
		tr.zones(t, "FreeBSD:15:amd64")
		definition := filepath.Join(tr.src, "release/tools/oci-image-zones.ucl")
		write(t, definition, "image zones {\n  packages = [ FreeBSD-zoneinfo ];\n  file \"/etc/motd\" { source = etc/motd }\n}\n")
		srcdir := filepath.Join(filepath.Dir(tr.src), "it's a folder")
		write(t, filepath.Join(srcdir, "etc/motd"), "hello\n")
		exceptions := filepath.Join(srcdir, "exceptions.ucl")
		write(t, exceptions, `known-missing { "/a" = "a test" }`)
		tr.vars = append(tr.vars, `ORLOP_FLAGS=--srcdir "`+srcdir+`" --unknown-scripts skip --exceptions="`+exceptions+`" --squash --lock-urls`)
		tr.make(t, "release")
		if out := tr.make(t, "oci-verify"); !strings.Contains(out, "\treproduced\n") {
			t.Errorf("oci-verify:\n%s", out)
		}
		tr.took(t)
		for flags, want := range map[string]string{
			"ORLOP_FLAGS=--unknown-skripts skip":   "flag --unknown-skripts is not known; did you mean --unknown-scripts?",
			"ORLOP_FLAGS=-o elsewhere":             "found -o, which Makefile.inc sets itself",
			"ORLOP_BUILD_FLAGS=--nope":             "flag --nope is not known",
			"ORLOP_BUILD_FLAGS=--trust-lock":       "found --trust-lock, which build does not know",
			"ORLOP_BUILD_FLAGS=--compression gzap": "",
			"ORLOP=./orlop":                        "ORLOP is ./orlop, wanted a name or an absolute path",
		} {
			out, err := tr.try("-j2", "release", flags)
			if took := tr.took(t); err == nil || slices.Contains(took, "disc1") || want != "" && len(took) > 0 || !strings.Contains(out, want) {
				t.Errorf("%s: got %v, did %q, want %q in\n%s", flags, err, took, want, out)
			}
		}
	})
}
