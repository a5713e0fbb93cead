// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/orlop/orlop/release/tree"
)

// The marks of things that a layer takes away (image-spec, layer.md, Whiteouts).
// What else begins like opaque is AUFS's own, and nobody extracts it.
const (
	whiteout = ".wh."
	private  = ".wh..wh."
	opaque   = ".wh..wh..opq"
)

// IsWhiteout reports whether an entry stands for something that it takes away.
func IsWhiteout(n *tree.Node) bool { return strings.HasPrefix(base(n.Path), whiteout) }

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

func join(dir, name string) string { return strings.TrimSuffix(dir, "/") + "/" + name }

// checkWhiteout refuses one that names nothing, or what lies outside its
// directory.
func checkWhiteout(n *tree.Node) error {
	name, is := strings.CutPrefix(base(n.Path), whiteout)
	switch {
	case !is || strings.HasPrefix(base(n.Path), private):
		return nil
	case name == "" || name == "." || name == "..":
		return fmt.Errorf("is a whiteout of %q, which is no name", name)
	case n.Type != tree.File:
		return fmt.Errorf("is a whiteout and a %s, wanted a file", n.Type)
	}
	return nil
}

// Apply puts the entries of a layer over a tree, as if it were extracted there:
// first it takes away what the whiteouts name, which are about lower layers only,
// then it adds the rest. A path that leads through a symbolic link leads where
// the link does, and the entry has the path where it ends from then on; so has
// the target of a hard link. Apply passes over what has no place, and tells each.
// The tree keeps the nodes.
func Apply(ctx context.Context, t *tree.Tree, nodes []*tree.Node) error {
	c := &changes{tree: t, fresh: map[string]*tree.Node{}, dirs: map[string]string{}, lower: map[string]bool{}}
	c.takeAway(nodes)
	var added []*tree.Node
	for i, n := range nodes {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if strings.Contains(n.Path, "/"+whiteout) && (IsWhiteout(n) || strings.Contains(n.Path, "/"+private)) {
			continue
		}
		if err := c.place(n); err != nil {
			c.faults.add(n.Path, false, err)
		} else {
			added = append(added, n)
		}
	}
	// A hard link to a file of a lower layer keeps that one, even if the layer
	// has another in its place.
	c.makeRoom(func(path string) bool { return c.lower[path] })
	c.put(ctx, added, func(n *tree.Node) bool { return c.lower[n.Path] })
	c.makeRoom(func(path string) bool { return !c.lower[path] })
	c.put(ctx, added, func(n *tree.Node) bool { return !c.lower[n.Path] })
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.faults.err()
}

// makeRoom removes what the layer has other entries for.
func (c *changes) makeRoom(which func(path string) bool) {
	var paths []string
	for _, p := range c.replaced {
		if which(p) {
			paths = append(paths, p)
		}
	}
	c.tree.Remove(paths, nil)
}

// put adds entries. Of several with one path the last counts.
func (c *changes) put(ctx context.Context, added []*tree.Node, which func(*tree.Node) bool) {
	for i, n := range added {
		if i%1024 == 0 && ctx.Err() != nil {
			return
		}
		if c.fresh[n.Path] != n || !which(n) {
			continue
		}
		err := error(nil)
		if n.Type == tree.Hardlink && c.lower[n.Path] && c.tree.Lookup(n.Link) == nil {
			err = fmt.Errorf("is a hard link to %s, which the layer takes away", n.Link)
		} else {
			err = c.tree.Set(n)
		}
		if err != nil {
			c.faults.add(n.Path, false, err)
		}
	}
}

// changes are what a layer does to a tree.
type changes struct {
	tree     *tree.Tree
	fresh    map[string]*tree.Node // entries by the path where they end, and implied
	implied  tree.Node             // stands for every directory that has no entry so far
	dirs     map[string]string     // where directories of entries end
	links    int                   // symbolic links that the present path has led through
	replaced []string              // paths of the tree that the layer has another entry for
	lower    map[string]bool       // paths of hard links to files of lower layers
	faults   faults
}

// takeAway removes what whiteouts name.
func (c *changes) takeAway(nodes []*tree.Node) {
	var paths, emptied []string
	for _, n := range nodes {
		if !IsWhiteout(n) {
			continue
		}
		dir, err := c.end(tree.Parent(n.Path))
		switch name := base(n.Path); {
		case err != nil: // so there is nothing to take away
		case name == opaque:
			emptied = append(emptied, dir)
		case !strings.HasPrefix(name, private):
			paths = append(paths, join(dir, name[len(whiteout):]))
		}
	}
	if paths != nil || emptied != nil {
		c.tree.Remove(paths, emptied)
		clear(c.dirs)
	}
}

// place finds out where an entry ends, and what it takes the place of.
func (c *changes) place(n *tree.Node) error {
	path := n.Path
	if path != "/" {
		dir, err := c.end(tree.Parent(path))
		if err != nil {
			return err
		}
		path = join(dir, base(path))
	}
	if err := c.settle(path, n); err != nil {
		return err
	}
	if n.Type == tree.Hardlink {
		if err := c.link(path, n); err != nil {
			return err
		}
	}
	if under := c.tree.Lookup(path); under != nil && c.fresh[path] == nil && (under.Type != tree.Dir || n.Type != tree.Dir) {
		if under.Type == tree.Dir || under.Type == tree.Symlink {
			clear(c.dirs)
		}
		c.replaced = append(c.replaced, path)
	}
	n.Path = path
	c.fresh[path] = n
	for p := tree.Parent(path); c.lookup(p) == nil; p = tree.Parent(p) {
		c.implied.Type = tree.Dir
		c.fresh[p] = &c.implied
	}
	return nil
}

// settle compares an entry with those of the layer before it.
func (c *changes) settle(path string, n *tree.Node) error {
	old := c.fresh[path]
	switch {
	case path == "/" && n.Type != tree.Dir:
		return fmt.Errorf("is a %s, and the root must be a dir", n.Type)
	case old == nil || old == &c.implied && n.Type == tree.Dir:
	case old == &c.implied:
		return fmt.Errorf("is a %s, and entries before it lie below it", n.Type)
	case (old.Type == tree.Dir) != (n.Type == tree.Dir):
		return fmt.Errorf("is twice in the layer, a %s and then a %s, and image-spec's layer.md forbids a path twice", old.Type, n.Type)
	default:
		c.faults.add(path, true, errors.New("is twice in the layer, which image-spec's layer.md forbids"))
	}
	return nil
}

// link finds the file that a hard link is another name of.
func (c *changes) link(path string, n *tree.Node) error {
	dir, err := c.end(tree.Parent(n.Link))
	if err != nil {
		return fmt.Errorf("is a hard link to %s, which %w", n.Link, err)
	}
	target := join(dir, base(n.Link))
	found := c.lookup(target)
	if found != nil && found.Type == tree.Hardlink {
		target = found.Link
		found = c.lookup(target)
	}
	switch {
	case found == nil:
		return fmt.Errorf("is a hard link to %s, which is neither an earlier file of the layer nor one of a lower layer", n.Link)
	case found.Type == tree.Dir:
		return fmt.Errorf("is a hard link to %s, which is a directory", n.Link)
	case target == path:
		return errors.New("is a hard link to itself")
	}
	n.Link = target
	c.lower[path] = c.fresh[target] == nil
	return nil
}

// lookup is what extracting the layer would meet at a path so far.
func (c *changes) lookup(path string) *tree.Node {
	if n := c.fresh[path]; n != nil {
		return n
	}
	return c.tree.Lookup(path)
}

// maxLinks is how many symbolic links a path may lead through (MAXSYMLINKS in
// FreeBSD's sys/param.h).
const maxLinks = 32

// end is where the path of a directory ends, once the symbolic links in it have
// been followed. One that is not there yet will be made.
func (c *changes) end(path string) (string, error) {
	c.links = 0
	return c.dir(path)
}

func (c *changes) dir(path string) (string, error) {
	if path == "/" {
		return path, nil
	}
	if end, ok := c.dirs[path]; ok {
		return end, nil
	}
	parent, err := c.dir(tree.Parent(path))
	if err != nil {
		return "", err
	}
	end := join(parent, base(path))
	if n := c.lookup(end); n != nil && n.Type == tree.Symlink {
		if end, err = c.follow(end, n.Link); err != nil {
			return "", err
		}
	} else if n != nil && n.Type != tree.Dir {
		return "", fmt.Errorf("lies below %s, which is a %s", end, n.Type)
	}
	c.dirs[path] = end
	return end, nil
}

// follow goes where a symbolic link leads, to a directory that must be there.
func (c *changes) follow(link, target string) (string, error) {
	if c.links++; c.links > maxLinks {
		return "", fmt.Errorf("lies below %s, the last of more than %d symbolic links", link, maxLinks)
	}
	at := tree.Parent(link)
	if strings.HasPrefix(target, "/") {
		at = "/"
	}
	for name := range strings.SplitSeq(target, "/") {
		switch name {
		case "", ".":
			continue
		case "..":
			at = tree.Parent(at)
			continue
		}
		next := join(at, name)
		n := c.lookup(next)
		var err error
		switch {
		case n == nil:
			return "", fmt.Errorf("lies below %s, a link to %s, which is not there", link, target)
		case n.Type == tree.Symlink:
			if next, err = c.follow(next, n.Link); err != nil {
				return "", err
			}
		case n.Type != tree.Dir:
			return "", fmt.Errorf("lies below %s, a link to %s, which is a %s", link, target, n.Type)
		}
		at = next
	}
	return at, nil
}
