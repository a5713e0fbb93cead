// SPDX-License-Identifier: BSD-2-Clause

package cache

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
)

// noted is a package of which a little is known.
func noted() *input.Package {
	m := &pkgfile.Manifest{Name: "p", Version: "1", Config: []string{"/a"}, Files: pkgfile.FilesOf(pkgfile.File{Path: "/a", IsConfig: true}, pkgfile.File{Path: "/b"})}
	f := input.NewPackage(new(catalog.Package), m, true)
	f.Entries.Add(&pkgfile.Entry{Path: "/a", Size: 4, Time: 5})
	f.Entries.Add(&pkgfile.Entry{Path: "/b", HardLink: "/a", Flags: 1})
	f.Contents["/a"], f.Contents["/b"] = []byte("text"), []byte{}
	return f
}

// TestJoin takes a note apart as it was put together, and no part of one that is cut
// off or has something else in it.
func TestJoin(t *testing.T) {
	t.Parallel()
	found := map[string][]byte{"a": []byte("x"), "": pack(noted()), "b\n": {0}}
	note := slices.Concat(join(found)...)
	if d := cmp.Diff(found, unjoin(note)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for n := 1; n < len(note); n++ {
		for key, k := range unjoin(note[:n]) {
			if !bytes.Equal(k, found[key]) {
				t.Errorf("%d of %d bytes have another %q", n, len(note), key)
			}
		}
	}
	if got := unjoin(nil); len(got) > 0 {
		t.Errorf("got %v of nothing", got)
	}
}

// FuzzUnpack takes any bytes. A package that it accepts is packed and unpacked as it
// is, and has nothing that the bytes have not.
func FuzzUnpack(f *testing.F) {
	f.Add(pack(noted()))
	f.Fuzz(func(t *testing.T, k []byte) {
		for _, part := range unjoin(k) {
			if _, err := unpack(part, new(catalog.Package)); err != nil {
				continue
			}
		}
		p, err := unpack(k, new(catalog.Package))
		if err != nil {
			return
		}
		again, err := unpack(pack(p), p.Package)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(p.Manifest, again.Manifest); d != "" || !maps.EqualFunc(p.Contents, again.Contents, bytes.Equal) {
			t.Errorf("another package (-want +got):\n%s", d)
		}
		if (p.Entries == nil) != (again.Entries == nil) || hasHeaders(k) != (p.Entries != nil) {
			t.Error("the headers are there once, and not again")
		}
	})
}
