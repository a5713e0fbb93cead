// SPDX-License-Identifier: BSD-2-Clause

package containerfile

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// writer writes the text of a definition.
type writer struct {
	t      *translator
	b      strings.Builder
	indent int
}

// line writes a line.
func (w *writer) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if text != "" {
		w.b.WriteString(strings.Repeat("    ", w.indent))
	}
	w.b.WriteString(text + "\n")
}

// comment writes a text as lines of comments.
func (w *writer) comment(text string) {
	for line := range strings.Lines(text) {
		w.line("# %s", strings.TrimRight(line, "\n"))
	}
}

// quote is a string of UCL. Variables in it are noted as used. A dollar that is not of a
// variable is doubled if there is one, since then UCL makes one of two; else the string
// is raw, in which dollars mean nothing.
func (w *writer) quote(text string) string {
	names := variablesIn(text)
	for _, name := range names {
		w.t.used[name] = true
	}
	dollar := "$$"
	if len(names) == 0 {
		if strings.Contains(text, "$") && isRaw(text) {
			return raw(text)
		}
		dollar = "$"
	}
	return `"` + shown(strings.ReplaceAll(escaped.Replace(text), "$", dollar)) + `"`
}

// key is a key in quotes. UCL expands nothing in it; the definition's variables are.
func (w *writer) key(text string) string {
	for _, name := range variablesIn(text) {
		w.t.used[name] = true
	}
	return `"` + shown(escaped.Replace(text)) + `"`
}

// escaped escapes what a string in double quotes may not have.
var escaped = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\r", `\r`)

// raw is a string in single quotes, in which nothing is expanded.
func raw(text string) string { return "'" + strings.ReplaceAll(text, "'", `\'`) + "'" }

// isRaw reports whether a text can be one: a backslash before a quote or the end of a
// line means something there.
func isRaw(text string) bool {
	return !strings.Contains(text, `\'`) && !strings.Contains(text, "\\\n") && !strings.HasSuffix(text, `\`)
}

// list writes a list of strings, one a line if there are many.
func (w *writer) list(key string, texts []string) {
	if len(texts) == 0 {
		return
	}
	var quoted []string
	size := len(key)
	for _, text := range texts {
		quoted = append(quoted, w.quote(text))
		size += len(quoted[len(quoted)-1])
	}
	if size < 100 {
		w.line("%s = [ %s ]", key, strings.Join(quoted, ", "))
		return
	}
	w.line("%s = [", key)
	for _, q := range quoted {
		w.line("    %s", q)
	}
	w.line("]")
}

// text writes a key with a string, if there is one.
func (w *writer) text(key, text string) {
	if text != "" {
		w.line("%s = %s", key, w.quote(text))
	}
}

// object writes pairs in braces.
func (w *writer) object(key string, list pairs) {
	if len(list) == 0 {
		return
	}
	w.line("%s {", key)
	for _, p := range list {
		w.line("    %s = %s", w.key(p.key), w.quote(p.value))
	}
	w.line("}")
}

// section opens an object of a kind and a name, and says what closes it. UCL takes a comma
// or semicolon before the brace for the end of the member, even in quotes.
func (w *writer) section(kind, name string) (open, end string) {
	if strings.ContainsAny(name, ",;") {
		return kind + " = { " + w.key(name) + " = {", "} }"
	}
	return kind + " " + w.bare(name) + " {", "}"
}

// block writes an object whose members are given in one line: KEY = VALUE each.
func (w *writer) block(kind, name string, members ...string) {
	open, end := w.section(kind, name)
	members = slices.DeleteFunc(members, func(m string) bool { return m == "" })
	if len(members) == 0 {
		w.line("%s%s", open, end)
		return
	}
	w.line("%s %s %s", open, strings.Join(members, "; "), end)
}

// member is KEY = VALUE, "" without a value.
func (w *writer) member(key, text string) string {
	if text == "" {
		return ""
	}
	return key + " = " + w.quote(text)
}

func (w *writer) members(key string, texts []string) string {
	var quoted []string
	for _, text := range texts {
		quoted = append(quoted, w.quote(text))
	}
	if len(quoted) == 0 {
		return ""
	}
	return key + " = [ " + strings.Join(quoted, ", ") + " ]"
}

// header says where the definition comes from, and which variables it has.
func (t *translator) header() string {
	w := &writer{t: t}
	w.comment(fmt.Sprintf("Translated from %s by orlop init. Read it before you build: what is a\ncomment is not in the image. A path that the parent or a package has already\nmust stand in replaces.", path.Base(t.file)))
	if slices.ContainsFunc(t.stages, func(s *stage) bool { return strings.HasPrefix(s.parent, "docker://") }) {
		w.comment("A parent in a registry wants a digest (NAME@sha256:…), --parent-key, or\n--insecure-unsigned.")
	}
	w.line("")
	var vars []variable
	for _, v := range t.vars {
		if t.used[v.name] {
			vars = append(vars, v)
		}
	}
	if len(vars) > 0 {
		w.line("variables {")
		for _, v := range vars {
			note := ""
			if !v.given {
				note = " # the Containerfile gives it no value: give one here, or with --set"
			}
			w.line("    %s = %s%s", v.name, w.quote(v.text), note)
		}
		w.line("}")
		w.line("")
	}
	return w.b.String()
}

// write writes the image of a stage.
func (t *translator) write(s *stage, name string) string {
	w := &writer{t: t}
	open, end := w.section("image", name)
	w.line("%s", open)
	w.indent++
	for _, text := range s.remarks {
		w.comment(text)
	}
	w.text("parent", s.parent)
	w.list("repositories", s.repositories)
	w.list("packages", s.packages)
	s.writeAccounts(w)
	s.writeOwn(w)
	s.writeArchives(w)
	s.writeEdits(w)
	for _, a := range s.attributes {
		w.block("attributes", a.pattern, w.member("owner", a.owner), w.member("group", a.group), w.member("mode", a.mode))
	}
	w.list("remove", s.remove)
	w.object("rc-conf", s.rcConf)
	s.writeSettings(w)
	s.writeNotes(w)
	w.indent--
	w.line("%s", end)
	return w.b.String()
}

// bare is a key of UCL, in quotes only if it must be.
func (w *writer) bare(text string) string {
	if strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == "" && text != "" && text[0] != '-' {
		return text
	}
	return w.key(text)
}

func (s *stage) writeSettings(w *writer) {
	var env []string
	for _, p := range s.env {
		env = append(env, p.key+"="+p.value)
	}
	w.list("env", env)
	w.object("labels", s.labels)
	w.text("user", s.user)
	if s.dir != "/" {
		w.text("workdir", s.dir)
	}
	w.list("expose", s.expose)
	w.list("volumes", s.volumes)
	w.list("entrypoint", s.entrypoint)
	w.list("cmd", s.cmd)
	w.text("stop-signal", s.signal)
}

// writeNotes writes what is not in the definition, as comments. What is not needed comes
// last, together by reason.
func (s *stage) writeNotes(w *writer) {
	var notes []Note
	for at := s; at != nil; at = at.base {
		notes = append(at.notes[:len(at.notes):len(at.notes)], notes...)
	}
	slices.SortStableFunc(notes, func(a, b Note) int { return a.Line - b.Line })
	for _, of := range []struct {
		kind    Kind
		heading string
	}{{Left, "Not translated:"}, {Open, "To be completed:"}} {
		for _, n := range notes {
			if n.Kind != of.kind {
				continue
			}
			w.heading(&of.heading)
			w.comment(fmt.Sprintf("line %d: %s\n    %s", n.Line, n.Text, n.Reason))
		}
	}
	heading := "Not needed:"
	said := map[string]bool{}
	for i, first := range notes {
		if first.Kind != Needless || said[first.Reason] {
			continue
		}
		said[first.Reason] = true
		w.heading(&heading)
		w.comment("Because " + first.Reason + ":")
		for _, n := range notes[i:] {
			if n.Kind == Needless && n.Reason == first.Reason {
				w.comment(fmt.Sprintf("    line %d: %s", n.Line, n.Text))
			}
		}
	}
}

// heading writes a heading before the first of what it is for.
func (w *writer) heading(text *string) {
	if *text != "" {
		w.line("")
		w.comment(*text)
		*text = ""
	}
}
