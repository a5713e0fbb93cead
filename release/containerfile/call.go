// SPDX-License-Identifier: BSD-2-Clause

package containerfile

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// call is a command with its words expanded.
type call struct {
	name  string // without folders
	args  []field
	input *value // what it reads, if that is known
	why   string // words are missing, of a command that only prints or checks
	c     *command
}

// words are the arguments.
func (c *call) words() []string {
	var list []string
	for _, a := range c.args {
		list = append(list, a.text)
	}
	return list
}

// call expands a simple command. Assignments alone are carried out, and then it is nil.
func (r *runner) call(c *command) (*call, error) {
	if c.kind != simple {
		return nil, fmt.Errorf("it is not understood as a whole")
	}
	words := c.words
	assigned := pairs{}
	whys := map[string]value{}
	for len(words) > 0 {
		name, rest, is := assignment(words[0])
		if !is {
			break
		}
		v := r.scope().text(rest)
		assigned.set(name, v.text)
		whys[name] = v
		words = words[1:]
	}
	if len(words) == 0 {
		for _, p := range assigned {
			r.vars[p.key] = whys[p.key]
			if whys[p.key].why != "" && r.asksWeb(c.text) {
				r.vars[p.key] = r.fromWeb(c, p.key)
			}
		}
		return nil, nil
	}
	full := &call{c: c}
	for i, w := range words {
		fields, v := r.scope().fields(w)
		if v.why != "" {
			if i == 0 {
				return nil, v.err()
			}
			if r.harmless(full.name) {
				full.why = v.why
				continue
			}
			return nil, v.err()
		}
		for _, f := range fields {
			if full.name == "" {
				full.name = path.Base(f.text)
				continue
			}
			full.args = append(full.args, f)
		}
	}
	for _, to := range c.redirects {
		if to.op == "<<" && to.doc != nil {
			v := r.scope().document(to.doc)
			full.input = &v
		}
	}
	if full.name == "env" || full.name == "exec" || full.name == "command" {
		return full, r.unwrap(full)
	}
	return full, nil
}

// asksWeb reports whether commands look something up in the web, or in a file from there.
func (r *runner) asksWeb(text string) bool {
	for _, d := range r.downloads {
		if strings.Contains(text, d.file) {
			d.asked = true
			return true
		}
	}
	return slices.ContainsFunc([]string{"fetch ", "curl ", "wget "}, func(name string) bool { return strings.Contains(text, name) })
}

// fromWeb makes a variable of what the Containerfile looks up in the web: an image that is
// the same each time has to know it before.
func (r *runner) fromWeb(c *command, name string) value {
	v := r.t.variable(name, "", false)
	if v.text == "" {
		return value{why: fmt.Sprintf("it uses %s, which is looked up in the web", name)}
	}
	r.note(c.line, c.text, fmt.Sprintf("it looks up %s in the web: give the variable that has its name a value", name), Open)
	return v
}

// unwrap looks for the command that env starts.
func (r *runner) unwrap(c *call) error {
	for len(c.args) > 0 {
		text := c.args[0].text
		c.args = c.args[1:]
		if text == "-u" && len(c.args) > 0 {
			c.args = c.args[1:]
			continue
		}
		if name, _, is := strings.Cut(text, "="); strings.HasPrefix(text, "-") || is && isName(name) {
			continue
		}
		c.name = path.Base(text)
		return nil
	}
	return &needless{"it only prints"}
}

// assignment splits NAME=WORD.
func assignment(w word) (name string, rest word, is bool) {
	if len(w) == 0 || w[0].is != literal || w[0].quoted {
		return "", nil, false
	}
	name, text, found := strings.Cut(w[0].text, "=")
	if !found || !isName(name) {
		return "", nil, false
	}
	return name, append(word{{text: text, quoted: true}}, w[1:]...), true
}
