// SPDX-License-Identifier: BSD-2-Clause

package containerfile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// runner reads the commands of one RUN. It stands in for a shell: it knows the values of
// variables and the working folder, and what each command means for the image.
type runner struct {
	*stage
	cwd   string
	vars  map[string]value
	web   *download // what the commands before a | fetch
	quiet int       // commands that the translation counts only once
}

// run translates a RUN.
func (t *translator) run(in *instruction) {
	s := t.stage()
	r := &runner{stage: s, cwd: s.cwd, vars: map[string]value{}}
	if words := list(in.rest); words != nil {
		t.steps++
		c := &command{line: in.line, text: in.text()}
		for _, text := range words {
			c.words = append(c.words, word{{text: text, quoted: true}})
		}
		if len(words) == 3 && slices.Contains([]string{"/bin/sh", "sh"}, words[0]) && words[1] == "-c" {
			r.all(parseScript(words[2], []mark{{0, in.line}}, nil))
			return
		}
		r.all([]*command{c})
		return
	}
	for _, f := range in.flags {
		if f.name != "mount" {
			s.remark(fmt.Sprintf("RUN --%s has no meaning here: nothing is run.", f.name))
		}
	}
	src, at, docs := in.rest, in.at, in.docs
	if len(docs) == 1 && hereForm.FindString(src) == strings.TrimSpace(src) {
		src, at = docs[0].text, nil
		for i, offset := 0, 0; offset <= len(src); i++ {
			at = append(at, mark{offset, docs[0].line + i})
			next := strings.IndexByte(src[offset:], '\n')
			if next < 0 {
				break
			}
			offset += next + 1
		}
		src, docs = documentsIn(src)
		if strings.HasPrefix(src, "#!") && !strings.Contains(firstLine(src), "/sh") {
			t.steps++
			s.note(in.line, in.text(), "it is no script of sh", Left)
			return
		}
	}
	r.all(parseScript(src, at, docs))
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// documentsIn takes the texts of here-documents out of a script, and leaves empty lines.
func documentsIn(src string) (string, []document) {
	var docs []document
	lines := strings.Split(src, "\n")
	for i := 0; i < len(lines); i++ {
		for _, m := range hereForm.FindAllStringSubmatch(lines[i], -1) {
			d := document{line: i + 1, tag: m[2] + m[3] + m[4], quoted: m[4] == ""}
			end := slices.IndexFunc(lines[i+1:], func(line string) bool {
				return line == d.tag || m[1] == "-" && strings.TrimLeft(line, "\t") == d.tag
			})
			if end < 0 {
				continue
			}
			for j := i + 1; j < i+1+end; j++ {
				text := lines[j]
				if m[1] == "-" {
					text = strings.TrimLeft(text, "\t")
				}
				d.text += text + "\n"
			}
			lines = slices.Delete(lines, i+1, i+2+end)
			docs = append(docs, d)
		}
	}
	return strings.Join(lines, "\n"), docs
}

// scope is that of the shell: its own variables count first.
func (r *runner) scope() *scope {
	outer := r.stage.scope()
	return &scope{output: r.output, plain: r.t.plain, lookup: func(name string) (value, bool) {
		if v, is := r.vars[name]; is {
			return v, true
		}
		if name == "PWD" {
			return value{text: r.cwd}, true
		}
		return outer.lookup(name)
	}}
}

// all translates commands in their order. Where one depends on another's success, that is
// what happens: a build in which a command fails makes no image.
func (r *runner) all(list []*command) {
	for i := 0; i < len(list) && !r.t.tooMany(); i++ {
		r.t.visits++
		c := list[i]
		end := i + 1
		for end < len(list) && list[end].before != ";" {
			end++
		}
		chain := list[i:end]
		switch {
		case isTest(c) && len(chain) > 1:
			r.guarded(chain)
			i = end - 1
			continue
		case i+1 < end && list[i+1].before == "||" && !r.gives(list[i+1]):
			r.leave(c, "what else is done depends on whether it fails")
			r.leave(list[i+1], "it is done only if the command before fails")
			i++
			continue
		}
		r.one(c)
		for i+1 < len(list) && list[i+1].before == "||" {
			i++ // it only says what a failure means
		}
	}
}

// gives reports whether a command after || only says that a failure counts, or not.
func (r *runner) gives(c *command) bool {
	if c.kind == group {
		return !slices.ContainsFunc(c.body, func(inner *command) bool { return !r.gives(inner) })
	}
	if c.kind != simple || len(c.words) == 0 {
		return false
	}
	name := r.scope().text(c.words[0])
	return slices.Contains([]string{"true", ":", "false", "exit", "echo", "printf", "return"}, name.text) && len(r.files(c)) == 0
}

// files are the redirections of a command to files of the image.
func (r *runner) files(c *command) []redirect {
	return slices.DeleteFunc(slices.Clone(c.redirects), func(to redirect) bool {
		target := r.scope().text(to.target).text
		return to.op == ">&" || to.op == "2>&" || to.op == "<" || to.op == "<<" || to.op[0] == '2' || strings.HasPrefix(target, "/dev/")
	})
}

// leave notes that a command is not translated.
func (r *runner) leave(c *command, reason string) {
	r.t.steps++
	r.note(c.line, c.text, reason, Left)
}

// one translates a command.
func (r *runner) one(c *command) {
	switch {
	case c.kind == other:
		r.leave(c, c.bad)
	case c.kind == ifElse && c.next == nil:
		r.choose(c)
	case c.kind == loop && c.next == nil && len(c.redirects) == 0:
		r.each(c)
	case c.kind == group && c.next == nil && len(r.files(c)) == 0:
		before, cwd := maps.Clone(r.vars), r.cwd
		r.all(c.body)
		if strings.HasPrefix(c.text, "(") {
			r.vars, r.cwd = before, cwd
		}
	default:
		r.t.steps++
		if err := r.simple(c); err != nil {
			r.failed(c.line, c.text, err)
		}
	}
}

// simple translates a command that does one thing, or several joined by |.
func (r *runner) simple(c *command) error {
	if files := r.files(lastOf(c)); len(files) > 0 {
		return r.writes(c, files)
	}
	if c.next != nil {
		return r.piped(c)
	}
	call, err := r.call(c)
	if err != nil || call == nil {
		return err
	}
	return r.do(call)
}

// lastOf is the command whose output is that of all.
func lastOf(c *command) *command {
	for c.next != nil {
		c = c.next
	}
	return c
}

// each repeats the commands of a loop for each of its words.
func (r *runner) each(c *command) {
	var values []string
	for _, w := range c.words {
		fields, v := r.scope().fields(w)
		glob := slices.ContainsFunc(fields, func(f field) bool { return f.glob })
		if v.why != "" || glob {
			if v.why == "" {
				v.why = "it repeats commands for files whose names only a running shell knows"
			}
			r.leave(c, v.why)
			return
		}
		for _, f := range fields {
			values = append(values, f.text)
		}
	}
	if len(values) > maxRounds {
		r.leave(c, fmt.Sprintf("it repeats commands more than %d times", maxRounds))
		return
	}
	if r.quiet++; r.quiet > maxLoops {
		r.leave(c, "it is a loop in loops")
		return
	}
	defer func() { r.quiet-- }()
	for _, text := range values {
		r.vars[c.variable] = value{text: text}
		r.all(c.body)
	}
}

// What a loop may come to.
const (
	maxRounds = 64
	maxLoops  = 2
)

var errCommand = errors.New("it runs a program: nothing is run; give what it makes as files or as a package")
