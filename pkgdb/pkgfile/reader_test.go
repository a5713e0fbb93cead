// SPDX-License-Identifier: BSD-2-Clause

package pkgfile_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/sum"
)

// readAll goes through an archive and reads every file.
func readAll(archive []byte) (map[string]*pkgfile.Entry, error) {
	r, err := pkgfile.NewReader(context.Background(), nil, bytes.NewReader(archive), "test.pkg")
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
		kept := *e
		entries[e.Path] = &kept
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
	if !d.IsDir || d.Attr.Perm != 0o1777 {
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
		{"member twice", []pkgtest.File{file, {Path: "/bin/a", Extra: true}}, "p-1.0: /bin/a: occurs twice in the archive"},
		{"hard link to outside", []pkgtest.File{{Path: "/bin/b", HardLink: "/etc/passwd"}}, `p-1.0: /bin/b: is a hard link to "/etc/passwd"`},
		{"hard link to later", []pkgtest.File{{Path: "/bin/a", HardLink: "/bin/b"}, {Path: "/bin/b", Body: ""}}, `p-1.0: /bin/a: is a hard link to "/bin/b"`},
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
	r, err := pkgfile.NewReader(t.Context(), nil, bytes.NewReader(archive), "test.pkg")
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	m := r.Manifest
	files := listed(m)
	files[0].Perm = 0o644
	files[1].Sum, files[1].Time = "", nil
	files[2].IsLink, files[2].Link = false, ""
	m.Files = pkgfile.FilesOf(files...)
	m.Dirs = []pkgfile.Dir{m.Dirs[0], {Path: "/f", Attr: pkgfile.Attr{Perm: 0o711}}}
	if r, err = pkgfile.NewReaderOf(t.Context(), nil, bytes.NewReader(archive), m); err != nil {
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
		got = append(got, fmt.Sprintf("%s %04o %s:%s unlike %t absent %t link %q", e.Path, e.Attr.Perm, e.Attr.Uname, e.Attr.Gname, e.Unlike, e.Absent, e.Link))
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

// TestReaderFolderForFile does not take a directory, which pkg passes over, for the
// file of this path that the manifest has.
func TestReaderFolderForFile(t *testing.T) {
	t.Parallel()
	p := pkgtest.Package{Name: "p", Files: []pkgtest.File{{Path: "/a", Absent: true}, {Path: "/b"}}, Dirs: []pkgtest.File{{Path: "/a"}}, Keys: map[string]any{"directories": map[string]any{}}}
	if _, err := readAll(p.Archive()); err == nil || err.Error() != "p-1.0: /a: is in the manifest, but not in the archive" {
		t.Errorf("got %v", err)
	}
}

// TestReaderOrder reads members in any order, and each path once.
func TestReaderOrder(t *testing.T) {
	t.Parallel()
	text := `{` + head + `,"files":{"/a":"` + string(sum.Of(sum.BLAKE2b, []byte("x"))) + `","/b":"` + string(sum.Of(sum.BLAKE2b, []byte("x"))) + `","/c":"` + string(sum.Of(sum.BLAKE2b, []byte("x"))) + `"},"directories":{"/d":"y"}}`
	member := func(path string) string { return fmt.Sprintf("\"0\" %q \"\" 0644 \"\" \"x\"\n", path) }
	folder := "\"5\" \"/d/\" \"\" 0755 \"\" \"\"\n"
	for members, want := range map[string]string{
		member("/a") + member("/b") + member("/c") + folder:                 "",
		folder + member("/c") + member("/a") + member("/b"):                 "",
		member("/c") + member("/b") + folder + member("/a"):                 "",
		member("/b") + member("/a") + member("/b") + member("/c") + folder:  "p-1: /b: occurs twice in the archive",
		member("/a") + member("/b") + member("/c") + folder + folder:        "p-1: /d/: occurs twice in the archive",
		member("/a") + folder + member("/c"):                                "p-1: /b: is in the manifest, but not in the archive",
		member("/a") + member("/b") + member("/c") + folder + member("/cc"): "p-1: /cc: is in the archive, but not in the manifest",
	} {
		entries, err := readAll(fuzzedArchive(text, "", members))
		if got := fmt.Sprint(err); err == nil && (want != "" || len(entries) != 4) || err != nil && got != want {
			t.Errorf("%s: got %d entries, %v, want %q", members, len(entries), err, want)
		}
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

// fuzzedArchive makes the tar file of a package. Each line of members is one,
// "TYPE NAME LINK MODE FFLAGS CONTENTS", quoted as Go does where it must be. In
// the manifest, SUM0 is the sum of the contents or link of the first of them.
func fuzzedArchive(manifest, compact, members string) []byte {
	type member struct {
		tar.Header
		body string
	}
	var list []member
	var sums []string
	for line := range strings.Lines(members) {
		var kind, name, link, flags, body string
		var mode int64
		if _, err := fmt.Sscanf(line, "%q %q %q %o %q %q", &kind, &name, &link, &mode, &flags, &body); err != nil || len(kind) != 1 {
			continue
		}
		m := member{tar.Header{Typeflag: kind[0], Name: name, Linkname: link, Mode: mode, Uname: "root", Gname: "wheel", Size: int64(len(body)), Format: tar.FormatPAX}, body}
		if flags != "" {
			m.PAXRecords = map[string]string{"SCHILY.fflags": flags}
		}
		of := sum.Of(sum.BLAKE2b, []byte(body))
		if m.Typeflag != tar.TypeReg {
			m.Size, m.body = 0, ""
			of = sum.OfLink(sum.BLAKE2b, link)
		}
		sums = append(sums, fmt.Sprintf("SUM%d", len(list)), string(of))
		list = append(list, m)
	}
	of := strings.NewReplacer(sums...)
	text := func(name, body string) member {
		return member{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(body))}, body}
	}
	if manifest != "" {
		list = slices.Insert(list, 0, text("+MANIFEST", of.Replace(manifest)))
	}
	if compact != "" {
		list = slices.Insert(list, 0, text("+COMPACT_MANIFEST", of.Replace(compact)))
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range list {
		if w.WriteHeader(&m.Header) == nil {
			io.WriteString(w, m.body)
		}
	}
	w.Close()
	return b.Bytes()
}

// packings are the forms that pkg can pack an archive in, and that can be made here.
var packings = []func([]byte) []byte{
	bytes.Clone,
	func(b []byte) []byte {
		return packed(b, func(w io.Writer) (io.WriteCloser, error) {
			return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
		})
	},
	func(b []byte) []byte {
		return packed(b, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })
	},
	func(b []byte) []byte {
		return packed(b, func(w io.Writer) (io.WriteCloser, error) { return xz.WriterConfig{DictCap: 1 << 12}.NewWriter(w) })
	},
	func(b []byte) []byte {
		return packed(b, func(w io.Writer) (io.WriteCloser, error) { return lzma.WriterConfig{DictCap: 1 << 12}.NewWriter(w) })
	},
}

func packed(plain []byte, with func(io.Writer) (io.WriteCloser, error)) []byte {
	var b bytes.Buffer
	w, err := with(&b)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// FuzzReader reads archives whose headers and sums are right, so that what
// changes is the manifest, the members and the packing. What is accepted has
// every file of the manifest once, with the contents of its sum, is read alike
// in every packing, and is damaged once its end is cut off.
func FuzzReader(f *testing.F) {
	f.Add(`{"name":"p","version":"1","origin":"o/p","comment":"c","desc":"d","maintainer":"m","www":"w","prefix":"/","abi":"FreeBSD:15:amd64",`+
		`"files":{"/a":{"sum":"SUM0","perm":"0755","uname":"root","gname":"wheel"},"/l":"SUM1"},"directories":{"/d":"y","/e":{"perm":"0700"}}}`, "",
		"\"0\" \"/a\" \"\" 0755 \"uarch\" \"x\"\n\"2\" \"/l\" \"y\" 0755 \"\" \"\"\n\"5\" \"/d/\" \"\" 0700 \"\" \"\"\n", uint8(0), uint16(0))
	f.Fuzz(func(t *testing.T, manifest, compact, members string, packing uint8, cut uint16) {
		plain := fuzzedArchive(manifest, compact, members)
		archive := packings[int(packing)%len(packings)](plain)
		if cut > 0 {
			archive = archive[:max(0, len(archive)-int(cut))]
		}
		entries, err := readAll(archive)
		if err != nil {
			_, damage := errors.AsType[*pkgfile.DamageError](err)
			_, limit := errors.AsType[*pkgfile.LimitError](err)
			if !damage && !limit {
				t.Errorf("got %v, want a DamageError", err)
			}
			return
		}
		r, err := pkgfile.NewReader(t.Context(), nil, bytes.NewReader(archive), "again")
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		m := r.Manifest
		for path, e := range entries {
			if path == "" || e.Path != path {
				t.Errorf("an entry of the path %q under %q", e.Path, path)
			}
		}
		for _, file := range m.Files.All() {
			if entries[file.Path] == nil || entries[file.Path].IsDir {
				t.Errorf("%s: was not read", file.Path)
			}
		}
		for _, dir := range m.Dirs {
			if entries[dir.Path] == nil {
				t.Errorf("%s: was not read", dir.Path)
			}
		}
		if len(entries) > m.Files.Len()+len(m.Dirs) {
			t.Errorf("read %d entries of %d files and %d directories", len(entries), m.Files.Len(), len(m.Dirs))
		}
		if cut > 0 {
			return // of an archive whose end is padding
		}
		other, err := readAll(packings[(int(packing)+1)%len(packings)](plain))
		if d := cmp.Diff(entries, other); err != nil || d != "" {
			t.Errorf("in another packing: %v (-want +got):\n%s", err, d)
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
