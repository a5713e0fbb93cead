// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"context"
	"errors"
	"maps"
	"slices"
)

// Encode writes the normal form of a content in a schema, by way of files in dir,
// as Write does. What that schema cannot hold is an error that names table and row.
func (c *Content) Encode(ctx context.Context, dir string, schema Schema) (*Image, error) {
	n, err := c.normal(ctx, schema)
	if err != nil {
		return nil, err
	}
	return n.write(ctx, dir)
}

// normal is the content as its normal form in a schema, with the tables and
// columns of that schema and its rows in order.
func (c *Content) normal(ctx context.Context, schema Schema) (*Content, error) {
	fresh, err := schema.fresh()
	if err != nil {
		return nil, err
	}
	f := &faults{ctx: ctx, c: c}
	c.orphans(f)
	if err := errors.Join(f.all()...); err != nil {
		return nil, err
	}
	c = c.clone()
	if err := c.rename(ctx); err != nil {
		return nil, err
	}
	c.unlock()
	n := &Content{Schema: schema, shape: fresh, file: c.file}
	if err := c.fit(ctx, n); err != nil {
		return nil, err
	}
	for name, t := range n.tables {
		if err := t.sort(ctx, name); err != nil {
			return nil, err
		}
	}
	return n, c.read(nil)
}

// clone is a content that may be changed. It has the same rows.
func (c *Content) clone() *Content {
	out := &Content{Schema: c.Schema, shape: c.shape, file: c.file, tables: map[string]*rows{}}
	for name, t := range c.tables {
		same := *t
		out.tables[name] = &same
	}
	return out
}

// rename rebuilds the tables of names: each name that some row refers to, once.
// Rows that only distinguished two numbers of one name become one.
func (c *Content) rename(ctx context.Context) error {
	used, err := c.used(ctx)
	if err != nil {
		return err
	}
	for name, texts := range used {
		t, column := c.tables[name], nameColumn(name)
		switch {
		case t == nil && len(texts) == 0:
		case t != nil && len(t.columns) > 1: // directories: the name has attributes
			i := t.at(column)
			err := t.keep(ctx, func(n int) bool {
				v := t.value(n, i)
				return isText(v) && texts[v.Text]
			})
			if err != nil {
				return err
			}
		default:
			delete(c.tables, name)
			t = c.table(name, column)
			for _, name := range slices.Sorted(maps.Keys(texts)) {
				t.add(text(name))
			}
		}
	}
	for _, name := range []string{"pkg_provides", "pkg_requires"} {
		if t := c.tables[name]; t != nil {
			if err := t.sort(ctx, name); err != nil {
				return err
			}
			if err := t.keep(ctx, func(n int) bool { return n == 0 || !t.equal(n, n-1) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// equal reports whether two rows have the same values.
func (r *rows) equal(a, b int) bool {
	for i := range r.columns {
		if compare(r.value(a, i), r.value(b, i)) != 0 {
			return false
		}
	}
	return true
}

// used are the names that some row refers to, by table. Packages need no reference.
func (c *Content) used(ctx context.Context) (map[string]map[string]bool, error) {
	used := map[string]map[string]bool{"mtree": {}}
	for _, r := range references {
		used[r.table] = map[string]bool{}
	}
	delete(used, "packages")
	for name, t := range c.tables {
		for i, column := range t.columns {
			ref := referenceOf(name, column)
			if ref == nil || ref.table == "packages" {
				continue
			}
			for n := range t.len() {
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				used[ref.table][t.value(n, i).Text] = true
			}
		}
	}
	return used, nil
}

// unlock leaves the locks as they are when no pkg runs.
func (c *Content) unlock() {
	delete(c.tables, "pkg_lock_pid")
	delete(c.tables, "pkg_lock")
	c.table("pkg_lock", "exclusive", "advisory", "read").add(number(0), number(0), number(0))
}

// fit puts all rows into the tables and columns of another content's shape. What
// does not fit must be empty.
func (c *Content) fit(ctx context.Context, into *Content) error {
	f := &faults{ctx: ctx, c: c}
	c.unrepresentable(f, into)
	if err := errors.Join(f.all()...); err != nil {
		return err
	}
	into.tables = map[string]*rows{}
	for _, name := range into.shape.tables {
		columns := slices.DeleteFunc(slices.Clone(into.shape.columns[name]), func(column string) bool { return ownKey(name, column) })
		into.tables[name] = c.table(name).pick(columns)
	}
	return nil
}

// unrepresentable finds the rows that say something another schema cannot.
func (c *Content) unrepresentable(f *faults, to *Content) {
	for _, name := range c.names() {
		t, columns := c.tables[name], to.shape.columns[name]
		var homeless []int // columns that must be empty
		for i, column := range t.columns {
			// mtree_id has been a number without a table since pkg 1.3.
			if !slices.Contains(columns, column) || column == "mtree_id" {
				homeless = append(homeless, i)
			}
		}
		for n := range t.len() {
			if !f.next() {
				return
			}
			if columns == nil {
				f.add(rowErrorf(name, t, n, "has no place in schema %d", to.Schema))
				continue
			}
			for _, i := range homeless {
				if !isNull(t.value(n, i)) {
					f.add(rowErrorf(name, t, n, "its %s has no place in schema %d", t.columns[i], to.Schema))
					break
				}
			}
		}
	}
}
