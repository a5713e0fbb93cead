// SPDX-License-Identifier: BSD-2-Clause

// Package artifacttest makes images in memory for tests, from short descriptions.
package artifacttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release/elf/elftest"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/tarfile"
	"github.com/orlop/orlop/release/tree"
)

// Source is an image layout in memory.
type Source struct {
	oci.LayoutFiles
	Blobs map[string][]byte // by name
}

func (s *Source) Index(context.Context) (oci.LayoutFiles, error) { return s.LayoutFiles, nil }

func (s *Source) Blob(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	text, ok := s.Blobs[oci.BlobName(d.Digest)]
	if !ok {
		return nil, oci.FormatErrorf("blob %s is not there", d.Digest)
	}
	return oci.Verify(io.NopCloser(bytes.NewReader(text)), d.Digest, d.Size), nil
}

func (*Source) Close() error { return nil }

// Described is an image in the making, from a text with a line for each thing: a
// layer, the entries that follow it, packages, and what the documents say.
//
//	arch arm64
//	env A=b
//	cmd PROGRAM
//	label key=value
//	layer NAME [compression=zstd] [by=TOOL]
//	dir PATH [mode=0755] [owner=root:wheel] [ids=0:0] [time=5]
//	file PATH [content="…"] [flags=schg] [x=N]
//	elf PATH [interpreter=PATH] [needs=SHLIB,SHLIB]
//	link PATH to=TARGET
//	hard PATH to=PATH
//	package NAME VERSION [automatic=yes] [files=PATH,PATH] [sum="CONTENTS"] [dirs=PATH] [deps=NAME,NAME]
//		[requires=WORD] [provides=WORD] [needs=SHLIB] [shlibs=SHLIB] [comment=…] [pre-install="SCRIPT"]
//
// N is how many x a file has behind its contents. The pkg database of all packages
// is the last entry of the last layer.
type Described struct {
	t        testing.TB
	image    oci.Image
	layers   []fragment
	packages []pkgdb.Installed
}

// fragment is a layer in the making.
type fragment struct {
	name        string // with the tool that made it
	compression layer.Compression
	nodes       []tree.Node
	bodies      []string
}

var words = regexp.MustCompile(`[^\s="]+="(?:[^"\\]|\\.)*"|\S+`)

// Describe reads a description.
func Describe(t testing.TB, text string) *Described {
	t.Helper()
	d := &Described{t: t, image: oci.Image{Name: "n", Architecture: "amd64", Settings: v1.ImageConfig{Labels: map[string]string{}}, Annotations: map[string]string{}}}
	d.Lines(text)
	return d
}

// Lines adds what a text describes.
func (d *Described) Lines(text string) {
	d.t.Helper()
	for line := range strings.Lines(text) {
		if list := words.FindAllString(line, -1); len(list) > 1 {
			d.line(list[0], list[1], list[2:])
		}
	}
}

// line reads one line. What it has no place for is an error.
func (d *Described) line(kind, name string, rest []string) {
	d.t.Helper()
	options := map[string]string{}
	for _, word := range rest {
		key, value, _ := strings.Cut(word, "=")
		if text, err := strconv.Unquote(value); err == nil {
			value = text
		}
		options[key] = value
	}
	take := func(key, other string) string {
		if value, ok := options[key]; ok {
			delete(options, key)
			return value
		}
		return other
	}
	key, value, _ := strings.Cut(name, "=")
	switch kind {
	case "arch":
		d.image.Architecture = name
	case "env":
		d.image.Settings.Env = append(d.image.Settings.Env, name)
	case "label":
		d.image.Settings.Labels[key] = value
	case "annotation":
		d.image.Annotations[key] = value
	case "cmd":
		d.image.Settings.Cmd = append(d.image.Settings.Cmd, name)
	case "name":
		d.image.Name = name
	case "elf":
		program := elftest.File{Interpreter: take("interpreter", ""), Needed: slices.Collect(list(take("needs", "")))}
		d.Add(tree.Node{Path: name, Mode: 0o644, Uname: "root", Gname: "wheel", Time: 100}, string(program.Bytes()))
	case "layer":
		d.layers = append(d.layers, fragment{name: take("by", "orlop") + " " + name, compression: layer.Compression(take("compression", "gzip"))})
	case "package":
		d.pkg(name, rest[0], take)
		delete(options, rest[0])
	default:
		d.entry(kind, name, take)
	}
	if len(options) > 0 {
		d.t.Fatalf("%s %s: %v is not known", kind, name, options)
	}
}

func (d *Described) entry(kind, path string, take func(key, other string) string) {
	d.t.Helper()
	types := map[string]tree.Type{"dir": tree.Dir, "file": tree.File, "link": tree.Symlink, "hard": tree.Hardlink}
	node, known := types[kind]
	if !known {
		d.t.Fatalf("%q is not known", kind)
	}
	n := tree.Node{Path: path, Type: node, Link: take("to", ""), Flags: take("flags", "")}
	n.Uname, n.Gname, _ = strings.Cut(take("owner", "root:wheel"), ":")
	_, err := fmt.Sscanf(take("ids", "0:0")+" "+take("mode", "0644")+" "+take("time", "100"), "%d:%d %o %d", &n.UID, &n.GID, &n.Mode, &n.Time)
	if err != nil {
		d.t.Fatalf("%s: %v", path, err)
	}
	more, err := strconv.Atoi(take("x", "0"))
	if err != nil {
		d.t.Fatal(err)
	}
	d.Add(n, take("content", "")+strings.Repeat("x", more))
}

// Add adds an entry to the last layer.
func (d *Described) Add(n tree.Node, body string) {
	l := &d.layers[len(d.layers)-1]
	n.Size = int64(len(body))
	l.nodes, l.bodies = append(l.nodes, n), append(l.bodies, body)
}

// contents are those of a file in the uppermost layer that has it.
func (d *Described) contents(path string) string {
	for _, l := range slices.Backward(d.layers) {
		if i := slices.IndexFunc(l.nodes, func(n tree.Node) bool { return n.Path == path }); i >= 0 {
			return l.bodies[i]
		}
	}
	return ""
}

func (d *Described) pkg(name, version string, take func(key, other string) string) {
	p := pkgdb.Installed{Automatic: take("automatic", "") == "yes", Repository: "r", Manifest: &pkgfile.Manifest{Name: name, Version: version,
		Origin: "o/" + name, ABI: "FreeBSD:15:amd64", Prefix: "/", Comment: take("comment", "")}}
	attr := pkgfile.Attr{Known: true, Uname: "root", Gname: "wheel", Perm: 0o644}
	seconds, err := strconv.ParseInt(take("time", "100"), 10, 64)
	if err != nil {
		d.t.Fatal(err)
	}
	other, is := "", false
	if text := take("sum", "-"); text != "-" {
		other, is = text, true
	}
	kind := sum.SHA256
	if take("sums", "") == "blake2b" {
		kind = sum.BLAKE2b
	}
	for path := range list(take("files", "")) {
		contents := d.contents(path)
		if is {
			contents = other
		}
		p.Files.Append(pkgfile.File{Path: path, Sum: string(sum.Of(kind, []byte(contents))), Attr: attr, Time: &seconds})
	}
	for path := range list(take("dirs", "")) {
		p.Dirs = append(p.Dirs, pkgfile.Dir{Path: path, Attr: attr})
	}
	for dep := range list(take("deps", "")) {
		p.Deps = append(p.Deps, pkgfile.Dep{Name: dep, Origin: "o/" + dep, Version: "1"})
	}
	for key, into := range map[string]*[]string{"requires": &p.Requires, "provides": &p.Provides, "shlibs": &p.ShlibsProvided, "needs": &p.ShlibsRequired} {
		*into = slices.Collect(list(take(key, "")))
	}
	if text := take("pre-install", ""); text != "" {
		p.Scripts = []pkgfile.Script{{Phase: "pre-install", Text: text}}
	}
	d.packages = append(d.packages, p)
}

// list are the parts of a text between commas, none of an empty one.
func list(text string) func(yield func(string) bool) {
	return strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' })
}

// Database returns the bytes of an image's pkg database.
func Database(t testing.TB, a *artifact.Artifact) []byte {
	t.Helper()
	text, err := a.Database.Bytes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Source finishes an image. With packages, the database is its last file.
func (d *Described) Source() *Source {
	d.t.Helper()
	if len(d.packages) > 0 {
		image, err := pkgdb.Write(d.t.Context(), d.t.TempDir(), d.packages, 1000, pkgdb.DefaultSchema)
		if err != nil {
			d.t.Fatal(err)
		}
		db, err := image.Bytes(d.t.Context())
		if err != nil {
			d.t.Fatal(err)
		}
		image.Close()
		d.Add(tree.Node{Path: pkgdb.Path, Mode: 0o644, Uname: "root", Gname: "wheel", Time: 100}, string(db))
	}
	s := &Source{Blobs: map[string][]byte{}}
	for _, f := range d.layers {
		var blob bytes.Buffer
		rec, err := layer.Write(d.t.Context(), &blob, f.compression, 1, []layer.Fragment{{Write: f.write}}, nil)
		if err != nil {
			d.t.Fatal(err)
		}
		s.Blobs[oci.BlobName(rec.Layer.Digest)] = blob.Bytes()
		d.image.Layers = append(d.image.Layers, oci.Layer{Layer: rec.Layer, CreatedBy: f.name})
	}
	docs := d.image.Documents()
	s.LayoutFiles.Index, s.Layout = docs.Index, docs.Layout
	s.Blobs[oci.BlobName(docs.ConfigDigest)], s.Blobs[oci.BlobName(docs.Digest)] = docs.Config, docs.Manifest
	s.Files = slices.Sorted(maps.Keys(s.Blobs))
	return s
}

func (f *fragment) write(_ context.Context, w *tarfile.Writer) error {
	for i := range f.nodes {
		if err := w.Entry(&f.nodes[i], strings.NewReader(f.bodies[i])); err != nil {
			return err
		}
	}
	return nil
}

// Read reads an image in which nothing is wrong.
func Read(t testing.TB, s oci.Source) *artifact.Artifact {
	t.Helper()
	a, err := artifact.Read(t.Context(), s, "")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Change changes the documents of an image and the blobs, and puts all together again
// so that nothing else is wrong.
func (s *Source) Change(t testing.TB, damage func(s *Source, manifest *v1.Manifest, config *v1.Image)) {
	t.Helper()
	var index v1.Index
	var m v1.Manifest
	var c v1.Image
	parse := func(text []byte, into any) {
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	parse(s.LayoutFiles.Index, &index)
	parse(s.Blobs[oci.BlobName(index.Manifests[0].Digest)], &m)
	parse(s.Blobs[oci.BlobName(m.Config.Digest)], &c)
	old := m.Config.Digest
	put := func(v any, d *v1.Descriptor) {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		d.Digest, d.Size = digest.FromBytes(text), int64(len(text))
		if len(s.Blobs) > 0 {
			s.Blobs[oci.BlobName(d.Digest)] = text
		}
	}
	damage(s, &m, &c)
	if m.Config.Digest == old {
		put(c, &m.Config)
	}
	put(m, &index.Manifests[0])
	var none v1.Descriptor
	put(index, &none)
	s.LayoutFiles.Index = s.Blobs[oci.BlobName(none.Digest)]
	if s.LayoutFiles.Index == nil {
		s.LayoutFiles.Index, _ = json.Marshal(index)
	}
	s.Files = nil
}

var digits = regexp.MustCompile(`[0-9a-f]{64,}`)

// Shortened is an error without the digits of digests.
func Shortened(err error) string { return digits.ReplaceAllString(fmt.Sprint(err), "…") }
