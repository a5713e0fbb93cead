// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package scripts_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// desktop is an image that a future tree of FreeBSD's has, and orlop does not.
const desktop = `#! /bin/sh
OCI_BASE_IMAGE=static
oci_image_build() {
	install_packages ${abi} ${workdir} FreeBSD-locales
}
`

// A tree that makes an image of another name, or one of other packages, stops
// before anything is made, unless somebody says which is right.
func TestInteropMakeOtherImages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*testing.T, *tree)
		want   string
	}{
		{"a sixth image", sixth, "image desktop: the tree and orlop differ: the name: found in the tree only, wanted one of dynamic, notoolchain, runtime, static, toolchain"},
		{"another package", func(t *testing.T, tr *tree) {
			edit(t, tr, "runtime", "FreeBSD-mtree\n", "FreeBSD-mtree \\\n\t\tFreeBSD-pam\n")
		}, "image runtime: the tree and orlop differ: package FreeBSD-pam: found in the tree only, wanted in both"},
		{"a package less", func(t *testing.T, tr *tree) { edit(t, tr, "dynamic", " FreeBSD-clibs", "") },
			"image dynamic: the tree and orlop differ: package FreeBSD-clibs: found in orlop only, wanted in both"},
		{"another parent", func(t *testing.T, tr *tree) { edit(t, tr, "runtime", "=dynamic", "=static") },
			"image runtime: the tree and orlop differ: the parent: found static, wanted dynamic"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tr := bareTree(t, "15")
			tr.sample(t)
			tt.change(t, tr)
			for _, put := range []func(*tree, *testing.T){(*tree).front, (*tree).install} {
				put(tr, t)
				out, err := tr.try("-j3", "release")
				if err == nil || !strings.Contains(out, tt.want) || !strings.Contains(out, "rror code 3") ||
					!strings.Contains(out, tr.way.says+"set ORLOP_DEFINITIONS to builtin for the images that orlop has, or to tree for those of release/tools\n") {
					t.Errorf("got %v, want %q in\n%s", err, tt.want, out)
				}
				if took := tr.took(t); len(took) > 0 {
					t.Errorf("did %q, want it to stop before", took)
				}
				tr.make(t, "oci-plan", "ORLOP_DEFINITIONS=builtin")
				if _, err := os.Stat(filepath.Join(tr.obj, "container-image-desktop.plan.json")); err == nil {
					t.Error("orlop plans what it does not have")
				}
				tr.took(t)
			}
		})
	}
}

// sixth gives a tree one more image of FreeBSD's.
func sixth(t *testing.T, tr *tree) {
	t.Helper()
	name := filepath.Join(tr.src, "release/Makefile.oci")
	write(t, name, strings.Replace(read(t, name), "notoolchain toolchain\n", "notoolchain toolchain \\\n\tdesktop\n", 1))
	write(t, filepath.Join(tr.src, "release/tools/oci-image-desktop.conf"), desktop)
}

func edit(t *testing.T, tr *tree, image, old, text string) {
	t.Helper()
	name := filepath.Join(tr.src, "release/tools/oci-image-"+image+".conf")
	was := read(t, name)
	if !strings.Contains(was, old) {
		t.Fatalf("%s has no %q", name, old)
	}
	write(t, name, strings.Replace(was, old, text, 1))
}

// With ORLOP_DEFINITIONS=tree the tree's own files define FreeBSD's images, with
// FreeBSD's names; what is not understood stops with file and line.
func TestInteropMakeTreeDefinitions(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, put func(*tree, *testing.T)) {
		tr := bareTree(t, "15")
		tr.sample(t)
		sixth(t, tr)
		edit(t, tr, "dynamic", "FreeBSD-clibs", "FreeBSD-clibs FreeBSD-zlib")
		put(tr, t)
		tr.vars = append(tr.vars, "ORLOP_DEFINITIONS=tree")
		tr.make(t, "-j3", "release")
		var images []string
		for _, m := range regexp.MustCompile(`(?m)^SHA256 \((\S+)\) `).FindAllStringSubmatch(tr.file(t, "container-image-MANIFESTS"), -1) {
			images = append(images, m[1])
		}
		var want []string
		for _, image := range []string{"desktop", "dynamic", "notoolchain", "runtime", "static", "toolchain"} {
			want = append(want, "freebsd-"+image+":15.0-RELEASE-p3-amd64")
		}
		if !slices.Equal(images, want) {
			t.Errorf("made %q, want %q", images, want)
		}
		if lock := tr.file(t, "container-image-dynamic.lock.json"); !strings.Contains(lock, `"FreeBSD-zlib"`) {
			t.Error("dynamic is not that of the tree")
		}
		out := tr.make(t, "oci-verify")
		if n := strings.Count(out, "\treproduced\n"); n != 6 {
			t.Errorf("reproduced %d of 6:\n%s", n, out)
		}
		edit(t, tr, "runtime", "oci_image_build() {\n", "oci_image_build() {\n\tfetch https://example.org/x\n")
		tr.took(t)
		out, err := tr.try("release")
		if err == nil || !strings.Contains(out, "tools/oci-image-runtime.conf:6: ") || !strings.Contains(out, "rror code 2") {
			t.Errorf("got %v, want a line of the definition in\n%s", err, out)
		}
		if out, err := tr.try("release", "ORLOP_DEFINITIONS=trees"); err == nil || !strings.Contains(out, "ORLOP_DEFINITIONS is trees, wanted builtin or tree, or nothing") {
			t.Errorf("a misspelt one: %v\n%s", err, out)
		}
	})
}
