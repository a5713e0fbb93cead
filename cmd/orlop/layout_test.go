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
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// layout is an image layout in a folder that a test takes apart, changes, and
// puts together again so that every digest is right.
type layout struct {
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

func (l *layout) blob(digest string) string {
	return filepath.Join(l.dir, "blobs", "sha256", digest[len("sha256:"):])
}

func (l *layout) read(path string, into any) {
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
func openLayout(t *testing.T, from string) *layout {
	t.Helper()
	l := &layout{t: t, dir: filepath.Join(t.TempDir(), filepath.Base(from))}
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

func (l *layout) manifestDigest() string {
	return at[[]any](l.index, "manifests")[0].(object)["digest"].(string)
}

func (l *layout) descriptors() []any { return at[[]any](l.manifest, "layers") }

func (l *layout) layerPath(i int) string {
	return l.blob(l.descriptors()[i].(object)["digest"].(string))
}

// open takes a layer apart.
func (l *layout) open(i int) {
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
func (l *layout) find(i int, name string) *entry {
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

// save writes blobs and documents with the digests that they now have.
func (l *layout) save() {
	l.t.Helper()
	for i, entries := range l.layers {
		if entries != nil {
			l.pack(i, entries)
		}
	}
	l.saveDocuments()
}

func (l *layout) saveDocuments() {
	l.t.Helper()
	l.replace(at[object](l.manifest, "config"), l.encode(l.config))
	l.replace(at[[]any](l.index, "manifests")[0].(object), l.encode(l.manifest))
	if err := os.WriteFile(filepath.Join(l.dir, "index.json"), l.encode(l.index), 0o666); err != nil {
		l.t.Fatal(err)
	}
}

// members is the order in which orlop writes members; others come after these.
var members = strings.Fields(`schemaVersion mediaType digest size created created_by architecture variant os
	Env Cmd Labels type diff_ids config rootfs history layers annotations manifests`)

// encode writes a document as orlop does: its spelling is not what tests change.
func (l *layout) encode(v any) []byte {
	l.t.Helper()
	var b bytes.Buffer
	switch v := v.(type) {
	case object:
		keys := slices.SortedFunc(maps.Keys(v), func(x, y string) int {
			i, j := slices.Index(members, x), slices.Index(members, y)
			return cmp.Or(cmp.Compare(uint(i), uint(j)), cmp.Compare(x, y))
		})
		for i, key := range keys {
			fmt.Fprintf(&b, "%s%s:%s", []string{"{", ","}[min(i, 1)], l.encode(key), l.encode(v[key]))
		}
		return fmt.Appendf(nil, "%s}", cmp.Or(b.String(), "{"))
	case []any:
		for i, each := range v {
			fmt.Fprintf(&b, "%s%s", []string{"[", ","}[min(i, 1)], l.encode(each))
		}
		return fmt.Appendf(nil, "%s]", cmp.Or(b.String(), "["))
	}
	text, err := json.Marshal(v)
	if err != nil {
		l.t.Fatal(err)
	}
	return text
}

// pack makes the blob of a layer, and its DiffID.
func (l *layout) pack(i int, entries []entry) {
	l.t.Helper()
	var plain, packed bytes.Buffer
	w := tar.NewWriter(&plain)
	for _, e := range entries {
		h := e.Header
		h.Format = tar.FormatPAX
		if err := w.WriteHeader(&h); err != nil {
			l.t.Fatal(err)
		}
		if _, err := w.Write(e.body); err != nil {
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

// replace puts a blob in the place of the one that a descriptor has.
func (l *layout) replace(descriptor object, blob []byte) {
	l.t.Helper()
	os.Remove(l.blob(descriptor["digest"].(string)))
	descriptor["digest"], descriptor["size"] = digestText(blob), len(blob)
	if err := os.WriteFile(l.blob(descriptor["digest"].(string)), blob, 0o666); err != nil {
		l.t.Fatal(err)
	}
}
