// SPDX-License-Identifier: BSD-2-Clause

package containerfile

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// sed translates sed -i with commands s whose patterns are plain text.
func (r *runner) sed(c *call) error {
	var scripts []string
	inPlace, extended := false, false
	args := c.args
	for len(args) > 0 && strings.HasPrefix(args[0].text, "-") && len(args[0].text) > 1 {
		option := args[0].text[1:]
		args = args[1:]
		for ; option != ""; option = option[1:] {
			switch option[0] {
			case 'E', 'r':
				extended = true
				continue
			case 'i', 'I':
				inPlace = true
				if option = option[1:]; option == "" && len(args) > 0 && c.name == "sed" {
					args = args[1:] // the suffix of a copy
				}
			case 'e':
				if option = option[1:]; option == "" && len(args) > 0 {
					option, args = args[0].text, args[1:]
				}
				scripts = append(scripts, option)
			default:
				return fmt.Errorf("sed -%c has no meaning here", option[0])
			}
			break
		}
	}
	if len(scripts) == 0 && len(args) > 0 {
		scripts, args = append(scripts, args[0].text), args[1:]
	}
	if !inPlace {
		return &needless{"it only prints"}
	}
	names, err := r.paths(args)
	if err != nil {
		return err
	}
	var changes []change
	for _, text := range scripts {
		more, err := parseSed(text, extended)
		if err != nil {
			return err
		}
		changes = append(changes, more...)
	}
	for _, name := range names {
		if err := r.change(name, changes); err != nil {
			return err
		}
	}
	return nil
}

// change makes changes of a file, or in the text of one.
func (r *runner) change(name string, changes []change) error {
	if e := r.find(name); e != nil && e.kind == isText {
		for _, c := range changes {
			if c.key != "" || !strings.Contains(e.content, c.old) {
				return fmt.Errorf("it changes a text that stands in the definition: change it there")
			}
		}
		for _, c := range changes {
			if len(e.content)+strings.Count(e.content, c.old)*(len(c.new)-len(c.old)) > maxText {
				return errLong.err()
			}
			e.content = strings.ReplaceAll(e.content, c.old, c.new)
		}
		return nil
	}
	d := r.edit(name)
	for _, c := range changes {
		if c.key != "" {
			d.set.set(c.key, c.new)
			continue
		}
		d.replace.set(c.old, c.new)
		if c.anchored {
			r.remark("What a ^ or $ of sed bound to the ends of a line is replaced wherever it stands; it must be there once, or times says how often.")
		}
	}
	return nil
}

// change is what a command s of sed does: a text by another, or a new value of a key.
type change struct {
	old, new string
	key      string
	anchored bool
}

var errPattern = errors.New("the pattern is more than plain text: write the file, or edit with replace or set")

// parseSed reads commands of the form [/ADDRESS/]s/PATTERN/NEW/[g], with ; or a new line
// between them.
func parseSed(text string, extended bool) ([]change, error) {
	var list []change
	for {
		text = strings.TrimLeft(text, " \t\n;")
		if text == "" {
			return list, nil
		}
		address := ""
		if text[0] == '/' {
			part, rest, ok := cutAt(text[1:], '/')
			if !ok {
				return nil, errPattern
			}
			address, text = part, rest
		}
		if len(text) < 4 || text[0] != 's' || strings.IndexByte("\n\\", text[1]) >= 0 {
			return nil, errors.New("only the command s of sed is understood")
		}
		delimiter := text[1]
		pattern, rest, ok := cutAt(text[2:], delimiter)
		if !ok {
			return nil, errPattern
		}
		by, rest, ok := cutAt(rest, delimiter)
		if !ok {
			return nil, errPattern
		}
		flags := rest
		if end := strings.IndexAny(rest, ";\n"); end >= 0 {
			flags, rest = rest[:end], rest[end:]
		} else {
			rest = ""
		}
		if strings.Trim(flags, "g ") != "" {
			return nil, fmt.Errorf("the flags %q of s have no meaning here", flags)
		}
		for _, each := range alternatives(pattern, by, extended) {
			c, err := substitution(each[0], each[1], address, extended)
			if err != nil {
				return nil, err
			}
			list = append(list, c)
		}
		text = rest
	}
}

// cutAt splits at a delimiter that no backslash is before. Before the delimiter a
// backslash goes.
func cutAt(text string, delimiter byte) (before, after string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			if text[i] != delimiter {
				b.WriteByte('\\')
			}
			b.WriteByte(text[i])
		case c == delimiter:
			return b.String(), text[i+1:], true
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

var (
	// keyLine is a pattern for the line of a key, which may be commented out.
	keyLine = regexp.MustCompile(`^\^(?:[#;]\\?[?*]?|\[[#;]+\]\*?)?(?: \*|\\s\*|\[\[:space:\]\]\*)?([A-Za-z][A-Za-z0-9_-]*)(?: ?\*?)([=: ])(?: ?\*?)\.[*+]\$?$`)
	newLine = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_-]*) *[=: ] *([^\\&]*)$`)
)

func substitution(pattern, by, address string, extended bool) (change, error) {
	if k, n := keyLine.FindStringSubmatch(pattern), newLine.FindStringSubmatch(by); k != nil && n != nil && k[1] == n[1] && address == "" {
		return change{key: k[1], new: n[2]}, nil
	}
	p, ok := plainPattern(pattern, extended)
	if !ok || p.text == "" {
		return change{}, errPattern
	}
	replacement, ok := p.replacement(by)
	if !ok {
		return change{}, errPattern
	}
	c := change{old: p.text, new: replacement, anchored: p.start || p.end}
	if address == "" {
		return c, nil
	}
	// Of a line that has a text the beginning is changed, as when a # is taken away.
	a, ok := plainPattern(address, extended)
	if !ok || !p.start || p.end || a.start || a.end {
		return change{}, errPattern
	}
	c.old, c.new = c.old+a.text, c.new+a.text
	return c, nil
}

var oneGroup = regexp.MustCompile(`^([^()\\]*)\(([A-Za-z0-9_|-]+\|[A-Za-z0-9_|-]+)\)([^()\\]*)$`)

// alternatives are the patterns and new texts for each word of a group (one|other).
func alternatives(pattern, by string, extended bool) [][2]string {
	m := oneGroup.FindStringSubmatch(pattern)
	if m == nil || !extended {
		return [][2]string{{pattern, by}}
	}
	var list [][2]string
	for word := range strings.SplitSeq(m[2], "|") {
		list = append(list, [2]string{m[1] + word + m[3], strings.ReplaceAll(by, `\1`, word)})
	}
	return list
}

// plain is a pattern that matches one text.
type plain struct {
	text       string
	groups     [][2]int
	start, end bool // of a line
}

// plainPattern reads a pattern. A dot that nothing repeats is taken for a dot: it mostly
// is one, and an edit that does not match is an error.
func plainPattern(pattern string, extended bool) (plain, bool) {
	var p plain
	var b strings.Builder
	var open []int
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		escaped := c == '\\'
		if escaped {
			if i++; i == len(pattern) {
				return p, false
			}
			c = pattern[i]
		}
		switch {
		case (c == '(' || c == ')') && escaped != extended:
			if c == '(' {
				open = append(open, len(p.groups))
				p.groups = append(p.groups, [2]int{b.Len(), 0})
			} else if len(open) == 0 {
				return p, false
			} else {
				p.groups[open[len(open)-1]][1] = b.Len()
				open = open[:len(open)-1]
			}
		case escaped && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'):
			return p, false
		case escaped && !extended && strings.IndexByte("{}+?|", c) >= 0:
			return p, false
		case escaped:
			b.WriteByte(c)
		case c == '^' && i == 0:
			p.start = true
		case c == '$' && i == len(pattern)-1:
			p.end = true
		case c == '*' || c == '[' || c == ']', extended && strings.IndexByte("+?{}|", c) >= 0:
			return p, false
		default:
			b.WriteByte(c)
		}
	}
	p.text = b.String()
	return p, len(open) == 0
}

// replacement is the new text for a pattern.
func (p *plain) replacement(by string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(by); i++ {
		switch c := by[i]; {
		case c == '&':
			b.WriteString(p.text)
		case c != '\\':
			b.WriteByte(c)
		case i+1 == len(by):
			return "", false
		default:
			i++
			n := int(by[i] - '0')
			switch {
			case by[i] == 'n':
				b.WriteByte('\n')
			case by[i] >= '1' && by[i] <= '9':
				if n > len(p.groups) {
					return "", false
				}
				b.WriteString(p.text[p.groups[n-1][0]:p.groups[n-1][1]])
			default:
				b.WriteByte(by[i])
			}
		}
	}
	return b.String(), true
}
