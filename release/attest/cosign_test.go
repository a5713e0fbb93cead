// SPDX-License-Identifier: BSD-2-Clause

package attest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/release/attest"
)

// foreign is a layer that is no signature of cosign's, with blanks and members of its own.
var foreign = fmt.Sprintf(`{ "digest" : "%s", "mediaType":"text/plain","size":1 ,"annotations":{"b":"\u0031","a":"<"},"x":[1, 2]}`, digest.FromString("foreign"))

// TestSignatureListGolden pins the manifest and config of a list, whose bytes are cosign's.
func TestSignatureListGolden(t *testing.T) {
	t.Parallel()
	var l attest.SignatureList
	for i, tt := range []struct {
		config                 int
		manifestSum, configSum string
	}{
		{
			126, "6475f5bd3287ec52cb5962afd94f2c3bb1d3c094191354938f537cc4f55ac1af",
			"a900c8b8715ba2fd4454cc1e378e67d4d03ccb60435db00e9fdbce7ddc29ef61",
		},
		{
			233, "7132888eb30f14be18c2b4a2b0c3d3e3961eae88c566be02a52bdf9551c2983e",
			"4ce049da94433cafe819d5267430ecb8133564fef2b9baeadfb264acb8e9b68b",
		},
		{
			342, "3b30f0b402016510e06f50ebf5ab92c389eec65d92ed866d6fc781dc03452289",
			"75deb4f643bc6f899cc3eb8f22b0f034dd9616d5289efa08f7e779b5cf4f9cb2",
		},
	} {
		manifest, config := l.Texts()
		if len(config) != tt.config || sum(manifest) != tt.manifestSum || sum(config) != tt.configSum {
			t.Errorf("%d layers: the manifest is %s, the config %s of %d bytes", i, sum(manifest), sum(config), len(config))
		}
		var m struct {
			Config struct {
				Size   int
				Digest digest.Digest
			}
			Layers []struct{ Digest digest.Digest }
		}
		if err := json.Unmarshal(manifest, &m); err != nil || m.Config.Size != len(config) || m.Config.Digest != digest.FromBytes(config) || len(m.Layers) != i || l.Len() != i {
			t.Errorf("%d layers: the manifest is of something else, %v", i, err)
		}
		l.Add(fmt.Append(nil, cosigned, i), []byte{1, 2, byte(i)})
	}
}

// TestSignatureListKeeps adds to a list and keeps what others have written, byte for byte.
func TestSignatureListKeeps(t *testing.T) {
	t.Parallel()
	var l attest.SignatureList
	l.Add([]byte("one"), []byte("sig one"))
	text, _ := l.Texts()
	const notes = `{ "z":"1", "a":"\u0032" }`
	with := strings.Replace(string(text), `"layers":[`, `"layers":[`+foreign+",", 1)
	with = strings.TrimSuffix(with, "}") + `,"annotations":` + notes + "}"
	parsed, err := attest.ParseSignatureList([]byte(with))
	if err != nil || parsed.Others != 1 || parsed.Len() != 2 || len(parsed.Layers) != 1 {
		t.Fatalf("got %+v, %v", parsed, err)
	}
	if parsed.Merge(&l); parsed.Len() != 2 {
		t.Error("has the same signature twice")
	}
	var more attest.SignatureList
	more.Add([]byte("two"), []byte("sig two"))
	if parsed.Merge(&more); parsed.Len() != 3 || len(parsed.Layers) != 2 || string(parsed.Layers[1].Sig) != "sig two" {
		t.Errorf("has not what was added: %+v", parsed.Layers)
	}
	manifest, config := parsed.Texts()
	if !bytes.Contains(manifest, []byte(`"layers":[`+foreign+`,{"mediaType"`)) || !bytes.HasSuffix(manifest, []byte(`],"annotations":`+notes+"}")) {
		t.Errorf("does not keep what was there: %s", manifest)
	}
	for _, d := range []digest.Digest{digest.FromString("foreign"), digest.FromString("one"), digest.FromString("two")} {
		if bytes.Count(config, []byte(d)) != 1 || bytes.Count(manifest, []byte(d)) != 1 {
			t.Errorf("%s is not there once", d)
		}
	}
	again, err := attest.ParseSignatureList(manifest)
	if err != nil || !reflect.DeepEqual(again.Layers, parsed.Layers) || again.Others != 1 {
		t.Errorf("reads otherwise when written: %+v, %v", again, err)
	}
	if m, c := again.Texts(); !bytes.Equal(m, manifest) || !bytes.Equal(c, config) {
		t.Error("is written otherwise the second time")
	}
}

// TestParseSignatureList tells signatures from other layers, and refuses what is no list.
func TestParseSignatureList(t *testing.T) {
	t.Parallel()
	layer := func(kind, size, annotations string) string {
		return fmt.Sprintf(`{"mediaType":%q,"size":%s,"digest":"%s","annotations":%s}`, kind, size, subject, annotations)
	}
	const sig, kind = `{"dev.cosignproject.cosign/signature":"AAAA"}`, attest.MediaTypeSimple
	for _, tt := range []struct {
		name, layers   string
		layersN, other int
	}{
		{"none", "", 0, 0},
		{"a signature", layer(kind, "1", sig), 1, 0},
		{"another type", layer("text/plain", "1", sig), 0, 1},
		{"no annotation", layer(kind, "1", "null"), 0, 1},
		{"an empty signature", layer(kind, "1", `{"dev.cosignproject.cosign/signature":""}`), 0, 1},
		{"no base64", layer(kind, "1", `{"dev.cosignproject.cosign/signature":"?"}`), 0, 1},
		{"a size below none", layer(kind, "-1", sig), 0, 1},
		{"both", layer("x", "1", sig) + "," + layer(kind, "1", sig), 1, 1},
	} {
		l, err := attest.ParseSignatureList([]byte(`{"schemaVersion":2,"layers":[` + tt.layers + "]}"))
		if err != nil || len(l.Layers) != tt.layersN || l.Others != tt.other || l.Len() != tt.layersN+tt.other {
			t.Errorf("%s: got %+v, %v", tt.name, l, err)
		}
	}
	for _, tt := range []struct{ name, text, want string }{
		{"no JSON", "x", "invalid character"},
		{"an index", `{"mediaType":"application/vnd.oci.image.index.v1+json"}`, `is of type "application/vnd.oci.image.index.v1+json", wanted "application/vnd.oci.image.manifest.v1+json"`},
		{"a list of manifests", `{"manifests":[],"layers":[]}`, `is of type "", wanted "application/vnd.oci.image.manifest.v1+json"`},
		{"layers twice", `{"layers":[],"layers":[]}`, `has "layers" twice`},
		{"a capital letter", `{"Layers":[]}`, `has "Layers", wanted "layers"`},
		{"a digest twice", `{"layers":[{"digest":"x","digest":"y"}]}`, `has "digest" in layers.0 twice`},
		{"a capital letter in a layer", `{"layers":[{"Digest":"x"}]}`, `layer 0: has "Digest", wanted "digest"`},
		{"no digest", `{"layers":[` + layer(kind, "1", sig) + `,{}]}`, `layer 1: digest is ""`},
		{"null as layer", `{"layers":[null]}`, `layer 0: digest is ""`},
		{"a short digest", `{"layers":[{"digest":"sha256:00"}]}`, `layer 0: digest is "sha256:00"`},
		{"a digest that is none", `{"layers":[{"digest":"md5:\""}]}`, `layer 0: digest is "md5:\""`},
		{"a number as layer", `{"layers":[1]}`, "layer 0: found number, wanted an object, in line 1"},
	} {
		if _, err := attest.ParseSignatureList([]byte(tt.text)); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}

// FuzzSignatureList writes the layers that it reads.
func FuzzSignatureList(f *testing.F) {
	var l attest.SignatureList
	f.Add([]byte("{}"))
	l.Add([]byte("one"), []byte("sig"))
	text, _ := l.Texts()
	f.Add(text)
	f.Add([]byte(`{"layers":[` + foreign + `],"annotations":{"a":"b"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := attest.ParseSignatureList(text)
		if err != nil {
			return
		}
		manifest, config := l.Texts()
		again, err := attest.ParseSignatureList(manifest)
		if err != nil || !reflect.DeepEqual(again.Layers, l.Layers) || again.Others != l.Others || again.Len() != l.Len() {
			t.Fatalf("reads otherwise when written: %v", err)
		}
		if m, c := again.Texts(); !bytes.Equal(m, manifest) || !bytes.Equal(c, config) || !json.Valid(config) {
			t.Error("is written otherwise the second time")
		}
	})
}
