// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/tree"
)

// The marks of things that a layer removes (image-spec, layer.md, Whiteouts).
// Other names with the prefix of opaque are AUFS's own, and are never extracted.
const (
	whiteout = ".wh."
	private  = ".wh..wh."
	opaque   = ".wh..wh..opq"
)

// IsWhiteout reports whether an entry is a whiteout.
func IsWhiteout(n *tree.Node) bool { return strings.HasPrefix(base(n.Path), whiteout) }

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

func join(dir, name string) string { return strings.TrimSuffix(dir, "/") + "/" + name }

// Whiteout is the path of the entry that removes a path of a lower layer (image-spec,
// layer.md: Whiteouts).
func Whiteout(path string) string {
	name := base(path)
	return path[:len(path)-len(name)] + whiteout + name
}

// Hidden is the path that a whiteout removes.
func Hidden(path string) string {
	name := base(path)
	return path[:len(path)-len(name)] + strings.TrimPrefix(name, whiteout)
}

// checkWhiteout refuses a whiteout that names nothing, or something outside its
// directory.
func checkWhiteout(n *tree.Node) error {
	name, is := strings.CutPrefix(base(n.Path), whiteout)
	switch {
	case !is || strings.HasPrefix(base(n.Path), private):
		return nil
	case name == "" || name == "." || name == "..":
		return fmt.Errorf("is a whiteout of %q, which is not a name", name)
	case n.Type != tree.File:
		return fmt.Errorf("is a whiteout and a %s, wanted a file", n.Type)
	}
	return nil
}

// Apply extracts the entries of a layer over those below it, one after another,
// as umoci, podman and others do; but a whiteout removes nothing of its own
// layer, regardless of order. A path through a symbolic link is resolved, and
// the entry then has the resolved path; so does the target of a hard link. Apply
// skips and reports each entry that cannot be placed. All layers of a stack are
// parts of one list, which the stack keeps and adds to.
func (s *Stack) Apply(ctx context.Context, nodes tree.Part) error {
	s.layer++
	s.faults = faults{}
	s.begin(nodes.List())
	s.dirents = slices.Grow(s.dirents, nodes.Len())
	for i, n := range nodes.Numbered() {
		if err := ctx.Err(); err != nil { // at each: one may need thousands of directories
			return err
		}
		if s.Full() {
			return fault.Unsupportedf("has entries in more than %d directories without an entry, the most that this version makes", MaxEntries)
		}
		err := error(nil)
		switch {
		case IsWhiteout(n):
			err = s.applyWhiteout(n)
		case !strings.Contains(n.Path, "/"+private):
			err = s.extract(uint32(i), n)
		}
		if err != nil {
			s.faults.add(n.Path, false, err)
		}
	}
	return s.faults.err()
}

// applyWhiteout does what a whiteout says. In a missing directory it has no
// effect.
func (s *Stack) applyWhiteout(n *tree.Node) error {
	w, err := s.find(tree.Parent(n.Path))
	if _, loop := errors.AsType[*loopError](err); loop {
		return err
	}
	if err != nil || len(w.missing) > 0 {
		return nil
	}
	name := base(n.Path)
	if name == opaque {
		s.clear(w.at)
	} else if p := s.below(w.at, name[len(whiteout):]); p != root && !strings.HasPrefix(name, private) {
		s.whiteOut(p)
	}
	return nil
}

// extract puts an entry, which has a number in the list, where its path leads.
func (s *Stack) extract(entry uint32, n *tree.Node) error {
	if n.Path == "/" {
		if n.Type != tree.Dir {
			return fmt.Errorf("is a %s, and the root must be a dir", n.Type)
		}
		s.merge(root, entry, n)
		return nil
	}
	w, err := s.find(tree.Parent(n.Path))
	if err != nil {
		return err
	}
	path, old := s.end(w, n.Path)
	if old != root && n.Type == tree.Dir && s.named(old) == tree.Dir {
		s.merge(old, entry, n)
		return nil
	}
	p := dirent{entry: entry, entered: s.layer, cleared: s.layer}
	if n.Type == tree.Hardlink {
		if p.of, err = s.linked(n, path, old); err != nil {
			return err
		}
	}
	if old != root {
		s.compare(old, n)
		s.remove(old)
	}
	if lost := w.lost; lost != root {
		s.faults.add(n.Path, true, fmt.Errorf("lies below %s, a link to %s, which does not exist, and podman does not extract it", s.path(lost), s.link(lost)))
	}
	p.parent = s.makeDirs(w, path)
	if path != n.Path || n.Type == tree.Hardlink {
		n.Path = path
		s.list.Set(int(entry), n)
	}
	s.add(p)
	return nil
}

// named is the type of a name itself, which may be a hard link.
func (s *Stack) named(p uint32) tree.Type { return s.list.Type(int(s.dirents[p].entry)) }

// merge gives a directory the attributes of an entry.
func (s *Stack) merge(dir, entry uint32, n *tree.Node) {
	s.compare(dir, n)
	if path := s.path(dir); path != n.Path {
		n.Path = path
		s.list.Set(int(entry), n)
	}
	s.dirents[dir].entry, s.dirents[dir].entered = entry, s.layer
	s.touch(dir)
}

// compare reports where an entry replaces others of its layer.
func (s *Stack) compare(old uint32, n *tree.Node) {
	var err error
	d, kind := s.dirents[old], s.named(old)
	switch {
	case d.entered == s.layer && (kind == tree.Dir) != (n.Type == tree.Dir):
		err = fmt.Errorf("occurs twice in the layer, a %s and then a %s, and image-spec's layer.md forbids a path twice", kind, n.Type)
	case d.entered == s.layer:
		err = errors.New("occurs twice in the layer, which image-spec's layer.md forbids")
	case d.layer == s.layer && n.Type != tree.Dir:
		err = fmt.Errorf("is a %s, and entries before it are below it", n.Type)
	default:
		return
	}
	s.faults.add(s.path(old), true, err)
}

// linked finds the file that a hard link names, as if whatever the link replaces
// were already gone.
func (s *Stack) linked(n *tree.Node, path string, old uint32) (uint32, error) {
	if old != root {
		s.remove(old)
		defer func() { s.dirents[old].gone = false }()
	}
	w, err := s.find(tree.Parent(n.Link))
	if err != nil {
		return root, fmt.Errorf("is a hard link to %s, which %w", n.Link, err)
	}
	target, to := s.end(w, n.Link)
	switch {
	case target == path:
		return root, errors.New("is a hard link to itself")
	case to == root && strings.HasPrefix(target, path+"/"):
		return root, fmt.Errorf("is a hard link to %s, which the layer removes", n.Link)
	case to == root:
		return root, fmt.Errorf("is a hard link to %s, which is neither an earlier file of the layer nor one of a lower layer", n.Link)
	case s.named(to) == tree.Dir:
		return root, fmt.Errorf("is a hard link to %s, which is a directory", n.Link)
	}
	n.Link = target
	if to = s.file(to); s.there(to) {
		n.Link = s.path(to)
	}
	return to, nil
}
