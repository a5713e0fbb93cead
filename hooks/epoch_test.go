// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/oci"
)

// osReleases are the sums of os-release in each layer, "" where one has none.
func osReleases(a *artifact.Artifact) []string {
	var list []string
	for _, nodes := range a.Layers {
		sum := ""
		for n := range nodes.All() {
			if n.Path == "/var/run/os-release" {
				sum = n.Digest.String()
			}
		}
		list = append(list, sum)
	}
	return list
}

// osRelease is the sum of the text for a version.
func osRelease(version, id string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte("NAME=FreeBSD\nVERSION=\""+version+"\"\nVERSION_ID=\""+id+"\"\nID=freebsd\nANSI_COLOR=\"0;31\"\nPRETTY_NAME=\"FreeBSD "+version+
		"\"\nCPE_NAME=\"cpe:/o:freebsd:freebsd:"+id+"\"\nHOME_URL=\"https://www.FreeBSD.org\"\nDOCUMENTATION_URL=\"https://docs.FreeBSD.org\"\nSUPPORT_URL=\"https://www.FreeBSD.org/support\"\nBUG_REPORT_URL=\"https://bugs.FreeBSD.org\"\n")))
}

// layersOf are the digests of an image's layers.
func layersOf(a *artifact.Artifact) []string {
	var list []string
	for _, d := range a.Manifest.Layers {
		list = append(list, d.Digest.String())
	}
	return list
}

// TestOSRelease finds in each layer the version of its packages, and a branch that
// is given in names only.
func TestOSRelease(t *testing.T) {
	t.Parallel()
	first := build(t, config(t, sampleRepo, "notoolchain"))["notoolchain"]
	want := []string{osRelease("15.0-RELEASE", "15.0"), osRelease("15.0-RELEASE-p3", "15.0"), "", ""}
	if got := osReleases(first); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	cfg := config(t, sampleRepo, "notoolchain")
	cfg.Branch = "RELEASE-p9"
	other := build(t, cfg)["notoolchain"]
	if !slices.Equal(layersOf(first), layersOf(other)) {
		t.Error("another branch makes other layers")
	}
	if v := other.Manifest.Annotations["org.opencontainers.image.version"]; v != "15.0-RELEASE-p9" {
		t.Errorf("the image calls itself %s", v)
	}
	cfg = config(t, sampleRepo, "notoolchain")
	cfg.Squash = true
	if got := osReleases(build(t, cfg)["notoolchain"]); !slices.Equal(got, want[1:2]) {
		t.Errorf("in one layer: got %q, want %q", got, want[1:2])
	}
}

// TestOSReleaseOfOthers has packages that tell no release, a candidate's, and none of
// FreeBSD's.
func TestOSReleaseOfOthers(t *testing.T) {
	t.Parallel()
	repo := t.TempDir()
	pkgtest.WriteRepo(repo,
		pkgtest.Package{Name: "FreeBSD-base", Version: "15.snap20260101000000"}, pkgtest.Package{Name: "FreeBSD-more", Version: "15.snap20260102000000"},
		pkgtest.Package{Name: "FreeBSD-odd", Version: "15.0$(x)`\"\\"}, pkgtest.Package{Name: "FreeBSD-beta", Version: "15.1.b2.20260101"},
		pkgtest.Package{Name: "tool", Version: "99.0"})
	file := filepath.Join(t.TempDir(), "own.ucl")
	if err := os.WriteFile(file, []byte(`
image low { packages = [ FreeBSD-base, tool ]; os-release = yes }
image middle { parent = low; packages = [ FreeBSD-more ] }
image high { parent = middle; env = [ A=1 ] }
image odd { packages = [ FreeBSD-odd ]; os-release = yes }
image beta { packages = [ FreeBSD-beta ]; os-release = yes }
image other { packages = [ tool ]; os-release = yes }`), 0o600); err != nil {
		t.Fatal(err)
	}
	var layers []string
	for _, branch := range []string{"STABLE", "PRERELEASE"} {
		cfg := config(t, repo, "high", "odd", "beta", "other")
		cfg.ImageFiles, cfg.Revision, cfg.Branch = []string{file}, "15.1", branch
		all := build(t, cfg)
		for image, want := range map[string][]string{
			"high": {osRelease("15.snap20260101000000", "15.1"), osRelease("15.snap20260102000000", "15.1"), ""},
			"odd":  {osRelease("15.0\\$(x)\\`\\\"\\\\", "15.1")}, "beta": {osRelease("15.1-BETA2", "15.1")}, "other": {osRelease("15.1", "15.1")},
		} {
			if got := osReleases(all[image]); !slices.Equal(got, want) {
				t.Errorf("%s, %s: got %q, want %q", image, branch, got, want)
			}
		}
		if got := layersOf(all["high"]); layers == nil {
			layers = got
		} else if !slices.Equal(got, layers) {
			t.Errorf("branch %s makes other layers", branch)
		}
	}
}

// TestEpochOfTimes has packages of which some tell no time, or one that no image
// can have.
func TestEpochOfTimes(t *testing.T) {
	t.Parallel()
	repo := t.TempDir()
	at := func(name string, seconds int64) pkgtest.Package {
		return pkgtest.Package{Name: name, Files: []pkgtest.File{{Path: "/" + name, Body: name, Time: seconds}}}
	}
	pkgtest.WriteRepo(repo, pkgtest.Package{Name: "none"}, at("old", 100), at("new", 5000), at("before", -100), at("beyond", 300_000_000_000))
	file := filepath.Join(t.TempDir(), "own.ucl")
	if err := os.WriteFile(file, []byte(`
image low { packages = [ none ] }
image middle { parent = low; packages = [ new ] }
image high { parent = middle; packages = [ old ] }
image before { packages = [ before ] }
image beyond { packages = [ beyond ] }`), 0o600); err != nil {
		t.Fatal(err)
	}
	bound := func(n int64) *int64 { return &n }
	for _, tt := range []struct {
		epoch          *int64
		high           string // of its layers, then its own
		before, beyond int64
	}{
		{nil, "0 5000 5000 5000", 0, 253402300799},
		{bound(0), "0 0 0 0", 0, 0},
		{bound(200), "200 200 200 200", 0, 200},
		{bound(10_000), "10000 5000 5000 5000", 0, 10_000},
	} {
		cfg := config(t, repo, "high", "before", "beyond")
		cfg.ImageFiles, cfg.Revision, cfg.Branch, cfg.Epoch = []string{file}, "15.0", "RELEASE", tt.epoch
		all := build(t, cfg)
		var got []string
		for _, h := range all["high"].Config.History {
			got = append(got, fmt.Sprint(h.Created.Unix()))
		}
		got = append(got, fmt.Sprint(all["high"].Config.Created.Unix()))
		if strings.Join(got, " ") != tt.high {
			t.Errorf("epoch %v: got %v, want %s", tt.epoch, got, tt.high)
		}
		for image, want := range map[string]int64{"before": tt.before, "beyond": tt.beyond} {
			if c := all[image].Config.Created.Unix(); c != want {
				t.Errorf("epoch %v: %s is of %d, want %d", tt.epoch, image, c, want)
			}
		}
		if a := all["high"].Manifest.Annotations["org.opencontainers.image.created"]; a != oci.Timestamp(all["high"].Config.Created.Unix()) {
			t.Errorf("epoch %v: the manifest is of %s", tt.epoch, a)
		}
	}
}

// TestGivenAnnotations annotates one of FreeBSD's images, and one that stands on it
// and says nothing of itself.
func TestGivenAnnotations(t *testing.T) {
	t.Parallel()
	cfg := config(t, sampleRepo, "static")
	cfg.Annotations = map[string]string{"org.opencontainers.image.source": "https://git.FreeBSD.org/src.git"}
	a := build(t, cfg)["static"]
	for key, want := range map[string]string{"vendor": "The FreeBSD Project", "licenses": "BSD-2-Clause", "url": "https://www.FreeBSD.org", "source": "https://git.FreeBSD.org/src.git"} {
		if got := a.Manifest.Annotations["org.opencontainers.image."+key]; got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	cfg = config(t, sampleRepo, "mine")
	cfg.Custom = &define.Image{Name: "mine", Parent: "static", Packages: []string{"FreeBSD-caroot"}}
	cfg.Exceptions, cfg.Annotations = anything, map[string]string{"org.opencontainers.image.vendor": "ACME"}
	mine := build(t, cfg)["mine"]
	if got := mine.Manifest.Annotations["org.opencontainers.image.vendor"]; got != "ACME" {
		t.Errorf("vendor is %q, want ACME: FreeBSD's is not asked for", got)
	}
	if got := mine.Manifest.Annotations["org.opencontainers.image.licenses"]; got != "" {
		t.Errorf("licenses is %q, want none", got)
	}
}
