// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/pkgfile"
)

// Installed is a package as the database records it.
type Installed struct {
	*pkgfile.Manifest
	Automatic  bool
	Locked     bool
	Repository string // the stanza's name
	// Contents are those of the package's configuration files, by path.
	Contents map[string][]byte
}

// Write makes the database of a root in which exactly pkgs are installed, at the
// time epoch (seconds), as a pkg with this schema would. Later file times become
// epoch, as they do in the files. The order of pkgs does not matter. SQLite works
// in files in a new folder within dir, "" for the system's for temporary files,
// which is gone at the end; the image is in a file without a name.
func Write(ctx context.Context, dir string, pkgs []Installed, epoch int64, schema Schema) (*Image, error) {
	c, err := contentFrom(ctx, pkgs, epoch, schema)
	if err != nil {
		return nil, err
	}
	return c.Encode(ctx, dir, schema)
}

// contentFrom turns manifests into what a pkg with a schema records of them.
func contentFrom(ctx context.Context, pkgs []Installed, epoch int64, schema Schema) (*Content, error) {
	fresh, err := schema.fresh()
	if err != nil {
		return nil, err
	}
	w := writer{epoch: epoch}
	dirs := map[string]*pkgfile.Dir{}
	w.table("files", fileColumns...).from = filesOf(pkgs, epoch)
	for _, p := range pkgs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		w.pkg(p)
		w.config(p)
		w.lists(p)
		w.scripts(p)
		w.annotations(p)
		for i, d := range p.Dirs {
			w.table("pkg_directories", "package_id", "directory_id", "try").add(text(p.Name), text(d.Path), number(1))
			// Packages that share a directory agree on it, or were refused
			// before.
			dirs[d.Path] = &p.Dirs[i]
		}
	}
	t := w.table("directories", "path", "uname", "gname", "perm", "fflags")
	for _, path := range slices.Sorted(maps.Keys(dirs)) {
		d := dirs[path]
		// NULL names and mode 0 stand for what a manifest leaves out.
		t.add(text(path), orNull(d.Uname), orNull(d.Gname), number(int64(d.Perm)), flags(d.Flags))
	}
	w.forget(fresh)
	return &w.Content, nil
}

// writer turns manifests into rows.
type writer struct {
	Content
	epoch int64
}

// forget removes what a pkg with an older schema does not record.
func (c *Content) forget(fresh *shape) {
	for name, t := range c.tables {
		known := func(column string) bool { return slices.Contains(fresh.columns[name], column) }
		columns := slices.DeleteFunc(slices.Clone(t.columns), func(column string) bool { return !known(column) })
		if len(columns) == 0 {
			delete(c.tables, name)
		} else if len(columns) < len(t.columns) {
			c.tables[name] = t.pick(columns)
		}
	}
}

// licenseLogic is lic_t of libpkg: the operator as a character.
var licenseLogic = map[string]int64{"": 0, "single": 1, "or": '|', "and": '&'}

func (w *writer) pkg(p Installed) {
	w.table("packages", "origin", "name", "version", "comment", "desc", "message", "arch", "maintainer", "www", "prefix",
		"flatsize", "automatic", "locked", "licenselogic", "time", "manifestdigest", "dep_formula", "vital").
		add(text(p.Origin), text(p.Name), text(p.Version), text(p.Comment), text(p.Desc), orNull(pkgfile.MessagesJSON(p.Messages)), text(p.ABI),
			text(p.Maintainer), text(p.WWW), text(p.Prefix), number(p.FlatSize), integer(p.Automatic), integer(p.Locked),
			number(licenseLogic[p.LicenseLogic]), number(w.epoch), text(p.Digest()), optional(p.DepFormula), integer(p.Vital))
	for _, d := range p.Deps {
		w.table("deps", "origin", "name", "version", "package_id").add(text(d.Origin), text(d.Name), text(d.Version), text(p.Name))
	}
}

func (w *writer) config(p Installed) {
	for _, path := range p.Config {
		var content value // for a path that is not a file, or is a link, pkg has none
		if all, has := p.Contents[path]; has {
			// libpkg handles the content as a C string, which ends at the first
			// NUL.
			upToNUL, _, _ := strings.Cut(string(all), "\x00")
			content = text(upToNUL)
		}
		w.table("config_files", "path", "content", "package_id").add(text(path), content, text(p.Name))
	}
}

// lists are the properties that are plain lists of names.
var lists = []struct {
	table, column string
	of            func(*pkgfile.Manifest) *[]string
}{
	{"pkg_categories", "category_id", func(m *pkgfile.Manifest) *[]string { return &m.Categories }},
	{"pkg_licenses", "license_id", func(m *pkgfile.Manifest) *[]string { return &m.Licenses }},
	{"pkg_users", "user_id", func(m *pkgfile.Manifest) *[]string { return &m.Users }},
	{"pkg_groups", "group_id", func(m *pkgfile.Manifest) *[]string { return &m.Groups }},
	{"pkg_provides", "provide_id", func(m *pkgfile.Manifest) *[]string { return &m.Provides }},
	{"pkg_requires", "require_id", func(m *pkgfile.Manifest) *[]string { return &m.Requires }},
	{"pkg_shlibs_required", "shlib_id", func(m *pkgfile.Manifest) *[]string { return &m.ShlibsRequired }},
	{"pkg_shlibs_required_ignore", "shlib_id", func(m *pkgfile.Manifest) *[]string { return &m.ShlibsRequiredIgnore }},
	{"pkg_shlibs_provided", "shlib_id", func(m *pkgfile.Manifest) *[]string { return &m.ShlibsProvided }},
	{"pkg_shlibs_provided_ignore", "shlib_id", func(m *pkgfile.Manifest) *[]string { return &m.ShlibsProvidedIgnore }},
}

func (w *writer) lists(p Installed) {
	for _, l := range lists {
		for _, name := range *l.of(p.Manifest) {
			w.table(l.table, "package_id", l.column).add(text(p.Name), text(name))
		}
	}
	for _, o := range p.Options {
		w.table("pkg_option", "package_id", "option_id", "value").add(text(p.Name), text(o.Name), text(o.Value))
	}
}

// scriptTypes are the numbers of pkg_script_type (libpkg/pkg.h.in) and
// luaTypes those of pkg_lua_script.
var (
	scriptTypes = []string{"pre-install", "post-install", "pre-deinstall", "post-deinstall", "pre-upgrade", "post-upgrade", "install", "deinstall", "upgrade"}
	luaTypes    = []string{"pre-install", "post-install", "pre-deinstall", "post-deinstall"}
)

// scripts writes scripts of both languages. Like pkg, it drops phases that pkg
// does not know.
func (w *writer) scripts(p Installed) {
	for _, s := range p.Scripts {
		if i := slices.Index(scriptTypes, s.Phase); i >= 0 {
			w.table("pkg_script", "package_id", "type", "script_id").add(text(p.Name), number(int64(i)), text(s.Text))
		}
	}
	for _, s := range p.LuaScripts {
		if i := slices.Index(luaTypes, s.Phase); i >= 0 {
			w.table("pkg_lua_script", "package_id", "lua_script_id", "type").add(text(p.Name), text(s.Text), number(int64(i)))
		}
	}
}

// annotations writes the manifest's annotations and the two that pkg adds to a
// package from a repository, and not to one that is a file of its own, unless the
// manifest has their names (libpkg/pkg_add.c: pkg_add_common).
func (w *writer) annotations(p Installed) {
	all := map[string]string{}
	if p.Repository != "" {
		all["repo_type"], all["repository"] = "binary", p.Repository
	}
	for _, a := range p.Annotations {
		all[a.Name] = a.Value
	}
	for tag, content := range all {
		w.table("pkg_annotation", "package_id", "tag_id", "value_id").add(text(p.Name), text(tag), text(content))
	}
}

func flags(f *uint32) value {
	if f == nil {
		return number(0)
	}
	return number(int64(*f))
}

func integer(b bool) value {
	if b {
		return number(1)
	}
	return number(0)
}

func optional(s *string) value {
	if s == nil {
		return value{}
	}
	return text(*s)
}

// orNull is a text, NULL for an empty one.
func orNull(s string) value {
	if s == "" {
		return value{}
	}
	return text(s)
}
