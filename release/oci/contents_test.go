// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// FuzzContents reads documents whose digests are right, wherever they name them
// by INDEX, MANIFEST, CONFIG or LAYER.
func FuzzContents(f *testing.F) {
	const config = `{"architecture":"arm64","os":"freebsd","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:0"]},"history":[{"empty_layer":true},{}]}`
	const manifest = `{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json",CONFIG},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar",LAYER}]}`
	const index = `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",MANIFEST,"platform":{"os":"freebsd","architecture":"arm64"}}]}`
	const nested = `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json",INDEX}]}`
	f.Add(index, "", manifest, config, "")
	f.Add(nested, index, manifest, config, "freebsd/arm64")
	f.Add(strings.Replace(index, "]}", `,{"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"x",CONFIG}]}`, 1), "", manifest, config, "freebsd/arm64/v8")
	f.Fuzz(func(t *testing.T, index, nested, manifest, config, platform string) {
		a := fake{}
		add := func(name, text string) { a[name] = text }
		names := []string{}
		blob := func(name, text string) {
			text = strings.NewReplacer(names...).Replace(text)
			d := digest.FromString(text)
			add(BlobName(d), text)
			names = append(names, name, fmt.Sprintf(`"digest":%q,"size":%d`, d, len(text)))
		}
		blob("LAYER", "layer")
		blob("CONFIG", config)
		blob("MANIFEST", manifest)
		blob("INDEX", nested)
		add("index.json", strings.NewReplacer(names...).Replace(index))
		add("oci-layout", `{"imageLayoutVersion":"1.0.0"}`)
		c, err := Read(t.Context(), a, platform)
		if c == nil && err == nil {
			t.Error("there is nothing, and nothing is reported")
		}
		if c == nil {
			return
		}
		if err == nil && (len(c.Manifest.Layers) != len(c.Config.RootFS.DiffIDs) || c.Texts.Config == nil) {
			t.Errorf("an image whose parts disagree was accepted: %+v", c)
		}
		again, more := Read(t.Context(), a, platform)
		if d := cmp.Diff(c, again); d != "" || fmt.Sprint(err) != fmt.Sprint(more) {
			t.Errorf("%v, and then %v: %s", err, more, d)
		}
	})
}

// fake is a layout in memory.
type fake map[string]string

func (f fake) Index(context.Context) (LayoutFiles, error) {
	return LayoutFiles{Index: []byte(f["index.json"]), Layout: []byte(f["oci-layout"]), Files: slices.Sorted(maps.Keys(f))}, nil
}

func (f fake) Blob(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if err := CheckDigest(d.Digest); err != nil {
		return nil, err
	}
	text, ok := f[BlobName(d.Digest)]
	if !ok || int64(len(text)) != d.Size {
		return nil, FormatErrorf("blob %s is not there", d.Digest)
	}
	return Verify(io.NopCloser(strings.NewReader(text)), d.Digest, d.Size), nil
}

func (fake) Close() error { return nil }
