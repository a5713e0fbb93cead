// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// write makes a database of a normal content, by way of files in dir. Rows are
// numbered by rank.
func (c *Content) write(ctx context.Context, dir string) (*Image, error) {
	ranks, err := c.ranks(ctx)
	if err != nil {
		return nil, err
	}
	statements, err := c.Schema.statements()
	if err != nil {
		return nil, fmt.Errorf("pkg database: %w", err)
	}
	var tables, others []string
	for _, s := range statements {
		if strings.HasPrefix(s, "CREATE TABLE ") {
			tables = append(tables, s)
		} else {
			others = append(others, s)
		}
	}
	draft, err := sqlitefile.New(ctx, dir, tables, int(c.Schema))
	if err != nil {
		return nil, fmt.Errorf("pkg database: %w", err)
	}
	defer draft.Close()
	for _, table := range c.shape.tables {
		if err := c.insert(ctx, draft, table, ranks); err != nil {
			return nil, err
		}
	}
	// An index of all rows at once takes less time. SQLite lists the tables before
	// the indexes when it settles, whichever came first.
	for _, s := range others {
		if err := draft.Exec(ctx, s); err != nil {
			return nil, fmt.Errorf("pkg database: %w", err)
		}
	}
	image, err := draft.Settle(ctx, len(statements))
	if err != nil {
		return nil, fmt.Errorf("pkg database: %w", err)
	}
	return image, nil
}

// ranks are the numbers of the rows that others refer to, by table and name.
func (c *Content) ranks(ctx context.Context) (map[string]map[string]int, error) {
	ranks := map[string]map[string]int{}
	for _, table := range c.shape.tables {
		column := nameColumn(table)
		if column == "" {
			continue
		}
		t := c.tables[table]
		at := t.at(column)
		ranks[table] = map[string]int{}
		for n := range t.len() {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			name := t.value(n, at)
			if !isText(name) {
				return nil, c.read(rowErrorf(table, t, n, "its %s is not text", column))
			}
			ranks[table][name.Text] = n + 1
		}
	}
	return ranks, nil
}

// place says what a column of a table is made of.
type place struct {
	at    int            // the column of the rows; -1 for the row's own number
	ranks map[string]int // of the table that it refers to; nil for none
	last  value          // the name looked up last: rows often have that of the one before
	rank  value
}

// insert adds the rows of a table with a value for each column.
func (c *Content) insert(ctx context.Context, draft *sqlitefile.Draft, table string, ranks map[string]map[string]int) error {
	t := c.tables[table]
	var places []place
	for _, column := range c.shape.columns[table] {
		p := place{at: slices.Index(t.columns, column)} // which has no number of its own
		if ref := referenceOf(table, column); ref != nil {
			p.ranks = ranks[ref.table]
		}
		places = append(places, p)
	}
	n, err := draft.Insert(ctx, table, len(places), t.len(), func(n int, values []value) {
		for i := range places {
			p := &places[i]
			switch {
			case p.at < 0:
				values[i] = number(int64(n + 1))
			case p.ranks == nil:
				values[i] = t.value(n, p.at)
			default:
				if name := t.value(n, p.at); name != p.last {
					p.last, p.rank = name, number(int64(p.ranks[name.Text]))
				}
				values[i] = p.rank
			}
		}
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case sqlitefile.Unfit(err):
		return c.read(rowErrorf(table, t, n, "%w", err))
	case err != nil:
		return fmt.Errorf("pkg database: table %s: %w", table, err)
	}
	return c.read(nil)
}
