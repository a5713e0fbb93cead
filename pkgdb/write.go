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
// epoch, as they do in the files. The order of pkgs does not matter.
func Write(ctx context.Context, pkgs []Installed, epoch int64, schema Schema) ([]byte, error) {
	fresh, err := schema.fresh()
	if err != nil {
		return nil, err
	}
	w := writer{epoch: epoch}
	dirs := map[string]*pkgfile.Dir{}
	for _, p := range pkgs {
		w.pkg(p)
		if err := w.files(ctx, p); err != nil {
			return nil, err
		}
		w.lists(p)
		w.scripts(p)
		w.annotations(p)
		for i, d := range p.Dirs {
			w.table("pkg_directories", "package_id", "directory_id", "try").add(p.Name, d.Path, int64(1))
			// Packages that share a directory agree on it, or were refused
			// before.
			dirs[d.Path] = &p.Dirs[i]
		}
	}
	t := w.table("directories", "path", "uname", "gname", "perm", "fflags")
	for _, path := range slices.Sorted(maps.Keys(dirs)) {
		d := dirs[path]
		uname, gname, perm := attributes(d.Attr)
		t.add(path, uname, gname, perm, flags(d.Flags))
	}
	w.forget(fresh)
	return w.Encode(ctx, schema)
}

// writer turns manifests into rows.
type writer struct {
	Content
	epoch int64
}

// forget removes what a pkg with an older schema does not record.
func (c *Content) forget(fresh *shape) {
	for name, t := range c.tables {
		if columns, ok := fresh.columns[name]; !ok {
			delete(c.tables, name)
		} else {
			for i, column := range t.columns {
				for _, row := range t.list {
					if !slices.Contains(columns, column) {
						row[i] = nil
					}
				}
			}
		}
	}
}

// licenseLogic is lic_t of libpkg: the operator as a character.
var licenseLogic = map[string]int64{"": 0, "single": 1, "or": '|', "and": '&'}

func (w *writer) pkg(p Installed) {
	w.table("packages", "origin", "name", "version", "comment", "desc", "message", "arch", "maintainer", "www", "prefix",
		"flatsize", "automatic", "locked", "licenselogic", "time", "manifestdigest", "dep_formula", "vital").
		add(p.Origin, p.Name, p.Version, p.Comment, p.Desc, null(pkgfile.MessagesJSON(p.Messages)), p.ABI, p.Maintainer, p.WWW, p.Prefix,
			p.FlatSize, integer(p.Automatic), integer(p.Locked), licenseLogic[p.LicenseLogic], w.epoch, p.Digest(), optional(p.DepFormula), integer(p.Vital))
	for _, d := range p.Deps {
		w.table("deps", "origin", "name", "version", "package_id").add(d.Origin, d.Name, d.Version, p.Name)
	}
}

func (w *writer) files(ctx context.Context, p Installed) error {
	t := w.table("files", "path", "sha256", "uname", "gname", "perm", "fflags", "mtime", "symlink_target", "package_id")
	for _, f := range p.Files.All() {
		if err := ctx.Err(); err != nil {
			return err
		}
		var seconds int64
		if f.Time != nil {
			seconds = min(*f.Time, w.epoch)
		}
		var link any
		if f.IsLink {
			link = f.Link
		}
		uname, gname, perm := attributes(f.Attr)
		t.add(f.Path, null(f.Sum), uname, gname, perm, flags(f.Flags), seconds, link, p.Name)
	}
	for _, path := range p.Config {
		var content any // for a path that is not a file, or is a link, pkg has none
		if text, has := p.Contents[path]; has {
			// libpkg handles the content as a C string, which ends at the first
			// NUL.
			content, _, _ = strings.Cut(string(text), "\x00")
		}
		w.table("config_files", "path", "content", "package_id").add(path, content, p.Name)
	}
	return nil
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
		for _, text := range *l.of(p.Manifest) {
			w.table(l.table, "package_id", l.column).add(p.Name, text)
		}
	}
	for _, o := range p.Options {
		w.table("pkg_option", "package_id", "option_id", "value").add(p.Name, o.Name, o.Value)
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
			w.table("pkg_script", "package_id", "type", "script_id").add(p.Name, int64(i), s.Text)
		}
	}
	for _, s := range p.LuaScripts {
		if i := slices.Index(luaTypes, s.Phase); i >= 0 {
			w.table("pkg_lua_script", "package_id", "lua_script_id", "type").add(p.Name, s.Text, int64(i))
		}
	}
}

// annotations writes the manifest's annotations and the two that pkg adds to a
// package from a repository, unless the manifest has their names
// (libpkg/pkg_add.c: pkg_add_common).
func (w *writer) annotations(p Installed) {
	all := map[string]string{"repo_type": "binary", "repository": p.Repository}
	for _, a := range p.Annotations {
		all[a.Name] = a.Value
	}
	for tag, text := range all {
		w.table("pkg_annotation", "package_id", "tag_id", "value_id").add(p.Name, tag, text)
	}
}

// attributes gives NULL names and mode 0 for what a manifest leaves out.
func attributes(a pkgfile.Attr) (uname, gname, perm any) {
	return null(a.Uname), null(a.Gname), int64(a.Perm)
}

func flags(f *uint32) int64 {
	if f == nil {
		return 0
	}
	return int64(*f)
}

func integer(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func optional(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}

func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}
