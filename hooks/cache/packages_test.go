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
func inspected(t *testing.T, rnd *rand.Rand, name string, whole bool) (*input.Package, *input.Raw) {
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
	raw := &input.Raw{Text: manifest(name, "test/x", files, dirs)}
	if rnd.IntN(2) == 0 {
		raw.Compact = manifest(name, "test/other", nil, nil) // whose digest pkg registers
	}
	m, err := pkgfile.ParseManifests(raw.Text, raw.Compact)
	if err != nil {
		t.Fatalf("%s: %v", raw.Text, err)
	}
	if (raw.Compact != nil) != (m.Registered != "") {
		t.Fatalf("%s registers %q", raw.Compact, m.Registered)
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
		return f, raw
	}
	first := ""
	for _, file := range m.Files.All() {
		e := entry(rnd)
		e.File = &file
		switch {
		case first == "":
			first = e.Path()
		case rnd.IntN(3) == 0:
			e.HardLink = first
		}
		raw.Entries = append(raw.Entries, e)
	}
	for i := range m.Dirs {
		e := entry(rnd)
		e.Dir, e.Absent = &m.Dirs[i], rnd.IntN(2) == 0
		raw.Entries = append(raw.Entries, e)
	}
	for _, e := range raw.Entries {
		f.Note(e)
	}
	return f, raw
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
	fmt.Fprintf(&b, "%p %+v\n", p.Package, *p.Manifest)
	contents, err := json.Marshal(p.Contents)
	fmt.Fprintf(&b, "%q %s %v\n", p.Contents, contents, err)
	fmt.Fprintf(&b, "entries: %v\n", p.Entries != nil)
	var paths []string
	for path := range p.Entries {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		e := *p.Entries[path]
		flags := p.InodeFlags(&e)
		kind := fmt.Sprint(e.File != nil, e.Dir != nil, e.Path())
		e.File, e.Dir = nil, nil
		fmt.Fprintf(&b, "%q %q %+v %d\n", path, kind, e, flags)
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
			f, raw := inspected(t, rnd, fmt.Sprint("p", i), i%2 == 0)
			if got := all.Look(t.Context(), f.Package, false); got != nil {
				t.Errorf("seed %d: got %s before anything was kept", seed, got.FullName())
			}
			all.Note(f, raw)
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
			f, raw := inspected(t, rnd, "fresh", true) // so that the note is written again
			again.Note(f, raw)
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
	f, raw := inspected(t, rnd, "p", true)
	all.Note(f, raw)
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
	a, rawA := inspected(t, rnd, "a", true)
	b, rawB := inspected(t, rnd, "b", true)
	first := c.Packages(t.Context(), "image")
	first.Note(a, rawA)
	first.Note(b, rawB)
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
	fresh, raw := inspected(t, rnd, "fresh", false)
	second.Note(fresh, raw)
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
	f, raw := inspected(t, rand.New(rand.NewPCG(3, 1)), "p", true)
	all.Note(f, raw)
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
	raw := &input.Raw{Text: manifest("p", "test/x", []string{"/f"}, nil)}
	m, err := pkgfile.ParseManifest(raw.Text)
	if err != nil {
		t.Fatal(err)
	}
	f := input.NewPackage(p, m, false)
	f.Contents["/f"] = []byte("text")
	all := c.Packages(t.Context())
	all.Note(f, raw)
	all.Remember(t.Context())
	again := c.Packages(t.Context())
	again.Look(t.Context(), p, false).Contents["/f"][0] = 'x'
	if got := string(again.Look(t.Context(), p, false).Contents["/f"]); got != "text" {
		t.Errorf("got %s, want text", got)
	}
}

// TestUnfitEntries takes no package of which an entry is not in its manifest.
func TestUnfitEntries(t *testing.T) {
	t.Parallel()
	st, _ := newStore(t)
	c := cache.New(st, "one")
	f, raw := inspected(t, rand.New(rand.NewPCG(4, 1)), "p", true)
	raw.Entries = append(raw.Entries, &pkgfile.Entry{File: &pkgfile.File{Path: "/not/there"}})
	bad, rawBad := inspected(t, rand.New(rand.NewPCG(4, 1)), "bad", false)
	rawBad.Text = []byte("{")
	all := c.Packages(t.Context())
	all.Note(f, raw)
	all.Note(bad, rawBad)
	all.Remember(t.Context())
	for _, p := range []*catalog.Package{f.Package, bad.Package} {
		if got := c.Packages(t.Context()).Look(t.Context(), p, false); got != nil {
			t.Errorf("got %s, want none", got.FullName())
		}
	}
}
