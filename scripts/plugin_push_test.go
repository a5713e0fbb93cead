// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package scripts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/release/registry/registrytest"
)

// builds are of one release for two architectures. That for the first one is the tree;
// dirs is the knob that names both, the other one being where oci-install has put it, in
// a folder with blanks.
func builds(t *testing.T, newTree func(*testing.T, string) *tree) (tr *tree, dirs, second string) {
	t.Helper()
	arm := newTree(t, "15")
	arm.twoImages(t, "arm64", "aarch64")
	arm.make(t, "oci-release")
	arm.make(t, "oci-install", "DESTDIR=R")
	second = filepath.Join(t.TempDir(), "it's from another machine")
	if err := os.Rename(filepath.Join(arm.obj, "R/ociimages"), second); err != nil {
		t.Fatal(err)
	}
	tr = newTree(t, "15")
	tr.twoImages(t, "amd64", "amd64")
	tr.make(t, "oci-release")
	tr.took(t)
	return tr, `OCI_INDEX_DIRS=. "` + second + `"`, second
}

// twoImages has the tree make a small image of FreeBSD's, and one of the user's.
func (tr *tree) twoImages(t *testing.T, target, arch string) {
	t.Helper()
	tr.zones(t, "FreeBSD:15:"+arch)
	write(t, filepath.Join(tr.src, "release/tools/oci-image-static.conf"),
		"OCI_BASE_IMAGE=\noci_image_build() {\n\tinstall_packages ${abi} ${workdir} FreeBSD-zoneinfo\n}\n")
	tr.vars = append(tr.vars, "ORLOP_DEFINITIONS=tree", "OCI_IMAGES=static zones", "TARGET="+target, "TARGET_ARCH="+arch)
}

// indexes lists what oci-index has left.
func (tr *tree) indexes(t *testing.T) (left []string) {
	t.Helper()
	for _, name := range names(contents(t, tr.obj)) {
		if strings.Contains(name, "index.tar") || strings.Contains(name, "INDEXES") {
			left = append(left, name)
		}
	}
	return left
}

// Indexes are those of orlop index, and nothing of the release depends on them.
func TestInteropMakeIndex(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, newTree func(*testing.T, string) *tree) {
		tr, dirs, second := builds(t, newTree)
		tr.make(t, "-j4", "oci-index", dirs)
		if took, want := tr.took(t), []string{"orlop-index", "orlop-index"}; !slices.Equal(took, want) {
			t.Errorf("did %q, want %q", took, want)
		}
		if got, want := tr.indexes(t), []string{"container-image-INDEXES", "container-image-static.index.tar", "container-image-zones.index.tar"}; !slices.Equal(got, want) {
			t.Errorf("made %q, want %q", got, want)
		}
		want := ""
		for _, image := range []string{"static", "zones"} {
			archive := "container-image-" + image
			again := filepath.Join(t.TempDir(), archive+".index.tar")
			out, err := exec.Command(orlop, "index", "-q", filepath.Join(second, archive+".txz"), filepath.Join(tr.obj, archive+".txz"), "-o", again).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if read(t, again) != tr.file(t, archive+".index.tar") {
				t.Errorf("%s: the archive is another than that of orlop index", image)
			}
			_, hex, _ := strings.Cut(string(out), "\tsha256:")
			want += "SHA256 (" + map[string]string{"static": "freebsd-static:15.0-RELEASE", "zones": "zones"}[image] + ") = " + hex
		}
		if got := tr.file(t, "container-image-INDEXES"); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		tr.make(t, "oci-release")
		if took, want := tr.took(t), []string{"orlop-plan"}; !slices.Equal(took, want) {
			t.Errorf("with indexes, oci-release did %q, want %q", took, want)
		}
		tr.make(t, "oci-install", "DESTDIR=R")
		checkSums(t, filepath.Join(tr.obj, "R/ociimages"), "CHECKSUM.SHA256", "SHA256", 5)
		tr.make(t, "oci-clean")
		if left := tr.indexes(t); left != nil {
			t.Errorf("oci-clean leaves %q", left)
		}
	})
}

// What cannot be joined whole is not joined, and no older list stays.
func TestInteropMakeIndexRefused(t *testing.T) {
	t.Parallel()
	tr, _, second := builds(t, newTree)
	empty, lacks := t.TempDir(), t.TempDir()
	if err := os.CopyFS(lacks, os.DirFS(second)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(lacks, "container-image-zones.txz")); err != nil {
		t.Fatal(err)
	}
	later := newTree(t, "15")
	later.twoImages(t, "arm64", "aarch64")
	later.newvers(t, "15.0", "RELEASE-p1")
	later.make(t, "oci-release")
	for _, tt := range []struct{ dirs, want string }{
		{"", "OCI_INDEX_DIRS is empty, wanted the folders"},
		{" ", "OCI_INDEX_DIRS is empty, wanted the folders"},
		{". /none", ". has container-image-static.txz, and /none has not"},
		{empty + " .", "OCI_INDEX_DIRS has " + empty + ", which has no images"},
		{". " + lacks, ". has container-image-zones.txz, and " + lacks + " has not"},
		{lacks + " .", ". has container-image-zones.txz, and " + lacks + " has not"},
		{". " + later.obj, `version is "15.0-RELEASE" and "15.0-RELEASE-p1"`},
	} {
		for _, jobs := range []string{"-B", "-j4"} {
			write(t, filepath.Join(tr.obj, "container-image-INDEXES"), "old\n")
			write(t, filepath.Join(tr.obj, "container-image-gone.index.tar"), "old\n")
			out, err := tr.try(jobs, "oci-index", "OCI_INDEX_DIRS="+tt.dirs)
			if err == nil || !strings.Contains(out, tt.want) {
				t.Errorf("%s, %q: got %v, want %q in\n%s", jobs, tt.dirs, err, tt.want, out)
			}
			if left := tr.indexes(t); left != nil && strings.TrimSpace(tt.dirs) != "" {
				t.Errorf("%s, %q: %q are left", jobs, tt.dirs, left)
			}
		}
	}
}

// One architecture is pushed without the tags of its version, and all of them get
// these; nothing is sent twice.
func TestInteropMakePush(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, newTree func(*testing.T, string) *tree) {
		tr, dirs, _ := builds(t, newTree)
		s := registrytest.New(t, registrytest.Profile{})
		tr.vars = append(tr.vars, "ORLOP_PUSH_FLAGS=--plain-http", "OCI_REGISTRY="+s.Host()+"/freebsd")
		pushed := func(list string, args ...string) {
			t.Helper()
			out := tr.make(t, append(args, "oci-push")...)
			for _, m := range regexp.MustCompile(`(?m)^SHA256 \((?:freebsd-)?(\w+)(?::\S+)?\) = (\S+)`).FindAllStringSubmatch(tr.file(t, list), -1) {
				if want := s.Host() + "/freebsd/freebsd-" + m[1] + "@sha256:" + m[2] + "\n"; !strings.Contains(out, want) {
					t.Errorf("%q: want %q in\n%s", args, want, out)
				}
			}
			if took, want := tr.took(t), []string{"orlop-push"}; !slices.Equal(took, want) {
				t.Errorf("%q: did %q, want %q", args, took, want)
			}
		}
		tags := func(repo string, want ...string) {
			t.Helper()
			if got := s.Tags(repo); !slices.Equal(got, want) {
				t.Errorf("%s has the tags %q, want %q", repo, got, want)
			}
		}
		pushed("container-image-MANIFESTS")
		tags("freebsd/freebsd-static", "orlop-15.0-amd64")
		tags("freebsd/freebsd-zones", "orlop-15.0-amd64")

		tr.make(t, "oci-index", dirs)
		tr.took(t)
		pushed("container-image-INDEXES", "-j4", dirs, "OCI_TAGS=latest ours")
		tags("freebsd/freebsd-static", "15", "15.0", "latest", "orlop-15.0-amd64", "ours")
		tags("freebsd/freebsd-zones", "latest", "orlop-15.0-amd64", "ours")

		s.ResetRequests()
		pushed("container-image-INDEXES", dirs, "OCI_TAGS=latest ours")
		for _, r := range s.Requests() {
			if r.Method != "GET" && r.Method != "HEAD" {
				t.Errorf("the second time there is %s %s", r.Method, r.Path)
			}
		}

		tr.make(t, "oci-clean")
		tr.make(t, "-j4", "oci-push", "oci-release", "OCI_REGISTRY="+s.Host()+"/{image}/of/freebsd/", "OCI_TAGS=15.0-amd64")
		if took, want := tr.took(t), []string{"orlop-plan", "orlop-lock", "orlop-build", "orlop-push"}; !slices.Equal(took, want) {
			t.Errorf("did %q, want %q", took, want)
		}
		tags("static/of/freebsd", "15.0-amd64")
	})
}

// What is not whole, or is not what the lists name, is not pushed; and who asks for
// other targets pushes nothing.
func TestInteropMakePushRefused(t *testing.T) {
	t.Parallel()
	tr, dirs, second := builds(t, newTree)
	s := registrytest.New(t, registrytest.Profile{})
	tr.vars = append(tr.vars, "ORLOP_PUSH_FLAGS=--plain-http")
	to := "OCI_REGISTRY=" + s.Host() + "/freebsd"
	for _, target := range []string{"release", "install", "all"} {
		if out, err := tr.try("-n", target, to, dirs); strings.Contains(out, "oci-push") || strings.Contains(out, "index") || strings.Contains(out, " push ") {
			t.Errorf("%s does (%v)\n%s", target, err, out)
		}
	}
	refused := func(name, want string, args ...string) {
		t.Helper()
		for _, jobs := range []string{"-B", "-j4"} {
			if out, err := tr.try(append(args, jobs, "oci-push")...); err == nil || !strings.Contains(out, want) {
				t.Errorf("%s: got %v, want %q in\n%s", name, err, want, out)
			}
		}
		if repos := s.Repos(); len(repos) > 0 {
			t.Fatalf("%s: %q are there", name, repos)
		}
	}
	for _, args := range [][]string{nil, {dirs}, {"OCI_REGISTRY="}} {
		refused("no registry", "release.mk: OCI_REGISTRY is empty, wanted REGISTRY/PATH", args...)
	}
	refused("no images", "release.mk: WITH_OCIIMAGES is not set", to, "WITH_OCIIMAGES=")
	refused("no such folder", "release.mk: . has container-image-static.txz, and /none has not", to, "OCI_INDEX_DIRS=. /none")
	if took := tr.took(t); len(took) > 0 {
		t.Errorf("did %q", took)
	}
	refused("a tag in place of a path", "wanted REGISTRY/PATH alone", to+"/{image}:15.0")
	refused("a flag that is not known", "flag --plain is not known", to, "ORLOP_PUSH_FLAGS=--plain")
	list := filepath.Join(second, "container-image-MANIFESTS")
	good := read(t, list)
	write(t, list, strings.Replace(good, "= ", "= 0123", 1)[:len(good)])
	refused("another list", "container-image-MANIFESTS", to, dirs)
	write(t, list, tr.file(t, "container-image-MANIFESTS"))
	refused("the list of another folder", "is not in the lists of digests", to, dirs)
	if err := os.Remove(list); err != nil {
		t.Fatal(err)
	}
	refused("no list", "container-image-MANIFESTS", to, dirs)
	if err := os.Remove(filepath.Join(tr.obj, "container-image-INPUTS")); err != nil {
		t.Fatal(err)
	}
	refused("a build that has failed", "release.mk: oci-release has not completed in "+tr.obj, to)
}

// oci-sign signs the images of all architectures and their indexes on disk, and oci-push
// brings the signatures along. Without a key nothing is signed.
func TestInteropMakeSign(t *testing.T) {
	t.Parallel()
	tr, dirs, second := builds(t, newTree)
	if out, err := tr.try("oci-sign", dirs); err == nil || !strings.Contains(out, "OCI_SIGN_KEY and OCI_PGP_KEY are empty, wanted a key") {
		t.Errorf("without a key: %v, %s", err, out)
	}
	key, public := filepath.Join(t.TempDir(), "it's a key.pem"), filepath.Join(t.TempDir(), "key.pub")
	for _, args := range [][]string{{"genpkey", "-algorithm", "ed25519", "-out", key}, {"pkey", "-in", key, "-pubout", "-out", public}} {
		if out, err := exec.Command("openssl", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	s := registrytest.New(t, registrytest.Profile{})
	to := "OCI_REGISTRY=" + s.Host() + "/x"
	tr.make(t, "-j4", "oci-index", "oci-sign", "oci-push", dirs, to, `OCI_SIGN_KEY=`+key, "ORLOP_PUSH_FLAGS=--plain-http --tag t")
	for _, file := range []string{"container-image-static.index", "container-image-static", "container-image-zones.lock"} {
		if !slices.Contains(names(contents(t, tr.obj)), file+".sigstore.json") {
			t.Errorf("%s is not signed", file)
		}
	}
	for _, image := range []string{second + "/container-image-zones.txz", "docker://" + s.Host() + "/x/freebsd-static:t", "docker://" + s.Host() + "/x/freebsd-zones:t"} {
		out, err := exec.Command(orlop, "verify", "-q", "--plain-http", "--key", public, "--require-form", "bundle", "--require-form", "cosign", image).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", image, err, out)
		}
	}
}
