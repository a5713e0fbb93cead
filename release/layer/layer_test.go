// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/release/tree"
)

// entry is a node with contents.
type entry struct {
	tree.Node
	body string
}

func file(path, body string) entry {
	return entry{tree.Node{Path: path, Mode: 0o644, Uname: "root", Gname: "wheel", Time: 1_700_000_000, Size: int64(len(body))}, body}
}

func dir(path string) entry {
	return entry{Node: tree.Node{Path: path, Type: tree.Dir, Mode: 0o755, Uname: "root", Gname: "wheel", Time: 1_700_000_000}}
}

func with(e entry, change func(*tree.Node)) entry {
	change(&e.Node)
	return e
}

func fragment(entries ...entry) Fragment {
	return Fragment{Write: func(_ context.Context, w *Writer) error {
		for i := range entries {
			if err := w.Entry(&entries[i].Node, strings.NewReader(entries[i].body)); err != nil {
				return err
			}
		}
		return nil
	}}
}

// odd are entries that ustar alone cannot hold, and some that it just can.
func odd() []entry {
	deep := "/" + strings.Repeat("d", 60) + "/" + strings.Repeat("e", 90) + "/" + strings.Repeat("f", 100)
	return []entry{
		dir("/"), dir("/bin"), file("/bin/sh", "#!"),
		{Node: tree.Node{Path: "/bin/ash", Type: tree.Hardlink, Link: "/bin/sh", Mode: 0o555, Uname: "root", Gname: "wheel", Time: 1}},
		{Node: tree.Node{Path: "/bin/l", Type: tree.Symlink, Link: "/" + strings.Repeat("t", 120), Mode: 0o755, Uname: "root", Gname: "wheel", Time: 1}},
		file(deep, "deep"), file("/"+strings.Repeat("n", 100), ""), file("/"+strings.Repeat("n", 101), ""),
		file("/naïve", "utf-8"), file("/latin\xe9", "not utf-8"),
		with(file("/big ids", ""), func(n *tree.Node) { n.UID, n.GID = 1<<30, 1<<22 }),
		with(file("/old", ""), func(n *tree.Node) { n.Time = -5 }),
		with(file("/late", ""), func(n *tree.Node) { n.Time = 1 << 40 }),
		with(file("/flags", ""), func(n *tree.Node) { n.Flags = "schg,nodump,uarch"; n.Mode = 0o6755 }),
		with(file("/owner", ""), func(n *tree.Node) { n.Uname, n.Gname = strings.Repeat("u", 40), "grüppe" }),
		file("/zeros", strings.Repeat("\x00", 3<<20)),
	}
}

func write(t *testing.T, c Compression, jobs int, fragments ...Fragment) (Layer, []byte) {
	t.Helper()
	var out bytes.Buffer
	rec, err := Write(t.Context(), &out, c, jobs, fragments, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := rec.Layer
	if l.Size != int64(out.Len()) {
		t.Errorf("size is %d, wrote %d", l.Size, out.Len())
	}
	return l, out.Bytes()
}

// TestRoundTrip reads back what was written, with our reader.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, c := range []Compression{Gzip, Zstd, "gzip:1", "gzip:9", "zstd:fastest", "zstd:best"} {
		want := odd()
		l, blob := write(t, c, 2, fragment(want[:3]...), fragment(), fragment(want[3:]...))
		var got []entry
		back, err := Read(bytes.NewReader(blob), l.MediaType, func(n *tree.Node, r io.Reader) error {
			body, err := io.ReadAll(r)
			got = append(got, entry{*n, string(body)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if back != l {
			t.Errorf("read %+v, wrote %+v", back, l)
		}
		for i := range want {
			if want[i].Flags != "" {
				want[i].Flags = "schg,uarch" // nodump is not one that storage knows
			}
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(entry{})); d != "" {
			t.Errorf("%s (-want +got):\n%.2000s", c, d)
		}
	}
}

// TestHeaders compares the encoder with another reader of tar files.
func TestHeaders(t *testing.T) {
	t.Parallel()
	for _, e := range odd() {
		var b bytes.Buffer
		w := NewWriter(&b)
		if err := w.Entry(&e.Node, strings.NewReader(e.body)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		h, err := tar.NewReader(&b).Next()
		if err != nil {
			t.Errorf("%q: %v", e.Path, err)
			continue
		}
		if absolute(h.Name) != e.Path || h.Size != e.Size || h.ModTime.Unix() != e.Time || h.Uid != e.UID || h.Gid != e.GID || h.Uname != e.Uname || h.Gname != e.Gname || h.Mode != int64(e.Mode) {
			t.Errorf("%q: got %+v", e.Path, h)
		}
	}
}

// TestPlainHeader is a header byte by byte: nothing but ustar.
func TestPlainHeader(t *testing.T) {
	t.Parallel()
	e := file("/bin/sh", "x")
	got := describe(&e.Node).encode()
	want := make([]byte, 512)
	copy(want, "bin/sh")
	copy(want[100:], "0000644\x000000000\x000000000\x0000000000001\x0014524770400\x00")
	copy(want[148:], "012274\x00 0")
	copy(want[257:], "ustar\x0000root")
	copy(want[297:], "wheel")
	copy(want[329:], "0000000\x000000000\x00")
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestJobs makes one layer with other numbers of jobs and compares bytes.
func TestJobs(t *testing.T) {
	t.Parallel()
	var fragments []Fragment
	for i := range 30 {
		fragments = append(fragments, fragment(dir(fmt.Sprintf("/d%d", i)), file(fmt.Sprintf("/d%d/f", i), strings.Repeat(fmt.Sprint(i), i*100_000))))
	}
	for _, c := range []Compression{Gzip, Zstd} {
		first, _ := write(t, c, 1, fragments...)
		for _, jobs := range []int{2, 3, 8} {
			if l, _ := write(t, c, jobs, fragments...); l != first {
				t.Errorf("%s, %d jobs: got %+v, want %+v", c, jobs, l, first)
			}
		}
	}
}

// TestGoldenDigests fails when a compressor or an encoder changes what it
// writes. That is a new format: say so, then change the digests.
func TestGoldenDigests(t *testing.T) {
	t.Parallel()
	for c, want := range map[Compression][2]string{
		Gzip: {"996f917cd663fc89e1e7d4f94e8066d49e891d1fd5eda5de870c8106d86e1910", "bc07930c87fec18b956a489d3dfa398977226e2a02f112b7ffef80d2965d4a4e"},
		Zstd: {"996f917cd663fc89e1e7d4f94e8066d49e891d1fd5eda5de870c8106d86e1910", "942e29fc71f0d546512746f722a36f099e4034b4e4b37d20cc0c18c6a3bbc444"},
	} {
		var text strings.Builder
		for i := range int64(40_000) {
			fmt.Fprintln(&text, i, i*i)
		}
		l, _ := write(t, c, 2, fragment(odd()...), fragment(file("/text", text.String())))
		if got := [2]string{l.DiffID.Encoded(), l.Digest.Encoded()}; got != want {
			t.Errorf("%s: got %q, want %q", c, got, want)
		}
	}
}

func TestWriteErrors(t *testing.T) {
	t.Parallel()
	bang := errors.New("bang")
	short := with(file("/short", "abc"), func(n *tree.Node) { n.Size = 5 })
	long := with(file("/long", "abc"), func(n *tree.Node) { n.Size = 2 })
	for _, tt := range []struct {
		name string
		f    Fragment
		want string
	}{
		{"own", Fragment{Write: func(context.Context, *Writer) error { return bang }}, "bang"},
		{"short", fragment(short), "/short: contents end after 3 bytes, wanted 5"},
		{"long", fragment(long), "/long: contents go on after 2 bytes"},
	} {
		many := []Fragment{fragment(file("/a", strings.Repeat("x", 9<<20))), tt.f}
		for range 20 {
			many = append(many, fragment(file("/b", strings.Repeat("y", 3<<20))))
		}
		if _, err := Write(t.Context(), io.Discard, Gzip, 3, many, nil); err == nil || err.Error() != tt.want {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Write(ctx, io.Discard, Gzip, 2, []Fragment{fragment(file("/a", "x"))}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
	if _, err := Write(t.Context(), failing{bang}, Gzip, 2, []Fragment{fragment(file("/a", "x"))}, nil); !errors.Is(err, bang) {
		t.Errorf("failing output: got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	plain := func(headers ...*tar.Header) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range headers {
			if err := w.WriteHeader(h); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		return b.Bytes()
	}
	for _, tt := range []struct {
		name, want string
		blob       []byte
	}{
		{"absolute", "/a: name is absolute", plain(&tar.Header{Name: "/a"})},
		{"dots", "component ..", plain(&tar.Header{Name: "a/../b"})},
		{"twice", "./a: is twice in the layer", plain(&tar.Header{Name: "a"}, &tar.Header{Name: "./a"})},
		{"device", "wanted a file, a link or a directory", plain(&tar.Header{Name: "null", Typeflag: tar.TypeChar})},
		{"dangling hard link", "is a hard link to /b, which is no earlier file", plain(&tar.Header{Name: "a", Typeflag: tar.TypeLink, Linkname: "b"})},
		{"below a link", "lies below /l, which is a link", plain(&tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "x"}, &tar.Header{Name: "l/a"})},
		{"hard link to an absolute path", "a: is a hard link to /b, which is absolute", plain(&tar.Header{Name: "b"}, &tar.Header{Name: "a", Typeflag: tar.TypeLink, Linkname: "/b"})},
		{"whiteout of the directory above", `a/.wh...: is a whiteout of "..", which is no name`, plain(&tar.Header{Name: "a/.wh..."})},
		{"whiteout of nothing", `a/.wh.: is a whiteout of "", which is no name`, plain(&tar.Header{Name: "a/.wh."})},
		{"whiteout that is a directory", "a/.wh.x/: is a whiteout and a dir, wanted a file", plain(&tar.Header{Name: "a/.wh.x/", Typeflag: tar.TypeDir})},
		{"two bad entries", "/a: name is absolute\n/b: name is absolute", plain(&tar.Header{Name: "/a"}, &tar.Header{Name: "/b"})},
		{"trailing data", "has data after the end", append(plain(&tar.Header{Name: "a"}), "junk"...)},
		{"no tar", "unexpected EOF", []byte("junk")},
	} {
		_, err := Read(bytes.NewReader(tt.blob), "application/vnd.oci.image.layer.v1.tar", func(*tree.Node, io.Reader) error { return nil })
		var format *FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestReadPacked names what is wrong with a blob before any of its entries.
func TestReadPacked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		Compression
		stream, part string
	}{{Gzip, "gzip stream", "gzip member"}, {Zstd, "zstd stream", "zstd frame"}} {
		f := file("/a", "contents")
		_, good := write(t, c.Compression, 1, fragment(f))
		for _, tt := range []struct {
			name, want string
			blob       []byte
		}{
			{"empty", "is empty, wanted a " + c.stream, nil},
			{"another type", "is no " + c.stream, bytes.Repeat([]byte("junk"), 99)},
			{"cut short", "ends in the middle of a " + c.part, good[:len(good)-3]},
			{"cut in its header", "ends in the middle of a " + c.part, good[:3]},
			{"trailing bytes", "has data after its last " + c.part, append(bytes.Clone(good), "trailing"...)},
			{"trailing zeros", "has data after its last " + c.part, append(bytes.Clone(good), make([]byte, 100)...)},
		} {
			l, err := Read(bytes.NewReader(tt.blob), c.MediaType(), func(*tree.Node, io.Reader) error { return nil })
			if err == nil || err.Error() != tt.want {
				t.Errorf("%s, %s: got %v, want %q", c.Compression, tt.name, err, tt.want)
			}
			if l.DiffID != "" {
				t.Errorf("%s, %s: is said to be whole", c.Compression, tt.name)
			}
		}
		two, err := Read(bytes.NewReader(append(bytes.Clone(good), good...)), c.MediaType(), func(*tree.Node, io.Reader) error { return nil })
		if err == nil || err.Error() != "has data after the end of the archive" || two.DiffID == "" {
			t.Errorf("%s, two streams: got %v", c.Compression, err)
		}
	}
}

// TestReadForeign finds what another program has put into a tar file beside the
// nodes and contents.
func TestReadForeign(t *testing.T) {
	t.Parallel()
	packed := func(h tar.Header) []byte {
		h.Name, h.Mode, h.Size, h.Format, h.ModTime = "a", 0o644, 1, tar.FormatPAX, h.ModTime.Add(5*time.Second)
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	changed := func(at int) []byte {
		b := packed(tar.Header{ModTime: time.Unix(0, 0)})
		b[at] ^= 1
		return b
	}
	good := packed(tar.Header{ModTime: time.Unix(0, 0)})
	for _, tt := range []struct {
		name, want string
		blob       []byte
	}{
		{"as it should be", "", good},
		{"extended attribute", `a has the pax record SCHILY.xattr.security.capability="x"`, packed(tar.Header{ModTime: time.Unix(0, 0), PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "x"}})},
		{"part of a second", `a has the pax record mtime="5.5"`, packed(tar.Header{ModTime: time.Unix(0, 5e8)})},
		{"flag that no storage knows", `a has the pax record SCHILY.fflags="nodump"`, packed(tar.Header{ModTime: time.Unix(0, 0), PAXRecords: map[string]string{"SCHILY.fflags": "nodump"}})},
		{"padding", "its end has other bytes", changed(1000)},
		{"no end", "its end has other bytes", good[:1024]},
		{"half an end", "its end has other bytes", good[:1536]},
		{"more than an end", "its end has other bytes", append(bytes.Clone(good), make([]byte, 512)...)},
	} {
		l, err := Read(bytes.NewReader(tt.blob), "application/vnd.oci.image.layer.v1.tar", func(*tree.Node, io.Reader) error { return nil })
		if err != nil || l.Foreign != tt.want {
			t.Errorf("%s: got %q, %v, want %q", tt.name, l.Foreign, err, tt.want)
		}
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	nodes := func(entries ...entry) []*tree.Node {
		var list []*tree.Node
		for i := range entries {
			list = append(list, &entries[i].Node)
		}
		return list
	}
	var root tree.Tree
	if err := Apply(&root, nodes(dir("/"), dir("/a"), file("/a/x", ""), file("/a/y", ""), dir("/b"), file("/b/z", ""), file("/c", ""))); err != nil {
		t.Fatal(err)
	}
	if err := Apply(&root, nodes(file("/a/new", ""), file("/a/.wh..wh..opq", ""), file("/b/.wh.z", ""), file("/c/d", ""))); err == nil || err.Error() != "/c/d: lies below /c, which is a file in a lower layer" {
		t.Errorf("a file below a file: got %v", err)
	}
	if err := Apply(&root, nodes(file("/a/new", ""), file("/a/.wh..wh..opq", ""), file("/b/.wh.z", ""), dir("/c"), file("/c/d", ""))); err != nil {
		t.Fatal(err)
	}
	var got []string
	for n := range root.All() {
		got = append(got, n.Path)
	}
	if d := cmp.Diff([]string{"/", "/a", "/a/new", "/b", "/c", "/c/d"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestCheckExtraction(t *testing.T) {
	t.Parallel()
	schg := func(e entry) *tree.Node { e.Flags = "schg"; return &e.Node }
	link := &tree.Node{Path: "/l", Type: tree.Hardlink, Link: "/f"}
	f, d, inside := file("/f", ""), dir("/d"), file("/d/x", "")
	for _, tt := range []struct {
		name   string
		layers [][]*tree.Node
		ok     bool
	}{
		{"flags last", [][]*tree.Node{{&d.Node, &f.Node, link}, {schg(dir("/e"))}}, true},
		{"hard link to an immutable file", [][]*tree.Node{{schg(file("/f", "")), link}}, false},
		{"file in an immutable directory", [][]*tree.Node{{schg(dir("/d")), &inside.Node}}, false},
		{"in a later layer", [][]*tree.Node{{schg(dir("/d"))}, {&inside.Node}}, false},
		{"replaced", [][]*tree.Node{{schg(file("/f", ""))}, {&f.Node}}, false},
		{"directory again", [][]*tree.Node{{schg(dir("/d"))}, {&d.Node}}, false},
	} {
		if err := CheckExtraction(tt.layers); (err == nil) != tt.ok {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, e := range odd()[:6] {
		if err := w.Entry(&e.Node, strings.NewReader(e.body)); err != nil {
			f.Fatal(err)
		}
	}
	w.Close()
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, blob []byte) {
		Read(bytes.NewReader(blob), "application/vnd.oci.image.layer.v1.tar", func(n *tree.Node, _ io.Reader) error {
			if err := tree.CheckPath(n.Path); err != nil {
				t.Error(err)
			}
			return nil
		})
	})
}

func BenchmarkWrite(b *testing.B) {
	body := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 200_000)
	for _, c := range []Compression{Gzip, Zstd} {
		b.Run(string(c), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if _, err := Write(b.Context(), io.Discard, c, 2, []Fragment{fragment(file("/f", body))}, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestParseCompression(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Compression{
		"gzip": Gzip, "gzip:6": Gzip, "gzip:9": "gzip:9", "zstd": Zstd, "zstd:default": Zstd, "zstd:best": "zstd:best",
		"": "", "xz": "", "gzip:": "", "zstd:": "", "gzip:0": "", "gzip:10": "", "gzip:best": "", "zstd:3": "", ":6": "",
	} {
		if got, err := ParseCompression(in); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v, wanted %q", in, got, err, want)
		}
	}
}
