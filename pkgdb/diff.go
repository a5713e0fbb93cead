// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/until"
)

// Change is a difference between two databases, in pkg's terms.
type Change struct {
	Package string // "" for what belongs to no package
	What    string // "package", "file", "dependency", …
	Name    string // which one: a path, a name; "" where a package has only one
	Field   string // "" where all of it was added or removed
	Old     string // "" where there was none
	New     string // "" where there is none
}

// String is a change as a line, without the package. For long texts it shows the
// first line that differs.
func (c Change) String() string {
	subject := strings.TrimSuffix(c.What+" "+line(c.Name), " ")
	switch {
	case c.Field != "":
		field, old, now := c.Field, c.Old, c.New
		if strings.Contains(old+now, "\n") {
			a, b := append(strings.Split(old, "\n"), ""), append(strings.Split(now, "\n"), "")
			n := 0
			for n < min(len(a), len(b))-1 && a[n] == b[n] {
				n++
			}
			field, old, now = fmt.Sprintf("%s, line %d,", field, n+1), a[n], b[n]
		}
		return fmt.Sprintf("%s: %s %s -> %s", subject, field, cmp.Or(line(old), "none"), cmp.Or(line(now), "none"))
	case c.Old == "":
		return "+ " + subject + suffix(c.New)
	}
	return "- " + subject + suffix(c.Old)
}

func suffix(s string) string {
	if s == present {
		return ""
	}
	return " " + line(s)
}

// present stands for something that exists without a value.
const present = "yes"

// line makes a text one line, which no other text gives.
func line(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError }) {
		return quote(s)
	}
	return s
}

// kind says how to report a table's rows.
type kind struct {
	table string
	what  string
	key   []string // the columns that name a row within a package
}

// kinds are the tables in the order of a report. A table that is not listed has
// only names, which the rows of others repeat.
var kinds = []kind{
	{"packages", "package", []string{"name"}},
	{"deps", "dependency", []string{"name"}},
	{"pkg_option", "option", []string{"option_id"}},
	{"pkg_annotation", "annotation", []string{"tag_id"}},
	{"pkg_categories", "category", []string{"category_id"}},
	{"pkg_licenses", "license", []string{"license_id"}},
	{"pkg_users", "user", []string{"user_id"}},
	{"pkg_groups", "group", []string{"group_id"}},
	{"pkg_shlibs_required", "shlib required", []string{"shlib_id"}},
	{"pkg_shlibs_required_ignore", "shlib required and ignored", []string{"shlib_id"}},
	{"pkg_shlibs_provided", "shlib provided", []string{"shlib_id"}},
	{"pkg_shlibs_provided_ignore", "shlib provided and ignored", []string{"shlib_id"}},
	{"pkg_provides", "provides", []string{"provide_id"}},
	{"pkg_requires", "requires", []string{"require_id"}},
	{"pkg_conflicts", "conflict", []string{"conflict_id"}},
	{"pkg_script", "script", []string{"type"}},
	{"pkg_lua_script", "lua script", []string{"type"}},
	{"files", "file", []string{"path"}},
	{"config_files", "config file", []string{"path"}},
	{"pkg_directories", "directory", []string{"directory_id"}},
	{"directories", "directory", []string{"path"}},
	{"pkg_option_desc", "option description", []string{"option_id"}},
	{"pkg_option_default", "option default", []string{"option_id"}},
	{"pkg_lock", "lock", nil},
	{"pkg_lock_pid", "process that holds the lock", []string{"pid"}},
}

// Diff lists what differs between two contents: first what belongs to no
// package, then package by package. Row numbers and unused names do not count,
// nor does the schema, except for what only one of the two can record.
func Diff(ctx context.Context, a, b *Content) ([]Change, error) {
	var changes []Change
	before, err := kinds[0].items(ctx, a)
	if err != nil {
		return nil, err
	}
	after, err := kinds[0].items(ctx, b)
	if err != nil {
		return nil, err
	}
	for _, k := range kinds {
		old, err := k.items(ctx, a)
		if err != nil {
			return nil, err
		}
		now, err := k.items(ctx, b)
		if err != nil {
			return nil, err
		}
		for id := range now {
			if _, ok := old[id]; !ok {
				old[id] = nil
			}
		}
		for id, fields := range old {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			// A package that only one side has is one change; and a directory
			// belongs to the packages that own it.
			owner := item{pkg: id.pkg}
			one := (before[owner] == nil) != (after[owner] == nil) && k.table != "packages" || k.table == "directories" && (fields == nil || now[id] == nil)
			if !one {
				changes = append(changes, id.changes(k, fields, now[id])...)
			}
		}
	}
	order := func(what string) int { return slices.IndexFunc(kinds, func(k kind) bool { return k.what == what }) }
	err = until.Sort(ctx, changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(order(a.What), order(b.What)),
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Old, b.Old), cmp.Compare(a.New, b.New))
	})
	return slices.Compact(changes), err
}

// item names a row. Each occurrence of a repeated row has its own number.
type item struct {
	pkg, name string
	nth       int
}

// items reports the rows of a table field by field, as pkg names them.
func (k kind) items(ctx context.Context, c *Content) (map[item]map[string]string, error) {
	all, count := map[item]map[string]string{}, map[item]int{}
	t := c.table(k.table)
	// Sorted, so that rows of one name are counted in the same order.
	if err := t.sort(ctx, k.table); err != nil {
		return nil, err
	}
	for _, row := range t.list {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		id := item{}
		var names []string
		fields := map[string]string{}
		for i, column := range t.columns {
			text := word(k.table, column, row[i])
			switch {
			case slices.Contains(k.key, column):
				names = append(names, text)
			case column == "package_id":
				id.pkg = text
			case text != "":
				fields[fieldName(column)] = text
			}
		}
		id.name = strings.Join(names, " ")
		if k.table == "packages" {
			id.pkg, id.name = id.name, ""
		}
		first := id
		id.nth = count[first]
		count[first]++
		all[id] = fields
	}
	return all, nil
}

// changes compares the fields of one row; nil stands for no such row.
func (id item) changes(k kind, old, now map[string]string) []Change {
	c := Change{Package: id.pkg, What: k.what, Name: id.name}
	switch {
	case old == nil:
		c.New = k.summary(now)
		return []Change{c}
	case now == nil:
		c.Old = k.summary(old)
		return []Change{c}
	}
	var list []Change
	fields := slices.Sorted(maps.Keys(old))
	for field := range now {
		if _, ok := old[field]; !ok {
			fields = append(fields, field)
		}
	}
	for _, field := range fields {
		if old[field] != now[field] {
			c.Field, c.Old, c.New = field, old[field], now[field]
			list = append(list, c)
		}
	}
	return list
}

// summary is what a report says about a row that only one side has.
func (k kind) summary(fields map[string]string) string {
	for _, field := range []string{"version", "value", "default_value"} {
		if text, ok := fields[field]; ok && k.table != "files" {
			return text
		}
	}
	return present
}

// fieldName is pkg's word for a column.
func fieldName(column string) string {
	switch column {
	case "sha256":
		return "sum"
	case "perm":
		return "mode"
	case "fflags":
		return "flags"
	case "mtime":
		return "time"
	case "symlink_target":
		return "link"
	case "arch":
		return "abi"
	case "desc":
		return "description"
	case "licenselogic":
		return "license logic"
	case "manifestdigest":
		return "manifest digest"
	case "dep_formula":
		return "dependency formula"
	case "script_id", "lua_script_id":
		return "text"
	case "value_id":
		return "value"
	case "option_desc_id":
		return "description"
	}
	return column
}

// word is a value as pkg would print it; "" for NULL.
func word(table, column string, v any) string {
	n, isNumber := v.(int64)
	switch {
	case v == nil:
		return ""
	case v == "":
		return `""` // unlike NULL
	case !isNumber:
		if s, ok := v.(string); ok {
			return s
		}
		return value(v)
	case column == "perm":
		return fmt.Sprintf("%04o", n)
	case column == "fflags":
		return cmp.Or(pkgfile.FormatFlags(uint32(n)), "none")
	case column == "mtime" || column == "time":
		return time.Unix(n, 0).UTC().Format(time.RFC3339)
	case column == "licenselogic":
		return cmp.Or(map[int64]string{0: "unstated", 1: "single", '|': "or", '&': "and"}[n], fmt.Sprint(n))
	case column == "type" && table == "pkg_script" && n >= 0 && n < int64(len(scriptTypes)):
		return scriptTypes[n]
	case column == "type" && table == "pkg_lua_script" && n >= 0 && n < int64(len(luaTypes)):
		return luaTypes[n]
	case (column == "automatic" || column == "locked" || column == "vital") && (n == 0 || n == 1):
		return []string{"no", present}[n]
	}
	return fmt.Sprint(n)
}
