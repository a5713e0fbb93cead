// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// Encode writes the normal form of a content in a schema. What that schema
// cannot hold is an error that names table and row.
func (c *Content) Encode(ctx context.Context, schema Schema) ([]byte, error) {
	n, err := c.normal(ctx, schema)
	if err != nil {
		return nil, err
	}
	return n.write(ctx)
}

// normal is the content as its normal form in a schema, with the tables and
// columns of that schema and its rows in order.
func (c *Content) normal(ctx context.Context, schema Schema) (*Content, error) {
	fresh, err := schema.fresh()
	if err != nil {
		return nil, err
	}
	f := &faults{ctx: ctx}
	c.orphans(f)
	if err := errors.Join(f.all()...); err != nil {
		return nil, err
	}
	if c, err = c.clone(ctx); err != nil {
		return nil, err
	}
	if err := c.rename(ctx); err != nil {
		return nil, err
	}
	c.unlock()
	n := &Content{Schema: schema, shape: fresh}
	if err := c.fit(ctx, n); err != nil {
		return nil, err
	}
	for name, t := range n.tables {
		if err := t.sort(ctx, name); err != nil {
			return nil, err
		}
	}
	return n, nil
}

func (c *Content) clone(ctx context.Context) (*Content, error) {
	out := &Content{Schema: c.Schema, shape: c.shape}
	for name, t := range c.tables {
		into := out.table(name, t.columns...)
		for _, row := range t.list {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			into.list = append(into.list, slices.Clone(row))
		}
	}
	return out, nil
}

// rename rebuilds the tables of names: each name that some row refers to, once.
// Rows that only distinguished two numbers of one name become one.
func (c *Content) rename(ctx context.Context) error {
	used := map[string]map[string]bool{"mtree": {}}
	for _, r := range references {
		used[r.table] = map[string]bool{}
	}
	for name, t := range c.tables {
		for i, column := range t.columns {
			if ref := referenceOf(name, column); ref != nil {
				for _, row := range t.list {
					if ctx.Err() != nil {
						return ctx.Err()
					}
					used[ref.table][row[i].(string)] = true
				}
			}
		}
	}
	for name, texts := range used {
		t, column := c.tables[name], nameColumn(name)
		switch {
		case name == "packages" || t == nil && len(texts) == 0:
		case t != nil && len(t.columns) > 1: // directories: the name has attributes
			i := t.at(column)
			t.list = slices.DeleteFunc(t.list, func(row []any) bool {
				text, ok := row[i].(string)
				return !ok || !texts[text]
			})
		default:
			t = c.table(name, column)
			t.list = nil
			for _, text := range slices.Sorted(maps.Keys(texts)) {
				t.add(text)
			}
		}
	}
	for _, name := range []string{"pkg_provides", "pkg_requires"} {
		if t := c.tables[name]; t != nil {
			if err := t.sort(ctx, name); err != nil {
				return err
			}
			t.list = slices.CompactFunc(t.list, func(a, b []any) bool {
				return slices.EqualFunc(a, b, func(x, y any) bool { return compare(x, y) == 0 })
			})
		}
	}
	return nil
}

// unlock leaves the locks as they are when no pkg runs.
func (c *Content) unlock() {
	delete(c.tables, "pkg_lock_pid")
	delete(c.tables, "pkg_lock")
	c.table("pkg_lock", "exclusive", "advisory", "read").add(int64(0), int64(0), int64(0))
}

// fit copies all rows into the tables and columns of another content's shape.
// What does not fit must be empty.
func (c *Content) fit(ctx context.Context, into *Content) error {
	f := &faults{ctx: ctx}
	c.unrepresentable(f, into)
	if err := errors.Join(f.all()...); err != nil {
		return err
	}
	for _, name := range into.shape.tables {
		columns := slices.DeleteFunc(slices.Clone(into.shape.columns[name]), func(column string) bool { return ownKey(name, column) })
		t, from := into.table(name, columns...), c.table(name)
		for _, row := range from.list {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			values := make([]any, len(columns))
			for i, column := range columns {
				values[i] = from.get(row, column)
			}
			t.add(values...)
		}
	}
	return nil
}

// unrepresentable finds the rows that say something another schema cannot.
func (c *Content) unrepresentable(f *faults, to *Content) {
	for _, name := range c.names() {
		t, columns := c.tables[name], to.shape.columns[name]
		for _, row := range t.list {
			if !f.next() {
				return
			}
			if columns == nil {
				f.add(rowErrorf(name, t, row, "has no place in schema %d", to.Schema))
				continue
			}
			for i, column := range t.columns {
				// mtree_id has been a number without a table since pkg 1.3.
				if row[i] != nil && (!slices.Contains(columns, column) || column == "mtree_id") {
					f.add(rowErrorf(name, t, row, "its %s has no place in schema %d", column, to.Schema))
					break
				}
			}
		}
	}
}

// write makes a database of a normal content. Rows are numbered by rank.
func (c *Content) write(ctx context.Context) ([]byte, error) {
	statements, err := c.Schema.statements()
	if err != nil {
		return nil, fmt.Errorf("pkg database: %w", err)
	}
	db, err := sqlitefile.New(statements, int(c.Schema))
	if err != nil {
		return nil, fmt.Errorf("pkg database: %w", err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		return nil, fmt.Errorf("pkg database: %w", err)
	}
	defer tx.Rollback()
	ranks := map[string]map[string]int{}
	for _, table := range c.shape.tables {
		if column := nameColumn(table); column != "" {
			t := c.tables[table]
			ranks[table] = map[string]int{}
			for i, row := range t.list {
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				text, ok := row[t.at(column)].(string)
				if !ok {
					return nil, rowErrorf(table, t, row, "its %s is not text", column)
				}
				ranks[table][text] = i + 1
			}
		}
	}
	for _, table := range c.shape.tables {
		if err := c.insert(ctx, tx, table, ranks); err != nil {
			return nil, err
		}
	}
	if err := tx.Commit(); err != nil {
		return nil, fmt.Errorf("pkg database: %w", err)
	}
	image, err := sqlitefile.Settle(ctx, db, len(statements))
	if err != nil {
		return nil, fmt.Errorf("pkg database: %w", err)
	}
	return image, nil
}

// insert adds the rows of a table with a value for each column.
func (c *Content) insert(ctx context.Context, tx *sql.Tx, table string, ranks map[string]map[string]int) error {
	columns := c.shape.columns[table]
	statement, err := tx.Prepare("INSERT INTO " + quoted(table) + " VALUES (?" + strings.Repeat(", ?", len(columns)-1) + ")")
	if err != nil {
		return fmt.Errorf("pkg database: %w", err)
	}
	defer statement.Close()
	t := c.tables[table]
	for n, row := range t.list {
		// Not passed to each statement: the driver would start a goroutine each time.
		if ctx.Err() != nil {
			return ctx.Err()
		}
		values := make([]any, len(columns))
		for i, column := range columns {
			v := t.get(row, column)
			switch ref := referenceOf(table, column); {
			case ownKey(table, column):
				values[i] = n + 1
			case ref != nil:
				values[i] = ranks[ref.table][v.(string)]
			default:
				values[i] = v
			}
		}
		if _, err := statement.Exec(values...); err != nil {
			return rowErrorf(table, t, row, "%w", err)
		}
	}
	return nil
}

// quoted is a name in SQL.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
