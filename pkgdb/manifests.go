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
	pkgs   []Installed
	first  []uint32 // row of the first file of each package
	rows   int
	epoch  int64 // the newest time
	recent [2]filedRow
	last   int // which of recent was used last
}

// filedRow is a file that was used lately.
type filedRow struct {
	row  int // counted from 1; 0 for none
	pkg  int
	file pkgfile.File
}

func filesOf(pkgs []Installed, epoch int64) *filed {
	f := &filed{pkgs: pkgs, epoch: epoch}
	for _, p := range pkgs {
		f.first = append(f.first, uint32(f.rows))
		f.rows += len(p.Files)
	}
	return f
}

func (f *filed) len() int { return f.rows }

func (f *filed) value(row, column int) value {
	r := &f.recent[f.last]
	if r.row != row+1 {
		r = f.find(row)
	}
	file := &r.file
	switch column {
	case 0:
		return text(file.Path)
	case 1:
		return orNull(file.Sum)
	case 2:
		return orNull(file.Uname)
	case 3:
		return orNull(file.Gname)
	case 4:
		return number(int64(file.Perm))
	case 5:
		return flags(file.Flags)
	case 6:
		if file.Time == nil {
			return number(0)
		}
		return number(min(*file.Time, f.epoch))
	case 7:
		if !file.IsLink {
			return value{}
		}
		return text(file.Link)
	}
	return text(f.pkgs[r.pkg].Name)
}

// find gets the file of a row, unless it is one of the last two: a sort compares
// two.
func (f *filed) find(row int) *filedRow {
	near := f.recent[f.last].pkg
	f.last = 1 - f.last
	r := &f.recent[f.last]
	if r.row == row+1 {
		return r
	}
	for _, pkg := range []int{r.pkg, near} {
		if at := row - int(f.first[pkg]); at >= 0 && at < len(f.pkgs[pkg].Files) {
			*r = filedRow{row + 1, pkg, f.pkgs[pkg].Files[at]}
			return r
		}
	}
	// Packages without files begin where the next one does, so it is the last.
	pkg := sort.Search(len(f.first), func(i int) bool { return int(f.first[i]) > row }) - 1
	*r = filedRow{row + 1, pkg, f.pkgs[pkg].Files[row-int(f.first[pkg])]}
	return r
}
