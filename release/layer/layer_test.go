// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/tarfile"
	"github.com/orlop/orlop/release/tarfile/tartest"
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
	return Fragment{Write: func(_ context.Context, w *tarfile.Writer) error {
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
		back, err := Read(t.Context(), bytes.NewReader(blob), l.MediaType, func(n *tree.Node, r io.Reader) error {
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
		w := tarfile.NewWriter(&b)
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
		if "/"+strings.Trim(strings.TrimPrefix(h.Name, "."), "/") != e.Path || h.Size != e.Size || h.ModTime.Unix() != e.Time || h.Uid != e.UID || h.Gid != e.GID || h.Uname != e.Uname || h.Gname != e.Gname || h.Mode != int64(e.Mode) {
			t.Errorf("%q: got %+v", e.Path, h)
		}
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
		{"own", Fragment{Write: func(context.Context, *tarfile.Writer) error { return bang }}, "bang"},
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
		{"dots", `a/../b: has ".." in its path, which may lead out of the root`, plain(&tar.Header{Name: "a/../b"})},
		{"hard link out of the root", `a: is a hard link to "../b", which has ".." in its path`, plain(&tar.Header{Name: "a", Typeflag: tar.TypeLink, Linkname: "../b"})},
		{"hard link to nothing", `a: is a hard link to "", which has no name`, plain(&tar.Header{Name: "a", Typeflag: tar.TypeLink})},
		{"no name", "entry 2: has no name", plain(&tar.Header{Name: "a"}, &tar.Header{Name: ""})},
		{"volume label", "a: has the tar type 'V', which is none of the file types in image-spec's layer.md", retyped(plain(&tar.Header{Name: "a"}), 'V')},
		{"sparse", "/a: is a sparse entry, which image-spec's layer.md advises against", retyped(plain(&tar.Header{Name: "a", Format: tar.FormatGNU}), 'S')},
		{"whiteout of the directory above", `a/.wh...: is a whiteout of "..", which is not a name`, plain(&tar.Header{Name: "a/.wh..."})},
		{"whiteout of nothing", `a/.wh.: is a whiteout of "", which is not a name`, plain(&tar.Header{Name: "a/.wh."})},
		{"whiteout that is a directory", "a/.wh.x/: is a whiteout and a dir, wanted a file", plain(&tar.Header{Name: "a/.wh.x/", Typeflag: tar.TypeDir})},
		{"two bad entries", "../a: has \"..\" in its path, which may lead out of the root\n../b: has", plain(&tar.Header{Name: "../a"}, &tar.Header{Name: "../b"})},
		{"trailing data", "has data after the end", append(plain(&tar.Header{Name: "a"}), "junk"...)},
		{"no tar", "ends too early, after 4 bytes", []byte("junk")},
		{"junk after an entry", "has no tar header at the end of its byte 1024, after entry 1, a", append(plain(&tar.Header{Name: "a"})[:512], bytes.Repeat([]byte("junk"), 128)...)},
		{"cut in contents", "a: ends in the middle of its contents", filled(700)[:1100]},
		{"cut in padding", "ends inside a block of 512 bytes, after 1300 bytes, after entry 1, a", filled(700)[:1300]},
		{"cut in the first empty block", "ends too early, after 1540 bytes, after entry 1, a", filled(700)[:1540]},
		{"packed", "is packed with gzip, wanted a plain tar file, as its media type has it", []byte("\x1f\x8b\x08junk")},
	} {
		_, err := Read(t.Context(), bytes.NewReader(tt.blob), "application/vnd.oci.image.layer.v1.tar", func(*tree.Node, io.Reader) error { return nil })
		var format *FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

// retyped is a tar file whose first entry has another type.
func retyped(b []byte, kind byte) []byte {
	b[156] = kind
	tartest.Seal(b[:tarfile.BlockSize])
	return b
}

// filled is a tar file of one entry.
func filled(size int) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	_ = w.WriteHeader(&tar.Header{Name: "a", Size: int64(size), Mode: 0o644})
	_, _ = w.Write(make([]byte, size))
	_ = w.Close()
	return b.Bytes()
}

// TestReadShows takes every entry that a layer may have, however it is spelt.
func TestReadShows(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []*tar.Header{
		{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "of git archive"}},
		{Name: "./", Typeflag: tar.TypeDir}, {Name: "./etc/./x"}, {Name: "etc//y"}, {Name: "/etc/z"},
		{Name: "dev/null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}, {Name: "dev/da0", Typeflag: tar.TypeBlock, Devmajor: 8},
		{Name: "dev/pipe", Typeflag: tar.TypeFifo}, {Name: "a", Typeflag: tar.TypeLink, Linkname: "/etc/z"}, {Name: "b", Typeflag: tar.TypeCont},
	} {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var got []string
	_, err := Read(t.Context(), &b, "application/vnd.oci.image.layer.v1.tar", func(n *tree.Node, _ io.Reader) error {
		got = append(got, strings.TrimSpace(n.Type.String()+" "+n.Path+" "+n.Link))
		return nil
	})
	want := []string{"dir /", "file /etc/x", "file /etc/y", "file /etc/z", "char /dev/null 1,3", "block /dev/da0 8,0", "fifo /dev/pipe", "hardlink /a /etc/z", "file /b"}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
}

// TestReadUnsupported tells what cannot be judged from what is wrong.
func TestReadUnsupported(t *testing.T) {
	t.Parallel()
	var global, long bytes.Buffer
	w := tar.NewWriter(&global)
	_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"mtime": "5"}})
	_ = w.Close()
	w = tar.NewWriter(&long)
	_ = w.WriteHeader(&tar.Header{Name: strings.Repeat("a/", 3000)})
	_ = w.Close()
	hole := tartest.Of(t, tar.Header{Name: "a", Format: tar.FormatGNU})
	copy(hole[483:], "\x80\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00") // 2^60 bytes in all
	for _, tt := range []struct {
		mediaType, want string
		blob            []byte
	}{
		{"application/vnd.oci.image.layer.v1.tar", "a: is a sparse entry of 1152921504606846976 bytes, wanted at most 17179869184 in all of a layer", retyped(hole, 'S')},
		{"application/vnd.docker.image.rootfs.diff.tar.gzip", `media type "application/vnd.docker.image.rootfs.diff.tar.gzip" is not supported`, nil},
		{"application/vnd.oci.image.layer.v1.tar", "entry 1: is a global pax header with mtime", global.Bytes()},
		{"application/vnd.oci.image.layer.v1.tar", "has a path or link of 6000 bytes, wanted at most 4096", long.Bytes()},
		{"application/vnd.oci.image.layer.v1.tar+zstd", "zstd's window is larger than 134217728 bytes", []byte("\x28\xb5\x2f\xfd\x00\xa8\x00\x00\x00")},
	} {
		_, err := Read(t.Context(), bytes.NewReader(tt.blob), tt.mediaType, func(*tree.Node, io.Reader) error { return nil })
		var unsupported *fault.UnsupportedError
		if !errors.As(err, &unsupported) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %q", err, tt.want)
		}
		if _, wrong := errors.AsType[*FormatError](err); wrong {
			t.Errorf("%v is said to be wrong", err)
		}
	}
}

// TestReadInterrupted stops between two entries.
func TestReadInterrupted(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := range 1000 {
		_ = w.WriteHeader(&tar.Header{Name: fmt.Sprint(i)})
	}
	_ = w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	visited := 0
	l, err := Read(ctx, &b, "application/vnd.oci.image.layer.v1.tar", func(*tree.Node, io.Reader) error {
		if visited++; visited == 10 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || visited != 10 || l.DiffID != "" {
		t.Errorf("visited %d, got %v", visited, err)
	}
}

// TestReadInterruptedInHole stops where no byte of the archive is read.
func TestReadInterruptedInHole(t *testing.T) {
	t.Parallel()
	hole := tartest.Of(t, tar.Header{Name: "a", Format: tar.FormatGNU})
	copy(hole[483:], "77777777777") // 8 GiB less a byte
	ctx, cancel := context.WithCancel(t.Context())
	var inside error
	_, err := Read(ctx, bytes.NewReader(retyped(hole, 'S')), "application/vnd.oci.image.layer.v1.tar", func(_ *tree.Node, r io.Reader) error {
		cancel()
		_, inside = r.Read(make([]byte, 1))
		return nil
	})
	if !errors.Is(err, context.Canceled) || !errors.Is(inside, context.Canceled) {
		t.Errorf("got %v, and in the hole %v", err, inside)
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
			l, err := Read(t.Context(), bytes.NewReader(tt.blob), c.MediaType(), func(*tree.Node, io.Reader) error { return nil })
			if err == nil || err.Error() != tt.want {
				t.Errorf("%s, %s: got %v, want %q", c.Compression, tt.name, err, tt.want)
			}
			if l.DiffID != "" {
				t.Errorf("%s, %s: is said to be whole", c.Compression, tt.name)
			}
		}
		two, err := Read(t.Context(), bytes.NewReader(append(bytes.Clone(good), good...)), c.MediaType(), func(*tree.Node, io.Reader) error { return nil })
		if err == nil || err.Error() != "has data after the end of the archive" || two.DiffID == "" {
			t.Errorf("%s, two streams: got %v", c.Compression, err)
		}
	}
}

// TestReadSum finds contents that are not those of the check sum after them.
func TestReadSum(t *testing.T) {
	t.Parallel()
	var gz, zst bytes.Buffer
	for _, w := range []io.WriteCloser{gzip.NewWriter(&gz), must(zstd.NewWriter(&zst))} {
		_, _ = w.Write(make([]byte, 1024))
		_ = w.Close()
	}
	gz.Bytes()[gz.Len()-8] ^= 1
	zst.Bytes()[zst.Len()-1] ^= 1
	for mediaType, tt := range map[string]struct {
		blob []byte
		want string
	}{
		Gzip.MediaType(): {gz.Bytes(), "has a gzip member with another check sum than its contents"},
		Zstd.MediaType(): {zst.Bytes(), "has a zstd frame with another check sum than its contents"},
		"":               {nil, "its descriptor has no mediaType, wanted one (image-spec, descriptor.md)"},
	} {
		_, err := Read(t.Context(), bytes.NewReader(tt.blob), mediaType, func(*tree.Node, io.Reader) error { return nil })
		if _, wrong := errors.AsType[*FormatError](err); !wrong || err.Error() != tt.want {
			t.Errorf("got %v, want %q", err, tt.want)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
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
		l, err := Read(t.Context(), bytes.NewReader(tt.blob), "application/vnd.oci.image.layer.v1.tar", func(*tree.Node, io.Reader) error { return nil })
		if err != nil || l.Foreign != tt.want {
			t.Errorf("%s: got %q, %v, want %q", tt.name, l.Foreign, err, tt.want)
		}
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
		var layers []iter.Seq[*tree.Node]
		for _, nodes := range tt.layers {
			layers = append(layers, slices.Values(nodes))
		}
		if err := CheckExtraction(t.Context(), layers); (err == nil) != tt.ok {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

// large are sparse entries in a pax header, of which each would take seconds.
var large = regexp.MustCompile(`GNU\.sparse\.(?:realsize|size)=[0-9]{6}`)

// FuzzRead reads layers whose sums are right, in one of the packings, with other
// bytes behind them. What it lets through can be extracted, and is the same in another
// packing.
func FuzzRead(f *testing.F) {
	f.Add("\"5\" \"a/\" \"\" \"\" \"\"\n\"0\" \"a/b\" \"\" \"100=3034373535\" \"x\"\n\"1\" \"c\" \"a/b\" \"\" \"\"\n\"2\" \"l\" \"../x\" \"\" \"\"\n", uint8(0), []byte(nil))
	f.Add("\"x\" \"\" \"\" \"\" \"path=long\\nSCHILY.fflags=schg\\n\"\n\"0\" \"n\" \"\" \"\" \"\"\n\"L\" \"\" \"\" \"\" \"name\\x00\"\n\"0\" \".wh.b\" \"\" \"\" \"\"\n", uint8(1), []byte(nil))
	types := []string{"application/vnd.oci.image.layer.v1.tar", Gzip.MediaType(), Zstd.MediaType()}
	f.Fuzz(func(t *testing.T, entries string, packing uint8, behind []byte) {
		plain := append(tartest.Lines(entries), behind...)
		if large.Match(plain) {
			return
		}
		read := func(packing int) (list []string, err error) {
			var blob bytes.Buffer
			switch packing %= len(types); packing {
			case 0:
				blob.Write(plain)
			case 1:
				w := gzip.NewWriter(&blob)
				w.Write(plain)
				w.Close()
			case 2:
				w, err := zstd.NewWriter(&blob, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
				if err != nil {
					t.Fatal(err)
				}
				w.Write(plain)
				w.Close()
			}
			_, err = Read(t.Context(), &blob, types[packing], func(n *tree.Node, r io.Reader) error {
				if err := tree.CheckPath(n.Path); err != nil {
					t.Error(err)
				}
				if strings.Contains(n.Link, "\x00") || n.Type == tree.Hardlink && tree.CheckPath(n.Link) != nil || checkWhiteout(n) != nil {
					t.Errorf("%+v was let through", n)
				}
				size, err := io.Copy(io.Discard, r)
				if err == nil && n.Type == tree.File && size != n.Size {
					t.Errorf("%s: has %d bytes, wanted %d", n.Path, size, n.Size)
				}
				list = append(list, fmt.Sprintf("%+v", *n))
				return err
			})
			return list, err
		}
		got, err := read(int(packing))
		other, more := read(int(packing) + 1)
		if d := cmp.Diff(got, other); d != "" || fmt.Sprint(err) != fmt.Sprint(more) {
			t.Errorf("%v, and in another packing %v (-want +got):\n%s", err, more, d)
		}
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
