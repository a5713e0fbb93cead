// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"cmp"
	"context"
	"slices"

	"github.com/orlop/orlop/pkgdb/until"
)

// kind says how to report a table's rows.
type kind struct {
	table string
	what  string
	key   string // the column that names a row within a package; "" for none
}

// kinds are the tables in the order of a report. A table that is not listed has
// only names, which the rows of others repeat.
var kinds = []kind{
	{"packages", "package", "name"},
	{"deps", "dependency", "name"},
	{"pkg_option", "option", "option_id"},
	{"pkg_annotation", "annotation", "tag_id"},
	{"pkg_categories", "category", "category_id"},
	{"pkg_licenses", "license", "license_id"},
	{"pkg_users", "user", "user_id"},
	{"pkg_groups", "group", "group_id"},
	{"pkg_shlibs_required", "shlib required", "shlib_id"},
	{"pkg_shlibs_required_ignore", "shlib required and ignored", "shlib_id"},
	{"pkg_shlibs_provided", "shlib provided", "shlib_id"},
	{"pkg_shlibs_provided_ignore", "shlib provided and ignored", "shlib_id"},
	{"pkg_provides", "provides", "provide_id"},
	{"pkg_requires", "requires", "require_id"},
	{"pkg_conflicts", "conflict", "conflict_id"},
	{"pkg_script", "script", "type"},
	{"pkg_lua_script", "lua script", "type"},
	{"files", "file", "path"},
	{"config_files", "config file", "path"},
	{"pkg_directories", "directory", "directory_id"},
	{"directories", "directory", "path"},
	{"pkg_option_desc", "option description", "option_id"},
	{"pkg_option_default", "option default", "option_id"},
	{"pkg_lock", "lock", ""},
	{"pkg_lock_pid", "process that holds the lock", "pid"},
}

// Diff lists what differs between two contents: first what belongs to no
// package, then package by package. Row numbers and unused names do not count,
// nor does the schema, except for what only one of the two can record.
func Diff(ctx context.Context, a, b *Content) ([]Change, error) {
	d := differ{}
	var err error
	for i, c := range []*Content{a, b} {
		if d.pkgs[i], err = c.packages(ctx); err != nil {
			return nil, err
		}
	}
	for _, k := range kinds {
		if err := d.table(ctx, k, a.table(k.table), b.table(k.table)); err != nil {
			return nil, err
		}
	}
	order := func(what string) int { return slices.IndexFunc(kinds, func(k kind) bool { return k.what == what }) }
	err = until.Sort(ctx, d.changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(order(a.What), order(b.What)),
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Old, b.Old), cmp.Compare(a.New, b.New))
	})
	return slices.Compact(d.changes), a.read(b.read(err))
}

// packages are the names of packages.
func (c *Content) packages(ctx context.Context) (map[string]bool, error) {
	names, t := map[string]bool{}, c.table("packages")
	for n := range t.len() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		names[word("packages", "name", t.get(n, "name"))] = true
	}
	return names, nil
}

// differ collects changes.
type differ struct {
	pkgs    [2]map[string]bool // by name, before and after
	changes []Change
}

// side is a table of one of two contents, in the order of what names its rows:
// both sides have the same order, and rows of one name are next to each other, in
// their natural order.
type side struct {
	kind
	*rows
	pkg, name int // columns; -1 for none
	n         int // the row in hand
}

func sideOf(ctx context.Context, k kind, t *rows) (*side, error) {
	same := *t // the order is not the table's
	s := &side{kind: k, rows: &same, pkg: t.at("package_id"), name: t.at(k.key)}
	if k.table == "packages" {
		s.pkg, s.name = s.name, -1
	}
	if err := s.sort(ctx, k.table); err != nil {
		return nil, err
	}
	return s, s.sortBy(ctx, func(a, b int) int {
		return cmp.Or(cmp.Compare(s.word(a, s.name), s.word(b, s.name)), cmp.Compare(s.word(a, s.pkg), s.word(b, s.pkg)))
	})
}

// word is a value of a row of the source.
func (s *side) word(row, column int) string {
	if column < 0 {
		return ""
	}
	return word(s.table, s.columns[column], s.from.value(row, column))
}

// id names the row in hand; it is false at the end.
func (s *side) id() (pkg, name string, ok bool) {
	if s.n == s.len() {
		return "", "", false
	}
	return s.word(s.row(s.n), s.pkg), s.word(s.row(s.n), s.name), true
}

// table compares the rows of a table side by side.
func (d *differ) table(ctx context.Context, k kind, a, b *rows) error {
	old, err := sideOf(ctx, k, a)
	if err != nil {
		return err
	}
	now, err := sideOf(ctx, k, b)
	if err != nil {
		return err
	}
	fields := fieldsOf(old, now)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		pkg, name, was := old.id()
		pkgNow, nameNow, is := now.id()
		if !was && !is {
			return nil
		}
		switch c := cmp.Or(cmp.Compare(name, nameNow), cmp.Compare(pkg, pkgNow)); {
		case !is || was && c < 0:
			d.lone(Change{Package: pkg, What: k.what, Name: name, Old: old.summary()}, k)
			old.n++
		case !was || c > 0:
			d.lone(Change{Package: pkgNow, What: k.what, Name: nameNow, New: now.summary()}, k)
			now.n++
		default:
			d.both(Change{Package: pkg, What: k.what, Name: name}, old, now, fields)
			old.n++
			now.n++
		}
	}
}

// lone adds a row that only one side has. A package that only one side has is one
// change; and a directory belongs to the packages that own it.
func (d *differ) lone(c Change, k kind) {
	if k.table != "directories" && !d.one(c.Package, k) {
		d.changes = append(d.changes, c)
	}
}

// one reports whether a package is only on one side, which says all.
func (d *differ) one(pkg string, k kind) bool {
	return d.pkgs[0][pkg] != d.pkgs[1][pkg] && k.table != "packages"
}

// compared is a field, and its columns on both sides; -1 for none.
type compared struct {
	name string
	at   [2]int
}

// fieldsOf lists what rows of a table say besides their names.
func fieldsOf(old, now *side) []compared {
	var list []compared
	for i, s := range []*side{old, now} {
		for at, column := range s.columns {
			if at == s.pkg || at == s.name {
				continue
			}
			name := fieldName(column)
			f := slices.IndexFunc(list, func(c compared) bool { return c.name == name })
			if f < 0 {
				f = len(list)
				list = append(list, compared{name, [2]int{-1, -1}})
			}
			list[f].at[i] = at
		}
	}
	return list
}

// both adds the fields in which two rows differ.
func (d *differ) both(c Change, old, now *side, fields []compared) {
	if d.one(c.Package, old.kind) {
		return
	}
	for _, f := range fields {
		if f.at[0] >= 0 && f.at[1] >= 0 && old.value(old.n, f.at[0]) == now.value(now.n, f.at[1]) {
			continue // as nearly all
		}
		c.Field, c.Old, c.New = f.name, old.word(old.row(old.n), f.at[0]), now.word(now.row(now.n), f.at[1])
		if c.Old != c.New {
			d.changes = append(d.changes, c)
		}
	}
}

// summary is what a report says about a row that only one side has.
func (s *side) summary() string {
	for _, field := range []string{"version", "value", "default_value"} {
		at := slices.IndexFunc(s.columns, func(column string) bool { return fieldName(column) == field })
		if at < 0 || at == s.name || s.table == "files" {
			continue
		}
		if text := s.word(s.row(s.n), at); text != "" {
			return text
		}
	}
	return present
}
