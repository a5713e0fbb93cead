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
