// SPDX-License-Identifier: BSD-2-Clause

package tree_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/release/tree"
)

// grown is a tree of nodes.
func grown(t testing.TB, nodes ...tree.Node) *tree.Tree {
	t.Helper()
	var root tree.Tree
	for _, n := range nodes {
		if err := root.Put(n); err != nil {
			t.Fatal(err)
		}
	}
	return &root
}

// listed is a tree in words: type, path, mode, and where a link leads.
func listed(root *tree.Tree) []string {
	var list []string
	for n := range root.All() {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%v %s %04o %s", n.Type, n.Path, n.Mode, n.Link)))
	}
	return list
}

// TestReplace takes files and links out of the way, never directories, and puts none
// there.
func TestReplace(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		node tree.Node
		want bool
	}{
		"a file": {tree.Node{Path: "/f", Mode: 0o600}, true}, "a link for a file": {tree.Node{Path: "/f", Type: tree.Symlink, Link: "x"}, true}, "a link": {tree.Node{Path: "/l"}, true},
		"nothing": {tree.Node{Path: "/none"}, false}, "a directory": {tree.Node{Path: "/d"}, false}, "a directory for a file": {tree.Node{Path: "/f", Type: tree.Dir}, false},
	} {
		root := grown(t, tree.Node{Path: "/f", Mode: 0o644}, tree.Node{Path: "/l", Type: tree.Symlink, Link: "f"}, tree.Node{Path: "/d", Type: tree.Dir, Mode: 0o755})
		before := listed(root)
		if got := root.Replace(tt.node); got != tt.want || root.Len() != 4 {
			t.Errorf("%s: got %t and %d nodes, want %t", name, got, root.Len(), tt.want)
		}
		n := root.Lookup(tt.node.Path)
		if changed := n != nil && cmp.Equal(*n, tt.node); changed != tt.want || !tt.want && !cmp.Equal(before, listed(root)) {
			t.Errorf("%s: got %q", name, listed(root))
		}
		for n := range root.All() { // the order is found out again
			if *root.Lookup(n.Path) != *n {
				t.Errorf("%s: %s is an old node", name, n.Path)
			}
		}
	}
}

// TestSet changes one thing of a node; a mode holds for all names of a file.
func TestSet(t *testing.T) {
	t.Parallel()
	root := grown(t, tree.Node{Path: "/d", Type: tree.Dir, Mode: 0o755}, tree.Node{Path: "/d/f", Mode: 0o644}, tree.Node{Path: "/h", Type: tree.Hardlink, Link: "/d/f", Mode: 0o644},
		tree.Node{Path: "/other", Type: tree.Hardlink, Link: "/d/g", Mode: 0o644}, tree.Node{Path: "/l", Type: tree.Symlink, Link: "/d/f", Mode: 0o644})
	root.SetMode("/d/f", 0o600)
	root.SetMode("/d", 0o700)
	root.SetFlags("/d/f", "schg")
	root.SetTime("/h", 5)
	root.SetOwner("/l", 1, 2)
	want := []string{"dir / 0755", "dir /d 0700", "file /d/f 0600", "hardlink /h 0600 /d/f", "link /l 0644 /d/f", "hardlink /other 0644 /d/g"}
	if d := cmp.Diff(want, listed(root)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if f, h, l := root.Lookup("/d/f"), root.Lookup("/h"), root.Lookup("/l"); f.Flags != "schg" || h.Flags != "" || h.Time != 5 || f.Time != 0 || l.UID != 1 || l.GID != 2 {
		t.Errorf("got %+v, %+v and %+v", f, h, l)
	}
}

// of is the tree of nodes in the order of their paths.
func of(nodes ...tree.Node) *tree.Tree {
	var list tree.List
	var order []uint32
	for i := range nodes {
		order = append(order, uint32(i))
		list.Append(&nodes[i])
	}
	return tree.Of(&list, order)
}

// TestOf has the nodes that it is given, in their order.
func TestOf(t *testing.T) {
	t.Parallel()
	nodes := []tree.Node{{Path: "/", Type: tree.Dir}, {Path: "/a", Link: "x"}, {Path: "/b"}}
	root := of(nodes...)
	i := 0
	for n := range root.All() {
		if *n != nodes[i] || *root.Lookup(n.Path) != nodes[i] {
			t.Errorf("node %d is %+v", i, n)
		}
		i++
	}
	if err := root.Put(tree.Node{Path: "/aa"}); err != nil || i != 3 {
		t.Errorf("got %d nodes, %v", i, err)
	}
	if d := cmp.Diff([]string{"dir / 0000", "file /a 0000 x", "file /aa 0000", "file /b 0000"}, listed(root)); d != "" {
		t.Errorf("after Put (-want +got):\n%s", d)
	}
}

// TestList gives back each attribute of its nodes, also of one that was set to
// something else, and of more nodes than stand in one block.
func TestList(t *testing.T) {
	t.Parallel()
	full := tree.Node{Path: "/h", Type: tree.Symlink, Mode: 0o4711, Uname: "u", Gname: "g", UID: 1, GID: 2, Flags: "schg", Time: -3, Link: "l",
		Size: 4, Digest: tree.DigestOf(nil), Records: "r", Origin: tree.Packaged, Package: "p"}
	var list tree.List
	var want []tree.Node
	for i := range 3000 {
		n := tree.Node{Path: fmt.Sprint("/", i), Time: int64(i)}
		if i%3 > 0 {
			n = full
			n.UID = i % 7
		}
		want = append(want, n)
		list.Append(&n)
	}
	for i := 0; i < len(want); i += 5 { // each kind becomes each other
		want[i], want[i+1] = want[i+1], want[i]
		list.Set(i, &want[i])
		list.Set(i+1, &want[i+1])
	}
	part := list.Since(10)
	for i, n := range part.Numbered() {
		if *n != want[i] || part.At(i-10) != want[i] || list.Path(i) != n.Path || list.Type(i) != n.Type || list.Link(i) != n.Link {
			t.Fatalf("node %d: got %+v, want %+v", i, n, want[i])
		}
	}
	if list.Len() != len(want) || part.Len() != len(want)-10 || part.List() != &list {
		t.Errorf("has %d nodes, of which %d in the part", list.Len(), part.Len())
	}
}

// TestUntil ends with its context, or where nobody wants more.
func TestUntil(t *testing.T) {
	t.Parallel()
	root := grown(t, tree.Node{Path: "/a"}, tree.Node{Path: "/b"}, tree.Node{Path: "/c"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []string
	for n := range root.Until(ctx) {
		if got = append(got, n.Path); n.Path == "/b" {
			cancel()
		}
	}
	if d := cmp.Diff([]string{"/", "/a", "/b"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for n := range root.Until(t.Context()) {
		if n.Path == "/a" {
			break
		}
	}
	if err := root.Settle(ctx); err != nil {
		t.Errorf("what is settled already: got %v", err)
	}
	other := grown(t, tree.Node{Path: "/a"})
	if err := other.Settle(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: got %v", err)
	}
	for n := range other.Until(ctx) {
		t.Errorf("got %s", n.Path)
	}
	if changes := tree.Diff(ctx, root, other); changes != nil {
		t.Errorf("Diff: got %v", changes)
	}
	if err := tree.WriteMtree(ctx, new(bytes.Buffer), root); !errors.Is(err, context.Canceled) {
		t.Errorf("WriteMtree: got %v", err)
	}
}

// TestConflictError tells where, and who brings what.
func TestConflictError(t *testing.T) {
	t.Parallel()
	for origin, who := range map[tree.Origin]string{tree.Implicit: "no package", tree.Listed: "an mtree file", tree.Generated: "a generated file", tree.Packaged: "p"} {
		root := grown(t, tree.Node{Path: "/f", Origin: origin, Package: "p"})
		err := root.Put(tree.Node{Path: "/f", Origin: tree.Packaged, Package: "q"})
		conflict, is := errors.AsType[*tree.ConflictError](err)
		if !is || !conflict.Unmet() {
			t.Fatalf("got %v", err)
		}
		what, where, found, wanted := conflict.Parts()
		if d := cmp.Diff([]string{"in both " + who + " and q: only one can own a file", "/f", "", ""}, []string{what, where, found, wanted}); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
	flags := grown(t, tree.Node{Path: "/d", Type: tree.Dir, Flags: "schg", Origin: tree.Packaged})
	if err := flags.Put(tree.Node{Path: "/d", Type: tree.Dir, Origin: tree.Packaged}); err == nil || !strings.HasSuffix(err.Error(), "directory is 0000 : schg in the first, 0000 : in the second") {
		t.Errorf("got %v", err)
	}
}

// TestTypes are the words of mtree(5).
func TestTypes(t *testing.T) {
	t.Parallel()
	for kind, want := range map[tree.Type]string{tree.File: "file", tree.Dir: "dir", tree.Symlink: "link", tree.Hardlink: "hardlink", tree.CharDevice: "char", tree.BlockDevice: "block", tree.FIFO: "fifo", 9: "type(9)"} {
		if got := kind.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestWriteMtreeOfOthers lists what only layers of others have, and names with mtree's
// own characters.
func TestWriteMtreeOfOthers(t *testing.T) {
	t.Parallel()
	root := of([]tree.Node{
		{Path: "/", Type: tree.Dir, Mode: 0o755}, {Path: "/b", Type: tree.BlockDevice, Link: "8,0"}, {Path: "/c", Type: tree.CharDevice, Link: "1,3", UID: 5, GID: 6},
		{Path: "/f", Type: tree.FIFO, Uname: "a b"}, {Path: "/h", Type: tree.Hardlink, Link: "/x#"}, {Path: "/i", Type: tree.Hardlink, Link: "/none"},
		{Path: "/l", Type: tree.Symlink, Link: "a=b"}, {Path: "/x#", Size: 3, Digest: tree.Digest{31: 1}, Flags: "schg"},
	}...)
	var b bytes.Buffer
	if err := tree.WriteMtree(t.Context(), &b, root); err != nil {
		t.Fatal(err)
	}
	want := `#mtree v2.0
. type=dir mode=0755 uid=0 gid=0 time=0.0
./b type=block mode=0000 uid=0 gid=0 time=0.0 device=native,8,0
./c type=char mode=0000 uid=5 gid=6 time=0.0 device=native,1,3
./f type=fifo mode=0000 uname=a\040b gid=0 time=0.0
./h type=file mode=0000 uid=0 gid=0 size=3 sha256digest=` + "0000000000000000000000000000000000000000000000000000000000000001" + ` time=0.0
./i type=file mode=0000 uid=0 gid=0 time=0.0
./l type=link mode=0000 uid=0 gid=0 time=0.0 link=a\075b
./x\043 type=file mode=0000 uid=0 gid=0 size=3 sha256digest=` + "0000000000000000000000000000000000000000000000000000000000000001" + ` time=0.0 flags=schg
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestDifferences names each attribute that counts, and none that does not.
func TestDifferences(t *testing.T) {
	t.Parallel()
	zeros := strings.Repeat("0", 62)
	base := tree.Node{Path: "/f", Mode: 0o644, Uname: "root", Gname: "wheel", Size: 1, Digest: tree.Digest{1}}
	for want, change := range map[string]func(n *tree.Node){
		"type is dir, was file":                                  func(n *tree.Node) { n.Type = tree.Dir },
		"mode is 4644, was 0644":                                 func(n *tree.Node) { n.Mode = 0o4644 },
		"uname is www, was root":                                 func(n *tree.Node) { n.Uname = "www" },
		"gname is www, was wheel":                                func(n *tree.Node) { n.Gname = "www" },
		"uid is 5, was 0, gid is 6, was 0":                       func(n *tree.Node) { n.UID, n.GID = 5, 6 },
		"flags is schg, was ":                                    func(n *tree.Node) { n.Flags = "schg" },
		"time is 1970-01-01T00:00:05Z, was 1970-01-01T00:00:00Z": func(n *tree.Node) { n.Time = 5 },
		"link is x, was ":                                        func(n *tree.Node) { n.Link = "x" },
		`pax is a="b", was none`:                                 func(n *tree.Node) { n.Records = `a="b"` },
		"size is 2, was 1":                                       func(n *tree.Node) { n.Size = 2 },
		"digest is 02" + zeros + ", was 01" + zeros:              func(n *tree.Node) { n.Digest = tree.Digest{2} },
		"": func(n *tree.Node) { n.Uname, n.Gname, n.Origin, n.Package = "", "", tree.Packaged, "p" },
	} {
		n := base
		change(&n)
		if got := strings.Join(tree.Differences(&base, &n), ", "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	a, b := tree.Node{Type: tree.Symlink, Mode: 0o755}, tree.Node{Type: tree.Symlink, Mode: 0o777}
	if got := tree.Differences(&a, &b); got != nil {
		t.Errorf("modes of links: got %q", got)
	}
}

// TestReadDir lists a folder in path order: owners are numbers, a further name of an
// inode is a hard link to the first, what no package brings is passed over, and no link
// is followed.
func TestReadDir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	write := func(name string, mode os.FileMode, text string) error {
		return errors.Join(os.WriteFile(in(name), []byte(text), 0o600), os.Chmod(in(name), mode), os.Chtimes(in(name), time.Time{}, time.Unix(7, 999)))
	}
	err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(in("d"), 0o700), write("d/f", os.ModeSetuid|0o755, "text"), write("b", 0o4, ""), os.Link(in("d/f"), in("a")), os.Link(in("d/f"), in("z")),
		write("two", 0o644, "xy"), os.Link(in("two"), in("twice")), os.Symlink("d/../../x", in("l")), syscall.Mkfifo(in("pipe"), 0o600), os.Chmod(in("d"), os.ModeSticky|os.ModeSetgid|0o700))
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	nodes, err := tree.ReadDir(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range nodes {
		if n.UID != os.Getuid() || n.GID != os.Getgid() || n.Uname+n.Gname != "" || n.Type == tree.File && n.Time != 7 {
			t.Errorf("got %+v", n)
		}
		if n.Type == tree.Symlink {
			n.Mode = 0
		}
		got = append(got, strings.TrimSpace(fmt.Sprintf("%v %s %04o %d %s", n.Type, n.Path, n.Mode, n.Size, n.Link)))
	}
	want := []string{"dir / 0755 0", "file /a 4755 4", "file /b 0004 0", "dir /d 3700 0", "hardlink /d/f 4755 0 /a", "link /l 0000 0 d/../../x", "file /twice 0644 2", "hardlink /two 0644 0 /twice", "hardlink /z 4755 0 /a"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tree.ReadDir(ctx, root); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: got %v", err)
	}
}
