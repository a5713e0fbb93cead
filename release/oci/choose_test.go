// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/pkgdb/fault"
)

// images is a layout with several images. Its methods write a blob each and
// return a descriptor of it.
type images struct{ fake }

func (l images) blob(mediaType, text, more string) string {
	d := digest.FromString(text)
	l.fake[BlobName(d)] = text
	return fmt.Sprintf(`{"mediaType":"application/%s","digest":"%s","size":%d%s}`, mediaType, d, len(text), more)
}

// image writes one for a platform, OS/ARCHITECTURE. More is put into its
// descriptor.
func (l images) image(platform, more string) string {
	system, arch, _ := strings.Cut(platform, "/")
	config := l.blob("vnd.oci.image.config.v1+json", fmt.Sprintf(`{"os":"%s","architecture":"%s","config":{},"rootfs":{"type":"layers","diff_ids":[]}}`, system, arch), "")
	return l.blob("vnd.oci.image.manifest.v1+json", `{"schemaVersion":2,"config":`+config+`,"layers":[]}`, more)
}

func (l images) index(descriptors ...string) string {
	return l.blob("vnd.oci.image.index.v1+json", `{"schemaVersion":2,"manifests":[`+strings.Join(descriptors, ",")+`]}`, `,"annotations":{"org.opencontainers.image.ref.name":"of the index"}`)
}

// TestChoose finds the image that is meant, or tells why there is none.
func TestChoose(t *testing.T) {
	t.Parallel()
	const (
		at          = `,"platform":{"os":"freebsd","architecture":"arm64"}`
		name        = `,"annotations":{"org.opencontainers.image.ref.name":"n"}`
		attestation = `,"platform":{"os":"unknown","architecture":"unknown"},"annotations":{"vnd.docker.reference.type":"attestation-manifest"}`
	)
	for _, tt := range []struct {
		name     string
		index    func(images) []string
		platform string
		want     string // platform and name, or the error
		passed   string
	}{
		{"one", func(l images) []string { return []string{l.image("freebsd/amd64", name)} }, "", "freebsd/amd64 n", ""},
		{"one in an index", func(l images) []string { return []string{l.index(l.image("freebsd/amd64", ""))} }, "", "freebsd/amd64 of the index", ""},
		{"one with an attestation", func(l images) []string {
			return []string{l.index(l.image("freebsd/amd64", ""), l.image("unknown/unknown", attestation))}
		}, "", "freebsd/amd64 of the index", "attestation manifest sha256:"},
		{"one by two names", func(l images) []string { return []string{l.image("freebsd/amd64", name), l.image("freebsd/amd64", "")} }, "", "freebsd/amd64 n", ""},
		{"one whose second descriptor has the name", func(l images) []string { return []string{l.image("freebsd/amd64", ""), l.image("freebsd/amd64", name)} }, "", "freebsd/amd64 n", ""},
		{"one by three names", func(l images) []string {
			return []string{l.image("freebsd/amd64", name), l.index(l.image("freebsd/amd64", "")), l.image("freebsd/amd64", name), l.index(l.image("freebsd/amd64", ""))}
		}, "", "freebsd/amd64 n", `the image also has the name "of the index"`},
		{"one large one, a thousand times", func(l images) []string { // of 100 KB, which are read once
			config := l.blob("vnd.oci.image.config.v1+json", `{"os":"freebsd","architecture":"amd64","config":{},"rootfs":{"type":"layers","diff_ids":[]}}`, "")
			return slices.Repeat([]string{l.blob("vnd.oci.image.manifest.v1+json", `{"schemaVersion":2,"x":"`+strings.Repeat("x", 100_000)+`","config":`+config+`,"layers":[]}`, name)}, 1000)
		}, "", "freebsd/amd64 n", ""},
		{"two", func(l images) []string { return []string{l.image("freebsd/amd64", name), l.image("freebsd/arm64", at)} }, "", "has 2 images, wanted one; --platform chooses: freebsd/amd64, freebsd/arm64", ""},
		{"the second of two", func(l images) []string { return []string{l.image("freebsd/amd64", name), l.image("freebsd/arm64", at)} }, "freebsd/arm64", "freebsd/arm64 ", ""},
		{"none of two", func(l images) []string { return []string{l.image("freebsd/amd64", name), l.image("freebsd/arm64", at)} }, "linux/arm64", "has no image for linux/arm64, found freebsd/amd64, freebsd/arm64", ""},
		{"another than the only one", func(l images) []string { return []string{l.image("freebsd/amd64", name)} }, "linux/amd64", "has no image for linux/amd64, found freebsd/amd64", ""},
		{"two of one platform", func(l images) []string {
			return []string{l.image("freebsd/arm64", at), l.image("freebsd/arm64 ", at)}
		}, "freebsd/arm64", "has 2 images for freebsd/arm64, wanted one: sha256:", ""},
		{"none", func(images) []string { return nil }, "", "index.json leads to no image, wanted one", ""},
		{"docker's", func(l images) []string {
			return []string{l.blob("vnd.docker.distribution.manifest.v2+json", "{}", "")}
		}, "", `manifest: type of its descriptor is "application/vnd.docker.distribution.manifest.v2+json", which this version does not read`, ""},
		{"an artifact", func(l images) []string {
			return []string{l.blob("vnd.oci.image.manifest.v1+json", `{"schemaVersion":2,"config":`+l.blob("vnd.oci.empty.v1+json", "{}", "")+`,"layers":[]}`, "")}
		}, "", `manifest: its config is of type "application/vnd.oci.empty.v1+json", so it is not an OCI image`, ""},
		{"one that its descriptor calls an artifact", func(l images) []string {
			return []string{l.image("freebsd/amd64", `,"artifactType":"application/x"`)}
		}, "", "index.json leads to no image, wanted one: artifact of type application/x sha256:", ""},
		{"an artifact beside one", func(l images) []string {
			return []string{l.image("freebsd/amd64", name), l.blob("vnd.oci.image.manifest.v1+json", `{"schemaVersion":2,"config":`+l.blob("vnd.oci.empty.v1+json", "{}", "")+`,"layers":[]}`, "")}
		}, "", "freebsd/amd64 n", "so it is not an OCI image"},
		{"two artifacts", func(l images) []string {
			config := l.blob("vnd.oci.empty.v1+json", "{}", "")
			return []string{l.blob("vnd.oci.image.manifest.v1+json", `{"schemaVersion":2,"config":`+config+`,"layers":[]}`, ""),
				l.blob("vnd.oci.image.manifest.v1+json", `{"schemaVersion":2,"config":`+config+`,"layers":[],"annotations":{}}`, "")}
		}, "freebsd/arm64", "so it is not an OCI image", ""},
		{"one whose blobs are elsewhere", func(l images) []string {
			return []string{l.image("freebsd/amd64", name), `{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:` + strings.Repeat("0", 64) + `","size":1}`}
		}, "", "freebsd/amd64 n", "is not there"},
		{"indexes in indexes", func(l images) []string {
			return []string{l.index(l.index(l.index(l.index(l.image("freebsd/amd64", "")))))}
		}, "", "is nested in 4 other indexes, the most that this version follows", ""},
		{"an ambiguous index", func(l images) []string {
			return []string{l.blob("vnd.oci.image.index.v1+json", `{"schemaVersion":2,"manifests":[],"layers":[]}`, "")}
		}, "", `has "layers", by which others take it for another kind of document`, ""},
		{"sha512", func(images) []string {
			return []string{`{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,"digest":"sha512:` + strings.Repeat("0", 128) + `"}`}
		}, "", "is not supported, wanted a sha256", ""},
	} {
		l := images{fake{"oci-layout": LayoutFile}}
		l.fake["index.json"] = `{"schemaVersion":2,"manifests":[` + strings.Join(tt.index(l), ",") + `]}`
		c, err := Read(t.Context(), l, tt.platform)
		got := fmt.Sprint(err)
		if err == nil {
			got = PlatformText(c.Config.Platform) + " " + c.Descriptor.Annotations["org.opencontainers.image.ref.name"]
			if passed := strings.Join(c.PassedOver, "\n"); (passed == "") != (tt.passed == "") || !strings.Contains(passed, tt.passed) {
				t.Errorf("%s: passed over %q, wanted %q", tt.name, passed, tt.passed)
			}
			if files := c.Unreferenced; files != nil {
				t.Errorf("%s: %q", tt.name, files)
			}
		} else if _, wrong := errors.AsType[*FormatError](err); wrong != strings.Contains(tt.want, "by which") {
			t.Errorf("%s: %v is of the wrong kind", tt.name, err)
		} else if _, unsupported := errors.AsType[*fault.UnsupportedError](err); !unsupported && !wrong && tt.platform == "" {
			t.Errorf("%s: %v is a %T", tt.name, err, err)
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
