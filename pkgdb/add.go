// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"context"
	"errors"
	"fmt"
)

// Add makes the database of a root in which pkgs are installed on top of what this
// content says, in its normal form and at the time epoch, by way of files in dir: see
// Write. Packages of the content that are requested now are automatic no longer. None
// of pkgs may be installed already.
func (c *Content) Add(ctx context.Context, dir string, pkgs []Installed, requested map[string]bool, epoch int64, schema Schema) (*Image, error) {
	if err := c.Pure(); err != nil {
		return nil, err
	}
	added, err := contentFrom(ctx, pkgs, epoch, schema)
	if err != nil {
		return nil, err
	}
	all := c.clone()
	if err := all.lacks(pkgs); err != nil {
		return nil, err
	}
	all.request(requested)
	if err := all.join(ctx, added); err != nil {
		return nil, err
	}
	all.SetInstalled(epoch)
	return all.Encode(ctx, dir, schema)
}

// lacks checks that no package is installed already.
func (c *Content) lacks(pkgs []Installed) error {
	there := map[string]bool{}
	for n, t := 0, c.table("packages"); n < t.len(); n++ {
		there[t.get(n, "name").Text] = true
	}
	for _, p := range pkgs {
		if there[p.Name] {
			return fmt.Errorf("pkg database: package %s is installed already", p.Name)
		}
	}
	return nil
}

// request marks packages as requested.
func (c *Content) request(names map[string]bool) {
	t := c.table("packages")
	from, name, automatic := t.from, t.at("name"), t.at("automatic")
	if name < 0 || automatic < 0 {
		return
	}
	t.from = changed{from, automatic, func(row int) value {
		if names[from.value(row, name).Text] {
			return number(0)
		}
		return from.value(row, automatic)
	}}
}

// join adds the rows of another content. Packages that share a directory agree on it,
// so it stands once.
func (c *Content) join(ctx context.Context, other *Content) error {
	known := map[string]bool{}
	for n, t := 0, c.table("directories"); n < t.len(); n++ {
		known[t.get(n, "path").Text] = true
	}
	for _, name := range other.names() {
		if err := ctx.Err(); err != nil {
			return err
		}
		t := other.tables[name]
		if name == "directories" {
			same := *t
			t = &same
			at := t.at("path")
			if err := t.keep(ctx, func(n int) bool { return !known[t.value(n, at).Text] }); err != nil {
				return err
			}
		}
		c.tables[name] = c.tables[name].with(t)
	}
	return errors.Join(c.read(nil), other.read(nil))
}

// with returns the rows of two tables, one after the other, with the columns of both.
func (r *rows) with(other *rows) *rows {
	if r == nil {
		return other
	}
	columns := r.columns
	for _, column := range other.columns {
		if r.at(column) < 0 {
			columns = append(columns[:len(columns):len(columns)], column)
		}
	}
	return &rows{columns: columns, from: both{r.pick(columns), other.pick(columns)}}
}

// both has the rows of two tables with the same columns.
type both [2]*rows

func (b both) len() int { return b[0].len() + b[1].len() }

func (b both) value(row, column int) value {
	if first := b[0].len(); row >= first {
		return b[1].value(row-first, column)
	}
	return b[0].value(row, column)
}
