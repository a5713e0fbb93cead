// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
	"github.com/orlop/orlop/pkgdb/until"
)

// Line is a row of a dump.
type Line struct {
	Table string
	Row   string // JSON
}

// String is the line as text.
func (l Line) String() string { return l.Table + " " + l.Row }

// maxMemory bounds the memory for a dump, in bytes: many small rows, or many that
// refer to one long text, can take any amount. lineSize is what a line takes
// besides its text.
const (
	maxMemory = 4 * int64(sqlitefile.MaxFile)
	lineSize  = 32
)

// Dump writes every row of every table, sorted, with names instead of row
// numbers: databases with the same content give the same lines, however they
// were made. A dangling number shows as "?N". The first line has the schema.
func (c *Content) Dump(ctx context.Context) ([]Line, error) {
	var lines []Line
	free := maxMemory
	for _, name := range c.names() {
		t := c.tables[name]
		fields := t.fields(name)
		for n := range t.len() {
			line := Line{name, t.text(fields, n)}
			if free -= lineSize + int64(len(line.Row)); free < 0 {
				return nil, &sqlitefile.FormatError{Err: fmt.Errorf("a dump takes more than %d bytes", maxMemory)}
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			lines = append(lines, line)
		}
	}
	if err := c.read(until.Sort(ctx, lines, Line.compare)); err != nil {
		return nil, err
	}
	head := Line{"pragma", fmt.Sprintf(`{"application_id": 0, "user_version": %d}`, c.Schema)}
	return append([]Line{head}, lines...), nil
}

// compare orders lines by their text.
func (l Line) compare(m Line) int {
	if l.Table == m.Table { // as nearly all of three million lines are
		return strings.Compare(l.Row, m.Row)
	}
	return strings.Compare(l.String(), m.String())
}

// label is what a dump calls a column.
type label struct {
	key    string // as JSON
	column int
}

// fields are the columns of a table as a dump writes them, in order.
func (r *rows) fields(table string) []label {
	at := map[string]int{}
	for i, column := range r.columns {
		if ref := referenceOf(table, column); ref != nil {
			column = ref.as
		}
		at[column] = i
	}
	var list []label
	for _, key := range slices.Sorted(maps.Keys(at)) {
		list = append(list, label{quote(key), at[key]})
	}
	return list
}

// text is the n-th row as a dump writes it.
func (r *rows) text(fields []label, n int) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, f := range fields {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(f.key)
		b.WriteString(": ")
		b.WriteString(shown(r.value(n, f.column)))
	}
	b.WriteByte('}')
	return b.String()
}

// shown is a value in JSON.
func shown(v value) string {
	switch v.Kind {
	case sqlitefile.Null:
		return "null"
	case sqlitefile.Text:
		return quote(v.Text)
	case sqlitefile.Blob:
		return `{"blob": "` + hex.EncodeToString([]byte(v.Text)) + `"}`
	case sqlitefile.Real:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case missing:
		return quote(fmt.Sprintf("?%d", v.Number))
	}
	return strconv.FormatInt(v.Number, 10)
}

// quote writes a JSON string in ASCII. A byte that is not UTF-8 becomes the lone
// surrogate \udcXX, so that no two texts look alike.
func quote(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		return `"` + s + `"`
	}
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
