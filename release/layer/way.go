// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"fmt"
	"strings"

	"github.com/orlop/orlop/release/tree"
)

// way is where a path leads, through its symbolic links. The end of it may be
// missing.
type way struct {
	at      uint32   // a directory
	missing []string // names below it, each in the previous one
	links   int      // followed so far
	lost    uint32   // the link to something missing; root for none
}

// loopError is a way with too many symbolic links.
type loopError struct{ link string }

func (e *loopError) Error() string {
	return fmt.Sprintf("lies below %s, the last of more than %d symbolic links", e.link, tree.MaxLinks)
}

// find is the way to a directory.
func (s *Stack) find(path string) (*way, error) {
	if w := s.ways[path]; w != nil {
		return w, nil
	}
	w := &way{at: root}
	for name := range strings.SplitSeq(path, "/") {
		if err := s.step(w, name, root); err != nil {
			return nil, err
		}
	}
	if len(w.missing) == 0 && w.lost == root {
		s.know(path, w)
	}
	return w, nil
}

// end is where a path leads whose directory a way is for, and what is there; the
// last name is not followed. It is root for nothing.
func (s *Stack) end(w *way, path string) (string, uint32) {
	dir, name := s.path(w.at), base(path)
	if len(w.missing) > 0 {
		return join(join(dir, strings.Join(w.missing, "/")), name), root
	}
	if dir != tree.Parent(path) { // else the path is its own end, as that of almost all
		path = join(dir, name)
	}
	return path, s.below(w.at, name)
}

// know keeps a way to an existing directory.
func (s *Stack) know(path string, w *way) {
	if s.ways == nil {
		s.ways = map[string]*way{}
	}
	s.ways[path] = w
}

// step adds a name to a way. If link is not root, the name is in its target,
// otherwise in the path itself.
func (s *Stack) step(w *way, name string, link uint32) error {
	switch {
	case name == "" || name == ".":
		return nil
	case name == ".." && len(w.missing) > 0:
		w.missing = w.missing[:len(w.missing)-1]
		return nil
	case name == "..":
		w.at = s.dirents[w.at].parent
		return nil
	}
	next := s.below(w.at, name)
	if next == root || len(w.missing) > 0 {
		w.missing = append(w.missing, name)
		if link != root {
			w.lost = link
		}
		return nil
	}
	switch t := s.kind(next); {
	case t == tree.Dir:
		w.at = next
	case t == tree.Symlink:
		return s.follow(w, next)
	case link != root:
		return fmt.Errorf("lies below %s, a link to %s, which is a %s", s.path(link), s.link(link), t)
	default:
		return fmt.Errorf("lies below %s, which is a %s", s.path(next), t)
	}
	return nil
}

// follow goes where a symbolic link leads.
func (s *Stack) follow(w *way, link uint32) error {
	if w.links++; w.links > tree.MaxLinks {
		return &loopError{s.path(link)}
	}
	target := s.link(link)
	if strings.HasPrefix(target, "/") {
		w.at = root
	}
	for name := range strings.SplitSeq(target, "/") {
		if err := s.step(w, name, link); err != nil {
			return err
		}
	}
	return nil
}
