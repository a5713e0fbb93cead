// SPDX-License-Identifier: BSD-2-Clause

package artifact_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/artifact/artifacttest"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release/closure"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/tree"
)

// noted are images whose notes say all there is to say.
var noted = map[string]string{
	"two layers": two,
	"zstd, programs and scripts": `
layer lower compression=zstd
elf /bin/sh interpreter=/libexec/ld-elf.so.1 needs=libc.so.7,libno.so.1
file /etc/passwd content="root:*:0:0::/:/bin/sh\n"
layer upper compression=zstd
file /usr/bin/script content="#!/bin/sh -x\n"
file /etc/libmap.conf content="a b"
package app 1 files=/bin/sh requires=word`,
	"links and whiteouts": `
layer one
file /a/file content="x"
hard /a/name to=/a/file
hard /a/third to=/a/file
link /l to=a
layer two
file /a/.wh.file
file /l/new content="through a link"
layer three
file /b/.wh..wh..opq
hard /b/more to=/l/third`,
	"nothing": "layer empty",
}

// answers are what an artifact says to those who build on it.
func answers(t *testing.T, a *artifact.Artifact) map[string]any {
	t.Helper()
	all := map[string]any{"notes": a.Notes, "details": a.Details, "read": a.Read, "complete": a.Complete(), "version": a.OSVersion(), "reasons": a.Reasons(),
		"shares": a.Shares(), "totals": a.Sums(), "edited": a.Edited("/etc/passwd"), "accounts": a.Accounts.UserOf(0, "nobody")}
	list := func(name string, nodes []tree.Node) {
		all[name] = nodes
		for _, n := range nodes {
			owner := a.Owners().Of(n.Path)
			all[name+" "+n.Path] = []any{a.Asks(&n), a.SumOf(&n, sum.SHA256), a.SumOf(&n, sum.BLAKE2b), string(a.Text(n.Path)), a.Text(n.Path) == nil, owner}
		}
	}
	var want = map[string]bool{}
	for i, nodes := range a.Layers {
		list("layer "+string(rune('1'+i)), copies(nodes.All()))
	}
	list("tree", copies(a.Tree.All()))
	for n := range a.Tree.All() {
		want[n.Path] = true
	}
	texts, err := a.ReadFiles(t.Context(), want)
	report := closure.Check(t.Context(), &closure.Image{Tree: a.Tree, Requires: a.Unprovided(), Files: a.Files()})
	all["texts"], all["fault"], all["gaps"] = texts, err, report.Gaps
	for _, p := range a.Packages {
		all["package "+p.Name] = p.FullName()
	}
	if a.Content != nil {
		all["schema"] = a.Content.Schema
	}
	return all
}

func copies(nodes func(func(*tree.Node) bool)) []tree.Node {
	var list []tree.Node
	for n := range nodes {
		list = append(list, *n)
	}
	return list
}

// noteOf returns the note of an image, and a copy of its pkg database.
func noteOf(t *testing.T, a *artifact.Artifact) ([]byte, *pkgdb.Image) {
	t.Helper()
	note, err := a.Note(t.Context(), []string{"odd"})
	if err != nil || note == nil {
		t.Fatalf("got no note, %v", err)
	}
	a.Notes = append(a.Notes, "odd")
	if a.Folded() == nil {
		return note, nil
	}
	image, err := pkgdb.Collect(t.Context(), a.Folded().Reader())
	if err != nil {
		t.Fatal(err)
	}
	return note, image
}

// TestNote gives back an image from its note, with the same answers to all questions.
func TestNote(t *testing.T) {
	t.Parallel()
	for name, text := range noted {
		s := artifacttest.Describe(t, text).Source()
		read, err := artifact.Examine(t.Context(), s, "")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer read.CloseDatabase()
		note, database := noteOf(t, read)
		restored, err := artifact.Restore(t.Context(), s, "", note, database)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer restored.CloseDatabase()
		if d := cmp.Diff(answers(t, read), answers(t, restored), cmp.Comparer(func(a, b error) bool { return (a == nil) == (b == nil) && (a == nil || a.Error() == b.Error()) })); d != "" {
			t.Errorf("%s (-read +restored):\n%s", name, d)
		}
		again, err := restored.Note(t.Context(), []string{"odd"})
		if err != nil || !bytes.Equal(again, note) {
			t.Errorf("%s: another note of what was restored: %d bytes in place of %d, %v", name, len(again), len(note), err)
		}
	}
}

// TestNoteUnfit restores nothing from a note that is cut off or of another image, nor without
// its database or with one too many.
func TestNoteUnfit(t *testing.T) {
	t.Parallel()
	s, other := artifacttest.Describe(t, two).Source(), artifacttest.Describe(t, "layer one\nfile /a").Source()
	read, err := artifact.Examine(t.Context(), s, "")
	if err != nil {
		t.Fatal(err)
	}
	defer read.CloseDatabase()
	note, database := noteOf(t, read)
	for what, with := range map[string]struct {
		oci.Source
		note     []byte
		database *pkgdb.Image
	}{
		"nothing": {s, nil, database}, "another text": {s, []byte("another text"), database}, "another image": {other, note, database},
		"without the database": {s, note, nil},
	} {
		if _, err := artifact.Restore(t.Context(), with.Source, "", with.note, with.database); err == nil {
			t.Errorf("%s: got an image", what)
		}
	}
	for n := range note {
		if _, err := artifact.Restore(t.Context(), s, "", note[:n], database); err == nil {
			t.Errorf("%d bytes of %d: got an image", n, len(note))
		}
	}
}

// TestNoteIncomplete makes no note of an image that could not be read to its end, or of
// which nobody wanted to know what files need.
func TestNoteIncomplete(t *testing.T) {
	t.Parallel()
	plain := artifacttest.Read(t, artifacttest.Describe(t, two).Source())
	s := artifacttest.Describe(t, two).Source()
	s.Change(t, func(_ *artifacttest.Source, _ *v1.Manifest, config *v1.Image) {
		config.RootFS.DiffIDs[0] = config.RootFS.DiffIDs[1]
	})
	wrong, err := artifact.Examine(t.Context(), s, "")
	if err == nil {
		t.Fatal("a wrong DiffID is no error")
	}
	for what, a := range map[string]*artifact.Artifact{"plain": plain, "wrong": wrong} {
		if note, err := a.Note(t.Context(), nil); note != nil || err != nil {
			t.Errorf("%s: got a note of %d bytes, %v", what, len(note), err)
		}
	}
}

// TestNoteBlobs reads files of an image with a note only from the bytes that it was made
// of.
func TestNoteBlobs(t *testing.T) {
	t.Parallel()
	s := artifacttest.Describe(t, two).Source()
	read, err := artifact.Examine(t.Context(), s, "")
	if err != nil {
		t.Fatal(err)
	}
	defer read.CloseDatabase()
	note, database := noteOf(t, read)
	upper := read.Manifest.Layers[1]
	other := artifacttest.Describe(t, strings.ReplaceAll(two, "new", "old")).Source()
	changed, err := oci.Read(t.Context(), other, "")
	if err != nil {
		t.Fatal(err)
	}
	whole := s.Blobs[oci.BlobName(upper.Digest)]
	for what, blob := range map[string][]byte{
		"another layer": other.Blobs[oci.BlobName(changed.Manifest.Layers[1].Digest)], "cut off": whole[:20],
		"damaged": append(bytes.Repeat([]byte{0xff}, 30), whole[30:]...), "gone": nil,
	} {
		if s.Blobs[oci.BlobName(upper.Digest)] = blob; blob == nil {
			delete(s.Blobs, oci.BlobName(upper.Digest))
		}
		a, err := artifact.Restore(t.Context(), s, "", note, database)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		texts, err := a.ReadFiles(t.Context(), map[string]bool{"/etc/motd": true, "/latest": true})
		if fault.ClassOf(err) != fault.Wrong {
			t.Errorf("%s: got %q, %v", what, texts, err)
		}
	}
}
