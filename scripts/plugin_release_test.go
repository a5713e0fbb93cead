// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package scripts_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// nobody is an ordinary user.
const nobody = 65534

// A release with images, made in many ways, always gives the images of the
// README, under upstream's names, beside the release's other artifacts.
func TestInteropMakeRelease(t *testing.T) {
	t.Parallel()
	ways := []struct {
		name string
		args []string
		set  func(*testing.T, *tree)
	}{
		{"plain", nil, func(*testing.T, *tree) {}},
		{"-j4", []string{"-j4"}, func(*testing.T, *tree) {}},
		{"odd object directory", nil, func(t *testing.T, tr *tree) {
			tr.obj = filepath.Join(t.TempDir(), "o,b=j+1~@x:y", "rel%2")
			if err := os.MkdirAll(tr.obj, 0o777); err != nil {
				t.Fatal(err)
			}
		}},
		{"ordinary user", []string{"-j3", "NO_ROOT=1"}, asNobody},
	}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			bothWays(t, func(t *testing.T, newTree func(*testing.T, string) *tree) {
				tr := newTree(t, "15")
				tr.sample(t)
				way.set(t, tr)
				before := contents(t, tr.src)
				tr.make(t, append(way.args, "release")...)
				checkOrder(t, tr.took(t))
				const version = "15.0-RELEASE-p3-amd64"
				if got, want := tr.file(t, "container-image-MANIFESTS"), readmeManifests(t, version)+tr.lockLines(t, version); got != want {
					t.Errorf("manifests: got\n%s\nwant\n%s", got, want)
				}
				tr.make(t, append(way.args, "release")...)
				if took, want := tr.took(t), []string{"orlop-plan"}; !slices.Equal(took, want) {
					t.Errorf("the second time it did %q, want %q", took, want)
				}
				root := filepath.Join(tr.obj, "R")
				tr.make(t, "install", "DESTDIR="+root)
				checkInstalled(t, root)
				if got := changed(before, contents(t, tr.src)); len(got) > 0 {
					t.Errorf("the tree has other files now: %q", got)
				}
			})
		})
	}
}

// asNobody gives everything to an ordinary user, if the test runs as root.
func asNobody(t *testing.T, tr *tree) {
	if os.Getuid() != 0 {
		return
	}
	tr.user = &syscall.Credential{Uid: nobody, Gid: nobody}
	top := filepath.Dir(tr.src)
	for dir := top; len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	chown(t, "65534:65534", top)
}

func chown(t *testing.T, owner, dir string) {
	t.Helper()
	if out, err := exec.Command("chown", "-R", owner, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// checkOrder looks at the order of what a first `make release` does: the plan
// before media, nothing twice, and never pkg(8).
func checkOrder(t *testing.T, took []string) {
	t.Helper()
	sorted := slices.Sorted(slices.Values(took))
	if want := []string{"base.txz", "disc1", "kernel.txz", "orlop-build", "orlop-lock", "orlop-plan", "pkgbase-repo"}; !slices.Equal(sorted, want) {
		t.Errorf("did %q, want %q in some order", took, want)
	}
	for _, pair := range [][2]string{{"pkgbase-repo", "orlop-plan"}, {"orlop-plan", "orlop-lock"}, {"orlop-lock", "disc1"}, {"orlop-lock", "orlop-build"}} {
		if slices.Index(took, pair[0]) > slices.Index(took, pair[1]) {
			t.Errorf("did %q, want %s before %s", took, pair[0], pair[1])
		}
	}
}

// readmeManifests is what container-image-MANIFESTS is to say for the digests
// in the README.
func readmeManifests(t *testing.T, version string) string {
	t.Helper()
	var lines []string
	for _, m := range regexp.MustCompile(`(?m)^(\w+) .* sha256:([0-9a-f]{64})$`).FindAllStringSubmatch(read(t, "../README.md"), -1) {
		lines = append(lines, "SHA256 (freebsd-"+m[1]+":"+version+") = "+m[2]+"\n")
	}
	if len(lines) != 5 {
		t.Fatalf("%d digests in the README, want 5", len(lines))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// lockLines are those of the locks, by the images' names.
func (tr *tree) lockLines(t *testing.T, version string) string {
	t.Helper()
	var lines strings.Builder
	for _, image := range []string{"dynamic", "notoolchain", "runtime", "static", "toolchain"} {
		fmt.Fprintf(&lines, "SHA256 (freebsd-%s:%s lock) = %x\n", image, version, sha256.Sum256([]byte(tr.file(t, "container-image-"+image+".lock.json"))))
	}
	return lines.String()
}

// checkInstalled looks at what `make install` left below DESTDIR.
func checkInstalled(t *testing.T, root string) {
	t.Helper()
	want := []string{"CHECKSUM.SHA256", "CHECKSUM.SHA512", "container-image-MANIFESTS"}
	for _, image := range []string{"dynamic", "notoolchain", "runtime", "static", "toolchain"} {
		want = append(want, "container-image-"+image+".lock.json", "container-image-"+image+".txz")
	}
	dir := filepath.Join(root, "ociimages")
	if got := names(contents(t, dir)); !slices.Equal(got, want) {
		t.Errorf("ociimages has %q, want %q", got, want)
	}
	checkSums(t, dir, "CHECKSUM.SHA256", "SHA256", len(want)-2)
	checkSums(t, dir, "CHECKSUM.SHA512", "SHA512", len(want)-2)
	if got, want := names(contents(t, filepath.Join(root, "ftp"))), []string{"MANIFEST", "base.txz", "kernel.txz"}; !slices.Equal(got, want) {
		t.Errorf("ftp has %q, want %q", got, want)
	}
	if got, want := read(t, filepath.Join(root, "ftp/MANIFEST")), "base.txz\nkernel.txz\n"; got != want {
		t.Errorf("MANIFEST is %q, want %q", got, want)
	}
	if got, want := names(contents(t, root)), "FreeBSD-15.0-RELEASE-p3-amd64-disc1.iso"; !slices.Contains(got, want) {
		t.Errorf("%q is without %s", got, want)
	}
}

// checkSums has the real program check a file of checksums in FreeBSD's form.
func checkSums(t *testing.T, dir, name, kind string, n int) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(read(t, filepath.Join(dir, name)), "\n"), "\n")
	form := regexp.MustCompile(`^` + kind + ` \([A-Za-z0-9._-]+\) = [0-9a-f]{64}([0-9a-f]{64})?$`)
	for _, line := range lines {
		if !form.MatchString(line) {
			t.Errorf("%s has %q, want FreeBSD's form", name, line)
		}
	}
	if len(lines) != n {
		t.Errorf("%s has %d lines, want %d", name, len(lines), n)
	}
	cmd := exec.Command(strings.ToLower(kind)+"sum", "--strict", "-c", name)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", name, err, out)
	}
}

// A release without images has nothing of them.
func TestInteropMakeReleaseWithout(t *testing.T) {
	t.Parallel()
	tr := newTree(t, "15")
	tr.zones(t, "FreeBSD:15:amd64")
	tr.vars = append(tr.vars, "WITH_OCIIMAGES=", "ORLOP=/nonexistent")
	tr.make(t, "release")
	root := filepath.Join(tr.obj, "R")
	tr.make(t, "install", "DESTDIR="+root)
	tr.make(t, "oci-check", "oci-plan", "oci-release", "oci-verify", "oci-install", "oci-clean")
	for name := range contents(t, tr.obj) {
		if strings.Contains(name, "container") || strings.Contains(name, "ociimages") {
			t.Errorf("%s is there", name)
		}
	}
	if took := tr.took(t); slices.Contains(took, "orlop-plan") || !slices.Contains(took, "disc1") {
		t.Errorf("did %q, want media without orlop", took)
	}
}

func TestInteropMakeVerifyAndClean(t *testing.T) {
	t.Parallel()
	tr := newTree(t, "15")
	tr.zones(t, "FreeBSD:15:amd64")
	tr.make(t, "release")
	tr.make(t, "oci-verify")

	archive := filepath.Join(tr.obj, "container-image-zones.txz")
	good := read(t, archive)
	bad := []byte(good)
	bad[len(bad)/2] ^= 1
	write(t, archive, string(bad))
	if out, err := tr.try("oci-verify"); err == nil || !strings.Contains(out, "container-image-zones.txz") {
		t.Errorf("with a flipped bit: got %v\n%s", err, out)
	}
	write(t, archive, good)
	list := filepath.Join(tr.obj, "container-image-MANIFESTS")
	write(t, list, regexp.MustCompile(`= .`).ReplaceAllString(read(t, list), "= x"))
	if out, err := tr.try("oci-verify"); err == nil || !strings.Contains(out, "container-image-MANIFESTS") {
		t.Errorf("with another list: got %v\n%s", err, out)
	}

	tr.make(t, "oci-clean")
	tr.make(t, "oci-clean")
	for name := range contents(t, tr.obj) {
		if strings.HasPrefix(name, "container-image") {
			t.Errorf("%s is left", name)
		}
	}
	if _, err := os.Stat(filepath.Join(tr.obj, "disc1.iso")); err != nil {
		t.Error(err)
	}
	tr.took(t)
	tr.make(t, "release")
	if took, want := tr.took(t), []string{"orlop-plan", "orlop-lock", "orlop-build"}; !slices.Equal(took, want) {
		t.Errorf("after oci-clean: did %q, want %q", took, want)
	}
	tr.make(t, "clean")
	for name := range contents(t, tr.obj) {
		if strings.HasPrefix(name, "container-image") {
			t.Errorf("%s is left after clean", name)
		}
	}
}
