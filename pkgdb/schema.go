// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// Schema is the version of a database's schema: SQLite's user_version.
type Schema int

// DefaultSchema is that of pkg 2.8. An older pkg warns about it but still reads
// it; a newer one upgrades it. It decides bytes of images.
const DefaultSchema Schema = 42

// Schemas are those that releases of pkg have had since 2.2.
var Schemas = []Schema{36, 37, 38, 39, 42}

// ParseSchema reads the number of a schema.
func ParseSchema(s string) (Schema, error) {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, fmt.Errorf("schema %q is not a number", s)
	}
	return Schema(n), Schema(n).check()
}

func (s Schema) check() error {
	if !slices.Contains(Schemas, s) {
		return fmt.Errorf("schema %d is not known, wanted one of %s", s, strings.Trim(strings.ReplaceAll(fmt.Sprint(Schemas), " ", ", "), "[]"))
	}
	return nil
}

//go:embed schema/*.sql
var schemaText embed.FS

// statements are the ones that create an empty database.
func (s Schema) statements() ([]string, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	text, err := schemaText.ReadFile(fmt.Sprintf("schema/%d.sql", s))
	if err != nil {
		return nil, err
	}
	var list []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "--") {
			list = append(list, strings.TrimSuffix(line, ";\n"))
		}
	}
	return list, nil
}

// shape is what a database consists of.
type shape struct {
	tables  []string                       // in the order of their creation
	columns map[string][]string            // by table
	forms   map[string][]sqlitefile.Column // by table
	primary map[string][]string            // columns of the primary key, by table
	indexes []string                       // without those that SQLite makes itself
}

func newShape() *shape {
	return &shape{columns: map[string][]string{}, forms: map[string][]sqlitefile.Column{}, primary: map[string][]string{}}
}

// shapeOf takes the shape from the rows of a schema, and refuses those that are
// more than columns and keys.
func shapeOf(list []sqlitefile.Entry) (*shape, error) {
	s := newShape()
	var errs []error
	var all []*definition
	names := map[string]bool{}
	for i := range list {
		o := &list[i]
		d, err := definitionOf(o)
		name := strings.ToLower(o.Name)
		if err == nil && names[name] && o.Kind != "trigger" { // a trigger may have a table's name
			err = errors.New("occurs twice")
		}
		names[name] = names[name] || o.Kind != "trigger"
		switch {
		case err != nil:
			errs = append(errs, &sqlitefile.FormatError{Err: fmt.Errorf("%.60s %.60q %w", o.Kind, o.Name, err)})
		case d != nil:
			all = append(all, d)
			s.add(d)
		}
	}
	for _, d := range all {
		if err := s.keys(d); err != nil {
			errs = append(errs, &sqlitefile.FormatError{Err: fmt.Errorf("%s %.60q %w", d.kind, d.name, err)})
		}
	}
	return s, errors.Join(errs...)
}

// add adds what a statement makes, except SQLite's own tables.
func (s *shape) add(d *definition) {
	switch {
	case strings.HasPrefix(strings.ToLower(d.name), "sqlite_"):
	case d.kind == "table":
		s.tables = append(s.tables, d.name)
		s.columns[d.name] = d.columns
		s.forms[d.name] = d.forms()
		s.primary[d.name] = d.primary
	case d.kind == "index":
		s.indexes = append(s.indexes, d.name)
	}
}

// keys requires the columns of an index or key to be in the table: SQLite takes
// any other quoted name as a text, which is an expression.
func (s *shape) keys(d *definition) error {
	names, table := d.keys, d.name
	if d.kind == "index" {
		names, table = d.columns, d.table
	}
	for _, t := range s.tables {
		if strings.EqualFold(t, table) {
			table = t
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(s.columns[table], func(c string) bool { return strings.EqualFold(c, name) }) {
			return fmt.Errorf("is on %.60q, which is not a column of table %.60q", name, table)
		}
	}
	return nil
}

// fresh is the shape of a database that pkg has just created.
func (s Schema) fresh() (*shape, error) {
	statements, err := s.statements()
	if err != nil {
		return nil, err
	}
	fresh := newShape()
	for _, sql := range statements {
		d, err := define(sql)
		if err != nil {
			return nil, fmt.Errorf("schema %d: %s: %w", s, sql, err)
		}
		fresh.add(d)
	}
	return fresh, nil
}

// What databases that pkg upgraded from older schemas may also hold, and what
// they may lack (libpkg/private/db_upgrades.h, followed from schema 12 of pkg
// 1.0). No pkg since 2.2 writes there.
var (
	oldTables = []string{"mtree", "option_desc", "pkg_option_desc", "pkg_option_default"}
	// Step 40 drops these two; schema 42 has them when created afresh.
	droppedIndexes = []string{"pkg_requires_package_id", "pkg_lua_script_package_id"}
)

// foreign lists the tables that neither a new nor an upgraded database has:
// their contents might mean something.
func (s *shape) foreign(fresh *shape) []error {
	var errs []error
	for _, name := range s.tables {
		if !slices.Contains(fresh.tables, name) && !slices.Contains(oldTables, name) {
			errs = append(errs, &sqlitefile.FormatError{Err: fmt.Errorf("table %q is not one of pkg's", name)})
		}
	}
	return errs
}
