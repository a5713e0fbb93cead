// SPDX-License-Identifier: BSD-2-Clause

package compare_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/tarfile"
	"github.com/orlop/orlop/release/tree"
)

// source is an image layout in memory.
type source struct {
	oci.LayoutFiles
	blobs map[string][]byte // by name
}

func (s *source) Index(context.Context) (oci.LayoutFiles, error) { return s.LayoutFiles, nil }

func (s *source) Blob(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	text, ok := s.blobs[oci.BlobName(d.Digest)]
	if !ok {
		return nil, oci.FormatErrorf("blob %s is not there", d.Digest)
	}
	return oci.Verify(io.NopCloser(bytes.NewReader(text)), d.Digest, d.Size), nil
}

func (*source) Close() error { return nil }

// described is an image in the making, from a text with a line for each thing: a
// layer, the entries that follow it, packages, and what the documents say.
//
//	arch arm64
//	env A=b
//	label key=value
//	layer NAME [compression=zstd]
//	dir PATH [mode=0755] [owner=root:wheel] [ids=0:0] [time=5]
//	file PATH [content="…"] [flags=schg] [x=N]
//	link PATH to=TARGET
//	hard PATH to=PATH
//	package NAME VERSION [automatic=yes] [files=PATH,PATH] [deps=NAME,NAME] [comment=…]
//
// N is how many x a file has behind its contents. The pkg database of all packages
// is the last entry of the last layer.
type described struct {
	t        testing.TB
	image    oci.Image
	layers   []fragment
	packages []pkgdb.Installed
}

// fragment is a layer in the making.
type fragment struct {
	name        string
	compression layer.Compression
	nodes       []tree.Node
	bodies      []string
}

var words = regexp.MustCompile(`[^\s="]+="(?:[^"\\]|\\.)*"|\S+`)

// describe reads a description.
func describe(t testing.TB, text string) *described {
	t.Helper()
	d := &described{t: t, image: oci.Image{Name: "n", Architecture: "amd64", Labels: map[string]string{}, Annotations: map[string]string{}}}
	for line := range strings.Lines(text) {
		if list := words.FindAllString(line, -1); len(list) > 1 {
			d.line(list[0], list[1], list[2:])
		}
	}
	return d
}

// line reads one line. What it has no place for is an error.
func (d *described) line(kind, name string, rest []string) {
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
		d.image.Env = append(d.image.Env, name)
	case "label":
		d.image.Labels[key] = value
	case "annotation":
		d.image.Annotations[key] = value
	case "name":
		d.image.Name = name
	case "layer":
		d.layers = append(d.layers, fragment{name: name, compression: layer.Compression(take("compression", "gzip"))})
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

func (d *described) entry(kind, path string, take func(key, other string) string) {
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
	d.add(n, take("content", "")+strings.Repeat("x", more))
}

// add adds an entry to the last layer.
func (d *described) add(n tree.Node, body string) {
	l := &d.layers[len(d.layers)-1]
	n.Size = int64(len(body))
	l.nodes, l.bodies = append(l.nodes, n), append(l.bodies, body)
}

func (d *described) pkg(name, version string, take func(key, other string) string) {
	p := pkgdb.Installed{Automatic: take("automatic", "") == "yes", Repository: "r", Manifest: &pkgfile.Manifest{Name: name, Version: version,
		Origin: "o/" + name, ABI: "FreeBSD:15:amd64", Prefix: "/", Comment: take("comment", "")}}
	attr := pkgfile.Attr{Known: true, Uname: "root", Gname: "wheel", Perm: 0o644}
	seconds, err := strconv.ParseInt(take("time", "100"), 10, 64)
	if err != nil {
		d.t.Fatal(err)
	}
	for path := range list(take("files", "")) {
		p.Files = append(p.Files, pkgfile.File{Path: path, Sum: string(sum.Of(sum.SHA256, []byte(take("sum", "")))), Attr: attr, Time: &seconds})
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
	d.packages = append(d.packages, p)
}

// list are the parts of a text between commas, none of an empty one.
func list(text string) func(yield func(string) bool) {
	return strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' })
}

// source finishes an image. With packages, the database is its last file.
func (d *described) source() *source {
	d.t.Helper()
	if len(d.packages) > 0 {
		db, err := pkgdb.Write(d.t.Context(), d.packages, 1000, pkgdb.DefaultSchema)
		if err != nil {
			d.t.Fatal(err)
		}
		d.add(tree.Node{Path: pkgdb.Path, Mode: 0o644, Uname: "root", Gname: "wheel", Time: 100}, string(db))
	}
	s := &source{blobs: map[string][]byte{}}
	for _, f := range d.layers {
		var blob bytes.Buffer
		rec, err := layer.Write(d.t.Context(), &blob, f.compression, 1, []layer.Fragment{{Write: f.write}}, nil)
		if err != nil {
			d.t.Fatal(err)
		}
		s.blobs[oci.BlobName(rec.Layer.Digest)] = blob.Bytes()
		d.image.Layers = append(d.image.Layers, oci.Layer{Layer: rec.Layer, CreatedBy: "orlop " + f.name})
	}
	docs := d.image.Documents()
	s.LayoutFiles.Index, s.Layout = docs.Index, docs.Layout
	s.blobs[oci.BlobName(docs.ConfigDigest)], s.blobs[oci.BlobName(docs.Digest)] = docs.Config, docs.Manifest
	s.Files = slices.Sorted(maps.Keys(s.blobs))
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

// read reads an image in which nothing is wrong.
func read(t testing.TB, s oci.Source) *artifact.Artifact {
	t.Helper()
	a, err := artifact.Read(t.Context(), s, "")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var digits = regexp.MustCompile(`[0-9a-f]{64}|\$[a-z0-9]{103}`)
