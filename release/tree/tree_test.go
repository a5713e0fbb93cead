// SPDX-License-Identifier: BSD-2-Clause

package tree

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func pkgFile(path, pkg string) Node {
	return Node{Path: path, Mode: 0o644, Uname: "root", Gname: "wheel", Origin: Packaged, Package: pkg}
}

func pkgDir(path, pkg string, mode uint32) Node {
	return Node{Path: path, Type: Dir, Mode: mode, Uname: "root", Gname: "wheel", Origin: Packaged, Package: pkg}
}

func TestPut(t *testing.T) {
	t.Parallel()
	listed := Node{Path: "/d", Type: Dir, Mode: 0o711, Uname: "a", Gname: "b", Origin: Listed}
	link := pkgFile("/l", "p")
	link.Type, link.Link = Symlink, "/d"
	for _, tt := range []struct {
		name  string
		nodes []Node
		want  string // of the error, "" for none
	}{
		{"a package beats mtree, whichever comes first", []Node{pkgDir("/d", "p", 0o700), listed}, ""},
		{"mtree beats a parent", []Node{pkgFile("/d/f", "p"), listed}, ""},
		{"packages agree", []Node{pkgDir("/d", "p", 0o700), pkgDir("/d", "q", 0o700)}, ""},
		{"packages disagree", []Node{pkgDir("/d", "p", 0o700), pkgDir("/d", "q", 0o755)}, "/d: in both p and q: directory is 0700 root:wheel in the first, 0755 root:wheel in the second"},
		{"two files", []Node{pkgFile("/f", "p"), pkgFile("/f", "q")}, "/f: in both p and q: only one can own a file"},
		{"file and directory", []Node{pkgFile("/d", "p"), listed}, "/d: in both p and an mtree file: a file in the first, a dir in the second"},
		{"below a link", []Node{link, pkgFile("/l/f", "q")}, "/l: in both p and q: a link in the first, a directory that holds /l/f in the second"},
		{"dots", []Node{pkgFile("/a/../b", "p")}, `"/a/../b": path has the component ..`},
		{"relative", []Node{pkgFile("a", "p")}, `"a": path is not absolute`},
		{"empty component", []Node{pkgFile("/a//b", "p")}, `"/a//b": path has an empty component`},
		{"NUL", []Node{pkgFile("/a\x00b", "p")}, `"/a\x00b": path has a NUL byte`},
		{"root as a file", []Node{pkgFile("/", "p")}, `"/": the root is not a directory`},
	} {
		var root Tree
		var err error
		for _, n := range tt.nodes {
			err = errors.Join(err, root.Put(n))
		}
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		if d := root.Lookup("/d"); tt.want == "" && d.Mode == 0o755 {
			t.Errorf("%s: /d has the mode of a mere parent", tt.name)
		}
	}
}

func TestAllIsInPathOrder(t *testing.T) {
	t.Parallel()
	var root Tree
	for _, p := range []string{"/b/c", "/a-b", "/a/b", "/é"} {
		if err := root.Put(pkgFile(p, "p")); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for n := range root.All() {
		got = append(got, n.Path)
	}
	if d := cmp.Diff([]string{"/", "/a", "/a-b", "/a/b", "/b", "/b/c", "/é"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestCloneIsIndependent(t *testing.T) {
	t.Parallel()
	var root Tree
	if err := root.Put(pkgFile("/f", "p")); err != nil {
		t.Fatal(err)
	}
	c := root.Clone()
	c.SetTime("/f", 5)
	if n := root.Lookup("/f"); n == nil || n.Time != 0 {
		t.Errorf("the original changed: %+v", n)
	}
}

const nested = `# comment
/set type=dir uname=root gname=wheel mode=0755
.
    bin         tags=package=runtime
    ..
/set mode=0700
    var\040x
        empty   mode=0555 flags=schg uname=operator
        ..
    ..
/unset flags
..
`

func TestReadMtree(t *testing.T) {
	t.Parallel()
	got, err := ReadMtree(strings.NewReader(nested), "x.dist", "/usr")
	if err != nil {
		t.Fatal(err)
	}
	want := []Node{
		{Path: "/usr", Type: Dir, Mode: 0o755, Uname: "root", Gname: "wheel", Origin: Listed},
		{Path: "/usr/bin", Type: Dir, Mode: 0o755, Uname: "root", Gname: "wheel", Origin: Listed},
		{Path: "/usr/var x", Type: Dir, Mode: 0o700, Uname: "root", Gname: "wheel", Origin: Listed},
		{Path: "/usr/var x/empty", Type: Dir, Mode: 0o555, Uname: "operator", Gname: "wheel", Flags: "schg", Origin: Listed},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestReadMtreeErrors(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	for i := range 100 {
		fmt.Fprintf(&many, "x:%d: /a: type is \"\", wanted dir, file or link\n", i+1)
	}
	for _, tt := range []struct{ text, want string }{
		{"..\n", `x:1: ".." leaves the root`},
		{"\n.  type=socket uname=a gname=b\n", `x:2: /: type is "socket", wanted dir, file or link`},
		{". type=dir uname=root\n", "x:1: /: uname or gname is missing"},
		{". type=dir uname=a gname=b mode=9\n", `x:1: /: mode "9" is not octal`},
		{"a\\04 type=dir\n", `x:1: name "a\\04": wanted three octal digits after \`},
		{"./a/../b type=dir uname=a gname=b\n", `x:1: "/a/../b": path has the component ..`},
		{"./a type=file uname=a gname=b size=big\n", `x:1: /a: size "big" is not a number`},
		{"a \\\n" + strings.Repeat("type=dir \\\n", 10_000), "x:6555: line has more than 65536 bytes"},
		{"/set uname=r gname=w type=dir\n" + strings.Repeat("d\n", 513), "x:514: path has 1026 bytes, wanted at most 1024"},
		{strings.Repeat("a\n", 200), many.String() + "x: more than 100 faults; the others are not reported"},
		{"a type=dir uname=r gname=w\n" + strings.Repeat("a", 70_000), "x:2: bufio.Scanner: token too long"},
	} {
		if _, err := ReadMtree(strings.NewReader(tt.text), "x", "/"); err == nil || err.Error() != tt.want {
			t.Errorf("%.60q: got %v, want %s", tt.text, err, tt.want)
		}
	}
}

// TestMtreeRoundTrip writes a tree and reads it back.
func TestMtreeRoundTrip(t *testing.T) {
	t.Parallel()
	var root Tree
	link, hard := pkgFile("/l x", "p"), pkgFile("/h", "p")
	link.Type, link.Link, link.Flags = Symlink, "naïve #*?[=\\", "uchg"
	hard.Type, hard.Link = Hardlink, "/d/f"
	f := pkgFile("/d/f", "p")
	f.Size, f.Digest, f.Time = 3, DigestOf([]byte("abc")), 7
	for _, n := range []Node{f, link, hard} {
		if err := root.Put(n); err != nil {
			t.Fatal(err)
		}
	}
	var b strings.Builder
	if err := WriteMtree(t.Context(), &b, &root); err != nil {
		t.Fatal(err)
	}
	nodes, err := ReadMtree(strings.NewReader(b.String()), "x", "/")
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	var back Tree
	for _, n := range nodes {
		if err := back.Put(n); err != nil {
			t.Fatal(err)
		}
	}
	changes := Diff(t.Context(), &root, &back)
	if len(changes) != 1 || changes[0].Path != "/h" { // listed as the file that it is a name of
		t.Errorf("got %v", changes)
	}
}

// TestGoldenMtree reads a file of FreeBSD's as NetBSD's mtree does;
// testdata/README says how.
func TestGoldenMtree(t *testing.T) {
	t.Parallel()
	dist, err := os.ReadFile("testdata/BSD.root.dist")
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := ReadMtree(bytes.NewReader(dist), "BSD.root.dist", "/")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range nodes {
		path := strings.TrimSuffix("."+n.Path, "/")
		got = append(got, fmt.Sprintf("%s type=%s uname=%s gname=%s mode=%#o\n", path, n.Type, n.Uname, n.Gname, n.Mode))
	}
	flat, err := os.ReadFile("testdata/BSD.root.flat")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(flat), strings.Join(got, "")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestReadMtreeReal reads FreeBSD's own files and the goldens.
func TestReadMtreeReal(t *testing.T) {
	t.Parallel()
	const shared = "../../../shared"
	if _, err := os.Stat(shared); err != nil {
		t.Skip("the folder ../shared is not there; CI has it")
	}
	dists, _ := filepath.Glob(shared + "/src/etc/mtree/*.dist")
	goldens, _ := filepath.Glob(shared + "/golden/*/files.mtree")
	if len(dists) != 5 || len(goldens) < 20 {
		t.Fatalf("found %d and %d files", len(dists), len(goldens))
	}
	for _, file := range append(dists, goldens...) {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		nodes, err := ReadMtree(f, filepath.Base(file), "/")
		f.Close()
		if err != nil || len(nodes) < 20 && strings.HasSuffix(file, ".dist") {
			t.Errorf("%s: %d nodes, %v", file, len(nodes), err)
		}
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	var a, b Tree
	f, g := pkgFile("/f", "p"), pkgFile("/f", "q")
	g.Mode, g.UID = 0o755, 5
	for _, put := range []error{a.Put(f), a.Put(pkgFile("/old", "p")), b.Put(g), b.Put(pkgFile("/new", "p"))} {
		if put != nil {
			t.Fatal(put)
		}
	}
	var got []string
	for _, c := range Diff(t.Context(), &a, &b) {
		got = append(got, c.String())
	}
	want := []string{"/f: mode is 0755, was 0644, uid is 5, was 0", "/new: added", "/old: removed"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// FuzzReadMtree wants entries that stay below the prefix, and that are read the
// same again as they are written.
func FuzzReadMtree(f *testing.F) {
	f.Add(nested)
	f.Add("./a\\040b type=link link=x uname=a gname=b time=1.5\n")
	f.Fuzz(func(t *testing.T, text string) {
		nodes, _ := ReadMtree(strings.NewReader(text), "fuzz", "/usr")
		for i, n := range nodes {
			if err := CheckPath(n.Path); err != nil || !strings.HasPrefix(n.Path, "/usr") {
				t.Errorf("%q gives the path %q", text, n.Path)
			}
			if n.Type == Hardlink || i > 100 || escapeName(n.Uname+n.Gname+n.Flags) != n.Uname+n.Gname+n.Flags {
				continue // owners have no escapes when they are read
			}
			if n.Type != File {
				n.Size, n.Digest = 0, Digest{}
			}
			line := n.mtree(&Tree{})
			if len(line) > 1000 {
				continue
			}
			again, err := ReadMtree(strings.NewReader(line), "again", "/")
			if err != nil || len(again) != 1 {
				t.Errorf("%+v is written %q, of which there come %d, %v", n, line, len(again), err)
			} else if d := cmp.Diff(n, again[0]); d != "" {
				t.Errorf("%q (-first +second):\n%s", line, d)
			}
		}
	})
}
