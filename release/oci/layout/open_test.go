// SPDX-License-Identifier: BSD-2-Clause

package layout

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/ulikunitz/xz"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/tarfile"
)

// TestOpenPacked reads what others make: LZMA-compressed xz and gzip.
func TestOpenPacked(t *testing.T) {
	t.Parallel()
	plain, err := os.ReadFile(save(t, Tar))
	if err != nil {
		t.Fatal(err)
	}
	for name, pack := range map[string]func(io.Writer) (io.WriteCloser, error){
		"xz":   func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) },
		"gzip": func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
	} {
		var out bytes.Buffer
		w, err := pack(&out)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(plain); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := check(fileOf(t, out.Bytes())); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func fileOf(t *testing.T, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBlobAnyOrder opens blobs side by side and closes them late.
func TestBlobAnyOrder(t *testing.T) {
	t.Parallel()
	im, blobs := sample()
	a, err := open(save(t, TXZ))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var open []io.ReadCloser
	for _, i := range []int{1, 0, 1} {
		r, err := a.Blob(context.Background(), v1.Descriptor{Digest: im.Layers[i].Digest, Size: im.Layers[i].Size})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		open = append(open, r)
	}
	for k, i := range []int{1, 0, 1} {
		if got, err := io.ReadAll(open[k]); err != nil || !bytes.Equal(got, blobs[i]) {
			t.Errorf("blob %d: %d bytes, %v", i, len(got), err)
		}
	}
}

// TestTruncated cuts archives: that is an error, unless nothing was lost but
// zeros, the padding of the last file and the end of the tar file.
func TestTruncated(t *testing.T) {
	t.Parallel()
	padding := 512 - len(oci.LayoutFile) + 2*512
	for f, spare := range map[Format]int{TXZ: 0, Tar: padding, TarZstd: 0} {
		whole, err := os.ReadFile(save(t, f))
		if err != nil {
			t.Fatal(err)
		}
		step := max(1, len(whole)/97)
		for n := 0; n < len(whole)-spare; n += step {
			if _, err := check(fileOf(t, whole[:n])); err == nil {
				t.Errorf("%s: %d of %d bytes were accepted", f, n, len(whole))
			}
		}
		if _, err := check(fileOf(t, whole[:len(whole)-spare-1])); err == nil {
			t.Errorf("%s: all but %d bytes were accepted", f, spare+1)
		}
	}
}

// TestFlipped damages a .txz in many places. Its checks cover what the digests
// do not: the tar headers.
func TestFlipped(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile(save(t, TXZ))
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(whole); n += len(whole) / 199 {
		b := bytes.Clone(whole)
		b[n] ^= 0x10
		if _, err := check(fileOf(t, b)); err == nil {
			t.Errorf("byte %d of %d was flipped, and nothing noticed", n, len(whole))
		}
	}
}

// entries makes a tar file of headers whose contents are "{}".
func entries(t *testing.T, headers ...*tar.Header) string {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range headers {
		if h.Typeflag == tar.TypeReg {
			h.Size = 2
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			fmt.Fprint(w, "{}")
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return fileOf(t, out.Bytes())
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	plain := func(name string) *tar.Header { return &tar.Header{Typeflag: tar.TypeReg, Name: name} }
	first := plain("oci-layout")
	joined := func(files ...string) string {
		var all []byte
		for _, name := range files {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b...)
		}
		return fileOf(t, all)
	}
	packed := func(path string) string {
		plain, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		if _, err := w.Write(plain); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return fileOf(t, out.Bytes())
	}
	for _, tt := range []struct{ name, path, want string }{
		{"broken gzip", fileOf(t, []byte("\x1f\x8bx")), "ends in the middle of a gzip member"},
		{"more after gzip", joined(packed(save(t, Tar)), fileOf(t, []byte("x"))), "has data after its last gzip member"},
		{"more after zstd", joined(save(t, TarZstd), fileOf(t, make([]byte, 512))), "has data after its last zstd frame"},
		{"broken xz", fileOf(t, []byte("\xfd7zXZ\x00x")), "ends too early"},
		{"broken zstd", fileOf(t, []byte("\x28\xb5\x2f\xfd\x00")), "ends in the middle of a zstd frame"},
		{"symlink", entries(t, first, &tar.Header{Typeflag: tar.TypeSymlink, Name: "index.json", Linkname: "/etc/passwd"}), `entry "index.json" is not a regular file`},
		{"hard link", entries(t, first, &tar.Header{Typeflag: tar.TypeLink, Name: "index.json", Linkname: "oci-layout"}), `entry "index.json" is not a regular file`},
		{"device", entries(t, first, &tar.Header{Typeflag: tar.TypeChar, Name: "x"}), `entry "x" is not a regular file`},
		{"absolute", entries(t, first, plain("/x")), `entry "/x" is not a clean path inside the archive`},
		{"dots within", entries(t, first, plain("blobs/../index.json")), `entry "blobs/../index.json" is not a clean path inside the archive`},
		{"folder outside", entries(t, first, &tar.Header{Typeflag: tar.TypeDir, Name: "../"}), `entry "../" is not a clean path inside the archive`},
		{"twice, spelt otherwise", entries(t, first, plain("./oci-layout")), `entry "oci-layout" occurs twice in the archive`},
		{"no layout", entries(t, plain("index.json")), "has no oci-layout, which an OCI image layout has beside index.json"},
		{"cut in the padding of its last file", cut(t, entries(t, first), 700), "ends inside a block of 512 bytes, after 700 bytes"},
		{"trailing data", joined(entries(t, first), fileOf(t, []byte("more"))), "has data after the end of the archive"},
		{"a second archive after it", joined(save(t, Tar), save(t, Tar)), "has data after the end of the archive"},
		{"a second xz stream after it", joined(save(t, TXZ), save(t, TXZ)), "has data after the end of the archive"},
		{"a second gzip member after it", joined(packed(save(t, Tar)), packed(save(t, Tar))), "has data after the end of the archive"},
		{"a file that goes on after the end", grown(t, entries(t, first)), `entry "oci-layout" has 9223372036854775807 bytes, and the archive ends after`},
	} {
		a, err := open(tt.path)
		if err == nil {
			a.Close()
			t.Errorf("%s: was accepted", tt.name)
			continue
		}
		if !strings.HasPrefix(err.Error(), tt.path+": ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
		if _, ok := errors.AsType[*oci.FormatError](err); !ok {
			t.Errorf("%s: got a %T", tt.name, err)
		}
	}
}

// TestOpenUnsupported tells what is no image layout, or too large a one, from a
// layout that is broken.
func TestOpenUnsupported(t *testing.T) {
	t.Parallel()
	plain := func(name string) *tar.Header { return &tar.Header{Typeflag: tar.TypeReg, Name: name} }
	var many []*tar.Header
	for i := range maxFiles + 1 {
		many = append(many, plain(fmt.Sprint("f", i)))
	}
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	if _, err := w.Write(make([]byte, 2*freeBytes)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, path, want string }{
		{"empty file", fileOf(t, nil), "is not an archive, wanted an OCI image layout: a folder, or a tar file, plain or packed with gzip, xz or zstd"},
		{"text", fileOf(t, []byte("hello")), "is not an archive"},
		{"longer text", fileOf(t, bytes.Repeat([]byte("hello"), 1000)), "is not an archive"},
		{"bzip2", fileOf(t, []byte("BZh91AY&SY")), "is packed with bzip2, wanted a tar file, plain or packed with gzip, xz or zstd"},
		{"zip", fileOf(t, []byte("PK\x03\x04")), "is packed with zip"},
		{"many", entries(t, many...), "has more than 4096 files"},
		{"tar of something else", entries(t, plain("etc/passwd")), "has neither oci-layout nor index.json, so it is not an OCI image layout"},
		{"folder", t.TempDir(), "has neither oci-layout nor index.json, so it is not an OCI image layout"},
		{"a bomb", fileOf(t, bomb.Bytes()), "unpacks to more than "},
	} {
		_, err := open(tt.path)
		if err == nil || !strings.HasPrefix(err.Error(), tt.path+": ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
		if _, ok := errors.AsType[*fault.UnsupportedError](err); !ok {
			t.Errorf("%s: got a %T", tt.name, err)
		}
	}
}

// cut shortens a file.
func cut(t *testing.T, path string, size int64) string {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	return path
}

// grown is an archive whose first file claims to be as large as can be.
func grown(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copy(b[124:136], "\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff")
	seal(b)
	return fileOf(t, b)
}

// seal corrects the checksum of the first header.
func seal(b []byte) {
	sum := 8 * int64(' ')
	for i, c := range b[:512] {
		if i < 148 || i >= 156 {
			sum += int64(c)
		}
	}
	copy(b[148:156], fmt.Sprintf("%06o\x00 ", sum))
}

// TestOpenSparse refuses both spellings of a sparse file, which the writer of
// the standard library does not write.
func TestOpenSparse(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(entries(t, &tar.Header{Typeflag: tar.TypeReg, Name: "oci-layout"}))
	if err != nil {
		t.Fatal(err)
	}
	b[156] = 'S'
	copy(b[257:265], "ustar  \x00")
	seal(b)
	if _, err := open(fileOf(t, b)); err == nil || !strings.Contains(err.Error(), `entry "oci-layout" is not a regular file`) {
		t.Errorf("GNU: got %v", err)
	}
	if !tarfile.IsSparse(&tar.Header{PAXRecords: map[string]string{"GNU.sparse.major": "1"}}) {
		t.Error("pax: a sparse header is not seen")
	}
}

// TestOpenNothing is no fault of a format: nothing was there.
func TestOpenNothing(t *testing.T) {
	t.Parallel()
	_, err := open(filepath.Join(t.TempDir(), "x"))
	if _, ok := errors.AsType[*oci.AbsentError](err); !ok || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestOtherKinds is input that this version cannot handle, not wrong bytes.
func TestOtherKinds(t *testing.T) {
	t.Parallel()
	file := func(name string) *tar.Header { return &tar.Header{Typeflag: tar.TypeReg, Name: name} }
	for _, tt := range []struct {
		path string
		want error
	}{
		{entries(t, file("manifest.json")), errDockerArchive},
		{entries(t, file("manifest.json"), file("version")), errSkopeoDir},
		{entries(t, file("manifest.json"), file("oci-layout")), nil}, // docker save since Docker 25
	} {
		a, err := open(tt.path)
		if _, ok := errors.AsType[*oci.FormatError](err); ok || !errors.Is(err, tt.want) {
			t.Errorf("got %v, want %v", err, tt.want)
		}
		if err == nil {
			a.Close()
		}
	}
}

// TestDirDamage changes a folder, before and after it is opened.
func TestDirDamage(t *testing.T) {
	t.Parallel()
	im, _ := sample()
	blob := func(path string) string {
		return filepath.Join(path, filepath.FromSlash(oci.BlobName(im.Layers[0].Digest)))
	}
	for _, tt := range []struct {
		name   string
		change func(path string) error
		want   string
	}{
		{"flipped", func(p string) error { return os.WriteFile(blob(p), []byte("onf"), 0o600) }, "blob " + im.Layers[0].Digest.String() + " is sha256:"},
		{"longer", func(p string) error { return os.WriteFile(blob(p), []byte("ones"), 0o600) }, "is 4, wanted 3"},
		{"absent", func(p string) error { return os.Remove(blob(p)) }, "is not in the archive"},
		{"extra", func(p string) error { return os.WriteFile(filepath.Join(p, "x"), nil, 0o600) }, "x is in the archive, but nothing refers to it"},
		{"symlink", func(p string) error { return os.Symlink("/etc/passwd", filepath.Join(p, "x")) }, `entry "x" is not a regular file`},
	} {
		path := save(t, Dir)
		if err := tt.change(path); err != nil {
			t.Fatal(err)
		}
		if _, err := check(path); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}

	path := save(t, Dir)
	a, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := os.WriteFile(blob(path), []byte("ones and more"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := a.Blob(context.Background(), v1.Descriptor{Digest: im.Layers[0].Digest, Size: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadAll(r); err == nil || !strings.Contains(err.Error(), "is at least 13, wanted 3") {
		t.Errorf("grown: got %v", err)
	}
}

// layout makes a folder of documents that fit each other but for what edit
// changes, one of them at a time.
func layout(t *testing.T, edit func(document, text string) string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o777); err != nil {
		t.Fatal(err)
	}
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	blob := func(text string) string {
		d := digest.FromString(text)
		put(oci.BlobName(d), text)
		return fmt.Sprintf(`"digest":%q,"size":%d`, d, len(text))
	}
	layer := blob("layer")
	config := blob(edit("config", `{"architecture":"amd64","os":"freebsd","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:0"]},"history":[{"empty_layer":true},{}]}`))
	manifest := blob(edit("manifest", `{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json",`+config+`},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar",`+layer+`}]}`))
	put("index.json", edit("index", `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",`+manifest+`}]}`))
	put("oci-layout", edit("layout", `{"imageLayoutVersion":"1.0.0"}`))
	return dir
}

func TestCheckDocuments(t *testing.T) {
	t.Parallel()
	if _, err := check(layout(t, func(_, text string) string { return text })); err != nil {
		t.Fatalf("untouched: %v", err)
	}
	other := digest.FromString("other").String()
	for _, tt := range []struct{ document, old, to, want string }{
		{"layout", `1.0.0`, `1.1.0`, `version in oci-layout is "1.1.0", which this version does not read, wanted 1.0.0`},
		{"layout", `}`, ``, `oci-layout: unexpected end of JSON input`},
		{"index", `]}`, ``, `index.json: unexpected end of JSON input`},
		{"index", `"schemaVersion":2`, `"schemaVersion":1`, `schemaVersion of index.json is 1, wanted 2`},
		{"index", `"manifests":[`, `"manifests":[{},`, `a descriptor of the index, of "", has no mediaType`},
		{"index", `image.manifest`, `image.index`, `has "config", "layers", by which others take it for another kind of document`},
		{"index", `"size":`, `"platform":{"os":"linux","architecture":"amd64"},"size":`, `platform in index.json is linux/amd64, wanted freebsd/amd64, which the config has`},
		{"index", `"size":`, `"size":1`, `manifest: size of blob `},
		{"index", `"size":`, `"size":-`, `in its descriptor, wanted 0 or more`},
		{"index", `"size":`, `"size":9999999`, `wanted at most 4194304`},
		{"index", `sha256:`, `sha512:`, `manifest: digest "sha512:`},
		{"index", `"sha256:`, `"../`, `manifest: digest "../`},
		{"manifest", `"schemaVersion":2,`, `"schemaVersion":2,"mediaType":"x",`, `type of manifest is "x"`},
		{"manifest", `image.config`, `image.conf`, `manifest: its config is of type "application/vnd.oci.image.conf.v1+json", so it is not an OCI image`},
		{"manifest", `"layers":[`, `"manifests":[],"layers":[`, `manifest: has "manifests", by which others take it for another kind of document (CVE-2021-41190)`},
		{"manifest", `"layers":[`, `"layers":[],"layers":[`, `manifest: has "layers" twice`},
		{"manifest", `"layers":[`, `"Layers":[`, `manifest: has "Layers", wanted "layers"`},
		{"manifest", `"size"`, `"Size":1,"size"`, `manifest: has "Size" in config, wanted "size"`},
		{"index", `"manifests":[`, `"layers":[],"manifests":[`, `index.json: has "layers", by which`},
		{"index", `"manifests":[`, `"Layers":[],"manifests":[`, `index.json: has "Layers", by which`},
		{"manifest", `"layers":[`, `"MANIFESTS":[],"layers":[`, `manifest: has "MANIFESTS", by which`},
		{"index", `"size":`, `"platform":{"os":"linux","architecture":"amd64"},"Platform":null,"size":`, `index.json: has "Platform" in manifests.0, wanted "platform"`},
		{"config", `"config":{}`, `"config":{"Env":["A=b"],"env":null}`, `config: has "env" in config, wanted "Env"`},
		{"config", `"os"`, `"OS":"linux","os"`, `config: has "OS", wanted "os"`},
		{"config", `"config":{}`, `"config":{"Labels":{"a":"1","A":"2"},"labels":{}}`, `config: has "labels" in config, wanted "Labels"`},
		{"layout", `{`, `{"imageLayoutVersion":"9",`, `oci-layout: has "imageLayoutVersion" twice`},
		{"manifest", `"layers":[`, `"layers":[],"x":[`, `number of diff_ids in the config is 1, wanted 0`},
		{"manifest", digest.FromString("layer").String(), other, "blob " + other + " is not in the archive"},
		{"manifest", digest.FromString("layer").String(), "x", `digest "x": invalid checksum digest format`},
		{"config", `"amd64"`, `""`, `config: os is "freebsd" and architecture "", wanted both`},
		{"config", `"freebsd"`, `""`, `config: os is "" and architecture "amd64", wanted both`},
		{"config", `"type":"layers"`, `"type":""`, `type of config's rootfs is "", wanted "layers"`},
		{"config", `,{}]`, `,{},{}]`, `number of layers in the history is 2, wanted 1`},
		{"config", `["sha256:0"]`, `7`, `config: rootfs.diff_ids: found number, wanted an array, in line 1`},
	} {
		path := layout(t, func(document, text string) string {
			if document == tt.document {
				changed := strings.Replace(text, tt.old, tt.to, 1)
				if changed == text {
					t.Fatalf("%s has no %s", document, tt.old)
				}
				return changed
			}
			return text
		})
		if _, err := check(path); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s, %s: got %v, want %q", tt.document, tt.to, err, tt.want)
		}
	}
}

// TestCheckAll reports independent faults in one run.
func TestCheckAll(t *testing.T) {
	t.Parallel()
	path := layout(t, func(document, text string) string {
		text = strings.Replace(text, `"amd64"`, `""`, 1)
		text = strings.Replace(text, `1.0.0`, `2`, 1)
		return strings.Replace(text, `,{}]`, `]`, 1)
	})
	if err := os.WriteFile(filepath.Join(path, "blobs", "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := check(path)
	if err == nil {
		t.Fatal("was accepted")
	}
	for _, want := range []string{"oci-layout is", "config: os is", "in the history is 0", "blobs/x is in the archive"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q too", err, want)
		}
	}
}
