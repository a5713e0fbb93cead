// SPDX-License-Identifier: BSD-2-Clause

package tarfile_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/tarfile"
	"github.com/orlop/orlop/release/tarfile/tartest"
	"github.com/orlop/orlop/release/tree"
)

// TestNode takes every type that a layer may have, and whatever else a header says.
func TestNode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		header tar.Header
		want   tree.Node
	}{
		{tar.Header{Typeflag: tar.TypeReg, Name: "a", Size: 5, Mode: 0o104755, Uid: 1, Gid: 2, Uname: "u", Gname: "g", ModTime: time.Unix(7, 999)},
			tree.Node{Path: "/a", Size: 5, Mode: 0o4755, UID: 1, GID: 2, Uname: "u", Gname: "g", Time: 7}},
		{tar.Header{Typeflag: tar.TypeCont, Name: "a", Size: 5}, tree.Node{Path: "/a", Size: 5}},
		{tar.Header{Typeflag: tar.TypeGNUSparse, Name: "a", Size: 5}, tree.Node{Path: "/a", Size: 5}},
		{tar.Header{Typeflag: tar.TypeDir, Name: "a/b/", Size: 5}, tree.Node{Path: "/a/b", Type: tree.Dir}},
		{tar.Header{Typeflag: tar.TypeSymlink, Name: "a", Linkname: "../x//y/"}, tree.Node{Path: "/a", Type: tree.Symlink, Link: "../x//y/"}},
		{tar.Header{Typeflag: tar.TypeLink, Name: "a", Linkname: "./x//y"}, tree.Node{Path: "/a", Type: tree.Hardlink, Link: "/x/y"}},
		{tar.Header{Typeflag: tar.TypeChar, Name: "a", Devmajor: 1, Devminor: 3}, tree.Node{Path: "/a", Type: tree.CharDevice, Link: "1,3"}},
		{tar.Header{Typeflag: tar.TypeBlock, Name: "a", Devmajor: 8}, tree.Node{Path: "/a", Type: tree.BlockDevice, Link: "8,0"}},
		{tar.Header{Typeflag: tar.TypeFifo, Name: "a"}, tree.Node{Path: "/a", Type: tree.FIFO}},
		{tar.Header{Typeflag: tar.TypeReg, Name: "a", PAXRecords: map[string]string{"SCHILY.fflags": "schg", "mtime": "1", "atime": "2", "z": "\x01", "SCHILY.acl.access": "x"}},
			tree.Node{Path: "/a", Flags: "schg", Records: `SCHILY.acl.access="x" z="\x01"`}},
	} {
		tt.want.Time = cmpTime(tt.header, tt.want.Time)
		n, err := tarfile.Node(&tt.header)
		if err != nil {
			t.Errorf("%+v: %v", tt.header, err)
			continue
		}
		if d := cmp.Diff(tt.want, n); d != "" {
			t.Errorf("%c %s (-want +got):\n%s", tt.header.Typeflag, tt.header.Name, d)
		}
	}
}

// cmpTime is what a header without a time gives.
func cmpTime(h tar.Header, seconds int64) int64 {
	if h.ModTime.IsZero() {
		return h.ModTime.Unix()
	}
	return seconds
}

// TestNodeNames cleans names as whoever extracts a layer does, and refuses those that
// may lead out of the root.
func TestNodeNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a": "/a", "./a": "/a", "/a": "/a", "a/b": "/a/b", "./a//b": "/a/b", "/a/./b": "/a/b", "a/b/": "/a/b", "//": "/", "./": "/", ".": "/", "/": "/",
		"a b": "/a b", "...": "/...", "a/..b": "/a/..b", "é\xff": "/é\xff",
		"": "has no name", "..": `has ".." in its path`, "../a": `has ".." in its path`, "a/../b": `has ".." in its path`, "a/..": `has ".." in its path`, "/..": `has ".." in its path`,
		"a\x00b": "\"/a\\x00b\": ",
	} {
		n, err := tarfile.Node(&tar.Header{Typeflag: tar.TypeReg, Name: name})
		if err == nil && n.Path != want || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %+v, %v, want %s", name, n, err, want)
		}
		link, err := tarfile.Node(&tar.Header{Typeflag: tar.TypeLink, Name: "l", Linkname: name})
		if err == nil && link.Link != want || err != nil && !strings.Contains(err.Error(), "which "+want) {
			t.Errorf("hard link to %q: got %+v, %v, want %s", name, link, err, want)
		}
	}
}

// TestNodeRefuses tells types that no layer may have from what is too long here.
func TestNodeRefuses(t *testing.T) {
	t.Parallel()
	for _, kind := range []byte("gxLKVMDNX!\x00") {
		_, err := tarfile.Node(&tar.Header{Typeflag: kind, Name: "a"})
		if kind == 0 { // which archive/tar makes '0' or '5' of
			kind = '\x00'
		}
		if err == nil || !strings.Contains(err.Error(), "which is none of the file types in image-spec's layer.md") {
			t.Errorf("type %q: got %v", kind, err)
		}
	}
	for n, fits := range map[int]bool{4096: true, 4097: false} {
		for name, h := range map[string]*tar.Header{
			"path": {Typeflag: tar.TypeReg, Name: strings.Repeat("n", n-1)}, "link": {Typeflag: tar.TypeSymlink, Name: "l", Linkname: strings.Repeat("n", n)},
		} {
			_, err := tarfile.Node(h)
			if _, unsupported := errors.AsType[*fault.UnsupportedError](err); unsupported == fits {
				t.Errorf("%s of %d bytes: got %v", name, n, err)
			}
		}
	}
}

func TestIsSparse(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		header tar.Header
		want   bool
	}{
		"GNU": {tar.Header{Typeflag: tar.TypeGNUSparse}, true}, "pax": {tar.Header{Typeflag: tar.TypeReg, PAXRecords: map[string]string{"GNU.sparse.major": "1"}}, true},
		"file": {tar.Header{Typeflag: tar.TypeReg}, false}, "other records": {tar.Header{Typeflag: tar.TypeReg, PAXRecords: map[string]string{"GNU.other": "1"}}, false},
	} {
		if got := tarfile.IsSparse(&tt.header); got != tt.want {
			t.Errorf("%s: got %t, want %t", name, got, tt.want)
		}
	}
}

// foreign reads a tar file as the reader of layers does, through a Comparer.
func foreign(t testing.TB, text []byte, skip bool) string {
	t.Helper()
	c := tarfile.NewComparer(bytes.NewReader(text))
	r := tar.NewReader(c)
	for {
		c.Next()
		h, err := r.Next()
		c.Contents()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch n, err := tarfile.Node(h); {
		case h.Typeflag == tar.TypeXGlobalHeader:
			c.Global()
		case skip:
			c.Skip(h.Size)
		case err != nil:
			t.Fatal(err)
		default:
			c.Entry(h, &n)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			t.Fatal(err)
		}
	}
	rest, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	c.End(len(rest) > 0)
	return c.Foreign()
}

// TestComparer finds whatever a node has no place for, and nothing in a tar file of
// this package.
func TestComparer(t *testing.T) {
	t.Parallel()
	own := written(t, odd()...)
	put := func(base []byte, at int, with string) []byte {
		b := bytes.Clone(base)
		copy(b[at:], with)
		return b
	}
	one := written(t, file("/a", "x"), file("/b", "x"))
	pax := func(records map[string]string) []byte {
		return tartest.Of(t, tar.Header{Name: "a", Mode: 0o644, Format: tar.FormatPAX, PAXRecords: records})
	}
	for name, tt := range map[string]struct {
		text []byte
		want string
	}{
		"ours":                    {own, ""},
		"nothing":                 {written(t), ""},
		"padding":                 {put(one, 512+1, "y"), "b has a header with other bytes"},
		"padding at the end":      {put(one, 1024+512+1, "y"), "its end has other bytes"},
		"an extended attribute":   {pax(map[string]string{"SCHILY.xattr.user.a": "v"}), `a has the pax record SCHILY.xattr.user.a="v"`},
		"parts of seconds":        {tartest.Of(t, tar.Header{Name: "a", Format: tar.FormatPAX, ModTime: time.Unix(5, 5)}), `a has the pax record mtime="5.000000005"`},
		"flags that nobody knows": {pax(map[string]string{"SCHILY.fflags": "nodump"}), `a has the pax record SCHILY.fflags="nodump"`},
		"a global header":         {append(tartest.Lines("\"g\" \"\" \"\" \"\" \"comment=x\\n\"\n")[:1024:1024], one...), "there is a global pax header"},
		"an unclean name":         {tartest.Lines("\"0\" \"./a\" \"\" \"\" \"\"\n"), "./a has a header with other bytes"},
		"GNU's magic":             {tartest.Lines("\"0\" \"a\" \"\" \"257=7573746172202000\" \"\"\n"), "a has a header with other bytes"},
		"two of them":             {tartest.Lines("\"0\" \"./a\" \"\" \"\" \"\"\n\"0\" \"./b\" \"\" \"\" \"\"\n"), "./a has a header with other bytes, and 1 more differ"},
		"a longer end":            {append(bytes.Clone(one), make([]byte, 512)...), "its end has other bytes"},
		"a shorter end":           {one[:len(one)-512], "its end has other bytes"},
	} {
		if got := foreign(t, tt.text, false); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
	if got := foreign(t, one, true); got != "" {
		t.Errorf("entries that are passed over: got %q, want nothing", got)
	}
}

// TestDiffEmpty compares tar files of few entries or none.
func TestDiffEmpty(t *testing.T) {
	t.Parallel()
	none, a, ab := written(t), written(t, file("/a", "x")), written(t, file("/a", "x"), file("/b", strings.Repeat("x", 600)))
	for _, tt := range []struct {
		old, now []byte
		want     string
	}{
		{none, none, ""}, {a, a, ""}, {none, ab, "entry 1, a: added|entry 2, b: added"}, {ab, a, "entry 2, b: removed"}, {ab, none, "entry 1, a: removed|entry 2, b: removed"},
		{a, a[:len(a)-1024], "blocks after the last entry"},
	} {
		var got []string
		err := tarfile.Diff(bytes.NewReader(tt.old), bytes.NewReader(tt.now), func(c tarfile.Change) { got = append(got, c.String()) })
		if strings.Join(got, "|") != tt.want || err != nil {
			t.Errorf("got %q, %v, want %s", got, err, tt.want)
		}
	}
}

// TestDiffOfPair compares each two odd entries: what differs is reported, and nothing of an
// entry and itself.
func TestDiffOfPair(t *testing.T) {
	t.Parallel()
	list := odd()
	for i, e := range list {
		old := written(t, e)
		for k, other := range list {
			if i != k && (i+k)%7 != 0 {
				continue
			}
			n := 0
			if err := tarfile.Diff(bytes.NewReader(old), bytes.NewReader(written(t, other)), func(tarfile.Change) { n++ }); err != nil || (n > 0) != (i != k && !cmp.Equal(e.Node, other.Node)) {
				t.Errorf("%q and %q: got %d changes, %v", e.Path, other.Path, n, err)
			}
		}
	}
}
