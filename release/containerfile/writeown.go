// SPDX-License-Identifier: BSD-2-Clause

package containerfile

import (
	"slices"
	"strings"
)

// order is that in which a definition has the kinds of entries.
var order = []entryKind{isTree, isFolder, isLocal, isText, isTaken, isDir, isLink}

func (s *stage) writeOwn(w *writer) {
	var links pairs
	for _, kind := range order {
		for _, e := range s.own {
			switch {
			case e.kind != kind || e.implied:
			case kind == isLink:
				links.set(e.path, e.target)
			default:
				e.write(w)
			}
		}
	}
	w.object("link", links)
}

func (e *entry) write(w *writer) {
	owner, group, mode := w.member("owner", e.owner), w.member("group", e.group), w.member("mode", e.mode)
	switch e.kind {
	case isDir:
		w.block("dir", e.path, owner, group, mode)
	case isLocal:
		w.block("file", e.path, w.member("local", e.local), owner, group, mode)
	case isTaken:
		w.block("file", e.path, w.members("from", e.from), w.member("path", e.source), owner, group, mode)
	case isFolder:
		w.block("folder", e.path, w.members("from", e.from), w.member("path", e.source), owner, group)
	case isText:
		e.writeText(w, owner, group, mode)
	case isTree:
		if len(e.modes) == 0 {
			w.block("tree", e.path, w.member("local", e.local), w.member("image", e.image), w.member("path", e.source), owner, group)
			return
		}
		open, end := w.section("tree", e.path)
		w.line("%s", open)
		w.indent++
		for _, m := range []string{w.member("local", e.local), w.member("image", e.image), w.member("path", e.source), owner, group} {
			if m != "" {
				w.line("%s", m)
			}
		}
		w.object("modes", e.modes)
		w.indent--
		w.line("%s", end)
	}
}

// writeText writes a file with its content: in quotes if it is a line, else as a
// here-document, whose last line end UCL cuts off.
func (e *entry) writeText(w *writer, others ...string) {
	if strings.Count(e.content, "\n") < 2 || strings.ContainsAny(e.content, "\t\r") && strings.Contains(e.content, "\r") {
		w.block("file", e.path, append([]string{"content = " + w.quoteContent(e.content)}, others...)...)
		return
	}
	open, end := w.section("file", e.path)
	w.line("%s", open)
	w.indent++
	for _, m := range others {
		if m != "" {
			w.line("%s", m)
		}
	}
	w.line("content = %s", w.document(e.content))
	w.indent--
	w.line("%s", end)
}

// quoteContent quotes a text in which only known names in ${…} are variables.
func (w *writer) quoteContent(text string) string {
	if text == "" {
		return `""`
	}
	if !w.clashes(text) {
		for _, name := range variablesIn(text) {
			w.t.used[name] = true
		}
		return `"` + shown(escaped.Replace(text)) + `"`
	}
	return w.quote(text)
}

// document is a text of lines as a here-document, or raw if it has what would be a
// variable. Without an end of its last line no here-document has it.
func (w *writer) document(text string) string {
	lined, ends := strings.CutSuffix(text, "\n")
	if !ends || w.clashes(text) {
		return w.quoteContent(text)
	}
	for _, name := range variablesIn(text) {
		w.t.used[name] = true
	}
	tag := "EOT"
	lines := strings.Split(lined, "\n")
	for slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, tag) }) {
		tag += "X"
	}
	return "<<" + tag + "\n" + shown(lined) + "\n" + tag
}

// clashes reports whether a literal text would be taken for a variable of the definition.
func (w *writer) clashes(text string) bool {
	names := slices.Clone(builtin)
	for _, v := range w.t.vars {
		names = append(names, v.name)
	}
	return strings.Contains(text, "$$") || strings.Contains(text, "${version:") || slices.ContainsFunc(names, func(name string) bool {
		return strings.Contains(text, "${"+name+"}") || strings.Contains(text, "$"+name)
	})
}

func (s *stage) writeAccounts(w *writer) {
	for _, g := range s.groups {
		w.block("group", g.name, number("gid", g.id), w.members("members", g.groups))
	}
	for _, a := range s.accounts {
		w.block("account", a.name, number("uid", a.id), w.member("group", a.group), w.members("groups", a.groups), w.member("home", a.home),
			w.member("shell", a.shell), w.member("class", a.class), w.member("gecos", a.gecos))
	}
}

func number(key, text string) string {
	if text == "" {
		return ""
	}
	return key + " = " + text
}

// writeArchives writes what is fetched as comments, since its sums are not known.
func (s *stage) writeArchives(w *writer) {
	for _, d := range s.archives {
		w.line("# archive {")
		for _, m := range []string{w.member("url", d.url), `sha256 = "…"`, number("strip", d.strip), w.members("include", d.include), w.member("to", d.to),
			w.member("owner", d.owner), w.member("group", d.group), w.braces("modes", d.modes)} {
			if m != "" {
				w.line("#     %s", m)
			}
		}
		w.line("# }")
	}
}

// braces is an object in one line.
func (w *writer) braces(key string, list pairs) string {
	var members []string
	for _, p := range list {
		members = append(members, w.key(p.key)+" = "+w.quote(p.value))
	}
	if members == nil {
		return ""
	}
	return key + " { " + strings.Join(members, "; ") + " }"
}

func (s *stage) writeEdits(w *writer) {
	for _, e := range s.edits {
		open, end := w.section("edit", e.path)
		w.line("%s", open)
		w.indent++
		w.object("replace", e.replace)
		w.object("set", e.set)
		w.list("append", e.append)
		w.indent--
		w.line("%s", end)
	}
}
