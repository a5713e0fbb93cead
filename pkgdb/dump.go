// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// reference is a column that holds a row number of another table.
type reference struct{ column, table, key, text, as string }

// references are the columns that a dump resolves to names, and under which key.
var references = []reference{
	{"package_id", "packages", "id", "name", "package"},
	{"conflict_id", "packages", "id", "name", "conflict"},
	{"directory_id", "directories", "id", "path", "directory"},
	{"script_id", "script", "script_id", "script", "script"},
	{"lua_script_id", "lua_script", "lua_script_id", "lua_script", "lua_script"},
	{"option_id", "option", "option_id", "option", "option"},
	{"category_id", "categories", "id", "name", "category"},
	{"license_id", "licenses", "id", "name", "license"},
	{"user_id", "users", "id", "name", "user"},
	{"group_id", "groups", "id", "name", "group"},
	{"shlib_id", "shlibs", "id", "name", "shlib"},
	{"tag_id", "annotation", "annotation_id", "annotation", "tag"},
	{"value_id", "annotation", "annotation_id", "annotation", "value"},
	{"provide_id", "provides", "id", "provide", "provide"},
	{"require_id", "requires", "id", "require", "require"},
}

// Dump writes every row of every table as a line "TABLE {JSON}", sorted, with
// names in the place of row numbers: databases with the same content give the
// same lines, however they came to be. A number that leads nowhere shows as
// "?N". The first line has the schema version.
func (d *DB) Dump() ([]string, error) {
	var tables []string
	err := d.each("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'", func(scan scanner) error {
		var name string
		err := scan(&name)
		tables = append(tables, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	names := map[string]map[int64]string{}
	for _, r := range references {
		if slices.Contains(tables, r.table) && names[r.table] == nil {
			if names[r.table], err = d.texts(r); err != nil {
				return nil, err
			}
		}
	}
	var lines []string
	for _, table := range tables {
		rows, err := d.dumpTable(table, names)
		if err != nil {
			return nil, err
		}
		lines = append(lines, rows...)
	}
	slices.Sort(lines)
	var version, id int64
	if err := d.db.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return nil, &FormatError{err}
	}
	if err := d.db.QueryRow("PRAGMA application_id").Scan(&id); err != nil {
		return nil, &FormatError{err}
	}
	head := fmt.Sprintf(`pragma {"application_id": %d, "user_version": %d}`, id, version)
	return append([]string{head}, lines...), nil
}

func (d *DB) texts(r reference) (map[int64]string, error) {
	m := map[int64]string{}
	err := d.each(fmt.Sprintf("SELECT %q, %q FROM %q", r.key, r.text, r.table), func(scan scanner) error {
		var id int64
		var text string
		err := scan(&id, &text)
		m[id] = text
		return err
	})
	return m, err
}

func (d *DB) dumpTable(table string, names map[string]map[int64]string) ([]string, error) {
	rows, err := d.db.Query("SELECT * FROM " + strconv.Quote(table))
	if err != nil {
		return nil, &FormatError{err}
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		return nil, &FormatError{err}
	}
	var lines []string
	for rows.Next() {
		vals, ptrs := make([]any, len(cols)), make([]any, len(cols))
		for i := range vals {
			ptrs[i] = &vals[i]
		}
		if err := rows.Scan(ptrs...); err != nil {
			return nil, &FormatError{err}
		}
		fields := map[string]string{}
		for i, col := range cols {
			if !ownKey(table, col) {
				key, text := resolve(col, vals[i], names)
				fields[key] = text
			}
		}
		lines = append(lines, table+" "+object(fields))
	}
	if err := rows.Err(); err != nil {
		return nil, &FormatError{err}
	}
	return lines, nil
}

// ownKey tells a table's own row number, which a dump leaves out.
func ownKey(table, col string) bool {
	return slices.ContainsFunc(references, func(r reference) bool { return r.table == table && r.key == col })
}

// resolve gives the key and the JSON text of a column's value.
func resolve(col string, v any, names map[string]map[int64]string) (key, text string) {
	for _, r := range references {
		id, isID := v.(int64)
		if r.column != col || names[r.table] == nil {
			continue
		}
		if !isID {
			return r.as, value(v)
		}
		if name, ok := names[r.table][id]; ok {
			return r.as, quote(name)
		}
		return r.as, quote(fmt.Sprintf("?%d", id))
	}
	return col, value(v)
}

func object(fields map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		parts = append(parts, quote(k)+": "+fields[k])
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func value(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return quote(v)
	case []byte:
		return `{"blob": "` + hex.EncodeToString(v) + `"}`
	}
	return fmt.Sprint(v)
}

// quote writes a JSON string in ASCII. A byte that is not UTF-8 becomes the
// lone surrogate \udcXX, so that no two texts look alike.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\udc%02x`, s[0])
		case strings.ContainsRune("\"\\", r):
			b.WriteString(`\` + string(r))
		case strings.ContainsRune("\n\r\t\b\f", r):
			b.WriteString(map[rune]string{'\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}[r])
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, hi, lo)
		case r < 0x20 || r > 0x7e && r != 0x7f:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		s = s[n:]
	}
	b.WriteByte('"')
	return b.String()
}
