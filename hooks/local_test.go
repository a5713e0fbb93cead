// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/parent"
	"github.com/orlop/orlop/hooks/verify"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/pkgfile/porttest"
	"github.com/orlop/orlop/release/oci/layout"
	"github.com/orlop/orlop/release/tree"
)

// TestPortsOnParent has the base in an image that was there before: the trees and the
// databases are those of both in one run.
func TestPortsOnParent(t *testing.T) {
	t.Parallel()
	const names = "nginx, redis, zsh"
	whole := portsConfig(t, "image low { packages = [ base, anon ] }\nimage x { parent = low; packages = [ "+names+", bnon ] }", "x", ports()...)
	want := build(t, whole)["x"]
	low := whole
	low.Images, low.OutDir = []string{"low"}, t.TempDir()
	build(t, low)
	got := onParent(t, whole, filepath.Join(low.OutDir, "container-image-low"), names+", bnon")
	var listings [2]strings.Builder
	for i, a := range []*artifact.Artifact{want, got} {
		if err := tree.WriteMtree(t.Context(), &listings[i], a.Tree); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(listings[0].String(), listings[1].String()); d != "" {
		t.Errorf("on a parent of this run, and on one that was there (-first +second):\n%s", d)
	}
}

// onParent builds and verifies an image of packages on one in a folder.
func onParent(t *testing.T, cfg hooks.Config, below, packages string) *artifact.Artifact {
	t.Helper()
	cfg.OutDir = t.TempDir()
	cfg.ImageFiles = []string{write(t, "image x { parent = \""+below+"\"; packages = [ "+packages+" ] }")}
	cfg.Parents = parent.Finder{Find: func(ctx context.Context, reference string) (*artifact.Ref, error) {
		file, err := layout.Open(ctx, reference)
		return &artifact.Ref{Name: reference, File: file}, err
	}}
	a, found := verify.Artifact(t.Context(), source(t, buildOnce(t, cfg).File), "")
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestLocalFolders has folders of which no package has the attributes: they are those of
// the ports tree, also on an image that has others. What a package or an mtree file says
// comes first.
func TestLocalFolders(t *testing.T) {
	t.Parallel()
	lists := pkgtest.Package{Name: "lists", Files: []pkgtest.File{{Path: "/local.dist", Body: "/set type=dir uname=root gname=daemon mode=0700\n.\n    sbin\n    ..\n    share\n        odd\n        ..\n    ..\n..\n"}}}
	tools := porttest.New("tools", "", "", nil, pkgtest.File{Path: "/usr/local/sbin/tool", Body: "x"}, pkgtest.File{Path: "/usr/local/share/odd/x", Body: "x"},
		pkgtest.File{Path: "/usr/local/man/cat1/x", Body: "x"}, pkgtest.File{Path: "/usr/local/libexec/x", Body: "x"})
	tools.Dirs = []pkgtest.File{{Path: "/usr/local/libexec", Mode: 0o711}}
	const low = `image low { mtree { from = [ lists ]; "/local.dist" { prefix = /usr/local } } packages = [ base ] }`
	whole := portsConfig(t, low+"\nimage x { parent = low; packages = [ tools ] }", "x", append(ports(), lists, tools)...)
	for path, want := range map[string]string{
		"/usr/local/sbin": "0700 root:daemon 0:1", "/usr/local/share/odd": "0700 root:daemon 0:1", "/usr/local/man/cat1": "0755 man:wheel 9:0", "/usr/local/libexec": "0711 root:wheel 0:0",
	} {
		compareNode(t, build(t, whole)["x"], path, want)
	}
	below := whole
	below.Images, below.OutDir = []string{"low"}, t.TempDir()
	build(t, below)
	a := onParent(t, whole, filepath.Join(below.OutDir, "container-image-low"), "tools")
	for path, want := range map[string]string{
		"/usr/local/sbin": "0755 root:wheel 0:0", "/usr/local/share/odd": "0700 root:daemon 0:1", "/usr/local/share": "0755 root:wheel 0:0", "/usr/local/libexec": "0711 root:wheel 0:0",
	} {
		compareNode(t, a, path, want)
	}
}
