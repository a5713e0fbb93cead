// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/etc"
)

// fromArtifact is the origin of a file that only the artifact has that is made
// again.
const fromArtifact = "artifact"

// lender is a file that a locked package has.
type lender struct {
	from  string // NAME-VERSION
	path  string // in the package
	text  []byte
	meant bool // it is one that the definition would take
}

// gather gets files of a lock one by one from whoever has their bytes: any
// locked package, installed or donor, else the artifact that is made again. The
// lock says which bytes they are, so that it does not matter whose; of the
// artifact nothing else is taken. But bytes that the definition would not have
// found there are the lock's choice, and so a doubt.
func (r *run) gather(m *member, t define.Taken, target string, wanted []lock.File) ([]etc.Source, error) {
	var files []etc.Source
	var taken []takenFile
	var alone, elsewhere []string
	for _, f := range wanted {
		if slices.ContainsFunc(taken, func(t takenFile) bool { return t.Path == f.Path }) {
			continue // the lock may have it twice
		}
		path := t.Path + strings.TrimPrefix(f.Path, target)
		l, err := r.lend(f.SHA256, path, t)
		if err != nil {
			return nil, err
		}
		if l.from == "" || sum.HexSHA256(l.text) != f.SHA256 {
			return nil, &LockedFileError{f.Path, "none", f.SHA256}
		}
		files = append(files, etc.Source{Path: f.Path, Text: l.text})
		taken = append(taken, takenFile{f.Path, f.SHA256, l.from})
		switch {
		case l.from == fromArtifact && !m.mayLack(target):
			alone = append(alone, f.Path)
		case l.from != fromArtifact && !l.meant:
			elsewhere = append(elsewhere, fmt.Sprintf("%s (the bytes of %s of %s)", f.Path, l.path, l.from))
		}
	}
	if len(alone) > 0 {
		m.doubt("only the artifact of image %s has %s", m.def.Name, fault.Some(alone))
	}
	if len(elsewhere) > 0 {
		m.doubt("image %s takes from where its definition does not: %s", m.def.Name, fault.Some(elsewhere))
	}
	for _, t := range taken {
		if t.From == fromArtifact {
			r.warn("image %s: taken from the artifact: %s", m.def.Name, t.Path)
		}
	}
	m.taken = append(m.taken, taken...)
	return files, nil
}

// mayLack reports whether FreeBSD's own definition marks a file as optional that
// no package has. A folder, or what a package may have, is no such file: keys, say.
func (m *member) mayLack(target string) bool {
	return m.whose == freeBSDs && slices.ContainsFunc(m.optional(), func(f optionalFile) bool {
		return f.target == target && !f.Folder && len(f.From) == 0
	})
}

// lend looks for a file by its sha256: first where a definition has it that names
// no package, then everywhere.
func (r *run) lend(digest, path string, t define.Taken) (lender, error) {
	if len(t.From) == 0 && !t.Folder {
		for _, f := range r.opened() {
			if text, has := f.contents[path]; has && r.trusted[f.Package] && sum.HexSHA256(text) == digest {
				return lender{f.FullName(), path, text, true}, nil
			}
		}
	}
	if r.lent == nil {
		if err := r.findLent(); err != nil {
			return lender{}, err
		}
	}
	return r.lent[digest], nil
}

// findLent finds who has the files of locks: packages, else the artifacts, which
// are read for all of them at once.
func (r *run) findLent() error {
	r.lent = map[string]lender{}
	for _, f := range r.opened() {
		for _, path := range slices.Sorted(maps.Keys(f.contents)) {
			text := f.contents[path]
			if d := sum.HexSHA256(text); r.lent[d].from == "" {
				r.lent[d] = lender{f.FullName(), path, text, false}
			}
		}
	}
	absent := map[string]bool{}
	for _, m := range r.family {
		for _, f := range m.pinned.Files {
			if r.lent[f.SHA256].from == "" {
				absent[f.SHA256] = true
			}
		}
	}
	if r.Published == nil || len(absent) == 0 {
		return nil
	}
	texts, err := r.Published(absent)
	for digest, text := range texts {
		r.lent[digest] = lender{fromArtifact, "", text, false}
	}
	return err
}

// opened are all packages of the run, by name.
func (r *run) opened() []*fetched {
	if r.byName == nil {
		for _, p := range r.packages() {
			r.byName = append(r.byName, r.fetched[p])
		}
	}
	return r.byName
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
