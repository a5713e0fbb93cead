// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"context"
	"errors"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// Normalise writes the normal form of a database in a known schema, by way of
// files in dir, as Write does. The install time of every package becomes epoch
// (seconds); nil stands for the newest file time, 0 if there is none. The user's
// marks are kept. What the normal form cannot hold is an error that names table and
// row, and so is what pkg never made.
func Normalise(ctx context.Context, dir string, image *Image, schema Schema, epoch *int64) (*Image, error) {
	db, err := Open(ctx, image)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	c, err := db.Content(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.Pure(); err != nil {
		return nil, err
	}
	if epoch == nil {
		newest := c.Newest()
		epoch = &newest
	}
	c.SetInstalled(*epoch)
	n, err := c.normal(ctx, schema)
	if err != nil {
		return nil, err
	}
	out, err := n.write(ctx, dir)
	if err != nil {
		return nil, err
	}
	if err := n.keptIn(ctx, out); err != nil {
		out.Close()
		return nil, err
	}
	return out, nil
}

// Pure finds tables that are not pkg's; views and triggers are refused earlier.
func (c *Content) Pure() error {
	fresh, err := c.Schema.fresh()
	if err != nil {
		return err
	}
	return errors.Join(c.shape.foreign(fresh)...)
}

// Newest is the newest time of a file, in seconds.
func (c *Content) Newest() int64 {
	var newest int64
	t := c.table("files")
	for n := range t.len() {
		if mtime := t.get(n, "mtime"); isInteger(mtime) {
			newest = max(newest, mtime.Number)
		}
	}
	return newest
}

// SetInstalled gives every package an install time.
func (c *Content) SetInstalled(epoch int64) {
	c.table("packages").change("time", func(value) value { return number(epoch) })
}

// Clamp sets later file times to epoch.
func (c *Content) Clamp(epoch int64) {
	c.table("files").change("mtime", func(mtime value) value {
		if isInteger(mtime) {
			mtime.Number = min(mtime.Number, epoch)
		}
		return mtime
	})
}

// Only returns the content for some packages, marked automatic or not.
func (c *Content) Only(ctx context.Context, automatic map[string]bool) (*Content, error) {
	out := c.clone()
	for name, t := range out.tables {
		column := "package_id"
		if name == "packages" {
			column = "name"
		}
		at := t.at(column)
		if at < 0 {
			continue
		}
		err := t.keep(ctx, func(n int) bool {
			v := t.value(n, at)
			_, wanted := automatic[v.Text]
			return isText(v) && wanted
		})
		if err != nil {
			return nil, err
		}
	}
	t := out.table("packages")
	from, name := t.from, t.at("name")
	t.from = changed{from, t.at("automatic"), func(row int) value { return integer(automatic[from.value(row, name).Text]) }}
	return out, c.read(nil)
}

// keptIn proves that a database that was written says all that this normal content
// says. SQLite may have converted a value, where somebody had changed a column's
// type.
func (c *Content) keptIn(ctx context.Context, image *Image) error {
	list, err := sqlitefile.Schema(image)
	if err != nil {
		return err
	}
	out, err := contentOf(ctx, image, c.Schema, c.shape, list, nil)
	if err != nil {
		return err
	}
	for name, t := range c.tables {
		kept := out.tables[name]
		for n := range t.len() {
			if err := ctx.Err(); err != nil {
				return err
			}
			if n >= kept.len() || !t.same(kept, n) {
				return c.read(rowErrorf(name, t, n, "cannot be kept as it is"))
			}
		}
	}
	return out.read(c.read(nil))
}

// same reports whether two tables say the same in a row.
func (r *rows) same(other *rows, n int) bool {
	for i := range r.columns {
		if a, b := r.value(n, i), other.value(n, i); a != b && shown(a) != shown(b) {
			return false
		}
	}
	return true
}
