// SPDX-License-Identifier: BSD-2-Clause

package containerfile

import (
	"regexp"
	"slices"
	"strings"
)

// instruction is one of a Containerfile.
type instruction struct {
	line  int    // where it begins
	name  string // in capitals
	flags []flag // of COPY, FROM, HEALTHCHECK and others
	rest  string // what follows, in one line
	at    []mark // the lines of parts of rest
	docs  []document
}

// flag is --name=value.
type flag struct{ name, value string }

// get returns the value of a flag, "" for none.
func (in *instruction) get(name string) string {
	for _, f := range in.flags {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

// mark says that from an offset on a text is on a line.
type mark struct{ offset, line int }

// lineOf finds the line of an offset.
func lineOf(at []mark, offset int) int {
	line := 0
	for _, m := range at {
		if m.offset <= offset {
			line = m.line
		}
	}
	return line
}

// document is a here-document.
type document struct {
	line   int // of its first line
	tag    string
	quoted bool // nothing is expanded
	text   string
}

// known are the instructions there are.
var known = []string{"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER",
	"ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}

var (
	directive = regexp.MustCompile(`^#\s*([A-Za-z]+)\s*=\s*(\S+)\s*$`)
	flagForm  = regexp.MustCompile(`^--([a-z][a-z-]*)(?:=(\S*))?(?:[ \t]+|$)`)
	hereForm  = regexp.MustCompile(`<<(-?)[ \t]*(?:"([A-Za-z_]\w*)"|'([A-Za-z_]\w*)'|([A-Za-z_]\w*))`)
)

// reader reads lines.
type reader struct {
	lines  []string
	next   int // index of the line that comes next
	escape string
}

// read splits a Containerfile into its instructions.
func read(text string) ([]instruction, error) {
	if err := checkText(text); err != nil {
		return nil, err
	}
	text = strings.TrimPrefix(strings.ReplaceAll(text, "\r\n", "\n"), "\ufeff")
	r := reader{lines: strings.Split(text, "\n"), escape: `\`}
	r.directives()
	var list []instruction
	for r.next < len(r.lines) {
		if isComment(r.lines[r.next]) || strings.TrimSpace(r.lines[r.next]) == "" {
			r.next++
			continue
		}
		in, err := r.instruction()
		if err != nil {
			return nil, err
		}
		list = append(list, in)
	}
	return list, nil
}

func isComment(line string) bool { return strings.HasPrefix(strings.TrimSpace(line), "#") }

// directives reads the first comments, which may name another escape character.
func (r *reader) directives() {
	for _, line := range r.lines {
		m := directive.FindStringSubmatch(line)
		if m == nil {
			return
		}
		if strings.EqualFold(m[1], "escape") && m[2] == "`" {
			r.escape = "`"
		}
	}
}

// instruction reads one, with its continued lines and here-documents.
func (r *reader) instruction() (instruction, error) {
	in := instruction{line: r.next + 1}
	in.rest, in.at = r.joined()
	trimmed := strings.TrimLeft(in.rest, " \t")
	word, _, _ := strings.Cut(strings.ReplaceAll(trimmed, "\t", " "), " ")
	in.name = strings.ToUpper(word)
	if !slices.Contains(known, in.name) {
		return in, lineError(in.line, "%s is no instruction of a Containerfile", word)
	}
	in.cut(len(in.rest) - len(trimmed) + len(word))
	if err := r.documents(&in); err != nil {
		return in, err
	}
	for slices.Contains([]string{"ADD", "COPY", "FROM", "HEALTHCHECK", "RUN"}, in.name) {
		in.cut(len(in.rest) - len(strings.TrimLeft(in.rest, " \t")))
		m := flagForm.FindStringSubmatch(in.rest)
		if m == nil {
			break
		}
		in.flags = append(in.flags, flag{m[1], m[2]})
		in.cut(len(m[0]))
	}
	in.cut(len(in.rest) - len(strings.TrimLeft(in.rest, " \t")))
	in.rest = strings.TrimRight(in.rest, " \t")
	return in, nil
}

// cut takes bytes off the beginning of the rest.
func (in *instruction) cut(n int) {
	in.rest = in.rest[n:]
	for i := range in.at {
		in.at[i].offset -= n
	}
}

// joined joins continued lines. Comments and empty lines between them go.
func (r *reader) joined() (string, []mark) {
	var b strings.Builder
	var at []mark
	for first := true; r.next < len(r.lines); first = false {
		line := r.lines[r.next]
		r.next++
		if !first && (isComment(line) || strings.TrimSpace(line) == "") {
			continue
		}
		at = append(at, mark{b.Len(), r.next})
		part, more := strings.CutSuffix(strings.TrimRight(line, " \t"), r.escape)
		if !more {
			b.WriteString(line)
			break
		}
		b.WriteString(part)
	}
	return b.String(), at
}

// documents reads the here-documents whose tags stand in an instruction.
func (r *reader) documents(in *instruction) error {
	if in.name != "RUN" && in.name != "COPY" && in.name != "ADD" {
		return nil
	}
	for _, m := range hereForm.FindAllStringSubmatch(in.rest, -1) {
		d := document{line: r.next + 1, tag: m[2] + m[3] + m[4], quoted: m[4] == ""}
		for ended := false; !ended; r.next++ {
			if r.next == len(r.lines) {
				return lineError(in.line, "found no line %s, which ends the text after <<", d.tag)
			}
			line := r.lines[r.next]
			if m[1] == "-" {
				line = strings.TrimLeft(line, "\t")
			}
			if ended = line == d.tag; !ended {
				d.text += line + "\n"
			}
		}
		in.docs = append(in.docs, d)
	}
	return nil
}

// text is the instruction in one line, for notes.
func (in *instruction) text() string {
	text := in.name
	for _, f := range in.flags {
		text += " --" + f.name
		if f.value != "" {
			text += "=" + f.value
		}
	}
	return strings.Join(strings.Fields(text+" "+in.rest), " ")
}
