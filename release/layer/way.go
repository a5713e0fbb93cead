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
	at      *dirent
	missing []string // names below it, each in the previous one
	links   int      // followed so far
	lost    *dirent  // the link to something missing
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
	w := &way{at: s.root}
	for name := range strings.SplitSeq(path, "/") {
		if err := w.step(name, nil); err != nil {
			return nil, err
		}
	}
	if len(w.missing) == 0 && w.lost == nil {
		s.know(path, w)
	}
	return w, nil
}

// end is where a path of one more name leads, and what is there; the last name
// is not followed.
func (w *way) end(name string) (string, *dirent) {
	if len(w.missing) == 0 {
		return join(w.at.Path, name), w.at.below[name]
	}
	return join(join(w.at.Path, strings.Join(w.missing, "/")), name), nil
}

// know keeps a way to an existing directory.
func (s *Stack) know(path string, w *way) {
	if s.ways == nil {
		s.ways = map[string]*way{}
	}
	s.ways[path] = w
}

// step adds a name. If link is not nil, the name is in its target, otherwise in
// the path itself.
func (w *way) step(name string, link *dirent) error {
	switch {
	case name == "" || name == ".":
		return nil
	case name == ".." && len(w.missing) > 0:
		w.missing = w.missing[:len(w.missing)-1]
		return nil
	case name == "..":
		if w.at.parent != nil {
			w.at = w.at.parent
		}
		return nil
	}
	next := w.at.below[name]
	if next == nil || len(w.missing) > 0 {
		w.missing = append(w.missing, name)
		if link != nil {
			w.lost = link
		}
		return nil
	}
	switch t := next.file().Type; {
	case t == tree.Dir:
		w.at = next
	case t == tree.Symlink:
		return w.follow(next)
	case link != nil:
		return fmt.Errorf("lies below %s, a link to %s, which is a %s", link.Path, link.file().Link, t)
	default:
		return fmt.Errorf("lies below %s, which is a %s", next.Path, t)
	}
	return nil
}

// follow goes where a symbolic link leads.
func (w *way) follow(link *dirent) error {
	if w.links++; w.links > tree.MaxLinks {
		return &loopError{link.Path}
	}
	target := link.file().Link
	if strings.HasPrefix(target, "/") {
		for w.at.parent != nil {
			w.at = w.at.parent
		}
	}
	for name := range strings.SplitSeq(target, "/") {
		if err := w.step(name, link); err != nil {
			return err
		}
	}
	return nil
}
