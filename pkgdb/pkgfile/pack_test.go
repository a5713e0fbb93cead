// SPDX-License-Identifier: BSD-2-Clause

package pkgfile_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// withHeaders reads a package and all its headers.
func withHeaders(t *testing.T, r io.Reader, label string) (*pkgfile.Manifest, *pkgfile.Entries) {
	t.Helper()
	p, err := pkgfile.NewReader(t.Context(), nil, r, label)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	entries := pkgfile.NewEntries(p.Manifest)
	for {
		e, err := p.Next()
		if err == io.EOF {
			return p.Manifest, entries
		}
		if err != nil {
			t.Fatal(err)
		}
		if !entries.Add(e) {
			t.Fatalf("%s: %s is not in the manifest", label, e.Path)
		}
		if got, known := entries.Of(e.Path); !known || got != *e {
			t.Fatalf("%s: got the entry %+v, want %+v", label, got, *e)
		}
	}
}

// packAgain packs and unpacks both, and compares them with what they were.
func packAgain(t *testing.T, m *pkgfile.Manifest, entries *pkgfile.Entries) []byte {
	t.Helper()
	b := entries.Append(m.Append([]byte("before")))[len("before"):]
	got, rest, err := pkgfile.UnpackManifest(append(b, "after"...))
	if err != nil {
		t.Fatalf("%s: %v", m.FullName(), err)
	}
	if d := cmp.Diff(m, got); d != "" {
		t.Fatalf("%s (-want +got):\n%s", m.FullName(), d)
	}
	again, rest, err := pkgfile.UnpackEntries(got, rest)
	if err != nil || string(rest) != "after" {
		t.Fatalf("%s: %v, %q is left", m.FullName(), err, rest)
	}
	if d := cmp.Diff(slices.Collect(entries.All()), slices.Collect(again.All())); d != "" {
		t.Fatalf("%s: entries (-want +got):\n%s", m.FullName(), d)
	}
	for e := range entries.All() {
		if want, got := entries.InodeFlags(&e), again.InodeFlags(&e); got != want {
			t.Fatalf("%s: %s: got the flags %d, want %d", m.FullName(), e.Path, got, want)
		}
	}
	if !bytes.Equal(again.Append(got.Append(nil)), b) {
		t.Fatalf("%s: is packed in another way", m.FullName())
	}
	return b
}

// whole is a manifest that has something of everything.
const whole = `,"desc":"a\nb","dep_formula":"","vital":true,"flatsize":-5,"licenselogic":"or","licenses":["a","b"],"categories":[""],"users":["u"],"groups":["g"],
	"shlibs_required":["a"],"shlibs_required_ignore":["b"],"shlibs_provided":["c"],"shlibs_provided_ignore":["d"],"provides":["e"],"requires":["f"],"conflicts":["g"],
	"deps":{"q":{"origin":"o","version":"1"}},"options":{"A":"on"},"annotations":{"b":"c"},"config":["/a","/none"],"scripts":{"install":"x","other":"y"},
	"lua_scripts":{"post-install":["z"]},"messages":[{"message":"m","type":"upgrade","minimum_version":"1"},{"message":"n"}],
	"directories":{"/d":"y","/e":{"perm":755,"uname":"root","gname":"wheel","fflags":"uarch"}},
	"files":{"/a":{"sum":"` + sha + `","perm":"0644","uname":"root","gname":"wheel","mtime":5,"fflags":"schg"},"/b":"-","/c":{"symlink_target":"x","mtime":9}}`

// TestPack gives back manifests and entries as they were.
func TestPack(t *testing.T) {
	t.Parallel()
	m := parse(t, whole)
	m.Registered = "2$2$x"
	packAgain(t, m, pkgfile.NewEntries(m))
	packAgain(t, parse(t, ""), pkgfile.NewEntries(parse(t, "")))
	packAgain(t, new(pkgfile.Manifest), pkgfile.NewEntries(new(pkgfile.Manifest)))
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		m := parse(t, whole)
		m.Files = pkgfile.FilesOf(randomFiles(rnd)...)
		entries := pkgfile.NewEntries(m)
		for _, f := range m.Files.All() {
			if rnd.IntN(4) == 0 {
				continue
			}
			e := pkgfile.Entry{Path: f.Path, IsConfig: f.IsConfig, Size: rnd.Int64(), Attr: randomFile(rnd, "").Attr, Flags: rnd.Uint32(), Time: rnd.Int64(), Unlike: rnd.IntN(2) == 0}
			if e.IsLink = rnd.IntN(3) == 0; e.IsLink {
				e.Link = []string{f.Link, "other", ""}[rnd.IntN(3)]
			} else if rnd.IntN(3) == 0 {
				e.HardLink = m.Files.Path(0)
			}
			if !entries.Add(&e) {
				t.Fatalf("%s: is not in the manifest", e.Path)
			}
			if got, known := entries.Of(e.Path); !known || got != e {
				t.Fatalf("got %+v, want %+v", got, e)
			}
		}
		packAgain(t, m, entries)
	}
}

// TestPackArchive packs what an archive says: flags of names that share an inode,
// absent folders.
func TestPackArchive(t *testing.T) {
	t.Parallel()
	archive := pkgtest.Package{Name: "p", Files: []pkgtest.File{
		{Path: "/a", Body: "x", Flags: "schg"}, {Path: "/b", HardLink: "/a", Flags: "uarch"}, {Path: "/c", Symlink: "a"}, {Path: "/d", Body: "y", Mode: 0o4755, Config: true},
	}, Dirs: []pkgtest.File{{Path: "/e", Mode: 0o700}}}.Archive()
	m, entries := withHeaders(t, bytes.NewReader(archive), "p")
	b := packAgain(t, m, entries)
	for n := range b { // however much of it is missing
		if got, rest, err := pkgfile.UnpackManifest(b[:n]); err == nil {
			if _, _, err := pkgfile.UnpackEntries(got, rest); err == nil {
				t.Errorf("%d of %d bytes were taken", n, len(b))
			}
		}
	}
}

// FuzzUnpack takes any bytes. What it accepts is a manifest whose files and
// directories are in order, and comes back as it is.
func FuzzUnpack(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		m, rest, err := pkgfile.UnpackManifest(b)
		if err != nil {
			return
		}
		for i := range m.Files.Len() {
			if at, found := m.Files.Find(m.Files.Path(i)); at != i || !found {
				t.Errorf("%q is not found", m.Files.Path(i))
			}
		}
		entries, _, err := pkgfile.UnpackEntries(m, rest)
		if err != nil {
			entries = pkgfile.NewEntries(m)
		}
		got, rest, err := pkgfile.UnpackManifest(entries.Append(m.Append(nil)))
		if d := cmp.Diff(m, got); err != nil || d != "" {
			t.Fatalf("%v (-want +got):\n%s", err, d)
		}
		again, _, err := pkgfile.UnpackEntries(got, rest)
		if err != nil {
			t.Fatal(err)
		}
		for e := range again.All() {
			again.InodeFlags(&e)
		}
		if d := cmp.Diff(slices.Collect(entries.All()), slices.Collect(again.All())); d != "" {
			t.Fatalf("entries (-want +got):\n%s", d)
		}
	})
}
