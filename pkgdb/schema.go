// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"database/sql"
	"embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Schema is the version of a database's schema: SQLite's user_version.
type Schema int

// DefaultSchema is that of pkg 2.8. An older pkg warns of it and reads it all
// the same; a newer one brings it up to date. It decides bytes of images.
const DefaultSchema Schema = 42

// Schemas are those that a release of pkg has had since 2.2.
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
	tables   []string            // in the order of their creation
	columns  map[string][]string // by table
	indexes  []string            // without those that SQLite makes itself
	views    []string
	triggers []string
}

// shapeOf reads the shape of an open database.
func shapeOf(db *sql.DB) (*shape, error) {
	s := &shape{columns: map[string][]string{}}
	err := each(db, "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid", func(scan scanner) error {
		var kind, name string
		if err := scan(&kind, &name); err != nil {
			return err
		}
		list := map[string]*[]string{"table": &s.tables, "index": &s.indexes, "view": &s.views, "trigger": &s.triggers}[kind]
		if list == nil {
			return fmt.Errorf("%q is a %q, which is not known", name, kind)
		}
		*list = append(*list, name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, table := range s.tables {
		err := each(db, "SELECT name FROM pragma_table_info(?)", func(scan scanner) error {
			var column string
			err := scan(&column)
			s.columns[table] = append(s.columns[table], column)
			return err
		}, table)
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// fresh is the shape of a database that pkg has just created.
func (s Schema) fresh() (*shape, error) {
	db, err := openMemory(s)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return shapeOf(db)
}

// What databases that pkg has brought up from older schemas may hold besides,
// and what they may lack (libpkg/private/db_upgrades.h, followed from schema 12
// of pkg 1.0 on). No pkg since 2.2 writes there.
var (
	oldTables  = []string{"mtree", "option_desc", "pkg_option_desc", "pkg_option_default"}
	oldViews   = []string{"pkg_shlibs", "flavors"}
	oldTrigger = []string{"pkg_shlibs_update", "pkg_shlibs_insert", "pkg_shlibs_delete"}
	// Step 40 drops these two, and creating 42 afresh makes them.
	droppedIndexes = []string{"pkg_requires_package_id", "pkg_lua_script_package_id"}
)

// strangers lists what neither a fresh database nor one that grew old has: its
// contents might mean something.
func (s *shape) strangers(fresh *shape) []error {
	var errs []error
	for _, kind := range []struct {
		name              string
		have, fresh, more []string
	}{
		{"table", s.tables, fresh.tables, oldTables},
		{"view", s.views, fresh.views, oldViews},
		{"trigger", s.triggers, nil, oldTrigger},
	} {
		for _, name := range kind.have {
			if !slices.Contains(kind.fresh, name) && !slices.Contains(kind.more, name) {
				errs = append(errs, &FormatError{fmt.Errorf("%s %q is not one of pkg's", kind.name, name)})
			}
		}
	}
	return errs
}
