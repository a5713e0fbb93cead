// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/orlop/orlop/pkgdb/pkgfile"
)

// Installed returns the packages by name, as manifests without messages. A row
// that belongs to no package, or with a value of a type that pkg does not write,
// is an error.
func (c *Content) Installed(ctx context.Context) ([]Installed, error) {
	r := reader{ctx: ctx, c: c, all: map[string]*Installed{}}
	r.packages()
	r.files()
	r.dirs()
	for _, l := range lists {
		r.each(l.table, func(get getter) {
			texts := l.of(r.owner(get).Manifest)
			*texts = append(*texts, get.text(l.column))
		})
	}
	r.pairs()
	r.scripts()
	return r.list()
}

// Registered returns what the rows of packages say about each, by name, and
// leaves out all other tables.
func (c *Content) Registered(ctx context.Context) ([]Installed, error) {
	r := reader{ctx: ctx, c: c, all: map[string]*Installed{}}
	r.packages()
	return r.list()
}

func (r *reader) list() ([]Installed, error) {
	if r.err != nil {
		return nil, r.err
	}
	var list []Installed
	for _, name := range slices.Sorted(maps.Keys(r.all)) {
		list = append(list, *r.all[name])
	}
	return list, nil
}

// reader turns rows into manifests; after the first fault it does nothing.
type reader struct {
	ctx context.Context
	c   *Content
	all map[string]*Installed
	err error
}

// each passes on the rows of a table in their natural order.
func (r *reader) each(table string, do func(getter)) {
	t := r.c.table(table)
	if r.err == nil {
		r.err = t.sort(r.ctx, table)
	}
	for _, row := range t.list {
		if r.err == nil {
			r.err = r.ctx.Err()
		}
		if r.err != nil {
			return
		}
		var err error
		do(getter{func(column string) any { return t.get(row, column) }, &err})
		if err != nil {
			r.err = rowErrorf(table, t, row, "%w", err)
		}
	}
}

// owner is the package that a row belongs to.
func (r *reader) owner(get getter) *Installed {
	name, _ := get.value("package_id").(string)
	if p := r.all[name]; p != nil {
		return p
	}
	get.fail("its package is %s, which is not in packages", value(get.value("package_id")))
	return &Installed{Manifest: &pkgfile.Manifest{}}
}

func (r *reader) packages() {
	r.each("packages", func(get getter) {
		m := &pkgfile.Manifest{
			Name: get.text("name"), Origin: get.text("origin"), Version: get.text("version"), Comment: get.text("comment"),
			Desc: get.text("desc"), Maintainer: get.text("maintainer"), WWW: get.text("www"), ABI: get.text("arch"),
			Prefix: get.text("prefix"), FlatSize: get.number("flatsize"),
			Vital: get.number("vital") != 0,
		}
		if get.value("dep_formula") != nil {
			formula := get.text("dep_formula")
			m.DepFormula = &formula
		}
		for logic, n := range licenseLogic {
			if n == get.number("licenselogic") {
				m.LicenseLogic = logic
			}
		}
		r.all[m.Name] = &Installed{Manifest: m, Automatic: get.number("automatic") != 0, Locked: get.number("locked") != 0, Contents: map[string][]byte{}}
	})
	r.each("deps", func(get getter) {
		p := r.owner(get)
		p.Deps = append(p.Deps, pkgfile.Dep{Name: get.text("name"), Origin: get.text("origin"), Version: get.text("version")})
	})
}

func (r *reader) files() {
	type owned struct{ pkg, path string }
	config := map[owned]bool{}
	r.each("config_files", func(get getter) {
		p := r.owner(get)
		config[owned{p.Name, get.text("path")}] = true
		p.Config = append(p.Config, get.text("path"))
		if get.value("content") != nil {
			p.Contents[get.text("path")] = []byte(get.text("content"))
		}
	})
	r.each("files", func(get getter) {
		p := r.owner(get)
		f := pkgfile.File{
			Path: get.text("path"), Sum: get.text("sha256"), Attr: get.attr(), Flags: get.flags(),
			Link: get.text("symlink_target"), IsLink: get.value("symlink_target") != nil,
		}
		if seconds := get.number("mtime"); seconds > 0 {
			f.Time = &seconds
		}
		f.IsConfig = config[owned{p.Name, f.Path}]
		p.Files.Append(f)
	})
}

func (r *reader) dirs() {
	dirs := map[string]pkgfile.Dir{}
	r.each("directories", func(get getter) {
		path := get.text("path")
		dirs[path] = pkgfile.Dir{Path: path, Attr: get.attr(), Flags: get.flags()}
	})
	r.each("pkg_directories", func(get getter) {
		p := r.owner(get)
		p.Dirs = append(p.Dirs, dirs[get.text("directory_id")])
	})
}

func (r *reader) pairs() {
	r.each("pkg_option", func(get getter) {
		p := r.owner(get)
		p.Options = append(p.Options, pkgfile.Pair{Name: get.text("option_id"), Value: get.text("value")})
	})
	r.each("pkg_annotation", func(get getter) {
		p := r.owner(get)
		switch tag, text := get.text("tag_id"), get.text("value_id"); tag {
		case "repo_type":
		case "repository":
			p.Repository = text
		default:
			p.Annotations = append(p.Annotations, pkgfile.Pair{Name: tag, Value: text})
		}
	})
}

func (r *reader) scripts() {
	phase := func(get getter, phases []string) string {
		if n := get.number("type"); n >= 0 && n < int64(len(phases)) {
			return phases[n]
		}
		get.fail("its type is %d, which is not known", get.number("type"))
		return ""
	}
	r.each("pkg_script", func(get getter) {
		p := r.owner(get)
		p.Scripts = append(p.Scripts, pkgfile.Script{Phase: phase(get, scriptTypes), Text: get.text("script_id")})
	})
	r.each("pkg_lua_script", func(get getter) {
		p := r.owner(get)
		p.LuaScripts = append(p.LuaScripts, pkgfile.Script{Phase: phase(get, luaTypes), Text: get.text("lua_script_id")})
	})
}

// getter reads the values of a row and keeps the first fault.
type getter struct {
	value func(column string) any
	err   *error
}

func (g getter) text(column string) string {
	switch v := g.value(column).(type) {
	case nil:
	case string:
		return v
	default:
		g.fail("its %s is %s, wanted a text", column, value(v))
	}
	return ""
}

func (g getter) number(column string) int64 {
	switch v := g.value(column).(type) {
	case nil:
	case int64:
		return v
	default:
		g.fail("its %s is %s, wanted a number", column, value(v))
	}
	return 0
}

// attr is unknown where the row lacks owner or mode: in packages from before pkg
// 2.4, and in schema 36.
func (g getter) attr() pkgfile.Attr {
	a := pkgfile.Attr{Uname: g.text("uname"), Gname: g.text("gname"), Perm: uint32(g.number("perm"))}
	a.Known = g.value("uname") != nil && g.value("gname") != nil && a.Perm != 0
	return a
}

func (g getter) flags() *uint32 {
	bits := uint32(g.number("fflags"))
	return &bits
}

func (g getter) fail(format string, args ...any) {
	if *g.err == nil {
		*g.err = fmt.Errorf(format, args...)
	}
}
