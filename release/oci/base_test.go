// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/release/layer"
)

// documentsOf are manifest and config of an image of others, with two layers.
func documentsOf(t *testing.T, config string, edit func(*v1.Manifest)) (manifest, text []byte) {
	t.Helper()
	text = []byte(strings.NewReplacer("ID1", digest.FromString("p1").String(), "ID2", digest.FromString("p2").String()).Replace(config))
	m := v1.Manifest{Config: v1.Descriptor{MediaType: v1.MediaTypeImageConfig, Digest: digest.FromBytes(text), Size: int64(len(text))}}
	m.SchemaVersion = 2
	for _, b := range []string{"1", "2"} {
		m.Layers = append(m.Layers, v1.Descriptor{MediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip", Digest: digest.FromString(b), Size: 1})
	}
	if edit != nil {
		edit(&m)
	}
	manifest, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return manifest, text
}

const baseConfig = `{"created":"2026-01-02T03:04:05.6789Z","author":"somebody","architecture":"amd64","os":"freebsd","os.version":"15.1",` +
	`"config":{"User":"www","ExposedPorts":{"80/tcp":{}},"Env":["PATH=/bin"],"Entrypoint":["/e"],"Volumes":{"/data":{}},"StopSignal":"SIGQUIT"},` +
	`"rootfs":{"type":"layers","diff_ids":["ID1","ID2"]},"history":[{"created":"2026-01-01T00:00:00Z","created_by":"ADD","comment":"c"},{"created_by":"ENV","empty_layer":true},{"author":"x"}]}`

// TestBase puts a layer on an image of others.
func TestBase(t *testing.T) {
	t.Parallel()
	base, err := ReadBase(documentsOf(t, baseConfig, nil))
	if err != nil {
		t.Fatal(err)
	}
	im := Image{Name: "n", Architecture: "amd64", Created: 60, Base: base,
		Settings: Inherit(base.Image.Config, v1.ImageConfig{Cmd: []string{"c"}, WorkingDir: "/w"}, nil),
		Layers:   []Layer{{layer.Layer{MediaType: v1.MediaTypeImageLayerZstd, DiffID: digest.FromString("p3"), Digest: digest.FromString("3"), Size: 3}, 60, "orlop n"}}}
	d := im.Documents()
	want := `{"created":"1970-01-01T00:01:00Z","author":"somebody","architecture":"amd64","os":"freebsd","os.version":"15.1",` +
		`"config":{"User":"www","ExposedPorts":{"80/tcp":{}},"Env":["PATH=/bin"],"Entrypoint":["/e"],"Cmd":["c"],"Volumes":{"/data":{}},"WorkingDir":"/w","StopSignal":"SIGQUIT"},` +
		`"rootfs":{"type":"layers","diff_ids":["` + digest.FromString("p1").String() + `","` + digest.FromString("p2").String() + `","` + digest.FromString("p3").String() + `"]},` +
		`"history":[{"created":"2026-01-01T00:00:00Z","created_by":"ADD","comment":"c"},{"created_by":"ENV","empty_layer":true},{"author":"x"},{"created":"1970-01-01T00:01:00Z","created_by":"orlop n"}]}`
	if diff := cmp.Diff(want, string(d.Config)); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	var m v1.Manifest
	if err := json.Unmarshal(d.Manifest, &m); err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, l := range m.Layers {
		types = append(types, l.MediaType)
	}
	if diff := cmp.Diff([]string{v1.MediaTypeImageLayerGzip, v1.MediaTypeImageLayerGzip, v1.MediaTypeImageLayerZstd}, types); diff != "" {
		t.Errorf("types of layers (-want +got):\n%s", diff)
	}
}

// TestBaseHistory fills in what a base does not say: a history is optional.
func TestBaseHistory(t *testing.T) {
	t.Parallel()
	base, err := ReadBase(documentsOf(t, `{"created":"2026-01-02T03:04:05Z","architecture":"amd64","os":"freebsd","config":{},"rootfs":{"type":"layers","diff_ids":["ID1","ID2"]}}`, nil))
	if err != nil {
		t.Fatal(err)
	}
	im := Image{Base: base}
	if got := string(im.Documents().Config); !strings.HasSuffix(got, `"history":[{"created":"2026-01-02T03:04:05Z"},{"created":"2026-01-02T03:04:05Z"}]}`) {
		t.Errorf("got %s", got)
	}
}

// TestReadBaseRefuses images that no other can stand on.
func TestReadBaseRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		edit func(*v1.Manifest)
		want string
	}{
		{"foreign layer", func(m *v1.Manifest) {
			m.Layers[1].MediaType = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
		},
			`layer 2: is of type "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", which cannot be in an image of others`},
		{"bytes elsewhere", func(m *v1.Manifest) { m.Layers[0].URLs = []string{"https://x/y"} }, "layer 1: its bytes are at https://x/y, not with the image"},
		{"another config", func(m *v1.Manifest) { m.Config.Digest = digest.FromString("x") }, "digest of the config"},
		{"a layer too many", func(m *v1.Manifest) { m.Layers = append(m.Layers, m.Layers[0]) }, "number of diff_ids in the config"},
		{"a digest of another kind", func(m *v1.Manifest) { m.Layers[0].Digest = "sha1:00" }, "layer 1: "},
	} {
		if _, err := ReadBase(documentsOf(t, baseConfig, tt.edit)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}
