// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestImageIndex pins the bytes of an index, whatever the order of its images.
func TestImageIndex(t *testing.T) {
	t.Parallel()
	of := func(arch, variant string) v1.Descriptor {
		return v1.Descriptor{MediaType: v1.MediaTypeImageManifest, Digest: digest.FromString(arch + variant), Size: 7, Platform: &v1.Platform{OS: "freebsd", Architecture: arch, Variant: variant}}
	}
	list := []v1.Descriptor{of("riscv64", ""), of("arm", "v7"), of("amd64", ""), of("arm", "v6"), of("arm64", "")}
	annotations := map[string]string{"b": "2", "a": "1"}
	const want = "sha256:38fc25c920e8bad5784f30d698688eb0be4cc3094b0d906ceea83a3951090bac"
	text := ImageIndex(list, annotations)
	if got := digest.FromBytes(text); got != want {
		t.Errorf("digest is %s, want %s:\n%s", got, want, text)
	}
	slices.Reverse(list)
	if again := ImageIndex(list, annotations); string(again) != string(text) {
		t.Errorf("in another order it is\n%s", again)
	}
}

// TestAttachment pins the bytes of an attachment, in its two forms.
func TestAttachment(t *testing.T) {
	t.Parallel()
	file, subject := DescriptorOf("application/x", []byte("file")), DescriptorOf(v1.MediaTypeImageManifest, []byte("subject"))
	for want, text := range map[string][]byte{
		"sha256:1420483a85289a4ceaf65f38e3ce65f5d7d1691fb6f00031a1ecc6fd25841883": Attachment("application/x", "x.json", file, subject, nil),
		"sha256:29914c9ef60cf66a35fc272c0988291b29ea2ecb3462697380bb62441d10c57f": PlainAttachment("x.json", file, subject, nil),
	} {
		if got := digest.FromBytes(text).String(); got != want {
			t.Errorf("digest is %s, want %s:\n%s", got, want, text)
		}
	}
}

// counting counts what is read of a source without files.
type counting struct {
	images
	index string
	reads map[digest.Digest]int
}

func (c *counting) Index(context.Context) (LayoutFiles, error) {
	return LayoutFiles{Index: []byte(`{"schemaVersion":2,"manifests":[` + c.index + `]}`)}, nil
}

func (c *counting) Blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	c.reads[d.Digest]++
	return c.fake.Blob(ctx, d)
}

// TestPlatforms lists the platforms of an index, each once, and reads no manifest of
// which it states the platform: an answer of a registry may cost.
func TestPlatforms(t *testing.T) {
	t.Parallel()
	at := func(arch string) string { return `,"platform":{"os":"freebsd","architecture":"` + arch + `"}` }
	for _, tt := range []struct {
		name  string
		index func(images) []string
		want  string
		err   string
		reads int
	}{
		{"one", func(l images) []string { return []string{l.image("freebsd/amd64", "")} }, "[]", "", 0},
		{"two", func(l images) []string {
			return []string{l.index(l.image("freebsd/amd64", at("amd64")), l.image("freebsd/arm64", at("arm64")))}
		}, "[freebsd/amd64 freebsd/arm64]", "", 1},
		{"two, unstated", func(l images) []string {
			return []string{l.index(l.image("freebsd/amd64", ""), l.image("freebsd/arm64", ""))}
		}, "[freebsd/amd64 freebsd/arm64]", "", 5},
		{"with another's attestation", func(l images) []string {
			return []string{l.index(l.image("freebsd/amd64", at("amd64")), l.image("freebsd/arm64", at("arm64")), l.image("unknown/unknown", `,"platform":{"os":"unknown","architecture":"unknown"}`))}
		}, "[freebsd/amd64 freebsd/arm64]", "", 1},
		{"one platform twice", func(l images) []string {
			return []string{l.index(l.image("freebsd/amd64", at("amd64")), l.image("freebsd/arm64", at("amd64")))}
		}, "[]", "has two images for freebsd/amd64, wanted one", 1},
		{"one digest with two sizes", func(l images) []string {
			d := l.image("freebsd/amd64", at("amd64"))
			return []string{l.index(d, strings.Replace(d, `"size":`, `"size":1`, 1))}
		}, "[]", "size of blob sha256:", 1},
		{"ten thousand", func(l images) []string {
			var list []string
			for i := range 10_000 {
				list = append(list, l.blob("vnd.oci.image.manifest.v1+json", fmt.Sprint(i), at(fmt.Sprint("x", i))))
			}
			return []string{l.index(list...)}
		}, "[]", "has more than 1000 manifests", 1},
	} {
		l := images{fake{}}
		c := &counting{images: l, index: strings.Join(tt.index(l), ","), reads: map[digest.Digest]int{}}
		got, err := Platforms(t.Context(), c)
		reads := 0
		for _, n := range c.reads {
			reads += n
		}
		if fmt.Sprint(got) != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) || reads != tt.reads {
			t.Errorf("%s: got %v, %v, with %d reads; want %s, %q, %d", tt.name, got, err, reads, tt.want, tt.err, tt.reads)
		}
		if twice, is := errors.AsType[*TwiceError](err); is && !twice.Unmet() {
			t.Errorf("%s: is not a request that cannot be met", tt.name)
		}
		if len(got) == 2 {
			c.reads = map[digest.Digest]int{}
			if read, err := Read(t.Context(), c, got[1]); err != nil || read.Config.Architecture != "arm64" {
				t.Errorf("%s: the second is %v, %v", tt.name, read, err)
			}
		}
	}
}
