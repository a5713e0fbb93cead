// SPDX-License-Identifier: BSD-2-Clause

package sqlitefile

import (
	"fmt"
	"strings"
)

// SQLite parses every statement of a file's schema before the first query, and
// the driver cannot prevent that. So the schema is read here first, as plain
// rows of the file's first table, and SQLite sees a file only once every
// statement is known (https://www.sqlite.org/fileformat2.html). Whatever SQLite
// might read differently is refused.

// Bounds of a schema. pkg's has about a hundred rows of 15 kB.
const (
	maxObjects     = 1000    // rows
	maxSchema      = 1 << 20 // bytes
	maxSchemaPages = 10_000
)

// Entry is a row of sqlite_schema.
type Entry struct {
	Kind, Name, Table string
	Root              int64
	Sql               string // "" for an index that belongs to a constraint
}

// schemaReader reads rows of a schema, up to its bounds.
type schemaReader struct {
	*pages
	rows, contents int // read so far, the latter in bytes
}

// table calls row with every record of the table whose first page is n.
func (p *schemaReader) table(n int, row func(record []byte) error) error {
	return p.walk(n, 0, func(n, rows int) error {
		for i := range rows {
			c, err := p.cell(n, i)
			if err != nil {
				return err
			}
			p.rows++
			p.contents += min(c.length, maxSchema+1)
			if p.rows > maxObjects || p.contents > maxSchema {
				return fmt.Errorf("has more than %d rows or %d bytes", maxObjects, maxSchema)
			}
			record, err := p.record(nil, c, p.visit)
			if err != nil {
				return err
			}
			if err := row(record); err != nil {
				return err
			}
		}
		return nil
	})
}

// values splits a record into values: nil, int64 or string. A schema has no
// other types.
func values(record []byte) ([]any, error) {
	fields, _, err := fieldsOf(nil, record, func(kind uint64) error {
		if kind == 7 || known(kind) != nil || kind >= 12 && kind%2 == 0 {
			return fmt.Errorf("a value is of type %d, wanted a text or number", kind)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var list []any
	for _, f := range fields {
		if f.kind >= 12 {
			list = append(list, string(record[f.at:][:f.size]))
		} else {
			list = append(list, f.number(record).driver())
		}
	}
	return list, nil
}

// Schema reads the schema of a database file, and whatever else SQLite reads
// along with it.
func Schema(image *Image) ([]Entry, error) {
	all, err := pagesOf(image)
	if err != nil {
		return nil, err
	}
	all.most = maxSchemaPages
	p := &schemaReader{pages: all}
	list, err := p.schema()
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	for _, o := range list {
		if strings.EqualFold(o.Name, "sqlite_stat1") {
			if err := p.table(int(o.Root), func([]byte) error { return nil }); err != nil {
				return nil, fmt.Errorf("table %s: %w", o.Name, err)
			}
		}
	}
	return list, nil
}

func (p *schemaReader) schema() ([]Entry, error) {
	var list []Entry
	err := p.table(1, func(record []byte) error {
		v, err := values(record)
		if err != nil {
			return err
		}
		if len(v) != 5 {
			return fmt.Errorf("a row has %d values, wanted 5", len(v))
		}
		var o Entry
		var ok [5]bool
		o.Kind, ok[0] = v[0].(string)
		o.Name, ok[1] = v[1].(string)
		o.Table, ok[2] = v[2].(string)
		o.Root, ok[3] = v[3].(int64)
		o.Sql, ok[4] = v[4].(string)
		ok[4] = ok[4] && o.Sql != "" || v[4] == nil
		if ok != [5]bool{true, true, true, true, true} {
			return fmt.Errorf("row %.240q is not one that SQLite writes", v)
		}
		list = append(list, o)
		return nil
	})
	return list, err
}
