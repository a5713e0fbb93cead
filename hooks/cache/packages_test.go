// SPDX-License-Identifier: BSD-2-Clause

package cache_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks/cache"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
)

// words are parts of paths and names, some of which are odd.
var words = []string{"bin", "etc", "a b", "ü", "\xff\xfe", "line\\nbreak", "$x", "*", "…", "'"}

// inspected is a package as Inspect leaves it, of random files and folders; whole
// ones have entries, with owners, flags, times and links of their own.
func inspected(t *testing.T, rnd *rand.Rand, name string, whole bool) *input.Package {
	t.Helper()
	path := func(i int) string {
		p := "/"
		for range rnd.IntN(3) {
			p += words[rnd.IntN(len(words))] + "/"
		}
		return fmt.Sprint(p, words[rnd.IntN(len(words))], i)
	}
	var files, dirs []string
	for i := range rnd.IntN(6) {
		files = append(files, path(i))
	}
	for i := range rnd.IntN(3) {
		dirs = append(dirs, path(100+i))
	}
	slices.Sort(files)
	var compact []byte
	if rnd.IntN(2) == 0 {
		compact = manifest(name, "test/other", nil, nil) // whose digest pkg registers
	}
	m, err := pkgfile.ParseManifests(manifest(name, "test/x", files, dirs), compact)
	if err != nil {
		t.Fatal(err)
	}
	if (compact != nil) != (m.Registered != "") {
		t.Fatalf("%s registers %q", compact, m.Registered)
	}
	p := &catalog.Package{Summary: pkgfile.Summary{Name: name, Version: "1", ABI: "FreeBSD:15:amd64", Sum: sum.Of(sum.SHA256, []byte(name))}}
	f := input.NewPackage(p, m, whole)
	for i := range m.Files.Len() {
		if rnd.IntN(2) == 0 {
			f.Contents[m.Files.Path(i)] = []byte(words[rnd.IntN(len(words))])
		}
	}
	if m.Files.Len() > 0 {
		f.Contents[m.Files.Path(0)] = []byte{} // an empty file is not one that nobody read
	}
	if !whole {
		return f
	}
	first := ""
	var entries []*pkgfile.Entry
	for i, file := range m.Files.All() {
		e := entry(rnd)
		e.Path, e.IsConfig = file.Path, file.IsConfig
		switch {
		case i == 0:
			first = e.Path
		case rnd.IntN(3) == 0:
			e.HardLink = first
		}
		entries = append(entries, e)
	}
	for _, d := range m.Dirs {
		e := entry(rnd)
		e.Path, e.IsDir, e.Absent = d.Path, true, rnd.IntN(2) == 0
		entries = append(entries, e)
	}
	for _, e := range entries {
		if !f.Entries.Add(e) {
			t.Fatalf("%s: is not in the manifest", e.Path)
		}
		if got, known := f.Entries.Of(e.Path); !known || got != *e {
			t.Fatalf("got the entry %+v, want %+v", got, e)
		}
	}
	return f
}

// entry is one of random attributes.
func entry(rnd *rand.Rand) *pkgfile.Entry {
	e := &pkgfile.Entry{Size: rnd.Int64N(1 << 40), Time: rnd.Int64N(1<<40) - 1<<39, Flags: rnd.Uint32(), Unlike: rnd.IntN(2) == 0,
		Attr: pkgfile.Attr{Known: true, Uname: words[rnd.IntN(len(words))], Gname: words[rnd.IntN(len(words))], Perm: rnd.Uint32N(0o10000)}}
	if rnd.IntN(3) == 0 {
		e.IsLink, e.Link = true, words[rnd.IntN(len(words))]
	}
	return e
}

// manifest is the text of one. Bytes of paths that are no UTF-8 stay as they are,
// as libpkg writes them.
func manifest(name, origin string, files, dirs []string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `{"name": %q, "version": "1", "origin": %q, "comment": "x", "desc": "x", "maintainer": "x", "www": "x", "abi": "FreeBSD:15:amd64", "arch": "freebsd:15:x86:64", "prefix": "/", "flatsize": 0, "licenselogic": "single", "files": {`, name, origin)
	for i, f := range files {
		b.WriteString(strings.Repeat(", ", min(i, 1)) + `"` + f + `": "-"`)
	}
	b.WriteString(`}, "directories": {`)
	for i, d := range dirs {
		b.WriteString(strings.Repeat(", ", min(i, 1)) + `"` + d + `": "y"`)
	}
	b.WriteString("}}")
	return []byte(b.String())
}

// same compares all that a build may ask of a package.
func same(t *testing.T, what string, want, got *input.Package) {
	t.Helper()
	if got == nil {
		t.Errorf("%s: got none", what)
		return
	}
	if diff := cmp.Diff(shown(want), shown(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// shown is a package as text, flags of its inodes included.
func shown(p *input.Package) string {
	var b strings.Builder
	m := *p.Manifest
	m.Files = pkgfile.Files{}
	fmt.Fprintf(&b, "%p %+v\n", p.Package, m)
	for _, f := range p.Manifest.Files.All() {
		text, err := json.Marshal(f)
		fmt.Fprintf(&b, "%q %s %v\n", f.Path, text, err)
	}
	contents, err := json.Marshal(p.Contents)
	fmt.Fprintf(&b, "%q %s %v\n", p.Contents, contents, err)
	fmt.Fprintf(&b, "entries: %v\n", p.Entries != nil)
	for e := range p.Entries.All() {
		fmt.Fprintf(&b, "%+v %d\n", e, p.Entries.InodeFlags(&e))
	}
	return b.String()
}

// TestPackages gives back what earlier builds have found out as it was: random
// packages, with odd paths, entries and what pkg registers, twice over.
func TestPackages(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		st, _ := newStore(t)
		rnd := rand.New(rand.NewPCG(seed, 1))
		all := cache.New(st, "one").Packages(t.Context(), "image", seed)
		var made []*input.Package
		for i := range 5 {
			f := inspected(t, rnd, fmt.Sprint("p", i), i%2 == 0)
			if got := all.Look(t.Context(), f.Package, false); got != nil {
				t.Errorf("seed %d: got %s before anything was kept", seed, got.FullName())
			}
			all.Note(t.Context(), f)
			made = append(made, f)
		}
		all.Remember(t.Context())
		for round := range 2 {
			again := cache.New(st, "one").Packages(t.Context(), "image", seed)
			for i, f := range made {
				same(t, fmt.Sprintf("seed %d, round %d, package %d", seed, round, i), f, again.Look(t.Context(), f.Package, false))
				if whole := again.Look(t.Context(), f.Package, true); (whole != nil) != (i%2 == 0) {
					t.Errorf("seed %d: package %d with headers: got %v", seed, i, whole)
				}
			}
			f := inspected(t, rnd, "fresh", true) // so that the note is written again
			again.Note(t.Context(), f)
			again.Remember(t.Context())
		}
	}
}

// TestPackagesOfOthers looks for packages by all that names them, and takes nothing
// of another program's or of other images.
func TestPackagesOfOthers(t *testing.T) {
	t.Parallel()
	st, _ := newStore(t)
	rnd := rand.New(rand.NewPCG(1, 1))
	all := cache.New(st, "one").Packages(t.Context(), "image")
	f := inspected(t, rnd, "p", true)
	all.Note(t.Context(), f)
	all.Remember(t.Context())
	for what, change := range map[string]func(p *catalog.Package){
		"":            func(*catalog.Package) {},
		"sum":         func(p *catalog.Package) { p.Sum = sum.Of(sum.SHA256, []byte("other")) },
		"name":        func(p *catalog.Package) { p.Name = "q" },
		"version":     func(p *catalog.Package) { p.Version = "2" },
		"another ABI": func(p *catalog.Package) { p.ABI = "FreeBSD:15:aarch64" },
	} {
		p := *f.Package
		change(&p)
		if got := cache.New(st, "one").Packages(t.Context(), "image").Look(t.Context(), &p, false); (got != nil) != (what == "") {
			t.Errorf("another %s: got %v", what, got)
		}
	}
	for what, others := range map[string]*cache.Packages{
		"another maker": cache.New(st, "two").Packages(t.Context(), "image"), "another image": cache.New(st, "one").Packages(t.Context(), "other"),
		"no cache": (*cache.Cache)(nil).Packages(t.Context(), "image"),
	} {
		if got := others.Look(t.Context(), f.Package, false); got != nil {
			t.Errorf("%s: got %s, want none", what, got.FullName())
		}
	}
}

// TestPackagesForget leaves to later builds what this one asked for, and no more:
// what it did not ask for is gone once anything is new.
func TestPackagesForget(t *testing.T) {
	t.Parallel()
	st, _ := newStore(t)
	rnd := rand.New(rand.NewPCG(2, 1))
	c := cache.New(st, "one")
	a := inspected(t, rnd, "a", true)
	b := inspected(t, rnd, "b", true)
	first := c.Packages(t.Context(), "image")
	first.Note(t.Context(), a)
	first.Note(t.Context(), b)
	first.Remember(t.Context())
	idle := c.Packages(t.Context(), "image")
	idle.Look(t.Context(), a.Package, false)
	before := notes(t, st)
	idle.Remember(t.Context()) // nothing is new
	if diff := cmp.Diff(before, notes(t, st)); diff != "" {
		t.Errorf("nothing new (-before +after):\n%s", diff)
	}
	second := c.Packages(t.Context(), "image")
	second.Look(t.Context(), a.Package, false)
	fresh := inspected(t, rnd, "fresh", false)
	second.Note(t.Context(), fresh)
	second.Remember(t.Context())
	third := c.Packages(t.Context(), "image")
	for name, want := range map[*input.Package]bool{a: true, b: false, fresh: true} {
		if got := third.Look(t.Context(), name.Package, false) != nil; got != want {
			t.Errorf("%s: got %v, want %v", name.FullName(), got, want)
		}
	}
}

// TestPackagesWithoutCache works without one: nothing is known, and nothing kept.
func TestPackagesWithoutCache(t *testing.T) {
	t.Parallel()
	var c *cache.Cache
	all := c.Packages(t.Context(), "image")
	f := inspected(t, rand.New(rand.NewPCG(3, 1)), "p", true)
	all.Note(t.Context(), f)
	all.Remember(t.Context())
	if got := all.Look(t.Context(), f.Package, false); got != nil {
		t.Errorf("got %s, want none", got.FullName())
	}
}

// TestPackagesApart hands out packages of which a build may change the contents
// without another seeing it.
func TestPackagesApart(t *testing.T) {
	t.Parallel()
	st, _ := newStore(t)
	c := cache.New(st, "one")
	p := &catalog.Package{Summary: pkgfile.Summary{Name: "p", Version: "1"}}
	m, err := pkgfile.ParseManifest(manifest("p", "test/x", []string{"/f"}, nil))
	if err != nil {
		t.Fatal(err)
	}
	f := input.NewPackage(p, m, false)
	f.Contents["/f"] = []byte("text")
	all := c.Packages(t.Context())
	all.Note(t.Context(), f)
	all.Remember(t.Context())
	again := c.Packages(t.Context())
	again.Look(t.Context(), p, false).Contents["/f"][0] = 'x'
	if got := string(again.Look(t.Context(), p, false).Contents["/f"]); got != "text" {
		t.Errorf("got %s, want text", got)
	}
}

// TestPackagesDamaged takes no package of a note that is not whole.
func TestPackagesDamaged(t *testing.T) {
	t.Parallel()
	st, _ := newStore(t)
	f := inspected(t, rand.New(rand.NewPCG(4, 1)), "p", true)
	all := cache.New(st, "one").Packages(t.Context())
	all.Note(t.Context(), f)
	all.Remember(t.Context())
	damage(t, st, "notes")
	if got := cache.New(st, "one").Packages(t.Context()).Look(t.Context(), f.Package, false); got != nil {
		t.Errorf("got %s, want none", got.FullName())
	}
}
