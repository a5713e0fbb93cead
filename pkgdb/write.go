// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/pkgfile"
)

// Installed is a package as the database records it.
type Installed struct {
	*pkgfile.Manifest
	Automatic  bool
	Repository string // the stanza's name
	// Contents are those of the package's configuration files, by path.
	Contents map[string][]byte
}

// Write makes the database of a root in which exactly pkgs are installed, at
// the time epoch (seconds). Later file times become epoch, as they do in the
// files. The order of pkgs does not matter.
func Write(pkgs []Installed, epoch int64) ([]byte, error) {
	db, err := openMemory()
	if err != nil {
		return nil, err
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		return nil, fmt.Errorf("pkg database: %w", err)
	}
	defer tx.Rollback()
	w := &writer{tx: tx, epoch: epoch, pkgs: slices.Clone(pkgs)}
	slices.SortFunc(w.pkgs, func(a, b Installed) int { return strings.Compare(a.Name, b.Name) })
	w.exec(schema42)
	w.packages()
	w.entries()
	w.lists()
	w.scripts()
	w.annotations()
	w.exec("INSERT INTO pkg_lock VALUES (0, 0, 0)")
	if w.err == nil {
		w.err = tx.Commit()
	}
	if w.err != nil {
		return nil, fmt.Errorf("pkg database: %w", w.err)
	}
	return settle(db)
}

// writer inserts row after row; after the first error it does nothing. Each
// table is filled in the order of its natural key, so that the rows' numbers
// are ranks in that order.
type writer struct {
	tx    *sql.Tx
	epoch int64
	pkgs  []Installed // by name; a package's id is its place, from 1
	err   error
}

func (w *writer) exec(query string, args ...any) {
	if w.err == nil {
		_, w.err = w.tx.Exec(query, args...)
	}
}

// insert adds one row with a value for each column of the table.
func (w *writer) insert(table string, values ...any) {
	w.exec("INSERT INTO "+table+" VALUES (?"+strings.Repeat(", ?", len(values)-1)+")", values...)
}

// licenseLogic is lic_t of libpkg: the operator as a character.
var licenseLogic = map[string]int{"": 0, "single": 1, "or": '|', "and": '&'}

func (w *writer) packages() {
	for i, p := range w.pkgs {
		w.insert("packages", i+1, p.Origin, p.Name, p.Version, p.Comment, p.Desc,
			nil /* mtree_id */, null(pkgfile.MessagesJSON(p.Messages)), p.ABI, p.Maintainer, p.WWW, p.Prefix,
			p.FlatSize, p.Automatic, 0 /* locked */, licenseLogic[p.LicenseLogic],
			w.epoch, p.Digest(), nil /* pkg_format_version */, null(p.DepFormula), p.Vital)
		for _, d := range p.Deps {
			w.insert("deps", d.Origin, d.Name, d.Version, i+1)
		}
	}
}

// entries writes files, directories and configuration files.
func (w *writer) entries() {
	type row struct {
		pkg  int
		file *pkgfile.File
	}
	files := map[string]row{}
	dirs := map[string]*pkgfile.Dir{}
	for i, p := range w.pkgs {
		for j := range p.Files {
			files[p.Files[j].Path] = row{i, &p.Files[j]}
		}
		for j := range p.Dirs {
			if d := &p.Dirs[j]; dirs[d.Path] == nil {
				dirs[d.Path] = d
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		r := files[path]
		w.file(r.pkg, r.file)
	}
	ids := map[string]int{}
	for i, path := range slices.Sorted(maps.Keys(dirs)) {
		d := dirs[path]
		ids[path] = i + 1
		uname, gname, perm := attributes(d.Attr)
		w.insert("directories", i+1, path, uname, gname, perm, flags(d.Flags))
	}
	for i, p := range w.pkgs {
		for _, d := range p.Dirs {
			w.insert("pkg_directories", i+1, ids[d.Path], 1 /* try */)
		}
	}
}

func (w *writer) file(pkg int, f *pkgfile.File) {
	uname, gname, perm := attributes(f.Attr)
	var mtime, link any
	if f.Known {
		var t int64
		if f.Time != nil {
			t = *f.Time
		}
		mtime = min(t, w.epoch)
		if f.IsLink {
			link = f.Link
		}
	}
	w.insert("files", f.Path, f.Sum, uname, gname, perm, flags(f.Flags), mtime, link, pkg+1)
	if f.IsConfig {
		// libpkg handles the content as a C string: it ends at the first NUL.
		text, _, _ := strings.Cut(string(w.pkgs[pkg].Contents[f.Path]), "\x00")
		w.insert("config_files", f.Path, text, pkg+1)
	}
}

// attributes gives NULL names and mode 0 for what packages from before pkg 2.4
// do not say.
func attributes(a pkgfile.Attr) (uname, gname, perm any) {
	if !a.Known {
		return nil, nil, 0
	}
	return a.Uname, a.Gname, a.Perm
}

func flags(f *uint32) uint32 {
	if f == nil {
		return 0
	}
	return *f
}

func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}
