// SPDX-License-Identifier: BSD-2-Clause

package tree

import (
	"slices"
	"sort"
	"strings"
)

// Set puts n at its path, whatever is there, and makes the parents that are
// missing. What is below a path stays: whoever puts something else in the place
// of a directory removes that first. The tree keeps n itself.
func (t *Tree) Set(n *Node) error {
	if err := CheckPath(n.Path); err != nil {
		return err
	}
	if err := t.makeParents(n); err != nil {
		return err
	}
	t.put(n)
	if n.Type == Hardlink {
		if t.links == nil {
			t.links = map[string][]string{}
		}
		t.links[n.Link] = append(t.links[n.Link], n.Path)
	}
	return nil
}

// Remove takes away the nodes at some paths, each with all below it, and all
// below the directories that are emptied. A file that has another name left, as
// a hard link put there by Set, lives on under it.
func (t *Tree) Remove(paths, emptied []string) {
	var gone []*Node
	var spans []span
	for _, p := range paths {
		if n := t.nodes[p]; n != nil {
			gone = append(gone, n)
			if n.Type == Dir {
				spans = append(spans, t.below(p))
			}
		}
	}
	for _, dir := range emptied {
		spans = append(spans, t.below(dir))
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	end := 0
	for _, s := range spans {
		// One that lies in another has gone with it.
		for ; max(s.from, end) < s.to; end = max(s.from, end) + 1 {
			gone = append(gone, t.sorted()[max(s.from, end)])
		}
	}
	t.drop(gone)
}

// span is a part of the nodes in their order.
type span struct{ from, to int }

// below is what a directory holds, and all that this holds. It lies together in
// the order of paths: between "dir/" and "dir0", for 0 is the byte after the slash.
func (t *Tree) below(dir string) span {
	prefix := strings.TrimSuffix(dir, "/")
	order := t.sorted()
	at := func(p string) int { return sort.Search(len(order), func(i int) bool { return order[i].Path >= p }) }
	return span{max(at(prefix+"/"), at(dir+"\x00")), at(prefix + "0")}
}

// drop takes away single nodes: first the other names of files, so that each
// file looks for an heir once.
func (t *Tree) drop(gone []*Node) {
	for _, n := range gone {
		if n.Type == Hardlink {
			t.cut(n.Path)
		}
	}
	for _, n := range gone {
		if n.Type != Hardlink {
			t.cut(n.Path)
		}
	}
	for _, n := range gone {
		if names, ok := t.links[n.Path]; ok && n.Type != Hardlink {
			delete(t.links, n.Path)
			t.inherit(n, names)
		}
	}
}

// inherit makes the first name that is left of a file the file, and the others
// its hard links.
func (t *Tree) inherit(n *Node, names []string) {
	slices.Sort(names)
	heir := ""
	for _, name := range slices.Compact(names) {
		old := t.nodes[name]
		if old == nil || old.Type != Hardlink || old.Link != n.Path {
			continue // it has gone, or become something else
		}
		now := *old // the entry of a layer stays as it is
		if heir == "" {
			heir = name
			now.Type, now.Link, now.Size, now.Digest = n.Type, n.Link, n.Size, n.Digest
		} else {
			now.Link = heir
			t.links[heir] = append(t.links[heir], name)
		}
		t.put(&now)
	}
}
