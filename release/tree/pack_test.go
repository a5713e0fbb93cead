// SPDX-License-Identifier: BSD-2-Clause

package tree_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/release/tree"
)

// packed are nodes of every kind, with paths, names and numbers that few have.
func packed() []tree.Node {
	return []tree.Node{
		{Path: "/", Type: tree.Dir, Mode: 0o755, Uname: "root", Gname: "wheel"},
		{Path: "/a\xff\n", Mode: 0o7777, UID: -1, GID: 1 << 30, Time: -5, Size: 7, Digest: tree.DigestOf(nil), Records: "x=\"\x00\""},
		{Path: "/b", Type: tree.Hardlink, Link: "/a\xff\n", Flags: "schg", Time: 1 << 40},
		{Path: "/c", Type: tree.Symlink, Link: "", Origin: tree.Packaged, Package: "p"},
		{Path: "/d", Type: tree.CharDevice, Link: "1,2", Size: 1 << 50, Origin: tree.Listed},
	}
}

// pack packs a tree of the nodes of a list in their order.
func pack(t testing.TB, nodes []tree.Node, order []uint32) []byte {
	t.Helper()
	list := new(tree.List)
	for i := range nodes {
		list.Append(&nodes[i])
	}
	b, err := tree.Of(list, order).Pack(t.Context(), []byte("before"))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimPrefix(b, []byte("before"))
}

// TestPack gives back a tree, and the list with what is not in the tree.
func TestPack(t *testing.T) {
	t.Parallel()
	nodes := packed()
	text := append(pack(t, nodes, []uint32{0, 2, 1, 4}), "behind"...)
	got, list, rest, err := tree.Unpack(t.Context(), text)
	if err != nil || string(rest) != "behind" {
		t.Fatalf("got %v, and %q behind it", err, rest)
	}
	clear(text) // of which nothing is kept
	var all, inside []tree.Node
	for n := range list.Part(0, list.Len()).All() {
		all = append(all, *n)
	}
	for n := range got.All() {
		inside = append(inside, *n)
	}
	if d := cmp.Diff(nodes, all); d != "" {
		t.Errorf("the list (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]tree.Node{nodes[0], nodes[2], nodes[1], nodes[4]}, inside); d != "" {
		t.Errorf("the tree (-want +got):\n%s", d)
	}
	if got.Lookup("/c") != nil || got.Lookup("/d").Link != "1,2" {
		t.Error("the tree has other paths")
	}
	from, to := list.Part(1, 3).Bounds()
	if from != 1 || to != 3 || list.Part(1, 3).Path(1) != "/b" {
		t.Errorf("a part is from %d to %d", from, to)
	}
}

// TestPackNothing packs a tree without a node.
func TestPackNothing(t *testing.T) {
	t.Parallel()
	text, err := new(tree.Tree).Pack(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	got, list, rest, err := tree.Unpack(t.Context(), text)
	if err != nil || len(rest) > 0 || got.Len() != 0 || list.Len() != 0 {
		t.Errorf("got %d nodes of %d, %q behind them, %v", got.Len(), list.Len(), rest, err)
	}
}

// TestPackCutOff refuses a tree of which the end is gone, and ends with the context.
func TestPackCutOff(t *testing.T) {
	t.Parallel()
	text := pack(t, packed(), []uint32{0, 1, 2, 3, 4})
	for n := range text {
		if _, _, _, err := tree.Unpack(t.Context(), text[:n]); err == nil {
			t.Errorf("%d bytes of %d are a tree", n, len(text))
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, _, _, err := tree.Unpack(ended, text); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

// FuzzUnpack takes any bytes. What it accepts is packed and unpacked as it is.
func FuzzUnpack(f *testing.F) {
	text := pack(f, packed(), []uint32{0, 1, 2, 3, 4})
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Add(slices.Repeat([]byte{0xff}, 20))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, list, _, err := tree.Unpack(t.Context(), text)
		if err != nil {
			return
		}
		var nodes, again []tree.Node
		var order []uint32
		for i, n := range list.Part(0, list.Len()).Numbered() {
			nodes, order = append(nodes, *n), append(order, uint32(i))
		}
		_, list, _, err = tree.Unpack(t.Context(), pack(t, nodes, order))
		if err != nil {
			t.Fatal(err)
		}
		for n := range list.Part(0, list.Len()).All() {
			again = append(again, *n)
		}
		if d := cmp.Diff(nodes, again); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
}
