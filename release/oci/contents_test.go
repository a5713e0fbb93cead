// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
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
		a := &Archive{files: map[string]file{}}
		add := func(name, text string) {
			a.files[name] = file{int64(len(text)), func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
		}
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
			t.Error("there is nothing, and nothing is told")
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
