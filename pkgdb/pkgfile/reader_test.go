// SPDX-License-Identifier: BSD-2-Clause

package pkgfile_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/sum"
)

// readAll goes through an archive and reads every file.
func readAll(archive []byte) (map[string]*pkgfile.Entry, error) {
	r, err := pkgfile.NewReader(context.Background(), bytes.NewReader(archive), "test.pkg")
	if err != nil {
		return nil, err
	}
	defer r.Close()
	entries := map[string]*pkgfile.Entry{}
	for {
		e, err := r.Next()
		if err == io.EOF {
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			return nil, err
		}
		entries[e.Path()] = e
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	entries, err := readAll(pkgtest.Package{
		Name: "p",
		Files: []pkgtest.File{
			{Path: "/bin/a", Body: "hello", Mode: 0o4755, Uname: "games", Flags: "schg,uarch"},
			{Path: "/bin/b", HardLink: "/bin/a", Flags: "schg,uarch"},
			{Path: "/etc/empty"},
			{Path: "/etc/l", Symlink: "/abs"},
			{Path: "/na\u00efve name", Body: "x"},
		},
		Dirs: []pkgtest.File{{Path: "/bin", Mode: 0o1777}},
	}.Archive())
	if err != nil {
		t.Fatal(err)
	}
	a, b, l, d := entries["/bin/a"], entries["/bin/b"], entries["/etc/l"], entries["/bin"]
	if a.Size != 5 || a.Attr.Perm != 0o4755 || a.Attr.Uname != "games" || a.Flags != 0x20800 || a.Time != 1_700_000_000 {
		t.Errorf("/bin/a: got %+v", a)
	}
	if b.HardLink != "/bin/a" || b.Size != 0 {
		t.Errorf("/bin/b: got %+v", b)
	}
	if !l.IsLink || l.Link != "/abs" {
		t.Errorf("/etc/l: got %+v", l)
	}
	if d.Dir == nil || d.Attr.Perm != 0o1777 {
		t.Errorf("/bin: got %+v", d)
	}
	if len(entries) != 6 {
		t.Errorf("got %d entries, want 6", len(entries))
	}
}

// Each damage must be found, and the message must name package and path.
func TestReaderDamage(t *testing.T) {
	t.Parallel()
	file := pkgtest.File{Path: "/bin/a", Body: "hello"}
	tests := []struct {
		name  string
		files []pkgtest.File
		want  string // in the message
	}{
		{"wrong sum", []pkgtest.File{{Path: "/bin/a", Body: "hello", Sum: string(sum.Of(sum.SHA256, nil))}}, "p-1.0: /bin/a: contents: sum is 1$2cf24"},
		{"wrong sum of an empty file", []pkgtest.File{{Path: "/bin/a", Sum: string(sum.Of(sum.SHA256, []byte("x")))}}, "p-1.0: /bin/a: contents: sum is"},
		{"wrong sum of a link", []pkgtest.File{{Path: "/l", Symlink: "x", Sum: string(sum.Of(sum.SHA256, nil))}}, "p-1.0: /l: link target: sum is"},
		{"extra member", []pkgtest.File{file, {Path: "/bin/b", Extra: true}}, "p-1.0: /bin/b: is in the archive, but not in the manifest"},
		{"absent member", []pkgtest.File{file, {Path: "/bin/b", Absent: true}}, "p-1.0: /bin/b: is in the manifest, but not in the archive"},
		{"member twice", []pkgtest.File{file, {Path: "/bin/a", Extra: true}}, "p-1.0: /bin/a: is twice in the archive"},
		{"hard link to outside", []pkgtest.File{{Path: "/bin/b", HardLink: "/etc/passwd"}}, `p-1.0: /bin/b: is a hard link to "etc/passwd"`},
		{"hard link to later", []pkgtest.File{{Path: "/bin/a", HardLink: "/bin/b"}, {Path: "/bin/b", Body: ""}}, `p-1.0: /bin/a: is a hard link to "bin/b"`},
		{"hard link with another sum", []pkgtest.File{file, {Path: "/bin/b", HardLink: "/bin/a", Sum: string(sum.Of(sum.SHA256, nil))}}, "p-1.0: /bin/b: hard link to /bin/a: sum is"},
	}
	for _, tt := range tests {
		_, err := readAll(pkgtest.Package{Name: "p", Files: tt.files}.Archive())
		var damage *pkgfile.DamageError
		if !errors.As(err, &damage) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestReaderUnlike reads members of which the manifest says something else, or
// nothing: pkg installs what the header says.
func TestReaderUnlike(t *testing.T) {
	t.Parallel()
	archive := pkgtest.Package{Name: "p", Files: []pkgtest.File{{Path: "/a", Body: "x", Mode: 0o755}, {Path: "/b", Body: "x"}, {Path: "/l", Symlink: "x"}},
		Dirs: []pkgtest.File{{Path: "/d", Mode: 0o700}, {Path: "/e", Mode: 0o700}}}.Archive()
	r, err := pkgfile.NewReader(t.Context(), bytes.NewReader(archive), "test.pkg")
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	m := r.Manifest
	m.Files[0].Perm = 0o644
	m.Files[1].Sum, m.Files[1].Time = "", nil
	m.Files[2].IsLink, m.Files[2].Link = false, ""
	m.Dirs = []pkgfile.Dir{m.Dirs[0], {Path: "/f", Attr: pkgfile.Attr{Perm: 0o711}}}
	if r, err = pkgfile.NewReaderOf(t.Context(), bytes.NewReader(archive), m); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got []string
	for {
		e, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %04o %s:%s unlike %t absent %t link %q", e.Path(), e.Attr.Perm, e.Attr.Uname, e.Attr.Gname, e.Unlike, e.Absent, e.Link))
	}
	want := []string{`/a 0755 root:wheel unlike true absent false link ""`, `/b 0644 root:wheel unlike false absent false link ""`,
		`/l 0644 root:wheel unlike true absent false link "x"`, `/d 0700 root:wheel unlike false absent false link ""`, `/f 0711 root:wheel unlike true absent true link ""`}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if d := cmp.Diff([]string{"/e/"}, r.PassedOver); d != "" {
		t.Errorf("passed over (-want +got):\n%s", d)
	}
}

func TestReaderTruncated(t *testing.T) {
	t.Parallel()
	whole := pkgtest.Package{Name: "p", Files: []pkgtest.File{{Path: "/a", Body: strings.Repeat("abcdefgh", 1000)}}}.Archive()
	for _, n := range []int{0, 3, len(whole) / 2, len(whole) - 1} {
		var damage *pkgfile.DamageError
		if _, err := readAll(whole[:n]); !errors.As(err, &damage) {
			t.Errorf("%d of %d bytes: got %v, want a DamageError", n, len(whole), err)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(pkgtest.Package{Name: "p", Files: []pkgtest.File{{Path: "/a", Body: "x"}, {Path: "/l", Symlink: "y"}}}.Archive())
	f.Fuzz(func(t *testing.T, archive []byte) {
		entries, err := readAll(archive)
		for path := range entries {
			if err == nil && path == "" {
				t.Error("an entry without a path")
			}
		}
	})
}

func BenchmarkReader(b *testing.B) {
	body := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 200_000)
	archive := pkgtest.Package{Name: "p", Files: []pkgtest.File{{Path: "/f", Body: body}}}.Archive()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := readAll(archive); err != nil {
			b.Fatal(err)
		}
	}
}
