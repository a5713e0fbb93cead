// SPDX-License-Identifier: BSD-2-Clause

package containerfile

import (
	"fmt"
	"slices"
	"strings"
)

// writes translates a command whose output goes to files of the image.
func (r *runner) writes(c *command, files []redirect) error {
	if len(files) > 1 {
		return fmt.Errorf("its output goes to several files")
	}
	target := r.scope().text(files[0].target)
	text := r.produce(c)
	switch {
	case target.why != "":
		return target.err()
	case text.why != "":
		return text.err()
	case strings.ContainsAny(target.text, "*?["):
		return fmt.Errorf("it is not known which file it writes")
	}
	return r.write(resolve(r.cwd, target.text), text.text, files[0].op == ">>")
}

// write makes a file with a text, or adds to one.
func (r *runner) write(name, text string, more bool) error {
	e := r.find(name)
	switch {
	case len(text) > maxText || e != nil && len(e.content)+len(text) > maxText:
		return errLong.err()
	case !more && e != nil && e.kind != isDir:
		e.kind, e.content, e.local, e.from, e.source, e.target = isText, text, "", nil, "", ""
	case !more:
		r.put(&entry{kind: isText, path: name, content: text})
	case e != nil && e.kind == isText:
		e.content += text
	case !strings.HasSuffix(text, "\n"):
		return fmt.Errorf("it adds a part of a line to %s", shown(name))
	default:
		d := r.edit(name)
		d.append = append(d.append, strings.Split(strings.TrimSuffix(text, "\n"), "\n")...)
	}
	return nil
}

// edit returns that of a file.
func (r *runner) edit(name string) *edit {
	for _, e := range r.edits {
		if e.path == name {
			return e
		}
	}
	e := &edit{path: name}
	r.edits = append(r.edits, e)
	return e
}

// piped translates commands that are joined by |, and write no file by >.
func (r *runner) piped(c *command) error {
	last := lastOf(c)
	end, err := r.call(last)
	if err != nil || end == nil {
		return err
	}
	switch end.name {
	case "tee":
		flags, operands := options(end, "")
		names, err := r.paths(operands)
		if err != nil {
			return err
		}
		text := r.produceUntil(c, last)
		if text.why != "" {
			return text.err()
		}
		for _, name := range names {
			if err := r.write(name, text.text, has(flags, "a")); err != nil {
				return err
			}
		}
		return nil
	case "tar", "bsdtar":
		first, err := r.call(c)
		if err != nil {
			return err
		}
		if first == nil || c.next != last || !slices.Contains([]string{"fetch", "curl", "wget"}, first.name) {
			return fmt.Errorf("it is not known what is in the archive")
		}
		if r.web, err = r.download(first); err != nil {
			return err
		}
		defer func() { r.web = nil }()
		r.web.text = c.text
		return r.unpack(end)
	case "adduser", "pw":
		text := r.produceUntil(c, last)
		end.input = &text
		return r.do(end)
	}
	for at := c; at != nil; at = at.next {
		if call, err := r.call(at); err != nil || call == nil || !r.needs(call) && call.name != "sed" && call.name != "awk" {
			return errCommand
		}
	}
	return &needless{"it only prints"}
}

// output is what commands print, without the ends of the last lines.
func (r *runner) output(list []*command) value {
	var b strings.Builder
	for _, c := range list {
		v := r.produce(c)
		if v.why != "" {
			return value{why: fmt.Sprintf("it uses what is printed by %s", c.text)}
		}
		if b.WriteString(v.text); b.Len() > maxText {
			return errLong
		}
	}
	return value{text: strings.TrimRight(b.String(), "\n")}
}

// produce is what commands print, if that can be known without running them.
func (r *runner) produce(c *command) value { return r.produceUntil(c, nil) }

// produceUntil leaves out the last command of some that are joined by |.
func (r *runner) produceUntil(c, end *command) value {
	if name, is := r.versionOf(c); is {
		return value{text: ofVariable("version:"+name) + "\n"}
	}
	text := value{}
	for at := c; at != nil && at != end; at = at.next {
		if text = r.printed(at, text); text.why != "" {
			return text
		}
	}
	return text
}

// printed is what one command prints.
func (r *runner) printed(c *command, input value) value {
	unknown := value{why: fmt.Sprintf("it uses what is printed by %s", c.text)}
	if c.kind == group {
		var b strings.Builder
		for _, inner := range c.body {
			v := r.produce(inner)
			if v.why != "" {
				return v
			}
			if b.WriteString(v.text); b.Len() > maxText {
				return errLong
			}
		}
		return value{text: b.String()}
	}
	call, err := r.call(c)
	if err != nil {
		return value{why: err.Error()}
	}
	if call == nil {
		return value{}
	}
	if call.why != "" {
		return value{why: call.why}
	}
	if call.input != nil {
		input = *call.input
	}
	switch call.name {
	case "echo":
		return echo(call.words())
	case "printf":
		return printf(call.words(), unknown)
	case "true", ":":
		return value{}
	case "cat":
		if len(call.args) == 0 || len(call.args) == 1 && call.args[0].text == "-" {
			return input
		}
		var b strings.Builder
		for _, f := range call.args {
			e := r.find(resolve(r.cwd, f.text))
			if e != nil && e.kind == isLocal {
				return value{why: fmt.Sprintf("it uses the text of %s: write its lines here, or the whole file beside the definition", e.local)}
			}
			if e == nil || e.kind != isText {
				return unknown
			}
			if b.WriteString(e.content); b.Len() > maxText {
				return errLong
			}
		}
		return value{text: b.String()}
	case "tr":
		words := call.words()
		if len(words) == 2 && words[0] == "-d" && !strings.ContainsAny(words[1], "[-\\\x01") && !strings.Contains(input.text, "\x01") {
			return value{text: strings.NewReplacer(pairsOf(words[1])...).Replace(input.text)}
		}
	case "pkg":
		return r.query(call, unknown)
	}
	return unknown
}

// pairsOf are the characters of a text, each with nothing in its place.
func pairsOf(chars string) []string {
	var list []string
	for _, c := range chars {
		list = append(list, string(c), "")
	}
	return list
}

// versionOf recognises a program that looks for the line Version in what pkg info prints.
func (r *runner) versionOf(c *command) (string, bool) {
	if c.kind != simple || c.next == nil || !strings.Contains(c.text, "ersion") {
		return "", false
	}
	call, err := r.call(c)
	if err != nil || call == nil || call.name != "pkg" || len(call.args) != 2 || call.args[0].text != "info" {
		return "", false
	}
	for at := c.next; at != nil; at = at.next {
		if len(at.words) == 0 || !slices.Contains([]string{"sed", "grep", "awk", "cut", "head", "tr"}, r.scope().text(at.words[0]).text) {
			return "", false
		}
	}
	return r.packageName(call.args[1].text), true
}

// packageName is the name of a package in ${version:NAME}, in which no variable can be.
func (r *runner) packageName(name string) string {
	for _, v := range variablesIn(name) {
		r.remark(fmt.Sprintf("The version of a package whose name has %s is that of %s.", v, r.t.plain(name)))
	}
	return r.t.plain(name)
}

// query is what pkg query prints.
func (r *runner) query(c *call, unknown value) value {
	words := c.words()
	if len(words) != 3 || words[0] != "query" || strings.HasPrefix(words[1], "-") {
		return unknown
	}
	name := r.packageName(words[2])
	text := strings.NewReplacer("%v", ofVariable("version:"+name), "%n", name).Replace(words[1])
	if strings.Contains(text, "%") {
		return unknown
	}
	return value{text: text + "\n"}
}

// echo is that of sh(1).
func echo(words []string) value {
	end := "\n"
	escapes := false
	for len(words) > 0 && slices.Contains([]string{"-n", "-e", "-ne", "-en"}, words[0]) {
		if strings.Contains(words[0], "n") {
			end = ""
		}
		escapes = escapes || strings.Contains(words[0], "e")
		words = words[1:]
	}
	text := strings.Join(words, " ")
	if escapes {
		text = unescape(text)
	}
	return value{text: text + end}
}

// unescape replaces the escapes of printf(1) that people use.
func unescape(text string) string {
	return strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\t`, "\t", `\r`, "\r", `\"`, `"`, `\'`, "'").Replace(text)
}

// printf is that of sh(1), with %s, %d and %%.
func printf(words []string, unknown value) value {
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		return unknown
	}
	format, args := words[0], words[1:]
	var b strings.Builder
	for first := true; first || len(args) > 0; first = false {
		parts := strings.Split(format, "%")
		b.WriteString(unescape(parts[0]))
		taken := false
		for i := 1; i < len(parts); i++ {
			switch part := parts[i]; {
			case part == "" && i+1 < len(parts):
				i++
				b.WriteString("%" + unescape(parts[i]))
			case strings.HasPrefix(part, "s"), strings.HasPrefix(part, "d"):
				if len(args) > 0 {
					b.WriteString(args[0])
					args, taken = args[1:], true
				}
				b.WriteString(unescape(part[1:]))
			default:
				return unknown
			}
		}
		if !taken {
			break
		}
	}
	return value{text: b.String()}
}
