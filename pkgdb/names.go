// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"maps"
	"slices"

	"github.com/orlop/orlop/pkgdb/pkgfile"
)

// names writes a table of texts, which other tables refer to by number, and
// returns the number of each text: its rank.
func (w *writer) names(table string, texts map[string]bool) map[string]int {
	ids := make(map[string]int, len(texts))
	for i, text := range slices.Sorted(maps.Keys(texts)) {
		ids[text] = i + 1
		w.insert(table, i+1, text)
	}
	return ids
}

// list is a property of packages that is kept as names and references to them.
type list struct {
	refs string
	of   func(*pkgfile.Manifest) []string
}

// lists writes the properties that are plain lists of names. Two tables may
// refer to one table of names.
func (w *writer) lists() {
	for _, t := range []struct {
		table string
		lists []list
	}{
		{"categories", []list{{"pkg_categories", func(m *pkgfile.Manifest) []string { return m.Categories }}}},
		{"licenses", []list{{"pkg_licenses", func(m *pkgfile.Manifest) []string { return m.Licenses }}}},
		{"users", []list{{"pkg_users", func(m *pkgfile.Manifest) []string { return m.Users }}}},
		{"groups", []list{{"pkg_groups", func(m *pkgfile.Manifest) []string { return m.Groups }}}},
		{"provides", []list{{"pkg_provides", func(m *pkgfile.Manifest) []string { return m.Provides }}}},
		{"requires", []list{{"pkg_requires", func(m *pkgfile.Manifest) []string { return m.Requires }}}},
		{"shlibs", []list{
			{"pkg_shlibs_required", func(m *pkgfile.Manifest) []string { return m.ShlibsRequired }},
			{"pkg_shlibs_required_ignore", func(m *pkgfile.Manifest) []string { return m.ShlibsRequiredIgnore }},
			{"pkg_shlibs_provided", func(m *pkgfile.Manifest) []string { return m.ShlibsProvided }},
			{"pkg_shlibs_provided_ignore", func(m *pkgfile.Manifest) []string { return m.ShlibsProvidedIgnore }},
		}},
	} {
		texts := map[string]bool{}
		for _, l := range t.lists {
			for _, p := range w.pkgs {
				for _, text := range l.of(p.Manifest) {
					texts[text] = true
				}
			}
		}
		ids := w.names(t.table, texts)
		for _, l := range t.lists {
			for i, p := range w.pkgs {
				for _, text := range l.of(p.Manifest) {
					w.insert(l.refs, i+1, ids[text])
				}
			}
		}
	}
	w.options()
}

func (w *writer) options() {
	texts := map[string]bool{}
	for _, p := range w.pkgs {
		for _, o := range p.Options {
			texts[o.Name] = true
		}
	}
	ids := w.names("option", texts)
	for i, p := range w.pkgs {
		for _, o := range p.Options {
			w.insert("pkg_option", i+1, ids[o.Name], o.Value)
		}
	}
}

// scriptTypes are the numbers of pkg_script_type (libpkg/pkg.h.in) and
// luaTypes those of pkg_lua_script.
var (
	scriptTypes = map[string]int{"pre-install": 0, "post-install": 1, "pre-deinstall": 2, "post-deinstall": 3, "pre-upgrade": 4, "post-upgrade": 5, "install": 6, "deinstall": 7, "upgrade": 8}
	luaTypes    = map[string]int{"pre-install": 0, "post-install": 1, "pre-deinstall": 2, "post-deinstall": 3}
)

// scripts writes scripts of both languages. Phases that pkg does not know are
// not kept by pkg either.
func (w *writer) scripts() {
	texts, luaTexts := map[string]bool{}, map[string]bool{}
	for _, p := range w.pkgs {
		for _, s := range p.Scripts {
			texts[s.Text] = true
		}
		for _, s := range p.LuaScripts {
			luaTexts[s.Text] = true
		}
	}
	ids, luaIDs := w.names("script", texts), w.names("lua_script", luaTexts)
	for i, p := range w.pkgs {
		for _, s := range sortedBy(p.Scripts, scriptTypes) {
			w.insert("pkg_script", i+1, scriptTypes[s.Phase], ids[s.Text])
		}
		for _, s := range sortedBy(p.LuaScripts, luaTypes) {
			w.insert("pkg_lua_script", i+1, luaIDs[s.Text], luaTypes[s.Phase])
		}
	}
}

// sortedBy returns the scripts of known phases in the order of their numbers.
func sortedBy(scripts []pkgfile.Script, types map[string]int) []pkgfile.Script {
	var known []pkgfile.Script
	for _, s := range scripts {
		if _, ok := types[s.Phase]; ok {
			known = append(known, s)
		}
	}
	slices.SortStableFunc(known, func(a, b pkgfile.Script) int { return types[a.Phase] - types[b.Phase] })
	return known
}

// annotations writes the manifest's annotations and the two that pkg adds to a
// package from a repository (libpkg/pkg_jobs.c).
func (w *writer) annotations() {
	all := make([]map[string]string, len(w.pkgs))
	texts := map[string]bool{}
	for i, p := range w.pkgs {
		all[i] = map[string]string{}
		for _, a := range p.Annotations {
			all[i][a.Name] = a.Value
		}
		all[i]["repo_type"] = "binary"
		all[i]["repository"] = p.Repository
		for tag, value := range all[i] {
			texts[tag], texts[value] = true, true
		}
	}
	ids := w.names("annotation", texts)
	for i, tags := range all {
		for _, tag := range slices.Sorted(maps.Keys(tags)) {
			w.insert("pkg_annotation", i+1, ids[tag], ids[tags[tag]])
		}
	}
}
