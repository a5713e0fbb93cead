// SPDX-License-Identifier: BSD-2-Clause

package artifact

import (
	"hash/maphash"

	"github.com/orlop/orlop/pkgdb"
)

// Owners finds the package of a path. It has no paths itself, only numbers of
// packages and of their files and directories. The zero value has none.
type Owners struct {
	packages []pkgdb.Installed
	slots    []owned // hash table by path
	seed     maphash.Seed
}

// owned is a file or directory of a package, both counted from 1: directories after
// the files. Of several packages with one path, the last counts, and a file before a
// directory.
type owned struct{ pkg, entry uint32 }

// OwnersOf finds what packages own.
func OwnersOf(pkgs []pkgdb.Installed) *Owners {
	all := 0
	for _, p := range pkgs {
		all += p.Files.Len() + len(p.Dirs)
	}
	size := 8
	for 3*size < 4*all {
		size *= 2
	}
	o := &Owners{packages: pkgs, slots: make([]owned, size), seed: maphash.MakeSeed()}
	for i, p := range pkgs {
		for j := range p.Dirs {
			o.add(owned{uint32(i + 1), uint32(p.Files.Len() + j + 1)})
		}
		for j := range p.Files.Len() {
			o.add(owned{uint32(i + 1), uint32(j + 1)})
		}
	}
	return o
}

func (o *Owners) add(x owned) { o.slots[o.slot(o.path(x))] = x }

func (o *Owners) path(x owned) string {
	p := &o.packages[x.pkg-1]
	if i := int(x.entry) - 1; i < p.Files.Len() {
		return p.Files.Path(i)
	}
	return p.Dirs[int(x.entry)-1-p.Files.Len()].Path
}

// slot is where a path is in the table, or would be.
func (o *Owners) slot(path string) int {
	for at := int(maphash.String(o.seed, path)); ; at++ {
		at &= len(o.slots) - 1
		if x := o.slots[at]; x == (owned{}) || o.path(x) == path {
			return at
		}
	}
}

// find returns who owns a path; the zero value for nobody.
func (o *Owners) find(path string) owned {
	if o == nil || len(o.slots) == 0 {
		return owned{}
	}
	return o.slots[o.slot(path)]
}

// Of returns the name of the package that has a path, "" for none.
func (o *Owners) Of(path string) string {
	if x := o.find(path); x != (owned{}) {
		return o.packages[x.pkg-1].Name
	}
	return ""
}

// HasFile reports whether a path is a file or link of a package.
func (o *Owners) HasFile(path string) bool {
	x := o.find(path)
	return x != (owned{}) && int(x.entry) <= o.packages[x.pkg-1].Files.Len()
}
