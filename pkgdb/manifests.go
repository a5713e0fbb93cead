// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"sort"

	"github.com/orlop/orlop/pkgdb/pkgfile"
)

// fileColumns are those of the table files, in the order of filed.value.
var fileColumns = []string{"path", "sha256", "uname", "gname", "perm", "fflags", "mtime", "symlink_target", "package_id"}

// filed is a source of the files of packages. It has no rows, but makes each value
// when it is asked for.
type filed struct {
	pkgs  []Installed
	first []uint32 // row of the first file of each package
	rows  int
	epoch int64  // the newest time
	near  [2]int // packages of the last rows: a sort compares rows of two
	row   int    // of file, counted from 1; 0 for none
	pkg   int
	file  pkgfile.File // the last one used
}

func filesOf(pkgs []Installed, epoch int64) *filed {
	f := &filed{pkgs: pkgs, epoch: epoch}
	for _, p := range pkgs {
		f.first = append(f.first, uint32(f.rows))
		f.rows += p.Files.Len()
	}
	return f
}

func (f *filed) len() int { return f.rows }

func (f *filed) value(row, column int) value {
	if column == 0 { // by which rows are sorted: most are asked for nothing else
		pkg, at := f.find(row)
		return text(f.pkgs[pkg].Files.Path(at))
	}
	if f.row != row+1 {
		pkg, at := f.find(row)
		f.row, f.pkg, f.file = row+1, pkg, f.pkgs[pkg].Files.At(at)
	}
	switch column {
	case 1:
		return orNull(f.file.Sum)
	case 2:
		return orNull(f.file.Uname)
	case 3:
		return orNull(f.file.Gname)
	case 4:
		return number(int64(f.file.Perm))
	case 5:
		return flags(f.file.Flags)
	case 6:
		if f.file.Time == nil {
			return number(0)
		}
		return number(min(*f.file.Time, f.epoch))
	case 7:
		if !f.file.IsLink {
			return value{}
		}
		return text(f.file.Link)
	}
	return text(f.pkgs[f.pkg].Name)
}

// find returns the package of a row, and which of its files it is.
func (f *filed) find(row int) (pkg, at int) {
	for i, pkg := range f.near {
		if at := row - int(f.first[pkg]); at >= 0 && at < f.pkgs[pkg].Files.Len() {
			f.near[0], f.near[i] = pkg, f.near[0]
			return pkg, at
		}
	}
	// A package without files begins where the next one does, so it is the last.
	pkg = sort.Search(len(f.first), func(i int) bool { return int(f.first[i]) > row }) - 1
	f.near = [2]int{pkg, f.near[0]}
	return pkg, row - int(f.first[pkg])
}
