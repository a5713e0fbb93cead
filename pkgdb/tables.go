// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// maxNames bounds the memory for names that rows refer to by number, in bytes.
const maxNames = 2 * int64(sqlitefile.MaxFile)

// nameSize is what a name takes besides its text.
const nameSize = 48

// Content reads every table, pkg's and others.
func (d *DB) Content(ctx context.Context) (*Content, error) {
	c, err := contentOf(ctx, d.image, d.Schema, d.shape, d.list, d.db)
	if err != nil {
		return nil, wrong(ctx, err)
	}
	return c, nil
}

// contentOf reads the tables of a database with a shape. Db has it open, for rows
// that lack columns; nil if it has no such rows.
func contentOf(ctx context.Context, image *Image, schema Schema, s *shape, list []sqlitefile.Entry, db *sql.DB) (*Content, error) {
	file, err := sqlitefile.NewFile(image)
	if err != nil {
		return nil, err
	}
	r := &tables{c: &Content{Schema: schema, shape: s, file: file}, db: db, all: map[string]*sqlitefile.Table{}, names: map[string]map[int64]string{}, free: maxNames}
	for _, o := range list {
		if o.Kind != "table" || s.forms[o.Name] == nil {
			continue
		}
		if r.all[o.Name], err = file.Table(ctx, o.Root, s.forms[o.Name]); err == nil {
			err = r.fill(ctx, o.Name)
		}
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", o.Name, err)
		}
	}
	for _, ref := range references {
		if r.all[ref.table] != nil && r.names[ref.table] == nil {
			if err := r.texts(ctx, ref); err != nil {
				return nil, err
			}
		}
	}
	for _, table := range s.tables {
		r.read(table)
	}
	return r.c, file.Err()
}

// tables makes a content of the tables of a database.
type tables struct {
	c     *Content
	db    *sql.DB
	all   map[string]*sqlitefile.Table
	names map[string]map[int64]string // by table, the names for its numbers
	free  int64                       // what is left of maxNames
}

// fill asks SQLite what the rows have that lack columns: it is in the schema, and
// depends on the column's type.
func (r *tables) fill(ctx context.Context, table string) error {
	t, columns := r.all[table], r.c.shape.columns[table]
	id, least, short := t.Short()
	if !short {
		return nil
	}
	key := ""
	for _, name := range []string{"rowid", "_rowid_", "oid"} {
		if !slices.ContainsFunc(columns, func(c string) bool { return strings.EqualFold(c, name) }) {
			key = name
		}
	}
	if r.db == nil || key == "" {
		return fmt.Errorf("row %d lacks columns", id)
	}
	for i := least; i < len(columns); i++ {
		err := each(ctx, r.db, "SELECT +"+sqlitefile.Quoted(columns[i])+" FROM "+sqlitefile.Quoted(table)+" WHERE "+key+" = ?", func(scan scanner) error {
			var v any
			err := scan(&v)
			t.Fill(i, sqlitefile.ValueOf(v))
			return err
		}, id)
		if err != nil {
			return err
		}
	}
	return nil
}

// texts reads the names for the numbers of a table.
func (r *tables) texts(ctx context.Context, ref reference) error {
	m := map[int64]string{}
	r.names[ref.table] = m
	t, columns := r.all[ref.table], r.c.shape.columns[ref.table]
	key, text := slices.Index(columns, ref.key), slices.Index(columns, ref.text)
	if key < 0 || text < 0 {
		return fmt.Errorf("table %s has no column %s or %s", ref.table, ref.key, ref.text)
	}
	for n := range t.Len() {
		if err := ctx.Err(); err != nil {
			return err
		}
		id, name := t.Value(n, key), t.Value(n, text)
		if !isInteger(id) || isNull(name) {
			return fmt.Errorf("table %s: row %d: found number %s and %s %s, wanted both", ref.table, n+1, shown(id), ref.text, shown(name))
		}
		m[id.Number] = wordOf(name)
		if r.free -= nameSize + int64(len(name.Text)); r.free < 0 {
			return fmt.Errorf("table %s: with it, the names take more than %d bytes", ref.table, maxNames)
		}
	}
	return nil
}

// wordOf is a value as a text.
func wordOf(v value) string {
	switch v.Kind {
	case sqlitefile.Integer:
		return strconv.FormatInt(v.Number, 10)
	case sqlitefile.Real:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	}
	return v.Text
}

// read makes rows of a table, without its own number.
func (r *tables) read(table string) {
	s := stored{table: r.all[table]}
	var columns []string
	for i, column := range r.c.shape.columns[table] {
		if ownKey(table, column) {
			continue
		}
		columns = append(columns, column)
		s.at = append(s.at, i)
		var names map[int64]string
		if ref := referenceOf(table, column); ref != nil {
			names = r.names[ref.table]
		}
		s.names = append(s.names, names)
	}
	t := r.c.table(table, columns...)
	if columns != nil {
		t.from = s
	}
}

// stored is a source of rows of a database file, with names for numbers.
type stored struct {
	table *sqlitefile.Table
	at    []int              // columns of the table
	names []map[int64]string // by column; nil for those that refer to nothing
}

func (s stored) len() int { return s.table.Len() }

func (s stored) value(row, column int) value {
	v := s.table.Value(row, s.at[column])
	if s.names[column] == nil || !isInteger(v) {
		return v
	}
	if name, ok := s.names[column][v.Number]; ok {
		return text(name)
	}
	v.Kind = missing
	return v
}
