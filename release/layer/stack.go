// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"context"
	"strings"

	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/tree"
)

// Stack is the result of extracting some layers, one over the other. The zero
// value is an empty root. It holds directories as a file system does: removing
// one costs the same whatever is below it, and all names of a file name one
// inode.
type Stack struct {
	root   *dirent
	layer  int             // number of the present one
	made   int             // directories without an entry
	ways   map[string]*way // to existing directories, by the paths that lead to them
	faults faults          // of the present layer
}

// dirent is a name in a directory, and what it names.
type dirent struct {
	*tree.Node                    // the entry that made it
	of         *dirent            // of a hard link: the file
	parent     *dirent            // nil for the root
	below      map[string]*dirent // in a directory
	entered    int                // the layer of the entry, 0 for a directory without one
	layer      int                // the last layer that made it, or something below it
	cleared    int                // the last layer that left nothing of lower ones below it
}

// file is the file that a name refers to.
func (p *dirent) file() *tree.Node {
	if p.of != nil {
		return p.of.Node
	}
	return p.Node
}

// implied makes a directory that has no entry.
func (s *Stack) implied(path string, parent *dirent) *dirent {
	n := &tree.Node{Path: path, Type: tree.Dir, Mode: 0o755, Uname: "root", Gname: "wheel"}
	return &dirent{Node: n, parent: parent, cleared: s.layer}
}

// makeDirs makes the missing directories of a way, and returns the last. The
// path is one name below them, and theirs are substrings of it: separate ones
// would take the square of its length.
func (s *Stack) makeDirs(w *way, path string) *dirent {
	dir := w.at
	for _, name := range w.missing {
		dir = s.implied(path[:len(strings.TrimSuffix(dir.Path, "/"))+len("/")+len(name)], dir)
		s.add(dir)
	}
	s.made += len(w.missing)
	return dir
}

// Full reports whether entries are in more directories without an entry than are
// made. The stack is incomplete then.
func (s *Stack) Full() bool { return s.made > MaxEntries }

// add adds a name where there is none.
func (s *Stack) add(p *dirent) {
	p.putBack()
	s.touch(p)
}

func (p *dirent) putBack() {
	if p.parent.below == nil {
		p.parent.below = map[string]*dirent{}
	}
	p.parent.below[base(p.Path)] = p
}

// touch records that the layer has added something.
func (s *Stack) touch(p *dirent) {
	for ; p != nil && p.layer != s.layer; p = p.parent {
		p.layer = s.layer
	}
}

// there reports whether something has not been removed since.
func (p *dirent) there() bool {
	for ; p.parent != nil; p = p.parent {
		if p.parent.below[base(p.Path)] != p {
			return false
		}
	}
	return true
}

// remove removes something, and everything below it.
func (s *Stack) remove(p *dirent) {
	delete(p.parent.below, base(p.Path))
	if t := p.file().Type; t == tree.Dir || t == tree.Symlink {
		s.ways = nil
	}
}

// clear removes what lower layers have left in a directory.
func (s *Stack) clear(dir *dirent) {
	if dir.cleared == s.layer {
		return
	}
	dir.cleared = s.layer
	for _, p := range dir.below {
		s.whiteOut(p)
	}
}

// whiteOut removes what lower layers have left at a place and below it.
func (s *Stack) whiteOut(p *dirent) {
	if p.layer == s.layer {
		s.clear(p)
		return
	}
	s.remove(p)
}

// Tree is the root file system. It keeps the nodes of the layers.
func (s *Stack) Tree(ctx context.Context) (*tree.Tree, error) {
	if s.root == nil {
		return new(tree.Tree), ctx.Err()
	}
	w := walk{nodes: []*tree.Node{s.root.Node}, heirs: map[*dirent]string{}}
	if err := w.below(ctx, s.root); err != nil {
		return nil, err
	}
	return tree.Of(w.nodes), nil
}

// walk collects what exists in the byte order of paths.
type walk struct {
	nodes []*tree.Node
	heirs map[*dirent]string // of files whose own name is gone
}

// step is a name in a directory, or everything below it. Whole paths, each
// beginning like the one before, would take long to compare.
type step struct {
	key   string // the name; with a slash for what is below it
	at    *dirent
	below bool
}

func (w *walk) below(ctx context.Context, dir *dirent) error {
	steps := make([]step, 0, len(dir.below))
	for name, p := range dir.below {
		steps = append(steps, step{name, p, false})
		if len(p.below) > 0 {
			steps = append(steps, step{name + "/", p, true})
		}
	}
	if err := until.Sort(ctx, steps, func(a, b step) int { return strings.Compare(a.key, b.key) }); err != nil {
		return err
	}
	for _, s := range steps {
		switch {
		case s.below:
			if err := w.below(ctx, s.at); err != nil {
				return err
			}
		case s.at.of != nil:
			w.nodes = append(w.nodes, s.at.link(w.heirs))
		default:
			w.nodes = append(w.nodes, s.at.Node)
		}
	}
	return nil
}

// link is the node of a hard link. If a file's own name is gone, the first link
// becomes that file, and the others link to it, as heirs records.
func (p *dirent) link(heirs map[*dirent]string) *tree.Node {
	if p.of.there() {
		return p.Node
	}
	now := *p.Node // the entry of a layer stays unchanged
	heir, ok := heirs[p.of]
	if ok {
		now.Link = heir
	} else {
		of := p.of.Node
		now.Type, now.Link, now.Size, now.Digest = of.Type, of.Link, of.Size, of.Digest
		heirs[p.of] = p.Path
	}
	return &now
}
