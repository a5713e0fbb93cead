// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// define reads a statement of a schema. For views and triggers it returns only
// the tokens.
func define(sql string) (*definition, error) {
	tokens, err := tokensOf(sql)
	if err != nil {
		return nil, err
	}
	d, p := &definition{tokens: tokens}, &parser{rest: tokens}
	p.want("create")
	unique := p.accept("unique")
	switch {
	case !unique && p.accept("table"):
		d.kind = "table"
		d.name = p.name()
		p.columns(d)
	case p.accept("index"):
		d.kind = "index"
		d.name = p.name()
		p.want("on")
		d.table = p.name()
		d.columns = p.names()
	case !unique && p.accept("view"):
		d.kind = "view"
		d.name = p.name()
		return d, p.err
	case !unique && p.accept("trigger"):
		d.kind = "trigger"
		d.name = p.name()
		return d, p.err
	}
	if len(p.rest) > 0 || d.kind == "" {
		p.fail("wanted only what pkg writes")
	}
	return d, p.err
}

// columns takes the columns of a table and its constraints.
func (p *parser) columns(d *definition) {
	p.want("(")
	for constraints := false; p.err == nil; {
		if p.peek().is("constraint", "primary", "unique", "foreign") {
			constraints = true
		}
		if constraints {
			p.constraint(d)
		} else {
			d.columns = append(d.columns, p.name())
			d.types = append(d.types, p.kind())
			for p.peek().is("constraint", "primary", "not", "null", "unique", "default", "collate", "references") {
				p.property(d)
			}
		}
		if !p.accept(",") {
			break
		}
	}
	p.want(")")
}

// kind takes a column's type, any number of words, and returns them. A size
// shows as "()".
func (p *parser) kind() string {
	var words []string
	for p.peek().kind == 'w' && !p.peek().is(reserved...) {
		words = append(words, p.peek().text)
		p.rest = p.rest[1:]
	}
	if p.accept("(") {
		words = append(words, "()")
		p.number()
		if p.accept(",") {
			p.number()
		}
		p.want(")")
	}
	return strings.Join(words, " ")
}

// forms are the columns of a table as its rows have them: SQLite takes an INTEGER
// PRIMARY KEY for the row's number, with one exception
// (https://www.sqlite.org/lang_createtable.html, 5).
func (d *definition) forms() []sqlitefile.Column {
	var list []sqlitefile.Column
	for i, name := range d.columns {
		c := sqlitefile.Column{Name: name, Type: d.types[i]}
		c.Number = len(d.primary) == 1 && !d.falling && strings.EqualFold(d.primary[0], name) && strings.EqualFold(c.Type, "integer")
		list = append(list, c)
	}
	return list
}

// property takes a property of a column.
func (p *parser) property(d *definition) {
	switch {
	case p.accept("constraint"):
		p.name()
	case p.accept("primary", "key"):
		d.primary = append(d.primary, d.columns[len(d.columns)-1])
		if !p.accept("asc") {
			d.falling = p.accept("desc") || d.falling
		}
		p.conflict()
	case p.accept("not", "null") || p.accept("null") || p.accept("unique"):
		p.conflict()
	case p.accept("default"):
		p.literal()
	case p.accept("collate"):
		p.one("binary", "nocase", "rtrim")
	default:
		p.references()
	}
}

// literal takes the value of a default.
func (p *parser) literal() {
	switch {
	case p.accept("null"):
	case p.peek().kind == '\'':
		p.rest = p.rest[1:]
	case p.accept("("):
		p.number()
		p.want(")")
	default:
		p.number()
	}
}

// constraint takes a constraint of a table.
func (p *parser) constraint(d *definition) {
	if p.accept("constraint") {
		p.name()
	}
	switch {
	case p.accept("primary", "key"):
		names := p.names()
		d.keys, d.primary = append(d.keys, names...), append(d.primary, names...)
		p.conflict()
	case p.accept("unique"):
		d.keys = append(d.keys, p.names()...)
		p.conflict()
	case p.accept("foreign", "key"):
		d.keys = append(d.keys, p.names()...)
		p.references()
	default:
		p.fail("wanted a key")
	}
}

// conflict takes the resolution of conflicting keys.
func (p *parser) conflict() {
	if p.accept("on", "conflict") {
		p.one("rollback", "abort", "fail", "ignore", "replace")
	}
}

// references takes a foreign key, which nothing here follows.
func (p *parser) references() {
	p.want("references")
	p.name()
	if p.peek().is("(") {
		p.names()
	}
	for p.accept("on") {
		p.one("delete", "update")
		if !p.accept("no", "action") && !p.accept("set", "null") {
			p.one("cascade", "restrict")
		}
	}
	p.accept("not")
	if p.accept("deferrable") {
		if p.accept("initially") {
			p.one("deferred", "immediate")
		}
	}
}

// own are SQLite's own tables.
var own = []string{
	"CREATE TABLE sqlite_sequence(name,seq)",
	"CREATE TABLE sqlite_stat1(tbl,idx,stat)",
	"CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
}

// old are the views and triggers that pkg has made since 1.0 and that a database
// may still have: steps 18 and 41 of libpkg/private/db_upgrades.h. An index or
// table of that age is read like any other.
var old = []string{
	"CREATE VIEW flavors AS SELECT package_id, value.annotation AS flavor FROM pkg_annotation" +
		" LEFT JOIN annotation tag ON pkg_annotation.tag_id = tag.annotation_id" +
		" LEFT JOIN annotation value ON pkg_annotation.value_id = value.annotation_id WHERE tag.annotation = 'flavor'",
	"CREATE VIEW pkg_shlibs AS SELECT * FROM pkg_shlibs_required",
	"CREATE TRIGGER pkg_shlibs_update INSTEAD OF UPDATE ON pkg_shlibs FOR EACH ROW BEGIN UPDATE pkg_shlibs_required" +
		" SET package_id = new.package_id, shlib_id = new.shlib_id WHERE shlib_id = old.shlib_id AND package_id = old.package_id; END",
	"CREATE TRIGGER pkg_shlibs_insert INSTEAD OF INSERT ON pkg_shlibs FOR EACH ROW BEGIN" +
		" INSERT INTO pkg_shlibs_required (shlib_id, package_id) VALUES (new.shlib_id, new.package_id); END",
	"CREATE TRIGGER pkg_shlibs_delete INSTEAD OF DELETE ON pkg_shlibs FOR EACH ROW BEGIN" +
		" DELETE FROM pkg_shlibs_required WHERE shlib_id = old.shlib_id AND package_id = old.package_id; END",
}

// definitionOf reads the statement of an object, and refuses what could run:
// only statements listed word for word may be more than columns and keys. The
// index of a key has no statement.
func definitionOf(o *sqlitefile.Entry) (*definition, error) {
	if o.Sql == "" {
		if o.Kind != "index" || !strings.HasPrefix(o.Name, "sqlite_autoindex_") || o.Root <= 1 {
			return nil, errors.New("has no statement")
		}
		return nil, nil
	}
	d, err := define(o.Sql)
	if err != nil {
		return nil, fmt.Errorf("is not as pkg makes one: %w", err)
	}
	if d.kind != o.Kind || d.name != o.Name {
		return nil, fmt.Errorf("has a statement that makes the %s %.60q", d.kind, d.name)
	}
	if (d.kind == "table" || d.kind == "index") != (o.Root > 1) {
		return nil, fmt.Errorf("begins in page %d", o.Root)
	}
	var list []string
	switch {
	case strings.HasPrefix(strings.ToLower(o.Name), "sqlite_"):
		list = own
	case d.kind == "view" || d.kind == "trigger":
		list = old
	default:
		return d, nil
	}
	for _, sql := range list {
		if tokens, err := tokensOf(sql); err == nil && slices.EqualFunc(d.tokens, tokens, token.same) {
			return d, nil
		}
	}
	return nil, errors.New("is not one of pkg's")
}
