// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// Normalise writes the normal form of a database in a known schema. The install
// time of every package becomes epoch (seconds); nil stands for the newest file
// time, 0 if there is none. The user's marks are kept. What the normal form
// cannot hold is an error that names table and row, and so is what pkg never
// made.
func Normalise(ctx context.Context, image []byte, schema Schema, epoch *int64) ([]byte, error) {
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
	out, err := n.write(ctx)
	if err != nil {
		return nil, err
	}
	return out, n.keptIn(ctx, out)
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
	for _, row := range t.list {
		if mtime, ok := t.get(row, "mtime").(int64); ok {
			newest = max(newest, mtime)
		}
	}
	return newest
}

// SetInstalled gives every package an install time.
func (c *Content) SetInstalled(epoch int64) {
	t := c.table("packages")
	for _, row := range t.list {
		row[t.at("time")] = epoch
	}
}

// Clamp sets later file times to epoch.
func (c *Content) Clamp(epoch int64) {
	t := c.table("files")
	at := t.at("mtime")
	for _, row := range t.list {
		if mtime, ok := row[at].(int64); ok {
			row[at] = min(mtime, epoch)
		}
	}
}

// Only returns the content for some packages, marked automatic or not.
func (c *Content) Only(ctx context.Context, automatic map[string]bool) (*Content, error) {
	out, err := c.clone(ctx)
	if err != nil {
		return nil, err
	}
	for name, t := range out.tables {
		column := "package_id"
		if name == "packages" {
			column = "name"
		}
		if at := t.at(column); at >= 0 {
			t.list = slices.DeleteFunc(t.list, func(row []any) bool {
				text, ok := row[at].(string)
				_, wanted := automatic[text]
				return !ok || !wanted
			})
		}
	}
	t := out.table("packages")
	for _, row := range t.list {
		row[t.at("automatic")] = integer(automatic[row[t.at("name")].(string)])
	}
	return out, nil
}

// keptIn proves that a database says all that a normal content says. SQLite may
// have converted a value, where somebody had changed a column's type.
func (c *Content) keptIn(ctx context.Context, image []byte) error {
	db, err := Open(ctx, image)
	if err != nil {
		return err
	}
	defer db.Close()
	out, err := db.Content(ctx)
	if err != nil {
		return err
	}
	has := map[Line]bool{}
	lines, err := out.Dump(ctx)
	if err != nil {
		return err
	}
	for _, line := range lines {
		has[line] = true
	}
	if lines, err = c.Dump(ctx); err != nil {
		return err
	}
	for _, line := range lines {
		if !has[line] {
			return &sqlitefile.FormatError{Err: fmt.Errorf("table %s: row %s cannot be kept as it is", line.Table, line.Row)}
		}
	}
	return nil
}
