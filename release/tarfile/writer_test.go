// SPDX-License-Identifier: BSD-2-Clause

package tarfile_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/release/tarfile"
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

func with(e entry, change func(*tree.Node)) entry {
	change(&e.Node)
	return e
}

// written is a tar file of entries.
func written(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tarfile.NewWriter(&b)
	for i := range entries {
		if err := w.Entry(&entries[i].Node, strings.NewReader(entries[i].body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// readBack are the entries that archive/tar finds, as nodes.
func readBack(t testing.TB, text []byte) []entry {
	t.Helper()
	var list []entry
	for r := tar.NewReader(bytes.NewReader(text)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		n, err := tarfile.Node(h)
		if err != nil {
			t.Fatalf("%s: %v", h.Name, err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, entry{n, string(body)})
	}
}

// odd are nodes of every type, and such as ustar has just room for, and no more.
func odd() []entry {
	long := func(n int) string { return strings.Repeat("n", n) }
	list := []entry{
		{Node: tree.Node{Path: "/", Type: tree.Dir, Mode: 0o755}}, {Node: tree.Node{Path: "/bin", Type: tree.Dir, Mode: 0o1777, Uname: "root"}},
		{Node: tree.Node{Path: "/bin/l", Type: tree.Symlink, Link: "../../x", Mode: 0o755}}, {Node: tree.Node{Path: "/bin/h", Type: tree.Hardlink, Link: "/bin/sh"}},
		{Node: tree.Node{Path: "/l100", Type: tree.Symlink, Link: long(100)}}, {Node: tree.Node{Path: "/l101", Type: tree.Symlink, Link: long(101)}},
		{Node: tree.Node{Path: "/lutf", Type: tree.Symlink, Link: "zürich"}}, {Node: tree.Node{Path: "/h101", Type: tree.Hardlink, Link: "/" + long(101)}},
		file("/utf-8 naïve", "é"), file("/latin\xe9", ""), file("/blank ", ""), file("/new\nline", ""), file("/=", "="),
		file("/empty", ""), file("/block", strings.Repeat("x", 512)), file("/block and more", strings.Repeat("x", 513)),
		with(file("/mode", ""), func(n *tree.Node) { n.Mode = 0o7777 }),
		with(file("/flags", ""), func(n *tree.Node) { n.Flags = "schg,uarch" }),
		with(file("/names", ""), func(n *tree.Node) { n.Uname, n.Gname = long(31), long(31) }),
		with(file("/longer names", ""), func(n *tree.Node) { n.Uname, n.Gname = long(32), "grüppe" }),
		with(file("/no names", ""), func(n *tree.Node) { n.Uname, n.Gname = "", "" }),
	}
	for _, id := range []int{0, 1, 0o7777777, 0o7777777 + 1, math.MaxInt32} {
		list = append(list, with(file(fmt.Sprint("/id", id), ""), func(n *tree.Node) { n.UID, n.GID = id, id }))
	}
	for _, time := range []int64{-5, -1, 0, 0o77777777777, 0o77777777777 + 1, 1 << 40} {
		list = append(list, with(file(fmt.Sprint("/time", time), ""), func(n *tree.Node) { n.Time = time }))
	}
	for _, n := range []int{99, 100, 101, 154, 155, 156, 255, 256, 300} {
		list = append(list, file("/"+long(n), ""), file("/"+long(n)+"/x", ""), file("/d/"+long(n), ""), entry{Node: tree.Node{Path: "/" + long(n-1), Type: tree.Dir}},
			file("/"+strings.Repeat("d/", n/2)+"f", "deep"))
	}
	return list
}

// TestRoundTrip reads back what was written, entry by entry.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	want := odd()
	if d := cmp.Diff(want, readBack(t, written(t, want...)), cmp.AllowUnexported(entry{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestSameBytes gives the same bytes for the same nodes, and one header before the
// contents, which AppendHeader gives as well.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	for _, e := range odd() {
		text := written(t, e)
		if !bytes.Equal(text, written(t, e)) {
			t.Errorf("%q: other bytes the second time", e.Path)
		}
		header := tarfile.AppendHeader([]byte("before"), &e.Node)
		if rest, ok := bytes.CutPrefix(text, header[len("before"):]); !ok || len(rest) != (len(e.body)+511)/512*512+1024 || !strings.HasPrefix(string(header), "before") {
			t.Errorf("%q: AppendHeader gives %d bytes, and %d follow", e.Path, len(header), len(rest))
		}
		if len(text)%512 != 0 {
			t.Errorf("%q: %d bytes are no blocks", e.Path, len(text))
		}
	}
}

// TestGoldenPax is an entry with pax records byte by byte: they come first, sorted by
// key, and the ustar header has what fits.
func TestGoldenPax(t *testing.T) {
	t.Parallel()
	n := tree.Node{Path: "/zür", Type: tree.File, Mode: 0o600, UID: 1 << 21, Time: -1, Flags: "schg"}
	got := tarfile.AppendHeader(nil, &n)
	body := "22 SCHILY.fflags=schg\n" + "12 mtime=-1\n" + "13 path=zür\n" + "15 uid=2097152\n"
	header := func(name, mode, uid, size, time, sum, kind, magic string) []byte {
		b := make([]byte, 512)
		copy(b, name)
		copy(b[100:], mode+"\x00"+uid+"\x000000000\x00"+size+"\x00"+time+"\x00"+sum+"\x00 "+kind)
		copy(b[257:], magic)
		copy(b[329:], "0000000\x000000000\x00")
		return b
	}
	want := header("././@PaxHeader", "0000644", "0000000", fmt.Sprintf("%011o", len(body)), "00000000000", "011476", "x", "ustar\x0000")
	want = append(want, body...)
	want = append(want, make([]byte, 512-len(body))...)
	want = append(want, header("z_r", "0000600", "0000000", "00000000000", "00000000000", "007700", "0", "ustar\x0000")...)
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestPaxLengths counts the digits of a record's length with it, around those lengths
// at which they become one more.
func TestPaxLengths(t *testing.T) {
	t.Parallel()
	for n := 80; n < 1200; n++ {
		e := entry{Node: tree.Node{Path: "/" + strings.Repeat("é", 4) + strings.Repeat("n", n)}}
		if got := readBack(t, written(t, e)); len(got) != 1 || got[0].Path != e.Path {
			t.Fatalf("%d: got %+v, want %s", n, got, e.Path)
		}
	}
}

// TestFlags leaves flags out that container storage does not know.
func TestFlags(t *testing.T) {
	t.Parallel()
	for flags, want := range map[string][2]string{
		"": {}, "schg": {"schg", ""}, "nodump": {"", "nodump"}, "uarch,nodump,schg,x": {"uarch,schg", "nodump,x"}, ",,hidden,": {"hidden", ""},
	} {
		kept, dropped := tarfile.KnownFlags(flags)
		if kept != want[0] || dropped != want[1] {
			t.Errorf("%s: got %q and %q, want %q", flags, kept, dropped, want)
		}
		if got := readBack(t, written(t, entry{Node: tree.Node{Path: "/f", Flags: flags}})); got[0].Flags != want[0] {
			t.Errorf("%s: got %q in a tar file, want %q", flags, got[0].Flags, want[0])
		}
	}
}

// TestContents takes exactly the bytes that a node says, and reads on to the last word
// of whoever checks sums.
func TestContents(t *testing.T) {
	t.Parallel()
	bang := errors.New("bang")
	for name, tt := range map[string]struct {
		contents io.Reader
		want     string
	}{
		"whole": {strings.NewReader("abc"), ""}, "byte by byte": {iotest.OneByteReader(strings.NewReader("abc")), ""}, "with its end": {iotest.DataErrReader(strings.NewReader("abc")), ""},
		"short": {strings.NewReader("ab"), "/f: contents end after 2 bytes, wanted 3"}, "none": {strings.NewReader(""), "/f: contents end after 0 bytes, wanted 3"},
		"long": {strings.NewReader("abcd"), "/f: contents go on after 3 bytes"}, "a fault": {iotest.ErrReader(bang), "/f: bang"},
		"a fault at the end": {io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(bang)), "/f: bang"},
	} {
		for _, out := range []io.Writer{io.Discard, new(filler)} {
			err := tarfile.NewWriter(out).Entry(&tree.Node{Path: "/f", Size: 3}, tt.contents)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || err.Error() != tt.want) {
				t.Errorf("%s, %T: got %v, want %s", name, out, err, tt.want)
			}
			tt.contents = map[string]io.Reader{"whole": strings.NewReader("abc"), "long": strings.NewReader("abcd")}[name]
			if tt.contents == nil {
				break
			}
		}
	}
	if err := tarfile.NewWriter(io.Discard).Entry(&tree.Node{Path: "/d", Type: tree.Dir, Size: 3}, nil); err != nil {
		t.Errorf("a directory: got %v", err)
	}
}

// filler reads contents itself.
type filler struct {
	bytes.Buffer
	filled int
}

func (f *filler) Fill(contents io.Reader) (int64, error) {
	f.filled++
	return io.Copy(&f.Buffer, contents)
}

// TestFiller lets a writer read contents that can, and gives it the same bytes.
func TestFiller(t *testing.T) {
	t.Parallel()
	var f filler
	w := tarfile.NewWriter(&f)
	e := file("/f", "contents")
	if err := errors.Join(w.Entry(&e.Node, strings.NewReader(e.body)), w.Close()); err != nil || f.filled != 1 {
		t.Fatalf("got %v, filled %d times", err, f.filled)
	}
	if !bytes.Equal(f.Bytes(), written(t, e)) {
		t.Error("got other bytes than a plain writer")
	}
}

// TestFullOutput tells that there is no room, wherever it ends.
func TestFullOutput(t *testing.T) {
	t.Parallel()
	for _, room := range []int{0, 512, 516} {
		w := tarfile.NewWriter(&narrow{room})
		if err := w.Entry(&tree.Node{Path: "/f", Size: 4}, strings.NewReader("abcd")); err == nil || err.Error() != "/f: full" {
			t.Errorf("room for %d bytes: got %v, want full", room, err)
		}
	}
	if err := tarfile.NewWriter(&narrow{1023}).Close(); !errors.Is(err, errFull) {
		t.Errorf("at the end: got %v, want full", err)
	}
}

var errFull = errors.New("full")

// narrow takes so many bytes.
type narrow struct{ room int }

func (n *narrow) Write(b []byte) (int, error) {
	if n.room -= len(b); n.room < 0 {
		return 0, errFull
	}
	return len(b), nil
}

// TestNamesInside spells paths without a slash before them or "./", but for the root,
// and directories with one behind them.
func TestNamesInside(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		node       tree.Node
		name, link string
	}{
		{tree.Node{Path: "/", Type: tree.Dir}, "./", ""}, {tree.Node{Path: "/a/b", Type: tree.Dir}, "a/b/", ""}, {tree.Node{Path: "/a/b"}, "a/b", ""},
		{tree.Node{Path: "/l", Type: tree.Symlink, Link: "/a"}, "l", "/a"}, {tree.Node{Path: "/h", Type: tree.Hardlink, Link: "/a/b"}, "h", "a/b"},
	} {
		header := tarfile.AppendHeader(nil, &tt.node)
		name, _, _ := bytes.Cut(header[:100], []byte{0})
		link, _, _ := bytes.Cut(header[157:257], []byte{0})
		if string(name) != tt.name || string(link) != tt.link {
			t.Errorf("%+v: got %q and %q, want %q and %q", tt.node, name, link, tt.name, tt.link)
		}
	}
}

// TestGoldenBytes fails when the encoder writes anything in another way. That is a new
// format of layers.
func TestGoldenBytes(t *testing.T) {
	t.Parallel()
	const want = "804ff719a0491bbed8f22369e749a7986bdafabc004efb07a1be3106f42eb410"
	if got := fmt.Sprintf("%x", sha256.Sum256(written(t, odd()...))); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
