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
	r := newReader(ctx, c)
	r.read()
	for _, p := range r.all {
		r.eachFile(p, p.Files.Append)
		p.Files.Clip() // most of what the database is in memory
	}
	return r.list()
}

// Registered returns what the rows of packages say about each, by name, and
// leaves out all other tables.
func (c *Content) Registered(ctx context.Context) ([]Installed, error) {
	r := newReader(ctx, c)
	r.packages()
	return r.list()
}

// reader turns rows into manifests; after the first fault it does nothing.
type reader struct {
	ctx  context.Context
	c    *Content
	by   map[string]*found
	all  []*found // by name, once packages are read
	err  error
	conf map[owned]bool // configuration files
}

// found is a package in the database.
type found struct {
	Installed
	number int
	files  []uint32 // rows of its files
}

// owned is a path of a package.
type owned struct{ pkg, path string }

func newReader(ctx context.Context, c *Content) *reader {
	return &reader{ctx: ctx, c: c, by: map[string]*found{}, conf: map[owned]bool{}}
}

// read reads all but the files themselves.
func (r *reader) read() {
	r.packages()
	r.config()
	r.files()
	r.dirs()
	for _, l := range lists {
		r.each(l.table, func(get *getter) {
			texts := l.of(r.owner(get).Manifest)
			*texts = append(*texts, get.text(l.column))
		})
	}
	r.pairs()
	r.scripts()
}

func (r *reader) list() ([]Installed, error) {
	if err := r.c.read(r.err); err != nil {
		return nil, err
	}
	var list []Installed
	for _, p := range r.all {
		list = append(list, p.Installed)
	}
	return list, nil
}

// each passes on the rows of a table in their natural order.
func (r *reader) each(table string, do func(*getter)) {
	t := r.c.table(table)
	if r.err == nil {
		r.err = t.sort(r.ctx, table)
	}
	for n := range t.len() {
		if r.err != nil {
			return
		}
		r.one(table, t, n, do)
	}
}

// one passes on the n-th row of a table.
func (r *reader) one(table string, t *rows, n int, do func(*getter)) {
	if r.err = r.ctx.Err(); r.err != nil {
		return
	}
	get := getter{rows: t, n: n}
	do(&get)
	if get.err != nil {
		r.err = rowErrorf(table, t, n, "%w", get.err)
	}
}

// owner is the package that a row belongs to.
func (r *reader) owner(get *getter) *found {
	v := get.value("package_id")
	if p := r.by[v.Text]; p != nil && isText(v) {
		return p
	}
	get.fail("its package is %s, which is not in packages", shown(v))
	return &found{Installed: Installed{Manifest: &pkgfile.Manifest{}}}
}

func (r *reader) packages() {
	r.each("packages", func(get *getter) {
		m := &pkgfile.Manifest{
			Name: get.text("name"), Origin: get.text("origin"), Version: get.text("version"), Comment: get.text("comment"),
			Desc: get.text("desc"), Maintainer: get.text("maintainer"), WWW: get.text("www"), ABI: get.text("arch"),
			Prefix: get.text("prefix"), FlatSize: get.number("flatsize"),
			Vital: get.number("vital") != 0,
		}
		if !isNull(get.value("dep_formula")) {
			formula := get.text("dep_formula")
			m.DepFormula = &formula
		}
		for logic, n := range licenseLogic {
			if n == get.number("licenselogic") {
				m.LicenseLogic = logic
			}
		}
		r.by[m.Name] = &found{Installed: Installed{Manifest: m, Automatic: get.number("automatic") != 0, Locked: get.number("locked") != 0, Contents: map[string][]byte{}}}
	})
	for _, name := range slices.Sorted(maps.Keys(r.by)) {
		r.by[name].number = len(r.all)
		r.all = append(r.all, r.by[name])
	}
	r.each("deps", func(get *getter) {
		p := r.owner(get)
		p.Deps = append(p.Deps, pkgfile.Dep{Name: get.text("name"), Origin: get.text("origin"), Version: get.text("version")})
	})
}

func (r *reader) config() {
	r.each("config_files", func(get *getter) {
		p := r.owner(get)
		path := get.text("path")
		r.conf[owned{p.Name, path}] = true
		p.Config = append(p.Config, path)
		if !isNull(get.value("content")) {
			p.Contents[path] = []byte(get.text("content"))
		}
	})
}

// files finds the rows of each package's files, which are in order of their paths.
func (r *reader) files() {
	t := r.c.table("files")
	owners, count := make([]uint32, 0, t.len()), make([]int, len(r.all))
	r.each("files", func(get *getter) {
		if p := r.owner(get); get.err == nil {
			owners = append(owners, uint32(p.number))
			count[p.number]++
		}
	})
	for i, p := range r.all {
		p.files = make([]uint32, 0, count[i])
	}
	for n, owner := range owners {
		p := r.all[owner]
		p.files = append(p.files, uint32(n))
	}
}

// eachFile passes on the files of a package.
func (r *reader) eachFile(p *found, do func(pkgfile.File)) {
	t := r.c.table("files")
	for _, n := range p.files {
		if r.err != nil {
			return
		}
		r.one("files", t, int(n), func(get *getter) {
			f := pkgfile.File{
				Path: get.text("path"), Sum: get.text("sha256"), Attr: get.attr(), Flags: get.flags(),
				Link: get.text("symlink_target"), IsLink: !isNull(get.value("symlink_target")),
			}
			if seconds := get.number("mtime"); seconds > 0 {
				f.Time = &seconds
			}
			f.IsConfig = r.conf[owned{p.Name, f.Path}]
			if get.err == nil {
				do(f)
			}
		})
	}
}

func (r *reader) dirs() {
	dirs := map[string]pkgfile.Dir{}
	r.each("directories", func(get *getter) {
		path := get.text("path")
		dirs[path] = pkgfile.Dir{Path: path, Attr: get.attr(), Flags: get.flags()}
	})
	r.each("pkg_directories", func(get *getter) {
		p := r.owner(get)
		p.Dirs = append(p.Dirs, dirs[get.text("directory_id")])
	})
}

func (r *reader) pairs() {
	r.each("pkg_option", func(get *getter) {
		p := r.owner(get)
		p.Options = append(p.Options, pkgfile.Pair{Name: get.text("option_id"), Value: get.text("value")})
	})
	r.each("pkg_annotation", func(get *getter) {
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
	phase := func(get *getter, phases []string) string {
		if n := get.number("type"); n >= 0 && n < int64(len(phases)) {
			return phases[n]
		}
		get.fail("its type is %d, which is not known", get.number("type"))
		return ""
	}
	r.each("pkg_script", func(get *getter) {
		p := r.owner(get)
		p.Scripts = append(p.Scripts, pkgfile.Script{Phase: phase(get, scriptTypes), Text: get.text("script_id")})
	})
	r.each("pkg_lua_script", func(get *getter) {
		p := r.owner(get)
		p.LuaScripts = append(p.LuaScripts, pkgfile.Script{Phase: phase(get, luaTypes), Text: get.text("lua_script_id")})
	})
}

// getter reads the values of a row and keeps the first fault.
type getter struct {
	rows *rows
	n    int
	err  error
}

func (g *getter) value(column string) value { return g.rows.get(g.n, column) }

func (g *getter) text(column string) string {
	v := g.value(column)
	if !isText(v) && !isNull(v) {
		g.fail("its %s is %s, wanted a text", column, shown(v))
		return ""
	}
	return v.Text
}

func (g *getter) number(column string) int64 {
	v := g.value(column)
	if !isInteger(v) && !isNull(v) {
		g.fail("its %s is %s, wanted a number", column, shown(v))
		return 0
	}
	return v.Number
}

// attr is unknown where the row lacks owner or mode: in packages from before pkg
// 2.4, and in schema 36.
func (g *getter) attr() pkgfile.Attr {
	a := pkgfile.Attr{Uname: g.text("uname"), Gname: g.text("gname"), Perm: uint32(g.number("perm"))}
	a.Known = !isNull(g.value("uname")) && !isNull(g.value("gname")) && a.Perm != 0
	return a
}

func (g *getter) flags() *uint32 {
	bits := uint32(g.number("fflags"))
	return &bits
}

func (g *getter) fail(format string, args ...any) {
	if g.err == nil {
		g.err = fmt.Errorf(format, args...)
	}
}
