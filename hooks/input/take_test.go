// SPDX-License-Identifier: BSD-2-Clause

package input_test

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/etc"
)

// tree is an input of which nothing but Files is asked: what it has by source.
type tree map[string]string

func (tree) Catalogues(context.Context) ([]*catalog.Catalogue, error) { return nil, nil }

func (tree) Open(context.Context, *catalog.Package, *pkgfile.Manifest) (*input.Reader, error) {
	return nil, nil
}

func (s tree) Files(_ context.Context, t define.Taken, target string) (*input.Offer, error) {
	text, has := s[t.Source]
	if text == "fault" {
		return nil, fs.ErrInvalid
	}
	if !has {
		return nil, nil
	}
	return &input.Offer{From: "srcdir", Files: []etc.Source{{Path: target, Text: []byte(text)}}}, nil
}

// having is a package with files, "PATH TEXT" each.
func having(name string, files ...string) *input.Package {
	p := input.NewPackage(&catalog.Package{Summary: pkgfile.Summary{Name: name, Version: "1"}}, &pkgfile.Manifest{}, false)
	for _, f := range files {
		path, text, _ := strings.Cut(f, " ")
		p.Contents[path] = []byte(text)
	}
	return p
}

// locked are the files of a lock's layer, "PATH TEXT" each.
func locked(files ...string) *lock.Layer {
	l := &lock.Layer{Image: "app"}
	for _, f := range files {
		path, text, _ := strings.Cut(f, " ")
		l.Files = append(l.Files, lock.File{Path: path, SHA256: sum.HexSHA256([]byte(text)), From: "elsewhere-1"})
	}
	return l
}

// TestTake takes a file from who has it first, and of a lock what the lock has.
func TestTake(t *testing.T) {
	t.Parallel()
	file := define.Taken{Path: "/usr/f", From: []string{"a", "b"}, Source: "src/f"}
	fromTree := define.Taken{Path: "/usr/f", Source: "src/f"}
	folder := define.Taken{Path: "/usr/d", From: []string{"a", "b"}, Folder: true}
	a, b := having("a", "/usr/f of-a", "/usr/d/x xa", "/usr/d/y ya", "/usr/dd/z za"), having("b", "/usr/f of-b", "/usr/d/x xb")
	for name, tt := range map[string]struct {
		in      tree
		taken   define.Taken
		by      input.Borrower
		others  []*input.Package // of the run, which a lock trusts
		strange []*input.Package // of the run, which it does not
		want    []string         // "PATH TEXT FROM"
		doubts  []string
		err     string
	}{
		"the source tree first":   {tree{"src/f": "tree"}, file, input.Borrower{Packages: []*input.Package{a, b}}, nil, nil, []string{"/etc/f tree srcdir"}, nil, ""},
		"then packages, in order": {tree{}, file, input.Borrower{Packages: []*input.Package{b, a}}, nil, nil, []string{"/etc/f of-a a-1"}, nil, ""},
		"who has it":              {tree{}, file, input.Borrower{Packages: []*input.Package{having("a"), b}}, nil, nil, []string{"/etc/f of-b b-1"}, nil, ""},
		"no package that is not named": {tree{}, file, input.Borrower{Packages: []*input.Package{having("c", "/usr/f of-c")}}, nil, nil, nil, nil,
			"/etc/f: none of the packages [a b] of the repository has /usr/f; a --srcdir with src/f would provide it"},
		"nobody, without a source": {tree{}, folder, input.Borrower{}, nil, nil, nil, nil,
			"/etc/f: none of the packages [a b] of the repository has /usr/d; there is no --srcdir for it"},
		"without a lock, nobody else's": {tree{}, file, input.Borrower{}, []*input.Package{a}, nil, nil, nil, "/etc/f: none of the packages"},
		"a fault":                       {tree{"src/f": "fault"}, file, input.Borrower{Packages: []*input.Package{a}}, nil, nil, nil, nil, "invalid argument"},
		"a folder whole":                {tree{}, folder, input.Borrower{Packages: []*input.Package{a, b}}, nil, nil, []string{"/etc/f/x xa a-1", "/etc/f/y ya a-1"}, nil, ""},

		"the lock's file":                 {tree{}, file, input.Borrower{Packages: []*input.Package{a, b}, Locked: locked("/etc/f of-b")}, nil, nil, []string{"/etc/f of-b b-1"}, nil, ""},
		"the lock's, of the tree":         {tree{"src/f": "tree"}, file, input.Borrower{Packages: []*input.Package{a}, Locked: locked("/etc/f tree")}, nil, nil, []string{"/etc/f tree srcdir"}, nil, ""},
		"the lock's, of another step":     {tree{}, file, input.Borrower{Locked: locked("/etc/f of-b")}, []*input.Package{b}, nil, []string{"/etc/f of-b b-1"}, nil, ""},
		"the lock's folder":               {tree{}, folder, input.Borrower{Packages: []*input.Package{a, b}, Locked: locked("/etc/f/x xb", "/etc/ff other")}, nil, nil, []string{"/etc/f/x xb b-1"}, nil, ""},
		"the lock has another folder":     {tree{}, folder, input.Borrower{Packages: []*input.Package{b}, Locked: locked("/etc/f/x xb", "/etc/f/z zz")}, nil, nil, nil, nil, "/etc/f/z: found none, the lock has one with sha256 "},
		"the lock has fewer":              {tree{}, folder, input.Borrower{Packages: []*input.Package{a}, Locked: locked("/etc/f/x xa")}, nil, nil, []string{"/etc/f/x xa a-1"}, []string{"/etc/f of image app is not what a-1 has: /etc/f/y: found one with sha256 " + sum.HexSHA256([]byte("ya")) + ", the lock has none"}, ""},
		"the lock has other bytes":        {tree{}, file, input.Borrower{Packages: []*input.Package{a}, Locked: locked("/etc/f new")}, nil, nil, nil, nil, "/etc/f: found one with sha256 " + sum.HexSHA256([]byte("of-a")) + ", the lock has one with sha256 " + sum.HexSHA256([]byte("new"))},
		"nobody has the lock's":           {tree{}, file, input.Borrower{Locked: locked("/etc/f new")}, nil, nil, nil, nil, "/etc/f: found none, the lock has one with sha256 " + sum.HexSHA256([]byte("new"))},
		"the lock leaves it out":          {tree{}, file, input.Borrower{Packages: []*input.Package{a}, Locked: locked()}, nil, nil, nil, []string{"/etc/f is left out of image app although a-1 has it"}, "/etc/f: none of the packages"},
		"nobody has what is left out":     {tree{}, file, input.Borrower{Locked: locked()}, nil, nil, nil, nil, "/etc/f: none of the packages"},
		"one that was not asked":          {tree{}, file, input.Borrower{Packages: []*input.Package{b}, Locked: locked("/etc/f of-b"), Unasked: map[string]bool{"a": true}}, nil, nil, []string{"/etc/f of-b b-1"}, []string{"/etc/f of image app has another origin, or is left out, but its lock skips package a, which may have it"}, ""},
		"one behind that was not asked":   {tree{}, file, input.Borrower{Packages: []*input.Package{a}, Locked: locked("/etc/f of-a"), Unasked: map[string]bool{"b": true}}, nil, nil, []string{"/etc/f of-a a-1"}, nil, ""},
		"the lock's, from elsewhere":      {tree{}, file, input.Borrower{Locked: locked("/etc/f odd")}, []*input.Package{having("c", "/opt/x odd")}, nil, []string{"/etc/f odd c-1"}, []string{"image app takes from where its definition does not: /etc/f (the bytes of /opt/x of c-1)"}, ""},
		"the lock's, from a stranger":     {tree{}, file, input.Borrower{Locked: locked("/etc/f of-b")}, nil, []*input.Package{b}, []string{"/etc/f of-b b-1"}, []string{"image app takes from where its definition does not: /etc/f (the bytes of /usr/f of b-1)"}, ""},
		"a tree's, in a package":          {tree{}, fromTree, input.Borrower{Locked: locked("/etc/f of-b")}, []*input.Package{b}, nil, []string{"/etc/f of-b b-1"}, nil, ""},
		"a tree's, in a stranger":         {tree{}, fromTree, input.Borrower{Locked: locked("/etc/f of-b")}, nil, []*input.Package{b}, []string{"/etc/f of-b b-1"}, []string{"image app takes from where its definition does not: /etc/f (the bytes of /usr/f of b-1)"}, ""},
		"a file twice in the lock":        {tree{}, file, input.Borrower{Locked: locked("/etc/f odd", "/etc/f odd")}, []*input.Package{having("c", "/opt/x odd")}, nil, []string{"/etc/f odd c-1"}, []string{"image app takes from where its definition does not: /etc/f (the bytes of /opt/x of c-1)"}, ""},
		"gathered, though one has others": {tree{}, file, input.Borrower{Packages: []*input.Package{a}, Locked: locked("/etc/f odd")}, []*input.Package{having("c", "/opt/x odd")}, nil, []string{"/etc/f odd c-1"}, []string{"/etc/f of image app is not what a-1 has: /etc/f: found one with sha256 " + sum.HexSHA256([]byte("of-a")) + ", the lock has one with sha256 " + sum.HexSHA256([]byte("odd"))}, ""},
	} {
		tt.by.Image, tt.by.MayLack = "app", func(string) bool { return false }
		l := &input.Lending{Input: tt.in, Packages: slices.Concat(tt.by.Packages, tt.others, tt.strange), Trusted: map[*catalog.Package]bool{}}
		for _, p := range tt.others {
			l.Trusted[p.Package] = true
		}
		got, err := l.Take(t.Context(), &tt.by, tt.taken, "/etc/f")
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.err)) {
			t.Errorf("%s: got %v, want %q", name, err, tt.err)
		}
		if diff := cmp.Diff(tt.want, shown(t, got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(tt.doubts, got.Doubts); diff != "" {
			t.Errorf("%s: doubts (-want +got):\n%s", name, diff)
		}
	}
}

// shown are the files of a taking, of which each has its entry for the lock.
func shown(t *testing.T, taking *input.Taking) []string {
	t.Helper()
	var list []string
	for i, f := range taking.Files {
		in := taking.Taken[i]
		if in.Path != f.Path || in.SHA256 != sum.HexSHA256(f.Text) {
			t.Errorf("%s: got %+v for the lock", f.Path, in)
		}
		list = append(list, f.Path+" "+string(f.Text)+" "+in.From)
	}
	if len(taking.Taken) != len(taking.Files) {
		t.Errorf("got %d entries for %d files", len(taking.Taken), len(taking.Files))
	}
	return list
}

// TestTakeFromArtifact takes of the artifact that is made again what nobody else
// has: all of it at once, told, and a doubt unless FreeBSD's definition has no
// package for it.
func TestTakeFromArtifact(t *testing.T) {
	t.Parallel()
	file := define.Taken{Path: "/usr/f", From: []string{"a"}}
	odd, rest := sum.HexSHA256([]byte("odd")), sum.HexSHA256([]byte("rest"))
	for name, tt := range map[string]struct {
		published map[string][]byte
		fault     error
		mayLack   bool
		want      []string
		doubts    []string
		err       string
	}{
		"it has it":         {map[string][]byte{odd: []byte("odd")}, nil, false, []string{"/etc/f odd artifact"}, []string{"only the artifact of image app has /etc/f"}, ""},
		"no package has it": {map[string][]byte{odd: []byte("odd")}, nil, true, []string{"/etc/f odd artifact"}, nil, ""},
		"it has not":        {nil, nil, false, nil, nil, "/etc/f: found none, the lock has one with sha256 " + odd},
		"it lies":           {map[string][]byte{odd: []byte("other")}, nil, false, nil, nil, "/etc/f: found none, the lock has one with sha256 " + odd},
		"it is damaged":     {nil, fs.ErrInvalid, false, nil, nil, "invalid argument"},
	} {
		asked := 0
		var told []event.Event
		l := &input.Lending{
			Packages: []*input.Package{having("c", "/opt/x has")},
			Locked:   append(locked("/etc/f odd", "/etc/g rest", "/etc/h has").Files, locked("/etc/f odd").Files...),
			Observe:  func(e event.Event) { told = append(told, e) },
		}
		l.Input = &input.Locks{Published: func(digests map[string]bool) (map[string][]byte, error) {
			asked++
			if diff := cmp.Diff(map[string]bool{odd: true, rest: true}, digests); diff != "" {
				t.Errorf("%s: asked (-want +got):\n%s", name, diff)
			}
			return tt.published, tt.fault
		}}
		by := &input.Borrower{Image: "app", Locked: locked("/etc/f odd"), MayLack: func(target string) bool { return tt.mayLack && target == "/etc/f" }}
		got, err := l.Take(t.Context(), by, file, "/etc/f")
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || err.Error() != tt.err) {
			t.Errorf("%s: got %v, want %q", name, err, tt.err)
		}
		if diff := cmp.Diff(tt.want, shown(t, got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(tt.doubts, got.Doubts); diff != "" {
			t.Errorf("%s: doubts (-want +got):\n%s", name, diff)
		}
		if tt.want != nil && (len(told) != 1 || told[0].Notice != "image app: taken from the artifact: /etc/f" || told[0].Weight != event.Trust) {
			t.Errorf("%s: told %+v", name, told)
		}
		if _, err := l.Take(t.Context(), by, file, "/etc/f"); tt.err == "" && err != nil || tt.err != "" && (err == nil || err.Error() != tt.err) || asked != 1 {
			t.Errorf("%s: the second time: got %v, asked %d times, want once", name, err, asked)
		}
	}
}

// TestNoArtifact asks none that is not needed, and none without locks.
func TestNoArtifact(t *testing.T) {
	t.Parallel()
	by := &input.Borrower{Image: "app", Locked: locked("/etc/f has"), MayLack: func(string) bool { return false }}
	all := &input.Lending{Packages: []*input.Package{having("c", "/opt/x has")}, Locked: by.Locked.Files, Input: &input.Locks{
		Published: func(map[string]bool) (map[string][]byte, error) { t.Error("the artifact is read"); return nil, nil }}}
	if _, err := all.Take(t.Context(), by, define.Taken{Path: "/f"}, "/etc/f"); err != nil {
		t.Error(err)
	}
	by.Locked = locked("/etc/f odd")
	for name, in := range map[string]input.Input{"locks without artifacts": &input.Locks{}, "no locks": tree{}} {
		none := &input.Lending{Input: in, Locked: by.Locked.Files}
		if _, err := none.Take(t.Context(), by, define.Taken{Path: "/f"}, "/etc/f"); err == nil || !strings.Contains(err.Error(), "found none") {
			t.Errorf("%s: got %v, want that nobody has it", name, err)
		}
	}
}

// TestTakeErrors tells of each error what reports and exit statuses need.
func TestTakeErrors(t *testing.T) {
	t.Parallel()
	absent := &input.AbsentFileError{Target: "/etc/f", Taken: define.Taken{Path: "/usr/f", From: []string{"a"}}}
	if !errors.Is(absent, fs.ErrNotExist) || !absent.Unmet() {
		t.Errorf("got %v, want an error that a request cannot be met", absent)
	}
	other, none := &input.LockedFileError{Path: "/f", Found: "one", Wanted: "s"}, &input.LockedFileError{Path: "/f", Found: "one"}
	if !other.Absent() || other.Error() != "/f: found one, the lock has one with sha256 s" || none.Error() != "/f: found one, the lock has none" {
		t.Errorf("got %v, %v", other, none)
	}
	for _, tt := range []struct {
		err  interface{ Parts() (_, _, _, _ string) }
		want []string
	}{
		{absent, []string{"none of the packages has it", "/etc/f", "", "/usr/f"}},
		{other, []string{"file of the lock", "/f", "one", "s"}}, {none, []string{"file of the lock", "/f", "one", "none"}},
	} {
		what, where, found, wanted := tt.err.Parts()
		if diff := cmp.Diff(tt.want, []string{what, where, found, wanted}); diff != "" {
			t.Errorf("parts of %v (-want +got):\n%s", tt.err, diff)
		}
	}
}
