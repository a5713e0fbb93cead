// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release"
)

// TestAnnotations compares what FreeBSD's own images say of themselves with what
// one's own do.
func TestAnnotations(t *testing.T) {
	t.Parallel()
	r := release.Release{Revision: "15.0", Branch: "RELEASE-p3", ABI: "FreeBSD:15:amd64"}
	all, err := Standard("15.0")
	if err != nil {
		t.Fatal(err)
	}
	err = all.Read("my.ucl", []byte(`
image bare { packages = [ p ] }
image web { packages = [ p ]; title = "A web server"; tags = [ "1.27", stable ]; version = "1.27.3"
    annotations { "org.opencontainers.image.vendor" = ACME; "org.example.team" = web }
    when ">=15" { annotations { "org.opencontainers.image.licenses" = "MIT" } tags = [ latest ] }
}`), Target{Revision: "15.0"})
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]string{"org.opencontainers.image.revision": "abc", "org.example.team": "release"}
	const oci = "org.opencontainers.image."
	for name, want := range map[string]map[string]string{
		"static": {oci + "title": "FreeBSD static", oci + "version": "15.0-RELEASE-p3", oci + "vendor": "The FreeBSD Project", oci + "licenses": "BSD-2-Clause",
			oci + "url": "https://www.FreeBSD.org", oci + "documentation": "https://docs.FreeBSD.org/en/books/handbook/containers/",
			oci + "revision": "abc", "org.example.team": "release", AnnotationABI: r.ABI},
		"bare": {oci + "title": "bare", oci + "revision": "abc", "org.example.team": "release", AnnotationABI: r.ABI},
		"web": {oci + "title": "A web server", oci + "version": "1.27.3", oci + "vendor": "ACME", oci + "licenses": "MIT",
			oci + "revision": "abc", "org.example.team": "web", AnnotationABI: r.ABI},
	} {
		if d := cmp.Diff(want, all[name].ManifestAnnotations(r, given)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	if got := all["web"].RefName(r); got != "web:1.27-amd64" {
		t.Errorf("web is called %s", got)
	}
	for _, img := range all {
		if own := img.Name == "bare" || img.Name == "web"; img.FreeBSD == own {
			t.Errorf("%s is FreeBSD's: %v", img.Name, img.FreeBSD)
		}
	}
}

// TestAnnotationsRefused finds what a definition cannot say, and a run cannot.
func TestAnnotationsRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 129)
	for _, tt := range []struct{ keys, want string }{
		{`freebsd = yes`, "freebsd: x:1: key is not known"},
		{`tags = [ "a b" ]`, `tag "a b": wanted`},
		{`tags = [ "" ]`, `tag "": wanted`}, {`tags = [ ".x" ]`, `tag ".x": wanted`}, {`tags = [ "-x" ]`, `tag "-x": wanted`},
		{`tags = [ "a:b" ]`, `tag "a:b": wanted`}, {`tags = [ "a/b" ]`, `tag "a/b": wanted`}, {`tags = [ "é" ]`, `tag "é": wanted`},
		{`tags = [ ` + long + ` ]`, "wanted at most 128"}, {`tags = [ a, a ]`, `tag "a" occurs twice`}, {`tags = [ "a\n" ]`, `tag "a\n": wanted`},
		{`version = "a\nb"`, `version: its text "a\nb" has a control character`}, {`title = "a\tb"`, "title: its text"},
		{`version = " "`, "version: its text is empty"},
		{`annotations = x`, "annotations: x:1"},
		{`annotations { "org.opencontainers.image.created" = x }`, `annotation "org.opencontainers.image.created": orlop makes it, from the packages' times`},
		{`annotations { "org.opencontainers.image.title" = x }`, "orlop makes it"}, {`annotations { "org.opencontainers.image.version" = x }`, "orlop makes it"},
		{`annotations { "org.opencontainers.image.ref.name" = x }`, "orlop makes it"}, {`annotations { "org.opencontainers.image.base.name" = x }`, "orlop makes it"},
		{`annotations { "org.opencontainers.image.base.digest" = x }`, "orlop makes it"}, {`annotations { "org.freebsd.abi" = x }`, "orlop makes it"},
		{`annotations { "org.opencontainers.image.sorce" = x }`, "did you mean org.opencontainers.image.source?"},
		{`annotations { "org.opencontainers.other" = x }`, "the image-spec has no such annotation to set"},
		{`annotations { "org.opencontainers.source" = x }`, "the image-spec has no such annotation to set"},
		{`annotations { "Org.Opencontainers.image.source" = x }`, "the image-spec has no such annotation to set"},
		{`annotations { "org.freebsd.ABI" = x }`, "orlop makes it"},
		{`cmd = [ "" ]`, "cmd: its first word is empty, wanted a program"},
		{`annotations { revision = x }`, `annotation "revision": is not a name such as org.opencontainers.image.source`},
		{`annotations { "a b.c" = x }`, "is not a name"}, {`annotations { "a.b\n" = x }`, "is not a name"}, {`annotations { ".a" = x }`, "is not a name"}, {`annotations { "a." = x }`, "is not a name"},
		{`annotations { "a.b" = "" }`, "its text is empty"}, {`annotations { "a.b" = "x\u0000" }`, "has a control character"}, {`annotations { "a.b" = "x\u202e" }`, "has a control character"},
	} {
		err := Images{}.Read("x", []byte("image a { parent = b; "+tt.keys+" }"), Target{Revision: "15.0"})
		var usage *fault.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.keys, err, tt.want)
		}
	}
	if err := (Images{}).Add(Image{Name: "freebsd-web", Parent: "b"}); err == nil || !strings.Contains(err.Error(), "freebsd- begins the names of FreeBSD's own images") {
		t.Errorf("a name like FreeBSD's: got %v", err)
	}
	all, err := Standard("15.0")
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]string{"org.opencontainers.image.vendor": "ACME", "org.opencontainers.image.source": "x"}
	const want = `annotation "org.opencontainers.image.vendor": the definition of image runtime has it`
	if err := all["runtime"].CheckGiven(given); err == nil || err.Error() != want {
		t.Errorf("FreeBSD's vendor: got %v, want %s", err, want)
	}
	own := Image{Name: "web", Annotations: map[string]string{"org.opencontainers.image.vendor": "web"}}
	if err := own.CheckGiven(given); err != nil {
		t.Error(err)
	}
	r := release.Release{Revision: "15.0", Branch: "RELEASE", ABI: "FreeBSD:15:powerpc64le"}
	for n, ok := range map[int]bool{116: true, 117: false} {
		if err := (Image{Name: "web", Tags: []string{long[:n]}}).CheckRefName(r); (err == nil) != ok {
			t.Errorf("a tag of %d characters: %v", n, err)
		}
	}
}

// TestOf finds the release of packages, whatever the whole is called.
func TestOf(t *testing.T) {
	t.Parallel()
	r := release.Release{Revision: "15.1", Branch: "STABLE", ABI: "FreeBSD:15:amd64"}
	for version, want := range map[string]string{
		"15.0": "15.0-RELEASE base_release_0", "15.0p3": "15.0-RELEASE-p3 base_release_0", "15.1.rc2.20260101": "15.1-RC2 base_release_1",
		"15.0.b1.20250901": "15.0-BETA1 base_latest", "15.snap20250901000000": "15.1 base_latest", "": "15.1 base_latest",
	} {
		if got := r.Of(version); got.Version()+" "+got.BaseRepository() != want {
			t.Errorf("%s: got %s %s, want %s", version, got.Version(), got.BaseRepository(), want)
		}
	}
}

// FuzzAnnotation wants what is taken to be one line that everybody reads alike.
func FuzzAnnotation(f *testing.F) {
	f.Add("org.opencontainers.image.source", "https://git.FreeBSD.org/src.git")
	f.Add("org.example.a/b", "x y")
	f.Add("revision", "")
	f.Fuzz(func(t *testing.T, key, value string) {
		if CheckAnnotations(map[string]string{key: value}) != nil {
			return
		}
		if strings.ContainsAny(key+value, "\n\r\x00\x1b") || strings.ContainsAny(key, " =\"") || !strings.Contains(key, ".") || value == "" || strings.ToValidUTF8(value, "") != value {
			t.Errorf("%q = %q is taken", key, value)
		}
	})
}

// TestRefName has the names of archives.
func TestRefName(t *testing.T) {
	t.Parallel()
	r := release.Release{Revision: "15.0", Branch: "RELEASE-p3", ABI: "FreeBSD:15:aarch64"}
	for _, tt := range []struct {
		img  Image
		want string
	}{
		{Image{Name: "static", FreeBSD: true}, "freebsd-static:15.0-RELEASE-p3-aarch64"},
		{Image{Name: "static", FreeBSD: true, Tags: []string{"1"}}, "freebsd-static:15.0-RELEASE-p3-aarch64"},
		{Image{Name: "static"}, "static:15.0-RELEASE-p3-aarch64"},
		{Image{Name: "web", Tags: []string{"1.27", "latest"}}, "web:1.27-aarch64"},
	} {
		if got, want := tt.img.RefName(r), tt.want; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
