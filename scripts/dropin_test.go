// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package scripts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// dropIn runs make-oci-image.sh of the tree where make(1) would.
func (tr *tree) dropIn(arch, image, output string, env ...string) (string, error) {
	curdir := filepath.Join(tr.src, "release")
	cmd := exec.Command("dash", filepath.Join(curdir, "scripts/make-oci-image.sh"), curdir, "15.0", "RELEASE", arch, image, output)
	cmd.Dir, cmd.Env = tr.obj, append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + tr.obj, "ORLOP=" + orlop}, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// The script that upstream's recipes call makes the very images that make(1)
// does: termcap and the time of the commit are not part of its arguments.
func TestInteropMakeOCIImageSame(t *testing.T) {
	t.Parallel()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	tr := installedTree(t, "15")
	tr.sample(t)
	tr.newvers(t, "15.0", "RELEASE")
	write(t, filepath.Join(tr.src, "release/tools/oci-image-top.conf"),
		"OCI_BASE_IMAGE=\"middle\"\t# ours\noci_image_build() {\n\tinstall_packages ${abi} ${workdir} FreeBSD-zlib\n}\n")
	write(t, filepath.Join(tr.src, "release/tools/oci-image-middle.ucl"), "image middle { parent = dynamic }\n")
	commit(t, tr)
	flags := tr.vars[len(tr.vars)-1]
	if !strings.HasPrefix(flags, "ORLOP_FLAGS=") {
		t.Fatal(tr.vars)
	}
	build := "ORLOP_BUILD_FLAGS=--pkgdb-schema 39"
	objtop := filepath.Dir(tr.obj)
	write(t, filepath.Join(objtop, "etc/termcap/termcap.small"), "dumb:am:co#80:\n")
	args := []string{"OCI_IMAGES=static top", "GIT_CMD=" + git, "OBJTOP=" + objtop, build}
	tr.make(t, append(args, "oci-release")...)
	head, err := exec.Command(git, "-C", tr.src, "rev-parse", "HEAD").Output()
	if err != nil {
		t.Fatal(err)
	}
	if lock, want := tr.file(t, "container-image-static.lock.json"), `"org.opencontainers.image.revision": "`+strings.TrimSpace(string(head)); !strings.Contains(lock, want) {
		t.Errorf("no %s in %s", want, lock)
	}
	if out := tr.make(t, append(args, "oci-verify")...); strings.Count(out, "\treproduced\n") != 2 {
		t.Errorf("oci-verify:\n%s", out)
	}

	odd := filepath.Join(filepath.Dir(tr.src), "a source tree")
	if err := os.Rename(tr.src, odd); err != nil {
		t.Fatal(err)
	}
	tr.src = odd
	for _, image := range []string{"static", "top"} {
		if out, err := tr.dropIn("amd64", image, "other.txz", flags, build); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for name, same := range map[string]string{"other.txz": ".txz", "other.lock.json": ".lock.json"} {
			if tr.file(t, name) != tr.file(t, "container-image-"+image+same) {
				t.Errorf("%s of %s is another than that of make(1)", name, image)
			}
		}
	}
	if lock := tr.file(t, "other.lock.json"); !strings.Contains(lock, "1500000001") {
		t.Errorf("the time of the commit is not in %s", lock)
	}
}

func TestInteropMakeOCIImage(t *testing.T) {
	t.Parallel()
	tr := installedTree(t, "15")
	tr.zones(t, "FreeBSD:15:amd64")
	tr.make(t, "release")
	repo := t.TempDir()
	pkgtest.WriteRepo(repo, zoneinfo("FreeBSD:15:amd64", "UTC"), pkgtest.Package{Name: "FreeBSD-locales"})
	conf := t.TempDir()
	write(t, filepath.Join(conf, "base.conf"), `FreeBSD-base: { url: "file://`+repo+`", enabled: yes }`)
	if out, err := tr.dropIn("amd64", "more", "more.txz", "ORLOP_REPO_CONF_DIR="+conf); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := inspect(t, filepath.Join(tr.obj, "more.txz")); got.OS != "freebsd" {
		t.Errorf("got %+v", got)
	}

	before := names(contents(t, tr.obj))
	for _, tt := range []struct{ arch, image, want string }{
		{"sparc64", "zones", "sparc64"}, {"amd64", "nothing", "oci-image-nothing.conf"}, {"aarch64", "zones", "FreeBSD:15:aarch64"},
	} {
		if out, err := tr.dropIn(tt.arch, tt.image, "bad.txz"); err == nil || !strings.Contains(out, tt.want) {
			t.Errorf("%s %s: got %v, %q, want an error with %q", tt.arch, tt.image, err, out, tt.want)
		}
	}
	write(t, filepath.Join(tr.src, ".git/HEAD"), "")
	if out, err := tr.dropIn("amd64", "zones", "bad.txz"); err == nil || !strings.Contains(out, "git gives no commit time for "+tr.src) {
		t.Errorf("a tree without a time: got %v, %q", err, out)
	}
	if after := names(contents(t, tr.obj)); !slices.Equal(before, after) {
		t.Errorf("failures left %q, before %q", after, before)
	}
}
