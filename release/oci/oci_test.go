// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/release/layer"
)

// sample is an image of two layers, which hold no tar files: nothing here
// looks into them.
func sample() (*Image, [][]byte) {
	blobs := [][]byte{[]byte("one"), bytes.Repeat([]byte("two"), 50_000)}
	im := &Image{
		Name: "freebsd-x:15.0-RELEASE-amd64", Architecture: "arm64", Created: 1_700_000_000,
		Settings: v1.ImageConfig{Env: []string{"PATH=/bin"}, Cmd: []string{"/bin/sh", "-c", "a \"b\"\n<é>"},
			Labels: map[string]string{"b": "2", "a": "1"}},
		Annotations: map[string]string{"z": "", "org.example": "x"},
	}
	for i, b := range blobs {
		im.Layers = append(im.Layers, Layer{layer.Layer{MediaType: layer.Gzip.MediaType(), DiffID: digest.FromString(string(b) + "plain"),
			Digest: digest.FromBytes(b), Size: int64(len(b))}, int64(i), "orlop x"})
	}
	return im, blobs
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	im, _ := sample()
	d := im.Documents()
	want := `{"created":"2023-11-14T22:13:20Z","architecture":"arm64","os":"freebsd",` +
		`"config":{"Env":["PATH=/bin"],"Cmd":["/bin/sh","-c","a \"b\"\u000a<é>"],"Labels":{"a":"1","b":"2"}},` +
		`"rootfs":{"type":"layers","diff_ids":["` + im.Layers[0].DiffID.String() + `","` + im.Layers[1].DiffID.String() + `"]},` +
		`"history":[{"created":"1970-01-01T00:00:00Z","created_by":"orlop x"},{"created":"1970-01-01T00:00:01Z","created_by":"orlop x"}]}`
	if diff := cmp.Diff(want, string(d.Config)); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	wantIndex := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
		`"digest":"` + d.Digest.String() + `","size":` + digits(len(d.Manifest)) + `,"annotations":{"org.opencontainers.image.ref.name":"freebsd-x:15.0-RELEASE-amd64"}}]}`
	if diff := cmp.Diff(wantIndex, string(d.Index)); diff != "" {
		t.Errorf("index (-want +got):\n%s", diff)
	}
	wantManifest := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json",` +
		`"digest":"` + d.ConfigDigest.String() + `","size":` + digits(len(d.Config)) + `},"layers":[` +
		`{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"` + im.Layers[0].Digest.String() + `","size":3},` +
		`{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"` + im.Layers[1].Digest.String() + `","size":150000}],` +
		`"annotations":{"org.example":"x","z":""}}`
	if diff := cmp.Diff(wantManifest, string(d.Manifest)); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
}

// TestDocumentsOfLittle is about members that are left out, and lists that are
// not, although they are empty.
func TestDocumentsOfLittle(t *testing.T) {
	t.Parallel()
	d := (&Image{Architecture: "arm", Variant: "v7"}).Documents()
	want := `{"created":"1970-01-01T00:00:00Z","architecture":"arm","variant":"v7","os":"freebsd","config":{},"rootfs":{"type":"layers","diff_ids":[]},"history":[]}`
	if diff := cmp.Diff(want, string(d.Config)); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	if !strings.HasSuffix(string(d.Manifest), `},"layers":[]}`) {
		t.Errorf("manifest: %s", d.Manifest)
	}
}

// TestQuote compares with the decoder of the standard library, and looks for
// escapes that JSON does not ask for.
func TestQuote(t *testing.T) {
	t.Parallel()
	for r := range rune(0x3000) {
		var b strings.Builder
		quote(&b, string(r))
		var got string
		if err := json.Unmarshal([]byte(b.String()), &got); err != nil || got != string(r) {
			t.Errorf("%U: %s is read as %q, %v", r, b.String(), got, err)
		}
		if needs := r < 0x20 || r == '"' || r == '\\'; !needs && b.String() != `"`+string(r)+`"` {
			t.Errorf("%U: escaped as %s", r, b.String())
		}
	}
}

func digits(n int) string {
	var b strings.Builder
	write(&b, n)
	return b.String()
}
