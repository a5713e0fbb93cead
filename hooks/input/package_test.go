// SPDX-License-Identifier: BSD-2-Clause

package input_test

import (
	"bytes"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// opened is a package of a repository of one, opened, and the catalogue's entry of it.
func opened(t *testing.T, p pkgtest.Package) (*input.Reader, *catalog.Package) {
	t.Helper()
	in := of(t, repo(t, "base", p))
	pkgs := offered(catalogues(t, in)[0])
	r, err := in.Open(t.Context(), pkgs[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r, pkgs[0]
}

// counted counts the members that are read.
type counted struct {
	input.Members
	n int
}

func (c *counted) Next() (*pkgfile.Entry, error) {
	c.n++
	return c.Members.Next()
}

// TestInspect reads as much of a package as is needed: members up to the last
// wanted one, and all where the manifest does not tell all, or with headers.
func TestInspect(t *testing.T) {
	t.Parallel()
	plain := []pkgtest.File{{Path: "/a", Body: "aa"}, {Path: "/b", Body: "bb", Config: true}, {Path: "/c/d", Body: "dd"}, {Path: "/c/e", HardLink: "/c/d"}, {Path: "/z", Body: "zz"}}
	flagged := slices.Clone(plain)
	flagged[0].Flags = "schg"
	for name, tt := range map[string]struct {
		files    []pkgtest.File
		keys     map[string]any
		wanted   input.Wanted
		headers  bool
		contents map[string]string
		entries  bool
		members  int // that are read
	}{
		"a configuration file": {plain, nil, input.Wanted{}, false, map[string]string{"/b": "bb"}, false, 2},
		"a wanted file":        {plain, nil, input.Wanted{Files: map[string]bool{"/a": true, "/none": true}}, false, map[string]string{"/a": "aa", "/b": "bb"}, false, 2},
		"a wanted folder":      {plain, nil, input.Wanted{Folders: []string{"/c/"}}, false, map[string]string{"/b": "bb", "/c/d": "dd", "/c/e": "dd"}, false, 4},
		"nothing":              {plain[:1], nil, input.Wanted{}, false, map[string]string{}, false, 0},
		"with headers":         {plain, nil, input.Wanted{}, true, map[string]string{"/b": "bb"}, true, 6},
		"a flag":               {flagged, nil, input.Wanted{}, false, map[string]string{"/b": "bb"}, true, 6},
		"a script that changes a file": {plain, map[string]any{"scripts": map[string]string{"post-install": "chmod 4755 ${PKG_ROOTDIR}/a"}}, input.Wanted{}, false,
			map[string]string{"/b": "bb"}, true, 6},
		"a script that changes nothing": {plain, map[string]any{"scripts": map[string]string{"post-install": "true"}}, input.Wanted{}, false, map[string]string{"/b": "bb"}, false, 2},
	} {
		r, p := opened(t, pkgtest.Package{Name: "p", Files: slices.Clone(tt.files), Keys: tt.keys})
		count := &counted{Members: r.Members}
		r.Members = count
		f, err := input.Inspect(r, p, &tt.wanted, tt.headers)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		contents := map[string]string{}
		for path, text := range f.Contents {
			contents[path] = string(text)
		}
		if diff := cmp.Diff(tt.contents, contents); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if (f.Entries != nil) != tt.entries || count.n != tt.members {
			t.Errorf("%s: got entries %v, %d members read; want %v, %d", name, f.Entries != nil, count.n, tt.entries, tt.members)
		}
		if f.Package != p || f.Manifest != r.Manifest {
			t.Errorf("%s: got another package or manifest", name)
		}
		var paths []string
		for e := range f.Entries.All() {
			paths = append(paths, e.Path)
		}
		if want := []string{"/a", "/b", "/c/d", "/c/e", "/z"}; tt.entries && !slices.Equal(paths, want) {
			t.Errorf("%s: got the entries %v, want %v", name, paths, want)
		}
	}
}

// TestInspectDamage takes no package that is another than the catalogue's, whose
// contents are not what the manifest says, or that is too large a file to read.
func TestInspectDamage(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(p *catalog.Package)
		file   pkgtest.File
		want   string
	}{
		"right":            {func(*catalog.Package) {}, pkgtest.File{Body: "x"}, ""},
		"of a lock":        {func(p *catalog.Package) { p.ABI = "" }, pkgtest.File{Body: "x"}, ""},
		"another version":  {func(p *catalog.Package) { p.Version = "2" }, pkgtest.File{Body: "x"}, "p-2: its manifest says p-1.0 for FreeBSD:15:amd64, the catalogue p-2 for FreeBSD:15:amd64"},
		"another name":     {func(p *catalog.Package) { p.Name = "q" }, pkgtest.File{Body: "x"}, "q-1.0: its manifest says p-1.0"},
		"another ABI":      {func(p *catalog.Package) { p.ABI = "FreeBSD:15:aarch64" }, pkgtest.File{Body: "x"}, "p-1.0: its manifest says p-1.0 for FreeBSD:15:amd64, the catalogue p-1.0 for FreeBSD:15:aarch64"},
		"another contents": {func(*catalog.Package) {}, pkgtest.File{Body: "x", Sum: "1$" + strings.Repeat("0", 64)}, "p-1.0: /f: contents: sum is "},
	} {
		tt.file.Path = "/f"
		r, p := opened(t, pkgtest.Package{Name: "p", Files: []pkgtest.File{tt.file}})
		tt.change(p)
		_, err := input.Inspect(r, p, &input.Wanted{Files: map[string]bool{"/f": true}}, false)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
	f := having("p")
	if _, err := f.Read(nil, &pkgfile.Entry{Path: "/f", Size: 64<<20 + 1}); err == nil || err.Error() != "p-1: /f: has 67108865 bytes, wanted at most 67108864" {
		t.Errorf("a large file: got %v", err)
	}
	if text, err := f.Read(strings.NewReader("x"), &pkgfile.Entry{Path: "/f", Size: 64 << 20}); err != nil || string(text) != "x" {
		t.Errorf("a file of the most bytes: got %q, %v", text, err)
	}
}

// TestWanted tells which paths somebody will ask for, and makes one key of equal
// ones.
func TestWanted(t *testing.T) {
	t.Parallel()
	w := &input.Wanted{Files: map[string]bool{"/a": true}, Folders: []string{"/d/", "/e/"}}
	for path, want := range map[string]bool{"/a": true, "/a/b": false, "/d/x": true, "/e/x/y": true, "/d": false, "/dd/x": false, "/x": false} {
		if got := w.Has(path); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
	same := &input.Wanted{Files: maps.Clone(w.Files), Folders: []string{"/e/", "/d/", "/e/"}}
	if same.Key() != w.Key() {
		t.Errorf("got %s and %s, want one key", same.Key(), w.Key())
	}
	seen := map[string]bool{w.Key(): true}
	for _, other := range []*input.Wanted{{}, {Files: map[string]bool{"/a": true}}, {Folders: []string{"/d/", "/e/"}}, {Files: map[string]bool{"/a /b": true}},
		{Files: map[string]bool{"/a": true, "/b": true}}, {Folders: []string{"/a"}}} {
		if seen[other.Key()] {
			t.Errorf("%+v: got the key %s of another", other, other.Key())
		}
		seen[other.Key()] = true
	}
}

// TestInodeFlags applies flags at the last name of an inode, those of all its names.
func TestInodeFlags(t *testing.T) {
	t.Parallel()
	var m pkgfile.Manifest
	for _, path := range []string{"/1", "/2", "/3", "/4"} {
		m.Files.Append(pkgfile.File{Path: path})
	}
	m.Dirs = []pkgfile.Dir{{Path: "/d"}}
	f := input.NewPackage(&catalog.Package{}, &m, true)
	entry := func(path, first string, flags uint32) *pkgfile.Entry {
		e := &pkgfile.Entry{Path: path, IsDir: path == "/d", HardLink: first, Flags: flags}
		if !f.Entries.Add(e) {
			t.Errorf("%s: is not in the manifest", path)
		}
		return e
	}
	one, two, three, alone, dir := entry("/1", "", 1), entry("/2", "/1", 2), entry("/3", "/1", 4), entry("/4", "", 8), entry("/d", "", 16)
	for e, want := range map[*pkgfile.Entry]uint32{one: 0, two: 0, three: 7, alone: 8, dir: 16} {
		if got := f.Entries.InodeFlags(e); got != want {
			t.Errorf("%s: got %d, want %d", e.Path, got, want)
		}
	}
	for _, e := range []*pkgfile.Entry{{Path: "/x"}, {Path: "/1", IsDir: true}, {Path: "/1", HardLink: "/x"}} {
		if f.Entries.Add(e) {
			t.Errorf("%+v: was taken", *e)
		}
	}
}

// TestLastTime is the newest time of files: the archive's where that was read.
func TestLastTime(t *testing.T) {
	t.Parallel()
	at := func(n int64) *int64 { return &n }
	m := &pkgfile.Manifest{Files: pkgfile.FilesOf(pkgfile.File{Path: "/a", Time: at(5)}, pkgfile.File{Path: "/b"}, pkgfile.File{Path: "/c", Time: at(3)})}
	f := input.NewPackage(&catalog.Package{}, m, true)
	if got := f.LastTime(); got == nil || *got != 5 {
		t.Errorf("of the manifest: got %v, want 5", got)
	}
	for i, time := range []int64{1, 4} {
		f.Entries.Add(&pkgfile.Entry{Path: m.Files.Path(i), Time: time})
	}
	if got := f.LastTime(); got == nil || *got != 4 {
		t.Errorf("of the archive: got %v, want 4", got)
	}
	if got := input.NewPackage(&catalog.Package{}, &pkgfile.Manifest{Files: pkgfile.FilesOf(pkgfile.File{Path: "/b"})}, false).LastTime(); got != nil {
		t.Errorf("without times: got %d, want none", *got)
	}
}

// TestTellsAll wants owner, mode and time of every entry, no flags, and no script
// that changes a file.
func TestTellsAll(t *testing.T) {
	t.Parallel()
	now, none, some := int64(1), uint32(0), uint32(1)
	known := pkgfile.Attr{Known: true}
	a, d := pkgfile.File{Path: "/a", Sum: "s", Attr: known, Time: &now, Flags: &none}, pkgfile.Dir{Path: "/d", Attr: known}
	for name, tt := range map[string]struct {
		change func(f *pkgfile.File, d *pkgfile.Dir)
		want   bool
	}{
		"whole":    {func(*pkgfile.File, *pkgfile.Dir) {}, true},
		"owner":    {func(f *pkgfile.File, _ *pkgfile.Dir) { f.Known = false }, false},
		"time":     {func(f *pkgfile.File, _ *pkgfile.Dir) { f.Time = nil }, false},
		"sum":      {func(f *pkgfile.File, _ *pkgfile.Dir) { f.Sum = "" }, false},
		"flags":    {func(f *pkgfile.File, _ *pkgfile.Dir) { f.Flags = &some }, false},
		"a folder": {func(_ *pkgfile.File, d *pkgfile.Dir) { d.Known = false }, false},
	} {
		b, d := pkgfile.File{Path: "/b", Sum: "s", Attr: known, Time: &now}, d
		tt.change(&b, &d)
		if got := input.Complete(&pkgfile.Manifest{Files: pkgfile.FilesOf(a, b), Dirs: []pkgfile.Dir{d}}); got != tt.want {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
}

// TestReader has what stands before a package's members, and tells at its end which
// directories it has passed over.
func TestReader(t *testing.T) {
	t.Parallel()
	r, _ := opened(t, pkgtest.Package{Name: "p", Files: []pkgtest.File{{Path: "/d/a", Body: "x"}}, Dirs: []pkgtest.File{{Path: "/d"}}, Keys: map[string]any{"directories": map[string]any{}}})
	if r.Manifest.Name != "p" || r.Manifest.Files.Len() != 1 {
		t.Errorf("got %+v", r.Manifest)
	}
	for {
		if _, err := r.Next(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"/d/"}, r.PassedOver()); diff != "" {
		t.Errorf("passed over (-want +got):\n%s", diff)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// manifestOf is what a package says of itself.
func manifestOf(t *testing.T, p pkgtest.Package) *pkgfile.Manifest {
	t.Helper()
	r, err := pkgfile.NewReader(t.Context(), nil, bytes.NewReader(p.Archive()), p.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	return r.Manifest
}
