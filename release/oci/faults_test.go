// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
)

// parts are the texts of an image in the making, in which LAYER, CONFIG and MANIFEST
// stand for the digest and size of a blob.
type parts struct{ layer, config, manifest, index, layout string }

// sound is an image in which nothing is wrong.
var sound = parts{
	layer:    "a layer",
	config:   `{"os":"freebsd","architecture":"amd64","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:x"]},"history":[{},{"empty_layer":true}]}`,
	manifest: `{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json",CONFIG},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar",LAYER}]}`,
	index:    `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",MANIFEST,"platform":{"os":"freebsd","architecture":"amd64"}}]}`,
	layout:   LayoutFile,
}

// source puts the texts together, so that their digests are right.
func (p parts) source() fake {
	f := fake{"oci-layout": p.layout}
	blob := func(text string) string {
		d := digest.FromString(text)
		f[BlobName(d)] = text
		return fmt.Sprintf(`"digest":%q,"size":%d`, d, len(text))
	}
	names := []string{"LAYER", blob(p.layer), "CONFIG", blob(p.config)}
	names = append(names, "MANIFEST", blob(strings.NewReplacer(names...).Replace(p.manifest)))
	f["index.json"] = strings.NewReplacer(names...).Replace(p.index)
	return f
}

// TestReadFaults has each fault of the documents alone, and what is there all the same.
func TestReadFaults(t *testing.T) {
	t.Parallel()
	in := func(to *string, old, now string) {
		if !strings.Contains(*to, old) {
			t.Errorf("nothing has %s", old)
		}
		*to = strings.Replace(*to, old, now, 1)
	}
	for _, tt := range []struct {
		name, want string
		damage     func(*parts)
		read       bool // there is a manifest
	}{
		{"nothing", "", func(*parts) {}, true},
		{"version of the index", "schemaVersion of index.json is 1, wanted 2", func(p *parts) { in(&p.index, `:2`, `:1`) }, true},
		{"no version of the index", "schemaVersion of index.json is 0, wanted 2", func(p *parts) { in(&p.index, `"schemaVersion":2,`, ``) }, true},
		{"version of the manifest", "schemaVersion of manifest is 3, wanted 2", func(p *parts) { in(&p.manifest, `:2`, `:3`) }, true},
		{"type of the index", `type of index.json is "x", wanted "application/vnd.oci.image.index.v1+json"`, func(p *parts) { in(&p.index, `{`, `{"mediaType":"x",`) }, true},
		{"type of the manifest", `type of manifest is "x", wanted "application/vnd.oci.image.manifest.v1+json"`, func(p *parts) { in(&p.manifest, `{`, `{"mediaType":"x",`) }, true},
		{"types that are right", "", func(p *parts) {
			in(&p.index, `{`, `{"mediaType":"application/vnd.oci.image.index.v1+json",`)
			in(&p.manifest, `{`, `{"mediaType":"application/vnd.oci.image.manifest.v1+json",`)
		}, true},
		{"rootfs", `type of config's rootfs is "x", wanted "layers"`, func(p *parts) { in(&p.config, `"type":"layers"`, `"type":"x"`) }, true},
		{"no os", `config: os is "" and architecture "amd64", wanted both`, func(p *parts) {
			in(&p.config, `"os":"freebsd",`, ``)
			in(&p.index, `,"platform":{"os":"freebsd","architecture":"amd64"}`, ``)
		}, true},
		{"platform", "platform in index.json is freebsd/arm64, wanted freebsd/amd64, which the config has", func(p *parts) { in(&p.index, "amd64", "arm64") }, true},
		{"variant", "", func(p *parts) { in(&p.index, `"amd64"`, `"amd64","variant":"v3"`) }, true},
		{"diff_ids", "number of diff_ids in the config is 2, wanted 1, as many as the manifest has layers", func(p *parts) { in(&p.config, `["sha256:x"]`, `["sha256:x","sha256:y"]`) }, true},
		{"history", "number of layers in the history is 2, wanted 1, as many as the manifest has", func(p *parts) { in(&p.config, `,"history":[{},{"empty_layer":true}]`, `,"history":[{},{}]`) }, true},
		{"no history", "", func(p *parts) { in(&p.config, `,"history":[{},{"empty_layer":true}]`, ``) }, true},
		{"version of the layout", `version in oci-layout is "2", which this version does not read, wanted 1.0.0`, func(p *parts) { p.layout = `{"imageLayoutVersion":"2"}` }, true},
		{"no version of the layout", "version in oci-layout is absent, wanted 1.0.0", func(p *parts) { p.layout = `{}` }, true},
		{"a layout that is no JSON", "oci-layout: ", func(p *parts) { p.layout = `{` }, true},
		{"a config that is no JSON", "config: ", func(p *parts) { p.config = "{" }, true},
		{"a member twice in the config", "config: ", func(p *parts) { in(&p.config, `{`, `{"os":"linux",`) }, true},
		{"no size of the config", "config: ", func(p *parts) { in(&p.manifest, `CONFIG`, `"digest":"sha256:`+strings.Repeat("0", 64)+`","size":0`) }, true},
		{"digest of the config", "config: digest \"sha256:0\": ", func(p *parts) { in(&p.manifest, `CONFIG`, `"digest":"sha256:0","size":1`) }, true},
		{"no type of the config", `config: type of its descriptor is "", wanted "application/vnd.oci.image.config.v1+json"`, func(p *parts) {
			in(&p.manifest, `"mediaType":"application/vnd.oci.image.config.v1+json",`, ``)
		}, true},
		{"an index that is no JSON", "index.json: ", func(p *parts) { p.index = "" }, false},
		{"an index that may be a manifest", `index.json: has "config", "layers", by which others take it for another kind of document`, func(p *parts) { in(&p.index, `{`, `{"config":{},"layers":[],`) }, false},
		{"a manifest that may be an index", `manifest: has "manifests", by which others take it for another kind of document`, func(p *parts) { in(&p.manifest, `{`, `{"manifests":[],`) }, false},
		{"a manifest that is no JSON", "manifest: ", func(p *parts) { p.manifest = "[" }, false},
		{"type of the config", `manifest: its config is of type "x", so it is not an OCI image`, func(p *parts) { in(&p.manifest, "application/vnd.oci.image.config.v1+json", "x") }, false},
		{"no type of the manifest", "has no mediaType, wanted one (image-spec, descriptor.md)", func(p *parts) { in(&p.index, `"mediaType":"application/vnd.oci.image.manifest.v1+json",`, ``) }, false},
		{"a large manifest", "manifest: has 4194305 bytes, wanted at most 4194304", func(p *parts) {
			in(&p.index, `MANIFEST`, `"digest":"sha256:`+strings.Repeat("0", 64)+`","size":4194305`)
		}, false},
	} {
		p := sound
		tt.damage(&p)
		c, err := Read(t.Context(), layoutOf{p.source()}, "")
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: got %v, want %q alone", tt.name, err, tt.want)
		}
		if (c != nil) != tt.read {
			t.Errorf("%s: read %t, want %t", tt.name, c != nil, tt.read)
		}
		if c != nil && (c.Texts.Config == nil) != strings.HasPrefix(tt.want, "config: ") && tt.name != "no os" {
			t.Errorf("%s: the config is %q", tt.name, c.Texts.Config)
		}
	}
}

// layoutOf judges the text of oci-layout, as sources do.
type layoutOf struct{ fake }

func (l layoutOf) Index(ctx context.Context) (LayoutFiles, error) {
	w, err := l.fake.Index(ctx)
	w.Fault = CheckLayoutFile(w.Layout)
	return w, err
}

// TestReadAllFaults tells several faults in one go.
func TestReadAllFaults(t *testing.T) {
	t.Parallel()
	p := sound
	p.layout, p.index = "{}", strings.Replace(p.index, ":2", ":1", 1)
	p.config = strings.Replace(p.config, `"layers"`, `"x"`, 1)
	_, err := Read(t.Context(), layoutOf{p.source()}, "")
	want := "version in oci-layout is absent, wanted 1.0.0\nschemaVersion of index.json is 1, wanted 2\n" + `type of config's rootfs is "x", wanted "layers"`
	if d := cmp.Diff(want, fmt.Sprint(err)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestReadContents keeps the documents as they stand there, and names strays.
func TestReadContents(t *testing.T) {
	t.Parallel()
	f := sound.source()
	f["blobs/sha256/stray"], f["README"] = "", ""
	c, err := Read(t.Context(), f, "freebsd/amd64")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"README is in the archive, but nothing refers to it", "blobs/sha256/stray is in the archive, but nothing refers to it"}, c.Unreferenced); d != "" {
		t.Errorf("strays (-want +got):\n%s", d)
	}
	want := Texts{Config: []byte(f[BlobName(c.Manifest.Config.Digest)]), Manifest: []byte(f[BlobName(c.Descriptor.Digest)]), Index: []byte(f["index.json"]), Layout: []byte(LayoutFile)}
	if d := cmp.Diff(want, c.Texts); d != "" {
		t.Errorf("texts (-want +got):\n%s", d)
	}
}

// TestReadSourceFails passes on what a source says, whichever of its blobs it is.
func TestReadSourceFails(t *testing.T) {
	t.Parallel()
	bang := errors.New("bang")
	for left := range 4 {
		if c, err := Read(t.Context(), &failing{fake: sound.source(), left: left, err: bang}, ""); (c != nil) != (left >= 2) || left < 3 && !errors.Is(err, bang) {
			t.Errorf("after %d blobs: got %v, %v", left, c != nil, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if c, err := Read(ctx, &failing{fake: sound.source(), left: left, err: context.Canceled, end: cancel}, ""); left < 3 && (c != nil || !errors.Is(err, context.Canceled)) {
			t.Errorf("ended after %d blobs: got %v, %v", left, c != nil, err)
		}
		cancel()
	}
	if c, err := Read(t.Context(), &failing{left: -1, err: bang}, ""); c != nil || !errors.Is(err, bang) {
		t.Errorf("of the index: got %v", err)
	}
}

// failing fails after so many blobs, with the index before the first.
type failing struct {
	fake
	left int
	err  error
	end  func()
}

func (f *failing) Index(ctx context.Context) (LayoutFiles, error) {
	if f.left < 0 {
		return LayoutFiles{}, f.err
	}
	return f.fake.Index(ctx)
}

func (f *failing) Blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if f.left--; f.left < 0 {
		if f.end != nil {
			f.end()
		}
		return nil, f.err
	}
	return f.fake.Blob(ctx, d)
}

// TestVerify gives the end of a blob for the promised bytes only.
func TestVerify(t *testing.T) {
	t.Parallel()
	d, bang := digest.FromString("abc"), errors.New("bang")
	for name, tt := range map[string]struct {
		r    io.Reader
		want string
	}{
		"whole": {strings.NewReader("abc"), ""}, "byte by byte": {iotest.OneByteReader(strings.NewReader("abc")), ""}, "with its end": {iotest.DataErrReader(strings.NewReader("abc")), ""},
		"others": {strings.NewReader("abd"), "blob " + d.String() + " is " + digest.FromString("abd").String() + ", wanted " + d.String()},
		"fewer":  {strings.NewReader("ab"), "size of blob " + d.String() + " is 2, wanted 3"},
		"more":   {strings.NewReader("abcd"), "size of blob " + d.String() + " is at least 4, wanted 3"}, "a fault": {iotest.ErrReader(bang), "bang"},
	} {
		_, err := io.ReadAll(Verify(io.NopCloser(tt.r), d, 3))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || err.Error() != tt.want) {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
		if _, mismatch := errors.AsType[*MismatchError](err); mismatch != (tt.want != "" && tt.want != "bang") {
			t.Errorf("%s: got a %T", name, err)
		}
	}
}

// TestVerifyAtOnce fails as soon as there are too many bytes.
func TestVerifyAtOnce(t *testing.T) {
	t.Parallel()
	v := Verify(io.NopCloser(io.MultiReader(strings.NewReader("abcd"), iotest.ErrReader(errors.New("read on")))), digest.FromString("abc"), 3)
	if _, err := v.Read(make([]byte, 10)); err == nil || !strings.Contains(err.Error(), "at least 4") {
		t.Errorf("got %v", err)
	}
}

// TestCheckDigest tells what is no digest from what this version cannot compare.
func TestCheckDigest(t *testing.T) {
	t.Parallel()
	for d, want := range map[digest.Digest]string{
		digest.FromString("x"): "", digest.Digest("sha512:" + strings.Repeat("0", 128)): "unsupported", "md5:00": "unsupported", "": "wrong", "sha256": "wrong", "sha256:": "wrong", "sha256:00": "wrong",
		digest.Digest("sha256:" + strings.Repeat("G", 64)): "wrong", digest.Digest("sha256:" + strings.Repeat("A", 64)): "wrong", "../x:y": "wrong",
	} {
		err := CheckDigest(d)
		_, wrong := errors.AsType[*FormatError](err)
		_, unsupported := errors.AsType[*fault.UnsupportedError](err)
		if got := map[bool]string{true: "wrong"}[wrong] + map[bool]string{true: "unsupported"}[unsupported]; got != want || (err == nil) != (want == "") {
			t.Errorf("%q: got %v, want %q", d, err, want)
		}
	}
}

// TestErrors classifies errors by their methods.
func TestErrors(t *testing.T) {
	t.Parallel()
	bang := errors.New("bang")
	format, absent := &FormatError{bang}, &AbsentError{bang}
	if !format.Wrong() || !errors.Is(format, bang) || format.Error() != "bang" || !absent.Absent() || !errors.Is(absent, bang) || absent.Error() != "bang" {
		t.Errorf("got %v and %v", format, absent)
	}
	mismatch := &MismatchError{"the size", "1", "2"}
	what, where, found, wanted := mismatch.Parts()
	if d := cmp.Diff([]string{"the size", "", "1", "2"}, []string{what, where, found, wanted}); d != "" || !mismatch.Wrong() || mismatch.Error() != "the size is 1, wanted 2" {
		t.Errorf("%v (-want +got):\n%s", mismatch, d)
	}
	if platform := (&PlatformError{"a/b", []string{"c/d", "e/f"}}); !platform.Unmet() || platform.Error() != "has no image for a/b, found c/d, e/f" {
		t.Errorf("got %v", platform)
	}
}

// TestParsePlatform takes two or three parts.
func TestParsePlatform(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{"freebsd/arm64": true, "freebsd/arm/v7": true, "": false, "freebsd": false, "freebsd/": false, "/arm64": false, "a/b/": false, "a/b/c/d": false} {
		if err := ParsePlatform(s); (err == nil) != want {
			t.Errorf("%q: got %v, want it taken %t", s, err, want)
		}
	}
}
