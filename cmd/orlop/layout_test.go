// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/release/tarfile"
	"github.com/orlop/orlop/release/tree"
)

// opened is an image layout in a folder that a test takes apart, changes, and
// puts together again so that every digest is right.
type opened struct {
	t        *testing.T
	dir      string
	index    map[string]any
	manifest map[string]any
	config   map[string]any
	layers   [][]entry // nil for one that is left alone
}

// entry is a member of a layer.
type entry struct {
	tar.Header
	body []byte
}

type object = map[string]any

func at[T any](o object, keys ...string) T {
	for _, key := range keys[:len(keys)-1] {
		o = o[key].(object)
	}
	return o[keys[len(keys)-1]].(T)
}

func (l *opened) blob(digest string) string {
	return filepath.Join(l.dir, "blobs", "sha256", digest[len("sha256:"):])
}

func (l *opened) read(path string, into any) {
	l.t.Helper()
	text, err := os.ReadFile(path)
	if err == nil && into != nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// openLayout reads the documents of a copy of a layout.
func openLayout(t *testing.T, from string) *opened {
	t.Helper()
	l := &opened{t: t, dir: filepath.Join(t.TempDir(), filepath.Base(from))}
	if err := os.CopyFS(l.dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	lock, err := os.ReadFile(from + ".lock.json")
	if err == nil {
		err = os.WriteFile(l.dir+".lock.json", lock, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	l.read(filepath.Join(l.dir, "index.json"), &l.index)
	l.read(l.blob(l.manifestDigest()), &l.manifest)
	l.read(l.blob(at[string](l.manifest, "config", "digest")), &l.config)
	l.layers = make([][]entry, len(l.descriptors()))
	return l
}

func (l *opened) manifestDigest() string {
	return at[[]any](l.index, "manifests")[0].(object)["digest"].(string)
}

func (l *opened) descriptors() []any { return at[[]any](l.manifest, "layers") }

func (l *opened) layerPath(i int) string {
	return l.blob(l.descriptors()[i].(object)["digest"].(string))
}

// open takes a layer apart.
func (l *opened) open(i int) {
	l.t.Helper()
	f, err := os.Open(l.layerPath(i))
	if err != nil {
		l.t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		l.t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			l.t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			l.t.Fatal(err)
		}
		l.layers[i] = append(l.layers[i], entry{*h, body})
	}
}

// find is the entry of a path in a layer that is open.
func (l *opened) find(i int, name string) *entry {
	l.t.Helper()
	for k := range l.layers[i] {
		if l.layers[i][k].Name == name {
			return &l.layers[i][k]
		}
	}
	l.t.Fatalf("layer %d has no %s", i, name)
	return nil
}

func (e *entry) set(body []byte) { e.body, e.Size = body, int64(len(body)) }

// node is what orlop calls an entry, nil for one that it has no words for.
func (e *entry) node() *tree.Node {
	t, known := map[byte]tree.Type{tar.TypeReg: tree.File, tar.TypeDir: tree.Dir, tar.TypeSymlink: tree.Symlink, tar.TypeLink: tree.Hardlink}[e.Typeflag]
	for key := range e.PAXRecords {
		known = known && key == "SCHILY.fflags"
	}
	if !known || e.ModTime.Nanosecond() != 0 {
		return nil
	}
	path := "/" + strings.TrimSuffix(strings.TrimPrefix(e.Name, "./"), "/")
	return &tree.Node{Path: path, Type: t, Mode: uint32(e.Mode), Uname: e.Uname, Gname: e.Gname, UID: e.Uid, GID: e.Gid,
		Flags: e.PAXRecords["SCHILY.fflags"], Time: e.ModTime.Unix(), Link: e.Linkname, Size: e.Size}
}

// write writes an entry as other programs do.
func (e *entry) write(out io.Writer) error {
	h := e.Header
	h.Format = tar.FormatPAX
	w := tar.NewWriter(out)
	if err := w.WriteHeader(&h); err != nil {
		return err
	}
	if _, err := w.Write(e.body); err != nil {
		return err
	}
	return w.Flush()
}

// save writes blobs and documents with the digests that they now have.
func (l *opened) save() {
	l.t.Helper()
	for i, entries := range l.layers {
		if entries != nil {
			l.pack(i, entries)
		}
	}
	l.saveDocuments()
}

func (l *opened) saveDocuments() {
	l.t.Helper()
	l.replace(at[object](l.manifest, "config"), l.encode(l.config))
	l.replace(at[[]any](l.index, "manifests")[0].(object), l.encode(l.manifest))
	if err := os.WriteFile(filepath.Join(l.dir, "index.json"), l.encode(l.index), 0o666); err != nil {
		l.t.Fatal(err)
	}
}

// keys is the order in which orlop writes the members of objects. Others, and
// annotations, come by name.
var keys = []string{"schemaVersion", "mediaType", "digest", "size", "created", "architecture", "variant", "os", "config", "layers",
	"rootfs", "history", "type", "diff_ids", "created_by", "manifests", "Env", "Cmd", "Labels", "annotations"}

// encode writes JSON as orlop does, so that only what a test changes differs.
func (l *opened) encode(v any) []byte {
	l.t.Helper()
	var b bytes.Buffer
	l.encodeTo(&b, v)
	return b.Bytes()
}

func (l *opened) encodeTo(b *bytes.Buffer, v any) {
	switch v := v.(type) {
	case object:
		rank := func(key string) int { return slices.Index(keys, key) & 0xffff } // -1 comes last
		separator := "{"
		for _, key := range slices.SortedFunc(maps.Keys(v), func(x, y string) int {
			return cmp.Or(cmp.Compare(rank(x), rank(y)), strings.Compare(x, y))
		}) {
			b.WriteString(separator)
			l.encodeTo(b, key)
			b.WriteString(":")
			l.encodeTo(b, v[key])
			separator = ","
		}
		if len(v) == 0 {
			b.WriteString("{")
		}
		b.WriteString("}")
	case []any:
		separator := "["
		for _, each := range v {
			b.WriteString(separator)
			l.encodeTo(b, each)
			separator = ","
		}
		b.WriteString("]")
	default:
		text, err := json.Marshal(v)
		if err != nil {
			l.t.Fatal(err)
		}
		b.Write(text)
	}
}

// pack makes the blob of a layer, and its DiffID.
func (l *opened) pack(i int, entries []entry) {
	l.t.Helper()
	var plain, packed bytes.Buffer
	w := tarfile.NewWriter(&plain)
	for _, e := range entries {
		var err error
		if n := e.node(); n != nil {
			err = w.Entry(n, bytes.NewReader(e.body))
		} else {
			err = e.write(&plain)
		}
		if err != nil {
			l.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		l.t.Fatal(err)
	}
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(plain.Bytes()); err != nil {
		l.t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		l.t.Fatal(err)
	}
	at[[]any](l.config, "rootfs", "diff_ids")[i] = digestText(plain.Bytes())
	l.replace(l.descriptors()[i].(object), packed.Bytes())
}

func digestText(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// replace puts a blob in place of the one that a descriptor has.
func (l *opened) replace(descriptor object, blob []byte) {
	l.t.Helper()
	os.Remove(l.blob(descriptor["digest"].(string)))
	descriptor["digest"], descriptor["size"] = digestText(blob), len(blob)
	if err := os.WriteFile(l.blob(descriptor["digest"].(string)), blob, 0o666); err != nil {
		l.t.Fatal(err)
	}
}
