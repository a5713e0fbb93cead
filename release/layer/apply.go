// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"context"
	"errors"
	"fmt"
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
// skips and reports each entry that cannot be placed. The stack keeps the nodes.
func (s *Stack) Apply(ctx context.Context, nodes []*tree.Node) error {
	s.layer++
	s.faults = faults{}
	if s.root == nil {
		s.root = s.implied("/", nil)
	}
	for _, n := range nodes {
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
			err = s.extract(n)
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
	} else if p := w.at.below[name[len(whiteout):]]; p != nil && !strings.HasPrefix(name, private) {
		s.whiteOut(p)
	}
	return nil
}

// extract puts an entry where its path leads.
func (s *Stack) extract(n *tree.Node) error {
	if n.Path == "/" {
		if n.Type != tree.Dir {
			return fmt.Errorf("is a %s, and the root must be a dir", n.Type)
		}
		s.merge(s.root, n)
		return nil
	}
	w, err := s.find(tree.Parent(n.Path))
	if err != nil {
		return err
	}
	path, old := w.end(base(n.Path))
	if old != nil && old.Type == tree.Dir && n.Type == tree.Dir {
		s.merge(old, n)
		return nil
	}
	p := &dirent{Node: n, entered: s.layer, cleared: s.layer}
	if n.Type == tree.Hardlink {
		if p.of, err = s.linked(n, path, old); err != nil {
			return err
		}
	}
	if old != nil {
		s.compare(old, n)
		s.remove(old)
	}
	if w.lost != nil {
		s.faults.add(n.Path, true, fmt.Errorf("lies below %s, a link to %s, which does not exist, and podman does not extract it", w.lost.Path, w.lost.file().Link))
	}
	n.Path, p.parent = path, s.makeDirs(w, path)
	s.add(p)
	return nil
}

// merge gives a directory the attributes of an entry.
func (s *Stack) merge(dir *dirent, n *tree.Node) {
	s.compare(dir, n)
	n.Path = dir.Path
	dir.Node, dir.entered = n, s.layer
	s.touch(dir)
}

// compare reports where an entry replaces others of its layer.
func (s *Stack) compare(old *dirent, n *tree.Node) {
	var err error
	switch {
	case old.entered == s.layer && (old.Type == tree.Dir) != (n.Type == tree.Dir):
		err = fmt.Errorf("occurs twice in the layer, a %s and then a %s, and image-spec's layer.md forbids a path twice", old.Type, n.Type)
	case old.entered == s.layer:
		err = errors.New("occurs twice in the layer, which image-spec's layer.md forbids")
	case old.layer == s.layer && n.Type != tree.Dir:
		err = fmt.Errorf("is a %s, and entries before it are below it", n.Type)
	default:
		return
	}
	s.faults.add(old.Path, true, err)
}

// linked finds the file that a hard link names, as if whatever the link replaces
// were already gone.
func (s *Stack) linked(n *tree.Node, path string, old *dirent) (*dirent, error) {
	if old != nil {
		s.remove(old)
		defer old.putBack()
	}
	w, err := s.find(tree.Parent(n.Link))
	if err != nil {
		return nil, fmt.Errorf("is a hard link to %s, which %w", n.Link, err)
	}
	target, to := w.end(base(n.Link))
	switch {
	case target == path:
		return nil, errors.New("is a hard link to itself")
	case to == nil && strings.HasPrefix(target, path+"/"):
		return nil, fmt.Errorf("is a hard link to %s, which the layer removes", n.Link)
	case to == nil:
		return nil, fmt.Errorf("is a hard link to %s, which is neither an earlier file of the layer nor one of a lower layer", n.Link)
	case to.Type == tree.Dir:
		return nil, fmt.Errorf("is a hard link to %s, which is a directory", n.Link)
	}
	if n.Link = target; to.of != nil {
		to = to.of
	}
	if to.there() {
		n.Link = to.Path
	}
	return to, nil
}
