// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/tree"
)

// TestProfiles builds FreeBSD's own images from each repository and compares
// every one with what pkg(8) installed step by step, where that is at hand.
func TestProfiles(t *testing.T) {
	t.Parallel()
	needShared(t)
	all := define.StandardNames()
	for _, tt := range []struct {
		repo, golden string
		images       []string
	}{
		{"unsigned/FreeBSD:15:amd64", "chain-", all},
		{"txz/FreeBSD:15:amd64", "chain-", all},
		{"sha256/FreeBSD:15:amd64", "sha256-chain-", all},
		{"arm64/FreeBSD:15:aarch64", "arm64-chain-", all[:3]},
	} {
		t.Run(strings.Split(tt.repo, "/")[0], func(t *testing.T) {
			t.Parallel()
			cfg := config(t, filepath.Join(shared, "repos", tt.repo, "15.0p3"), tt.images...)
			made := build(t, cfg)
			compared := 0
			for name, a := range made {
				golden := filepath.Join(shared, "golden", tt.golden+name)
				if _, err := os.Stat(golden); err != nil {
					continue
				}
				compared++
				compareFiles(t, a, filepath.Join(golden, "files.mtree"))
				compareDump(t, database(t, a, filepath.Join(cfg.OutDir, release.ArtifactName(name))), filepath.Join(golden, "dump.txt"))
			}
			if len(made) != len(tt.images) || compared < 2 {
				t.Errorf("made %d images, wanted %d; compared %d, wanted at least 2", len(made), len(tt.images), compared)
			}
		})
	}
}

// TestShared checks that an image's layers are the first ones of its child's.
func TestShared(t *testing.T) {
	t.Parallel()
	names := define.StandardNames()
	made := build(t, config(t, sampleRepo, names...))
	for i := 1; i < len(names); i++ {
		parent, child := made[names[i-1]].Manifest.Layers, made[names[i]].Manifest.Layers
		if len(child) != i+1 || !slices.EqualFunc(parent, child[:i], func(a, b v1.Descriptor) bool { return a.Digest == b.Digest }) {
			t.Errorf("%s: its layers do not begin with those of %s", names[i], names[i-1])
		}
	}
}

// TestSquash compares the trees of squashed images with those of layered ones. A run
// that builds an image and its parent gives each one layer.
func TestSquash(t *testing.T) {
	t.Parallel()
	names := []string{"static", "dynamic", "runtime"}
	layered := build(t, config(t, sampleRepo, names...))
	cfg := config(t, sampleRepo, names...)
	cfg.Squash = true
	squashed := build(t, cfg)
	for _, name := range names {
		if n := len(squashed[name].Manifest.Layers); n != 1 {
			t.Fatalf("%s: got %d layers, want 1", name, n)
		}
		for _, c := range tree.Diff(t.Context(), timeless(layered[name]), timeless(squashed[name])) {
			t.Errorf("%s: %v", name, c)
		}
	}
}

// timeless gives directories no time: a squashed image's have its own epoch,
// those of a lower layer the layer's.
func timeless(a *artifact.Artifact) *tree.Tree {
	t := a.Tree.Clone()
	for n := range a.Tree.All() {
		if n.Type == tree.Dir || n.Origin == tree.Generated {
			t.SetTime(n.Path, 0)
		}
	}
	for _, path := range []string{"/etc/master.passwd", "/etc/group", "/var/db/pkg/local.sqlite"} {
		t.SetTime(path, 0)
	}
	return t
}

// TestOwners compares numeric owners with the image's own accounts.
func TestOwners(t *testing.T) {
	t.Parallel()
	a := build(t, config(t, sampleRepo, "notoolchain"))["notoolchain"]
	const fixture = "/usr/share/examples/fixture/"
	for path, want := range map[string][2]int{
		"/": {0, 0}, "/sbin/shutdown": {0, 5}, "/usr/bin/wall": {0, 4}, "/var/unbound": {59, 59}, "/var/games": {7, 13},
		fixture + "owner-numericish": {1001, 1002}, fixture + "owner-dhcp": {65, 65},
	} {
		if n := a.Tree.Lookup(path); n == nil || n.UID != want[0] || n.GID != want[1] {
			t.Errorf("%s: got %+v, want %v", path, n, want)
		}
	}
	if n := a.Tree.Lookup("/"); n.Mode != 0o755 || n.Uname != "root" || a.Layers[0].At(0).Path != "/" {
		t.Errorf("the base layer starts with %+v", a.Layers[0].At(0))
	}
}
