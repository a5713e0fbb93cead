// SPDX-License-Identifier: BSD-2-Clause

package layout

import (
	"compress/gzip"
	"fmt"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	xzlib "github.com/ulikunitz/xz"

	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
)

// Sample is an image of two layers, which hold no tar files: nothing here
// looks into them.
func sample() (*oci.Image, [][]byte) {
	blobs := [][]byte{[]byte("one"), bytes.Repeat([]byte("two"), 50_000)}
	im := &oci.Image{
		Name: "freebsd-x:15.0-RELEASE-amd64", Architecture: "arm64", Created: 1_700_000_000,
		Settings: v1.ImageConfig{Env: []string{"PATH=/bin"}, Cmd: []string{"/bin/sh", "-c", "a \"b\"\n<é>"},
			Labels: map[string]string{"b": "2", "a": "1"}},
		Annotations: map[string]string{"z": "", "org.example": "x"},
	}
	for i, b := range blobs {
		im.Layers = append(im.Layers, oci.Layer{Layer: layer.Layer{MediaType: layer.Gzip.MediaType(), DiffID: digest.FromString(string(b) + "plain"),
			Digest: digest.FromBytes(b), Size: int64(len(b))}, Created: int64(i), CreatedBy: "orlop x"})
	}
	return im, blobs
}

func save(t *testing.T, f Format) string {
	t.Helper()
	im, blobs := sample()
	path := filepath.Join(t.TempDir(), "image")
	if err := Write(t.Context(), path, f, im, im.Documents(), func(i int) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(blobs[i])), nil }); err != nil {
		t.Fatal(err)
	}
	return path
}

// open opens an archive by its name.
func open(path string) (oci.Source, error) {
	s, err := Open(context.Background(), path)
	if err != nil {
		return nil, err
	}
	return s.Open(context.Background())
}

// check opens an archive and reports all that is wrong with it.
func check(path string) (*oci.Contents, error) {
	a, err := open(path)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	c, err := oci.Read(context.Background(), a, "")
	if c == nil {
		return nil, err
	}
	errs := []error{err}
	for _, text := range c.Unreferenced {
		errs = append(errs, errors.New(text))
	}
	for _, l := range c.Manifest.Layers {
		r, err := a.Blob(context.Background(), l)
		if err == nil {
			_, err = io.Copy(io.Discard, r)
			r.Close()
		}
		errs = append(errs, err)
	}
	return c, errors.Join(errs...)
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	im, _ := sample()
	for _, f := range []Format{TXZ, Tar, TarZstd, Dir} {
		c, err := check(save(t, f))
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		if c.Descriptor.Digest != im.Documents().Digest || c.Config.OS != "freebsd" || c.Config.Architecture != "arm64" || len(c.Manifest.Layers) != 2 {
			t.Errorf("%s: got %+v", f, c)
		}
	}
}

// rewrite copies a tar file with changes: change returns the new contents, nil
// to leave the entry out.
func rewrite(t *testing.T, change func(name string, body []byte) []byte, extra ...string) string {
	t.Helper()
	in, err := os.Open(save(t, Tar))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	put := func(name string, body []byte) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(body))}); err != nil {
			t.Fatal(err)
		}
		w.Write(body)
	}
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(r)
		if h.Typeflag == tar.TypeReg {
			if body = change(h.Name, body); body != nil {
				put(h.Name, body)
			}
		}
	}
	for _, name := range extra {
		put(name, []byte("{}"))
	}
	w.Close()
	path := filepath.Join(t.TempDir(), "x.tar")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCheckFinds(t *testing.T) {
	t.Parallel()
	im, _ := sample()
	docs := im.Documents()
	keep := func(_ string, b []byte) []byte { return b }
	in := func(d digest.Digest, f func([]byte) []byte) func(string, []byte) []byte {
		return func(name string, b []byte) []byte {
			if name == oci.BlobName(d) {
				return f(b)
			}
			return b
		}
	}
	replace := func(name, old, to string) func(string, []byte) []byte {
		return func(n string, b []byte) []byte {
			if n == name {
				return bytes.Replace(b, []byte(old), []byte(to), 1)
			}
			return b
		}
	}
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	drop := func([]byte) []byte { return nil }
	long := func(b []byte) []byte { return append(b, 0) }
	for _, tt := range []struct{ name, path, want string }{
		{"flipped layer", rewrite(t, in(im.Layers[1].Digest, flip)), "blob " + im.Layers[1].Digest.String() + " is sha256:"},
		{"flipped config", rewrite(t, in(docs.ConfigDigest, flip)), "config: blob " + docs.ConfigDigest.String() + " is sha256:"},
		{"flipped manifest", rewrite(t, in(docs.Digest, flip)), "manifest: blob " + docs.Digest.String() + " is sha256:"},
		{"absent layer", rewrite(t, in(im.Layers[0].Digest, drop)), "blob " + im.Layers[0].Digest.String() + " is not in the archive"},
		{"longer layer", rewrite(t, in(im.Layers[0].Digest, long)), "size of blob " + im.Layers[0].Digest.String() + " is 4, wanted 3"},
		{"extra blob", rewrite(t, keep, "blobs/sha256/00"), "blobs/sha256/00 is in the archive, but nothing refers to it"},
		{"entry twice", rewrite(t, keep, "oci-layout"), `entry "oci-layout" occurs twice`},
		{"entry outside", rewrite(t, keep, "../x"), `entry "../x" is not a clean path inside the archive`},
		{"layout version", rewrite(t, replace("oci-layout", "1.0.0", "9.0.0")), `version in oci-layout is "9.0.0", which this version does not read, wanted 1.0.0`},
		{"media type", rewrite(t, replace("index.json", "image.index.v1", "image.indox.v1")), `type of index.json is`},
		{"no layout", rewrite(t, func(n string, b []byte) []byte {
			if n == "oci-layout" {
				return nil
			}
			return b
		}), "has no oci-layout"},
		{"docker-archive", rewrite(t, func(string, []byte) []byte { return nil }, "manifest.json"), "is a docker-archive, wanted an OCI one (podman save --format oci-archive)"},
	} {
		if _, err := check(tt.path); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

// FuzzOpen makes layouts of members, a line '"TYPE" "NAME" "CONTENTS"' each, in one
// of the packings, with other bytes behind them. @index, @manifest, @config, @one and
// @two are the names of what an image has, and in capitals its texts. What a layout
// is taken for does not depend on its packing.
func FuzzOpen(f *testing.F) {
	im, blobs := sample()
	blobs[1] = blobs[1][:10]
	im.Layers[1].Digest, im.Layers[1].Size = digest.FromBytes(blobs[1]), 10
	docs := im.Documents()
	of := strings.NewReplacer("@layout", "oci-layout", "@LAYOUT", string(docs.Layout), "@index", "index.json", "@INDEX", string(docs.Index),
		"@manifest", oci.BlobName(docs.Digest), "@MANIFEST", string(docs.Manifest), "@config", oci.BlobName(docs.ConfigDigest), "@CONFIG", string(docs.Config),
		"@one", oci.BlobName(im.Layers[0].Digest), "@ONE", string(blobs[0]), "@two", oci.BlobName(im.Layers[1].Digest), "@TWO", string(blobs[1]))
	f.Add("\"0\" \"@layout\" \"@LAYOUT\"\n\"0\" \"@index\" \"@INDEX\"\n\"0\" \"@manifest\" \"@MANIFEST\"\n\"0\" \"@config\" \"@CONFIG\"\n\"0\" \"@one\" \"@ONE\"\n\"0\" \"@two\" \"@TWO\"\n", uint8(0), []byte(nil), uint16(0))
	packings := []func([]byte) []byte{
		bytes.Clone,
		func(b []byte) []byte {
			var o bytes.Buffer
			w := gzip.NewWriter(&o)
			w.Write(b)
			w.Close()
			return o.Bytes()
		},
		func(b []byte) []byte {
			w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
			if err != nil {
				panic(err)
			}
			return w.EncodeAll(b, nil)
		},
		func(b []byte) []byte {
			var o bytes.Buffer
			w, err := xzlib.WriterConfig{DictCap: 1 << 12}.NewWriter(&o)
			if err != nil {
				panic(err)
			}
			w.Write(b)
			w.Close()
			return o.Bytes()
		},
	}
	file := filepath.Join(f.TempDir(), "x")
	f.Fuzz(func(t *testing.T, members string, packing uint8, behind []byte, cut uint16) {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for line := range strings.Lines(members) {
			var kind, name, text string
			if _, err := fmt.Sscanf(line, "%q %q %q", &kind, &name, &text); err != nil || len(kind) != 1 {
				continue
			}
			name, text = of.Replace(name), of.Replace(text)
			h := tar.Header{Typeflag: kind[0], Name: name, Mode: 0o644, Size: int64(len(text))}
			switch kind {
			case "0":
			case "g":
				h, text = tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: name, PAXRecords: map[string]string{"comment": text}}, ""
			default:
				h.Size, h.Linkname, text = 0, text, ""
			}
			if w.WriteHeader(&h) == nil {
				io.WriteString(w, text)
			}
		}
		w.Close()
		plain := append(b.Bytes(), behind...)
		plain = plain[:len(plain)-int(cut)%len(plain)]
		read := func(packing int) (*oci.Contents, error) {
			if err := os.WriteFile(file, packings[packing%len(packings)](plain), 0o600); err != nil {
				t.Fatal(err)
			}
			return check(file)
		}
		c, err := read(int(packing))
		if c == nil && err == nil {
			t.Error("there is nothing, and nothing is reported")
		}
		if err == nil && (len(c.Manifest.Layers) != len(c.Config.RootFS.DiffIDs) || c.Texts.Config == nil) {
			t.Error("an image whose parts disagree was accepted")
		}
		if len(plain) < 512 {
			return // of which the packing is a guess
		}
		other, more := read(int(packing) + 1)
		if d := cmp.Diff(c, other); d != "" || fmt.Sprint(err) != fmt.Sprint(more) {
			t.Errorf("%v, and in another packing %v (-want +got):\n%s", err, more, d)
		}
	})
}
