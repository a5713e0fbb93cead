// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"context"
	"hash/maphash"
	"strings"

	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/tree"
)

// Stack is the result of extracting some layers, one over the other. The zero
// value is an empty root. It holds directories as a file system does: removing
// one costs the same whatever is below it, and all names of a file name one
// inode. Names are numbers of dirents, and so take little room.
type Stack struct {
	list    *tree.List // of all entries
	dirents []dirent   // the root is the first
	slots   []uint32   // hash table of dirents by directory and name; 0 for a free slot
	seed    maphash.Seed
	layer   int32           // number of the present one
	made    int             // directories without an entry
	ways    map[string]*way // to existing directories, by the paths that lead to them
	faults  faults          // of the present layer
}

// root is the dirent of the root, which is its own parent. As a child it stands
// for none.
const root = 0

// dirent is a name in a directory, and what it names.
type dirent struct {
	entry   uint32 // in the list, that made it
	of      uint32 // of a hard link: the dirent of the file; root for none
	parent  uint32
	first   uint32 // the newest name in a directory
	next    uint32 // the next older one in the same directory
	entered int32  // the layer of the entry, 0 for a directory without one
	layer   int32  // the last layer that made it, or something below it
	cleared int32  // the last layer that left nothing of lower ones below it
	gone    bool   // removed
}

// begin makes the root, at the first use.
func (s *Stack) begin(list *tree.List) {
	if s.list = list; len(s.dirents) == 0 {
		s.seed = maphash.MakeSeed()
		s.slots = make([]uint32, 8)
		s.dirents = append(s.dirents, dirent{entry: s.implied("/"), cleared: s.layer})
	}
}

// path is the path of a dirent.
func (s *Stack) path(p uint32) string { return s.list.Path(int(s.dirents[p].entry)) }

// file is the dirent of the file that a name refers to.
func (s *Stack) file(p uint32) uint32 {
	if of := s.dirents[p].of; of != root {
		return of
	}
	return p
}

// kind is the type of what a name refers to.
func (s *Stack) kind(p uint32) tree.Type {
	return s.list.Type(int(s.dirents[s.file(p)].entry))
}

// link is the target of a symbolic link.
func (s *Stack) link(p uint32) string { return s.list.Link(int(s.dirents[s.file(p)].entry)) }

// implied adds the entry of a directory that has none.
func (s *Stack) implied(path string) uint32 {
	s.list.Append(&tree.Node{Path: path, Type: tree.Dir, Mode: 0o755, Uname: "root", Gname: "wheel"})
	return uint32(s.list.Len() - 1)
}

// makeDirs makes the missing directories of a way, and returns the last. The
// path is one name below them, and theirs are substrings of it: separate ones
// would take the square of its length.
func (s *Stack) makeDirs(w *way, path string) uint32 {
	dir := w.at
	for _, name := range w.missing {
		above := strings.TrimSuffix(s.path(dir), "/")
		dir = s.add(dirent{entry: s.implied(path[:len(above)+len("/")+len(name)]), parent: dir, cleared: s.layer})
	}
	s.made += len(w.missing)
	return dir
}

// Full reports whether entries are in more directories without an entry than are
// made. The stack is incomplete then.
func (s *Stack) Full() bool { return s.made > MaxEntries }

// below finds a name in a directory, root for none.
func (s *Stack) below(dir uint32, name string) uint32 {
	if p := s.slots[s.slot(dir, name)]; p != root && !s.dirents[p].gone {
		return p
	}
	return root
}

// slot is where a name of a directory is in the hash table, or would be. One that
// is gone keeps its slot for the next of its name.
func (s *Stack) slot(dir uint32, name string) int {
	at := int(maphash.Comparable(s.seed, struct {
		dir  uint32
		name string
	}{dir, name}))
	for ; ; at++ {
		at &= len(s.slots) - 1
		p := s.slots[at]
		if p == root || s.dirents[p].parent == dir && base(s.path(p)) == name {
			return at
		}
	}
}

// add adds a name where there is none.
func (s *Stack) add(d dirent) uint32 {
	if 4*(len(s.dirents)+1) > 3*len(s.slots) {
		s.slots = make([]uint32, 2*len(s.slots))
		for p := range s.dirents[1:] {
			p := uint32(p + 1)
			if at := s.slot(s.dirents[p].parent, base(s.path(p))); s.slots[at] == root || !s.dirents[p].gone {
				s.slots[at] = p
			}
		}
	}
	p := uint32(len(s.dirents))
	d.next = s.dirents[d.parent].first
	s.dirents = append(s.dirents, d)
	s.dirents[d.parent].first = p
	s.slots[s.slot(d.parent, base(s.path(p)))] = p
	s.touch(p)
	return p
}

// touch records that the layer has added something.
func (s *Stack) touch(p uint32) {
	for s.dirents[p].layer != s.layer {
		s.dirents[p].layer = s.layer
		p = s.dirents[p].parent
	}
}

// there reports whether something has not been removed since.
func (s *Stack) there(p uint32) bool {
	for ; p != root; p = s.dirents[p].parent {
		if s.dirents[p].gone {
			return false
		}
	}
	return true
}

// remove removes something, and everything below it.
func (s *Stack) remove(p uint32) {
	s.dirents[p].gone = true
	if t := s.kind(p); t == tree.Dir || t == tree.Symlink {
		s.ways = nil
	}
}

// clear removes what lower layers have left in a directory.
func (s *Stack) clear(dir uint32) {
	if s.dirents[dir].cleared == s.layer {
		return
	}
	s.dirents[dir].cleared = s.layer
	for _, p := range s.names(dir) {
		s.whiteOut(p)
	}
}

// whiteOut removes what lower layers have left at a place and below it.
func (s *Stack) whiteOut(p uint32) {
	if s.dirents[p].layer == s.layer {
		s.clear(p)
		return
	}
	s.remove(p)
}

// names lists what is in a directory, and forgets what is gone.
func (s *Stack) names(dir uint32) []uint32 {
	var list []uint32
	last := &s.dirents[dir].first
	for p := *last; p != root; p = s.dirents[p].next {
		if !s.dirents[p].gone {
			list = append(list, p)
			*last = p
			last = &s.dirents[p].next
		}
	}
	*last = root
	return list
}

// Tree is the root file system. It keeps the list of entries.
func (s *Stack) Tree(ctx context.Context) (*tree.Tree, error) {
	if s.list == nil {
		return new(tree.Tree), ctx.Err()
	}
	w := walk{Stack: s, order: []uint32{s.dirents[root].entry}, heirs: map[uint32]string{}}
	if err := w.below(ctx, root); err != nil {
		return nil, err
	}
	return tree.Of(s.list, w.order), nil
}

// walk collects what exists in the byte order of paths.
type walk struct {
	*Stack
	order []uint32          // entries
	heirs map[uint32]string // of files whose own name is gone
}

// step is a name in a directory, or everything below it. Whole paths, each
// beginning like the one before, would take long to compare.
type step struct {
	key   string // the name; with a slash for what is below it
	at    uint32
	below bool
}

func (w *walk) below(ctx context.Context, dir uint32) error {
	var steps []step
	for _, p := range w.names(dir) {
		name := base(w.path(p))
		steps = append(steps, step{name, p, false})
		if w.dirents[p].first != root {
			steps = append(steps, step{name + "/", p, true})
		}
	}
	if err := until.Sort(ctx, steps, func(a, b step) int { return strings.Compare(a.key, b.key) }); err != nil {
		return err
	}
	for _, s := range steps {
		if !s.below {
			w.order = append(w.order, w.entry(s.at))
		} else if err := w.below(ctx, s.at); err != nil {
			return err
		}
	}
	return nil
}

// entry is the entry of a name. If the own name of a file is gone, its first hard
// link becomes that file, and the others link to it, as heirs records.
func (w *walk) entry(p uint32) uint32 {
	d := w.dirents[p]
	if d.of == root || w.there(d.of) {
		return d.entry
	}
	now := w.list.At(int(d.entry)) // the entry of a layer stays unchanged
	heir, ok := w.heirs[d.of]
	if ok {
		now.Link = heir
	} else {
		of := w.list.At(int(w.dirents[d.of].entry))
		now.Type, now.Link, now.Size, now.Digest = of.Type, of.Link, of.Size, of.Digest
		w.heirs[d.of] = now.Path
	}
	w.list.Append(&now)
	return uint32(w.list.Len() - 1)
}
