// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/release/tarfile"
	"github.com/orlop/orlop/release/tree"
)

// listing is a tree in a short form: d, f, l or h and a path, and where a link
// leads.
func listing(t *tree.Tree) string {
	var list []string
	for n := range t.All() {
		text := map[tree.Type]string{tree.File: "f", tree.Dir: "d", tree.Symlink: "l", tree.Hardlink: "h"}[n.Type] + n.Path
		if n.Link != "" {
			text += ">" + n.Link
		}
		if n.Digest != (tree.Digest{}) {
			text += "=" + string(n.Digest[:1])
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

// parsed makes nodes of the short form.
func parsed(text string) []*tree.Node {
	var nodes []*tree.Node
	for word := range strings.FieldsSeq(text) {
		n := &tree.Node{Type: map[byte]tree.Type{'f': tree.File, 'd': tree.Dir, 'l': tree.Symlink, 'h': tree.Hardlink}[word[0]]}
		word, contents, _ := strings.Cut(word[1:], "=")
		copy(n.Digest[:1], contents)
		n.Path, n.Link, _ = strings.Cut(word, ">")
		nodes = append(nodes, n)
	}
	return nodes
}

// apply puts a layer of some nodes on a stack.
func apply(ctx context.Context, s *Stack, nodes []*tree.Node) error {
	if s.list == nil {
		s.list = new(tree.List)
	}
	from := s.list.Len()
	for _, n := range nodes {
		s.list.Append(n)
	}
	return s.Apply(ctx, s.list.Since(from))
}

// applyTests are layers in the short form, what they leave, and what is reported.
var applyTests = []struct{ name, layers, want, faults string }{
	{"whiteouts, wherever they stand", "d/a f/a/x f/a/y f/b/z | f/a/new f/a/.wh..wh..opq f/b/.wh.z", "d/ d/a f/a/new d/b", ""},
	{"whiteout and the same path again", "f/a=1 | f/a=2 f/.wh.a", "d/ f/a=2", ""},
	{"whiteouts in each other", "f/a/b/c/d f/a/e | f/a/b/.wh.c f/a/.wh.b f/a/.wh..wh..opq", "d/ d/a", ""},
	{"opaque root", "f/a/b f/c | f/.wh..wh..opq f/d", "d/ f/d", ""},
	{"no whiteout of the next name", "f/a f/a-b f/ab/c | f/.wh.a", "d/ f/a-b d/ab f/ab/c", ""},
	{"what only AUFS knows", "f/a | d/.wh..wh.plnk f/.wh..wh.plnk/1.2 f/.wh..wh.aufs", "d/ f/a", ""},
	{"file for a directory", "f/a/b/c | f/a", "d/ f/a", ""},
	{"directory for a file", "f/a | d/a f/a/b", "d/ d/a f/a/b", ""},
	{"file below a file", "f/a | f/a/b", "d/ f/a", "/a/b: lies below /a, which is a file"},
	{"through a link of a lower layer", "d/usr/lib l/lib>usr/lib | f/lib/foo", "d/ l/lib>usr/lib d/usr d/usr/lib f/usr/lib/foo", ""},
	{"through links to links", "d/x/y l/a>/b l/b>x/../x | f/a/y/z", "d/ l/a>/b l/b>x/../x d/x d/x/y f/x/y/z", ""},
	{"whiteout through a link", "f/usr/lib/foo l/lib>usr/lib | f/lib/.wh.foo", "d/ l/lib>usr/lib d/usr d/usr/lib", ""},
	{"link out of the root", "l/up>../../.. | f/up/x", "d/ l/up>../../.. f/x", ""},
	{"link to nothing", "l/a>b | f/a/x f/a/y", "d/ l/a>b d/b f/b/x f/b/y", "/a/x: lies below /a, a link to b, which does not exist, and podman does not extract it"},
	{"link to nothing, and back", "l/a>b/../c | f/a/x", "d/ l/a>b/../c d/c f/c/x", "/a/x: lies below /a, a link to b/../c, which does not exist, and podman does not extract it"},
	{"whiteout through a link to nothing", "l/a>b | f/a/.wh.x f/a/.wh..wh..opq", "d/ l/a>b", ""},
	{"whiteout below a file", "f/a | f/a/.wh.x", "d/ f/a", ""},
	{"whiteout below a link to itself", "l/a>a | f/a/.wh.x", "d/ l/a>a", "/a/.wh.x: lies below /a, the last of more than 32 symbolic links"},
	{"link taken away after it was followed", "d/d l/a>d | f/a/x f/.wh.a", "d/ d/d f/d/x", ""},
	{"link taken away before it would be followed", "d/d l/a>d | f/.wh.a f/a/x", "d/ d/a f/a/x d/d", ""},
	{"whiteout of what has new entries", "f/a/x f/a/y/z | f/a/n f/a/y/n f/.wh.a", "d/ d/a f/a/n d/a/y f/a/y/n", ""},
	{"through a hard link to a link", "d/d/e l/l>e h/d/h>/l f/d/h/x", "d/ d/d d/d/e f/d/e/x h/d/h>/l l/l>e", ""},
	{"link to a file", "f/b l/a>b | f/a/x", "d/ l/a>b f/b", "/a/x: lies below /a, a link to b, which is a file"},
	{"link to itself", "l/a>a | f/a/x", "d/ l/a>a", "/a/x: lies below /a, the last of more than 32 symbolic links"},
	{"directory for a link", "f/usr/x l/lib>usr | d/lib f/lib/x", "d/ d/lib f/lib/x d/usr f/usr/x", ""},
	{"through a link of the same layer", "d/b l/a>b f/a/x", "d/ l/a>b d/b f/b/x", ""},
	{"through a link to a directory without an entry", "f/b/y l/a>b f/a/x", "d/ l/a>b d/b f/b/x f/b/y", ""},
	{"hard link", "f/a=1 h/b>/a", "d/ f/a=1 h/b>/a", ""},
	{"hard link to a hard link", "f/a=1 h/b>/a h/c>/b", "d/ f/a=1 h/b>/a h/c>/a", ""},
	{"hard link to a lower layer", "f/a=1 | h/b>/a", "d/ f/a=1 h/b>/a", ""},
	{"hard link through a link", "f/x/a=1 l/y>x | h/b>/y/a", "d/ h/b>/x/a d/x f/x/a=1 l/y>x", ""},
	{"hard link to what the layer replaces", "f/a=1 | h/b>/a f/a=2", "d/ f/a=2 f/b=1", ""},
	{"hard link after what it names is replaced", "f/a=1 | f/a=2 h/b>/a", "d/ f/a=2 h/b>/a", ""},
	{"name of a hard-linked file is taken away", "f/a=1 h/b>/a h/c>/a | f/.wh.a", "d/ f/b=1 h/c>/b", ""},
	{"name of a hard-linked file is replaced", "f/a=1 h/b>/a h/c>/a | f/a=2", "d/ f/a=2 f/b=1 h/c>/b", ""},
	{"all names but one go", "f/d/a=1 h/d/b>/d/a h/e>/d/a | f/.wh.d", "d/ f/e=1", ""},
	{"hard link, then a whiteout of what it names", "f/a=1 | h/b>/a f/.wh.a", "d/ f/b=1", ""},
	{"whiteout, then a hard link to what it names", "f/a=1 | f/.wh.a h/b>/a", "d/", "/b: is a hard link to /a, which is neither an earlier file of the layer nor one of a lower layer"},
	{"hard link in place of another name", "f/a=1 h/b>/a | h/a>/b", "d/ f/a=1 h/b>/a", ""},
	{"hard link to a file whose first names are something else", "f/a=1 h/b>/a h/c>/a | f/.wh.a d/b h/d>/c", "d/ d/b f/c=1 h/d>/c", ""},
	{"hard link to a lower layer, in a directory for a file", "f/a f/b=1 | d/a h/a/c>/b", "d/ d/a h/a/c>/b f/b=1", ""},
	{"hard link to nothing", "h/b>/a f/c", "d/ f/c", "/b: is a hard link to /a, which is neither an earlier file of the layer nor one of a lower layer"},
	{"hard link to a directory", "d/a h/b>/a", "d/ d/a", "/b: is a hard link to /a, which is a directory"},
	{"hard link to itself", "f/a=1 | h/a>/a", "d/ f/a=1", "/a: is a hard link to itself"},
	{"hard link in place of what it names", "f/a/f=1 | h/a>/a/f", "d/ d/a f/a/f=1", "/a: is a hard link to /a/f, which the layer removes"},
	{"hard link in place of the link that it leads through", "f/d/x=1 l/a>d | h/a>/a/x", "d/ l/a>d d/d f/d/x=1", "/a: is a hard link to /a/x, which the layer removes"},
	{"twice", "f/a=1 f/a=2 f/b", "d/ f/a=2 f/b", "/a: occurs twice in the layer, which image-spec's layer.md forbids"},
	{"twice, by two paths", "d/d l/a>d f/d/x=1 f/a/x=2", "d/ l/a>d d/d f/d/x=2", "/d/x: occurs twice in the layer, which image-spec's layer.md forbids"},
	{"twice, as two things", "f/a d/a f/b", "d/ d/a f/b", "/a: occurs twice in the layer, a file and then a dir, and image-spec's layer.md forbids a path twice"},
	{"after what lies below it", "f/a/b f/a", "d/ f/a", "/a: is a file, and entries before it are below it"},
	{"root that is a file", "f/ f/a", "d/ f/a", "/: is a file, and the root must be a dir"},
}

// left is the tree that a stack comes to.
func left(t testing.TB, s *Stack) *tree.Tree {
	t.Helper()
	root, err := s.Tree(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestApply(t *testing.T) {
	t.Parallel()
	for _, tt := range applyTests {
		var stack Stack
		var faults []string
		for part := range strings.SplitSeq(tt.layers, "|") {
			if err := apply(t.Context(), &stack, parsed(part)); err != nil {
				faults = append(faults, err.Error())
			}
		}
		if d := cmp.Diff(tt.want, listing(left(t, &stack))); d != "" {
			t.Errorf("%s: (-want +got):\n%s", tt.name, d)
		}
		if got := strings.Join(faults, "\n"); got != tt.faults {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.faults)
		}
	}
}

// FuzzApply extracts layers of whatever entries Read lets through.
func FuzzApply(f *testing.F) {
	for _, tt := range applyTests {
		f.Add(tt.layers)
	}
	f.Fuzz(func(t *testing.T, layers string) {
		extract := func() (*tree.Tree, string) {
			var stack Stack
			var faults []error
			for part := range strings.SplitSeq(layers, "|") {
				nodes := slices.DeleteFunc(parsed(part), func(n *tree.Node) bool {
					return tree.CheckPath(n.Path) != nil || n.Type == tree.Hardlink && tree.CheckPath(n.Link) != nil || strings.Contains(n.Link, "\x00") || checkWhiteout(n) != nil
				})
				faults = append(faults, apply(t.Context(), &stack, nodes))
			}
			return left(t, &stack), fmt.Sprint(errors.Join(faults...))
		}
		root, faults := extract()
		for n := range root.All() {
			if err := tree.CheckPath(n.Path); err != nil || *root.Lookup(n.Path) != *n {
				t.Errorf("%s: lies elsewhere, %v", n.Path, err)
			}
			if dir := root.Lookup(tree.Parent(n.Path)); dir == nil || dir.Type != tree.Dir {
				t.Errorf("%s: lies in %+v", n.Path, dir)
			}
			if to := root.Lookup(n.Link); n.Type == tree.Hardlink && (to == nil || to.Type == tree.Dir || to.Type == tree.Hardlink) {
				t.Errorf("%s: is a hard link to %+v", n.Path, to)
			}
		}
		again, more := extract()
		if listing(root) != listing(again) || faults != more {
			t.Errorf("leaves %s, %s\nand then %s, %s", listing(root), faults, listing(again), more)
		}
	})
}

// BenchmarkApply is to cost the same for an entry however many there are, and
// whatever they do: be new, take away, replace directories, be links.
func BenchmarkApply(b *testing.B) {
	for _, tt := range []struct{ name, lower, upper string }{
		{"files", "", "f/d%/f"}, {"whiteouts", "f/d%/f", "f/.wh.d%"}, {"opaque", "f/d%/f", "f/d%/.wh..wh..opq"},
		{"files for directories", "f/d%/f", "f/d%"}, {"through links", "d/x% l/y%>x%", "f/y%/f"},
		{"whiteouts of new entries", "f/d%/f", "f/d%/g f/.wh.d%"}, {"opaque for each entry", "f/d/%", "f/d/n% f/d/.wh..wh..opq"}, {"links", "f/a%", "h/b%>/a%"},
		{"names of one file", "h/l%>/f", "f/l%"},
	} {
		for _, n := range []int{1000, 10_000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", tt.name, n), func(b *testing.B) {
				lower, upper := []string{"f/f"}, []string{}
				for i := range n {
					lower = append(lower, strings.ReplaceAll(tt.lower, "%", fmt.Sprint(i)))
					upper = append(upper, strings.ReplaceAll(tt.upper, "%", fmt.Sprint(i)))
				}
				if tt.lower == "" {
					lower = nil
				}
				for b.Loop() {
					var stack Stack
					if err := apply(b.Context(), &stack, parsed(strings.Join(lower, " "))); err != nil {
						b.Fatal(err)
					}
					if err := apply(b.Context(), &stack, parsed(strings.Join(upper, " "))); err != nil {
						b.Fatal(err)
					}
					left(b, &stack)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/entry")
			})
		}
	}
}

// BenchmarkRead is to cost the same for an entry however many there are.
func BenchmarkRead(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if _, err := Read(b.Context(), emptyFiles(n), "application/vnd.oci.image.layer.v1.tar", func(*tree.Node, io.Reader) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/entry")
		})
	}
}

// few is a context that ends when it has been asked so often.
type few struct {
	context.Context
	left int
}

func (c *few) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestApplyInterrupted stops between two entries: each may take a while.
func TestApplyInterrupted(t *testing.T) {
	t.Parallel()
	var s Stack
	if err := apply(&few{t.Context(), 3}, &s, parsed("f/a f/b f/c f/d f/e")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	got, err := s.Tree(t.Context())
	if want := "d/ f/a f/b f/c"; err != nil || listing(got) != want {
		t.Errorf("got %s, %v, want %s", listing(got), err, want)
	}
}

// emptyFiles is a tar file of so many empty files of one name, without an end.
func emptyFiles(n int) io.Reader {
	var b bytes.Buffer
	if err := tarfile.NewWriter(&b).Entry(&tree.Node{Path: "/a", Type: tree.File, Mode: 0o644}, strings.NewReader("")); err != nil {
		panic(err)
	}
	return io.LimitReader(&repeated{block: b.Bytes()}, int64(n)*tarfile.BlockSize)
}

type repeated struct {
	block []byte
	at    int
}

func (r *repeated) Read(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		k := copy(b[n:], r.block[r.at:])
		n, r.at = n+k, (r.at+k)%len(r.block)
	}
	return n, nil
}
