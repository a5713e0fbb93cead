// SPDX-License-Identifier: BSD-2-Clause

package artifact_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/artifact/artifacttest"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release/oci"
)

// texts are the contents of files, as texts, and of those that are not held "nil".
func texts(files map[string][]byte) map[string]string {
	list := map[string]string{}
	for path, text := range files {
		if list[path] = string(text); text == nil {
			list[path] = "nil"
		}
	}
	return list
}

// TestReadFiles reads files of the tree, also by a further name, and not those that
// an upper layer hides.
func TestReadFiles(t *testing.T) {
	t.Parallel()
	a := artifacttest.Read(t, artifacttest.Describe(t, two+"file /dir/through content=\"below\"\n").Source())
	for want, paths := range map[string][]string{
		"":                   nil,
		"/etc/motd=new":      {"/etc/motd"},
		"/bin/ash=shell":     {"/bin/ash"},
		"/bin/sh=shell":      {"/bin/sh", "/bin/bash", "/etc", "/none"},
		"/dir/through=below": {"/dir/through"},
	} {
		wanted := map[string]bool{}
		for _, path := range paths {
			wanted[path] = true
		}
		held, err := a.ReadFiles(t.Context(), wanted)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, path := range slices.Sorted(maps.Keys(wanted)) {
			if held[path] != nil {
				got = append(got, path+"="+string(held[path]))
			}
		}
		if d := cmp.Diff(want, strings.Join(got, " ")); d != "" {
			t.Errorf("%q (-want +got):\n%s", paths, d)
		}
	}
}

// TestFind finds files by their digests in whatever layer they are, hidden ones as
// well, and each of them once.
func TestFind(t *testing.T) {
	t.Parallel()
	a := artifacttest.Read(t, artifacttest.Describe(t, two).Source())
	of := func(text string) string { return sum.HexSHA256([]byte(text)) }
	wanted := map[string]bool{of("old"): true, of("gone"): true, of("shell"): true, of("nowhere"): true}
	found := map[string][]byte{of("shell"): []byte("found before")}
	if err := a.Find(t.Context(), wanted, found); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{of("old"): "old", of("gone"): "gone", of("shell"): "found before"}
	if d := cmp.Diff(want, texts(found)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestFindReadsNoMore opens a layer only while something is left to be found.
func TestFindReadsNoMore(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"nowhere": 0, "gone": 1, "new": 2} {
		s := &counting{Source: artifacttest.Describe(t, two).Source()}
		a := artifacttest.Read(t, s)
		s.opened = 0
		if err := a.Find(t.Context(), map[string]bool{sum.HexSHA256([]byte(text)): true}, map[string][]byte{}); err != nil || s.opened != want {
			t.Errorf("%s: opened %d layers, %v, want %d", text, s.opened, err, want)
		}
	}
}

// TestFindBound takes no more than 64 MiB, those found before included.
func TestFindBound(t *testing.T) {
	t.Parallel()
	a := artifacttest.Read(t, artifacttest.Describe(t, "layer l\nfile /a content=\"a\"").Source())
	wanted := map[string]bool{sum.HexSHA256([]byte("a")): true}
	for size, want := range map[int]string{64<<20 - 1: "", 64 << 20: "files of a source tree that only the artifact has: found more than 67108864 bytes"} {
		found := map[string][]byte{"before": make([]byte, size)}
		err := a.Find(t.Context(), wanted, found)
		if want == "" && (err != nil || len(found) != 2) || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%d bytes: got %v, want %s", size, err, want)
		}
	}
}

// TestPlain unpacks a layer.
func TestPlain(t *testing.T) {
	t.Parallel()
	a := artifacttest.Read(t, artifacttest.Describe(t, strings.Replace(two, "layer upper", "layer upper compression=zstd", 1)).Source())
	for i := range a.Read {
		f, err := a.Plain(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(f)
		if err != nil || "sha256:"+sum.HexSHA256(text) != a.Read[i].DiffID.String() || int64(len(text)) != a.Read[i].TarSize {
			t.Errorf("layer %d: got %d bytes, %v, want those of %s", i+1, len(text), err, a.Read[i].DiffID)
		}
		f.Close()
	}
}

// TestAgainDamaged tells that a layer has changed since it was read, wherever it is
// read again.
func TestAgainDamaged(t *testing.T) {
	t.Parallel()
	s := artifacttest.Describe(t, two).Source()
	a := artifacttest.Read(t, s)
	s.Blobs[oci.BlobName(a.Manifest.Layers[0].Digest)][40] ^= 1
	_, files := a.ReadFiles(t.Context(), map[string]bool{"/bin/sh": true})
	plain, err := a.Plain(t.Context(), 0)
	if err == nil {
		_, err = io.Copy(io.Discard, plain)
		err = errors.Join(err, plain.Close())
	}
	if err == nil {
		t.Error("Plain: got no error")
	}
	for name, err := range map[string]error{"ReadFiles": files, "Find": a.Find(t.Context(), map[string]bool{sum.HexSHA256([]byte("old")): true}, map[string][]byte{})} {
		if err == nil || !strings.HasPrefix(err.Error(), "layer 1: ") {
			t.Errorf("%s: got %v, want what is wrong with layer 1", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.ReadFiles(ctx, map[string]bool{"/bin/sh": true}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: got %v", err)
	}
}

// counting counts what is asked of a source.
type counting struct {
	*artifacttest.Source
	indexes, opened, closed int
}

func (c *counting) Index(ctx context.Context) (oci.LayoutFiles, error) {
	c.indexes++
	return c.Source.Index(ctx)
}

func (c *counting) Blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	c.opened++
	return c.Source.Blob(ctx, d)
}

func (c *counting) Close() error { c.closed++; return nil }

// TestSourceOnce asks a source for its index once and for each blob once, and leaves
// it open.
func TestSourceOnce(t *testing.T) {
	t.Parallel()
	c := &counting{Source: artifacttest.Describe(t, two).Source()}
	a := artifacttest.Read(t, c)
	if c.indexes != 1 || c.opened != 1+2+2 { // the manifest is looked at to choose by, and then read
		t.Errorf("got %d indexes and %d blobs, want 1 and 5", c.indexes, c.opened)
	}
	if _, err := a.ReadFiles(t.Context(), map[string]bool{"/bin/sh": true}); err != nil || c.indexes != 1 || c.closed != 0 {
		t.Errorf("got %v, %d indexes, closed %d times", err, c.indexes, c.closed)
	}
}

// saved writes an image as an archive, or a layer of it as a file.
func saved(t *testing.T, s *artifacttest.Source) (archive string, layers []string) {
	t.Helper()
	dir := t.TempDir()
	a := artifacttest.Read(t, s)
	for i, d := range a.Manifest.Layers {
		layers = append(layers, filepath.Join(dir, fmt.Sprint(i)))
		if err := os.WriteFile(layers[i], s.Blobs[oci.BlobName(d.Digest)], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	archive = filepath.Join(dir, "image")
	for name, text := range map[string][]byte{"oci-layout": s.Layout, "index.json": s.LayoutFiles.Index} {
		s.Blobs[name] = text
	}
	for name, text := range s.Blobs {
		path := filepath.Join(archive, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, text, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return archive, layers
}

func open(t *testing.T, name string) *artifact.Ref {
	t.Helper()
	f, err := artifact.Find(t.Context(), nil, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestReadAny reads an image, or a single layer as if it were one, packed in any way.
func TestReadAny(t *testing.T) {
	t.Parallel()
	image, layers := saved(t, artifacttest.Describe(t, two).Source())
	a, err := artifact.ReadAny(t.Context(), open(t, image), "")
	if err != nil || a.Contents == nil || len(a.Layers) != 2 {
		t.Fatalf("image: got %v", err)
	}
	plain := filepath.Join(t.TempDir(), "layer.tar")
	f, err := a.Plain(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close(), os.WriteFile(plain, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{"packed": layers[1], "plain": plain} {
		only, err := artifact.ReadAny(t.Context(), open(t, file), "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if only.Contents != nil || !only.Complete() || len(only.Packages) != 2 || only.LayerName(0) != "1" || only.Read[0].DiffID != a.Read[1].DiffID || only.Tree.Lookup("/latest") == nil {
			t.Errorf("%s: got %d packages and the layer %s", name, len(only.Packages), only.LayerName(0))
		}
		held, err := only.ReadFiles(t.Context(), map[string]bool{"/latest": true})
		if err != nil || string(held["/latest"]) != "shell" {
			t.Errorf("%s: got %q, %v", name, held["/latest"], err)
		}
		plain, err := only.Plain(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(plain)
		if plain.Close(); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s: unpacked %d bytes, %v, want %d", name, len(got), err, len(text))
		}
	}
}

// TestReadAnyRefuses takes neither a broken image nor a text for a layer: what is
// told is what the reader of images says.
func TestReadAnyRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text, broken := filepath.Join(dir, "text"), filepath.Join(dir, "broken.tar")
	f, err := os.Create(broken)
	if err != nil {
		t.Fatal(err)
	}
	d := artifacttest.Describe(t, "layer l\nfile /blobs/sha256/x\nfile /index.json content=\"{\"")
	blob := artifacttest.Read(t, d.Source())
	tar, err := blob.Plain(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(f, tar)
	if err := errors.Join(err, f.Close(), tar.Close(), os.WriteFile(text, []byte("a text\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{text: "is not an archive, wanted an OCI image layout", broken: "has no oci-layout, which an OCI image layout has beside index.json", dir: "has neither oci-layout nor index.json"} {
		if a, err := artifact.ReadAny(t.Context(), open(t, file), ""); a != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %t, %v, want %s", filepath.Base(file), a != nil, err, want)
		}
	}
}

// TestOpenRoot reads a folder that is a root, with the owners in its own accounts, or
// an image, whose root is there if its layers are.
func TestOpenRoot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write("bin/sh", "shell")
	write("empty", "")
	write("etc/group", "op:*:5:\n")
	write("etc/master.passwd", "op:*:5:5::0:0::/:/bin/sh\n")
	if err := errors.Join(os.Link(filepath.Join(dir, "bin/sh"), filepath.Join(dir, "sh")), os.Symlink("bin", filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	root, err := artifact.OpenRoot(t.Context(), open(t, dir), "")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"dir /", "dir /bin", "file /bin/sh", "file /empty", "dir /etc", "file /etc/group", "file /etc/master.passwd", "link /link bin", "hardlink /sh /bin/sh"}
	if d := cmp.Diff(want, paths(root.Tree.All())); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if id, ok := root.Accounts.UID("op"); id != 5 || !ok || !root.Folder {
		t.Errorf("got op %d, %t, a folder %t", id, ok, root.Folder)
	}
	for path, text := range map[string]string{"/bin/sh": "shell", "/sh": "shell", "/empty": ""} {
		if got, want := root.SumOf(root.Tree.Lookup(path), sum.BLAKE2b), string(sum.Of(sum.BLAKE2b, []byte(text))); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	image, layers := saved(t, artifacttest.Describe(t, two).Source())
	if root, err = artifact.OpenRoot(t.Context(), open(t, image), ""); err != nil || root.Folder || root.Tree.Lookup("/latest") == nil {
		t.Errorf("image: got %v", err)
	}
	s := artifacttest.Describe(t, two).Source()
	a := artifacttest.Read(t, s)
	if err := os.Remove(filepath.Join(image, oci.BlobName(a.Manifest.Layers[0].Digest))); err != nil {
		t.Fatal(err)
	}
	if root, err = artifact.OpenRoot(t.Context(), open(t, image), ""); err == nil || root != nil {
		t.Errorf("image without a layer: got %v, %v, want no root", root != nil, err)
	}
	if root, err = artifact.OpenRoot(t.Context(), open(t, layers[0]), ""); err == nil || root != nil {
		t.Errorf("a layer: got %v, %v, want no root", root != nil, err)
	}
}

// TestOpenRootOwners compares no owners where all files are one ordinary user's, and
// resolves none of accounts that are wrong.
func TestOpenRootOwners(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		folder, file int
		any          bool
	}{{0, 0, false}, {1001, 1001, true}, {1001, 1002, false}, {0, 1001, false}} {
		if err := errors.Join(os.Chown(dir, tt.folder, -1), os.Chown(file, tt.file, -1)); err != nil {
			t.Fatal(err)
		}
		root, err := artifact.OpenRoot(t.Context(), open(t, dir), "")
		if err != nil || root.AnyOwner != tt.any {
			t.Errorf("%d and %d: got any owner %t, %v, want %t", tt.folder, tt.file, root.AnyOwner, err, tt.any)
		}
		if _, ok := root.Accounts.UID("www"); !ok {
			t.Error("FreeBSD's own accounts do not stand in")
		}
	}
	for name, text := range map[string]string{"etc/master.passwd": "x", "etc/group": ""} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if root, err := artifact.OpenRoot(t.Context(), open(t, dir), ""); err == nil || root != nil {
		t.Errorf("wrong accounts: got %v", err)
	}
}
