// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"slices"

	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release/etc"
	"github.com/orlop/orlop/release/tree"
)

// fromArtifact is the origin of a file that only the artifact has that is made
// again.
const fromArtifact = "artifact"

// lender is a file that a locked package has.
type lender struct {
	from string // NAME-VERSION
	text []byte
}

// gather gets files of a lock one by one from whoever has their bytes: any
// locked package, installed or donor, else the artifact that is made again. The
// lock says which bytes they are, so that it does not matter whose; of the
// artifact nothing else is taken.
func (r *run) gather(m *member, wanted []solve.LockFile) ([]etc.Source, error) {
	var files []etc.Source
	var taken []takenFile
	for _, f := range wanted {
		if slices.ContainsFunc(taken, func(t takenFile) bool { return t.Path == f.Path }) {
			continue // the lock may have it twice
		}
		l, err := r.lend(f.SHA256)
		if err != nil {
			return nil, err
		}
		if l.from == "" || hexDigest(l.text) != f.SHA256 {
			return nil, &LockedFileError{f.Path, "none", f.SHA256}
		}
		files = append(files, etc.Source{Path: f.Path, Text: l.text})
		taken = append(taken, takenFile{f.Path, f.SHA256, l.from})
	}
	for _, t := range taken {
		if t.From == fromArtifact {
			r.notice("image %s: taken from the artifact: %s", m.def.Name, t.Path)
		}
	}
	m.taken = append(m.taken, taken...)
	return files, nil
}

// lend looks for a file by its sha256.
func (r *run) lend(digest string) (lender, error) {
	if r.lent == nil {
		r.lent = map[string]lender{}
		byName := slices.SortedFunc(maps.Values(r.fetched), func(a, b *fetched) int { return cmp.Compare(a.FullName(), b.FullName()) })
		for _, f := range byName {
			for _, text := range f.contents {
				if d := hexDigest(text); r.lent[d].from == "" {
					r.lent[d] = lender{f.FullName(), text}
				}
			}
		}
	}
	if l, ok := r.lent[digest]; ok || r.Published == nil {
		return l, nil
	}
	text, err := r.Published(digest)
	return lender{fromArtifact, text}, err
}

// takenFromArtifact lists the files of an image that only the artifact had.
func (m *member) takenFromArtifact() []string {
	var paths []string
	for _, at := range m.chain() {
		for _, t := range at.taken {
			if t.From == fromArtifact {
				paths = append(paths, t.Path)
			}
		}
	}
	return paths
}

// errFound ends a search.
var errFound = errors.New("found")

// Content returns the file of an artifact that has a sha256, in whatever layer
// it is and be it hidden by an upper one; nil where none has.
func (a *Artifact) Content(ctx context.Context, digest string) ([]byte, error) {
	has := func(n *tree.Node) bool { return n.Type == tree.File && n.Digest == digest && n.Size <= maxWanted }
	at := slices.IndexFunc(a.Layers, func(nodes []*tree.Node) bool { return slices.ContainsFunc(nodes, has) })
	if at < 0 {
		return nil, nil
	}
	path := a.Layers[at][slices.IndexFunc(a.Layers[at], has)].Path
	var text []byte
	err := a.eachLayer(ctx, func(i int, n *tree.Node, contents io.Reader) error {
		if i != at || n.Path != path {
			return nil
		}
		var err error
		if text, err = io.ReadAll(contents); err == nil {
			err = errFound
		}
		return err
	})
	if errors.Is(err, errFound) {
		err = nil
	}
	return text, err
}
