// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"fmt"
	"maps"
	"slices"
)

// Package is an installed package with what it owns.
type Package struct {
	Name, Version, Origin, ABI string
	Automatic                  bool
	FlatSize                   int64
	Files                      []File // by path
	Dirs                       []Dir  // by path
}

// FullName is NAME-VERSION, as pkg prints it.
func (p *Package) FullName() string { return p.Name + "-" + p.Version }

// File is a row of files. Known is false where the row has no attributes, as
// for packages from before pkg 2.4 and in schema 36.
type File struct {
	Path, Sum    string
	Known        bool
	Uname, Gname string
	Perm         uint32
	Flags        uint32
	Time         int64
	Link         string
	IsLink       bool
}

// Dir is a row of directories.
type Dir struct {
	Path         string
	Known        bool
	Uname, Gname string
	Perm         uint32
	Flags        uint32
}

// Packages returns what is installed, by name. A row of no package, or with a
// value of a type that pkg does not write, is an error.
func (c *Content) Packages() ([]Package, error) {
	all := map[string]*Package{}
	read := func(table string, do func(get getter)) error {
		t := c.table(table)
		for _, row := range t.list {
			var err error
			do(getter{func(column string) any { return t.get(row, column) }, &err})
			if err != nil {
				return rowErrorf(table, t, row, "%w", err)
			}
		}
		return nil
	}
	err := read("packages", func(get getter) {
		p := &Package{Name: get.text("name"), Version: get.text("version"), Origin: get.text("origin"), ABI: get.text("arch"),
			Automatic: get.number("automatic") != 0, FlatSize: get.number("flatsize")}
		all[p.Name] = p
	})
	if err != nil {
		return nil, err
	}
	err = read("files", func(get getter) {
		if p := get.owner(all); p != nil {
			p.Files = append(p.Files, File{Path: get.text("path"), Sum: get.text("sha256"), Known: get.value("uname") != nil,
				Uname: get.text("uname"), Gname: get.text("gname"), Perm: uint32(get.number("perm")), Flags: uint32(get.number("fflags")),
				Time: get.number("mtime"), Link: get.text("symlink_target"), IsLink: get.value("symlink_target") != nil})
		}
	})
	if err != nil {
		return nil, err
	}
	dirs := map[string]Dir{}
	err = read("directories", func(get getter) {
		path := get.text("path")
		dirs[path] = Dir{Path: path, Known: get.value("uname") != nil,
			Uname: get.text("uname"), Gname: get.text("gname"), Perm: uint32(get.number("perm")), Flags: uint32(get.number("fflags"))}
	})
	if err != nil {
		return nil, err
	}
	err = read("pkg_directories", func(get getter) {
		if p := get.owner(all); p != nil {
			p.Dirs = append(p.Dirs, dirs[get.text("directory_id")])
		}
	})
	if err != nil {
		return nil, err
	}
	var list []Package
	for _, name := range slices.Sorted(maps.Keys(all)) {
		p := all[name]
		slices.SortFunc(p.Files, func(a, b File) int { return compare(a.Path, b.Path) })
		slices.SortFunc(p.Dirs, func(a, b Dir) int { return compare(a.Path, b.Path) })
		list = append(list, *p)
	}
	return list, nil
}

// getter reads the values of a row and keeps the first fault.
type getter struct {
	value func(column string) any
	err   *error
}

func (g getter) text(column string) string {
	switch v := g.value(column).(type) {
	case nil:
	case string:
		return v
	default:
		g.fail("its %s is %s, wanted a text", column, value(v))
	}
	return ""
}

func (g getter) number(column string) int64 {
	switch v := g.value(column).(type) {
	case nil:
	case int64:
		return v
	default:
		g.fail("its %s is %s, wanted a number", column, value(v))
	}
	return 0
}

// owner is the package that a row belongs to.
func (g getter) owner(all map[string]*Package) *Package {
	name, _ := g.value("package_id").(string)
	p := all[name]
	if p == nil {
		g.fail("its package is %s, which is not there", value(g.value("package_id")))
	}
	return p
}

func (g getter) fail(format string, args ...any) {
	if *g.err == nil {
		*g.err = fmt.Errorf(format, args...)
	}
}
