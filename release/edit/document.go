// SPDX-License-Identifier: BSD-2-Clause

package edit

import (
	"fmt"
	"regexp"
	"strings"
)

// document is a text that is being edited: whole first, then in lines.
type document struct {
	name, sign string
	times      int

	text  string
	lines []string // with their ends
}

// replace replaces a text, if it is there as often as is wanted.
func (d *document) replace(p Pair) error {
	if found := strings.Count(d.text, p.Old); found != d.times {
		d.split()
		e := d.mismatch(fmt.Sprintf("replace %q", short(p.Old)), "match", found)
		if found > 0 {
			e.Lines = d.beginnings(p.Old)
		} else {
			e.Lines = nearest(d.lines, longestLine(p.Old))
		}
		return e
	}
	d.text = strings.ReplaceAll(d.text, p.Old, p.New)
	return nil
}

// beginnings are the lines in which the first occurrences of a text begin.
func (d *document) beginnings(text string) []Line {
	var found []Line
	at, line := 0, 0
	for len(found) < maxNear {
		next := strings.Index(d.text[at:], text)
		if next < 0 {
			break
		}
		line += strings.Count(d.text[at:at+next], "\n")
		found = append(found, shown(d.lines, line))
		line += strings.Count(text, "\n")
		at += next + len(text)
	}
	return found
}

// split makes the lines of the text.
func (d *document) split() {
	d.lines = make([]string, 0, strings.Count(d.text, "\n")+1)
	for line := range strings.Lines(d.text) {
		d.lines = append(d.lines, line)
	}
}

// join makes a text of the lines and further ones.
func (d *document) join(more []string) string {
	var b strings.Builder
	for _, line := range d.lines {
		b.WriteString(line)
	}
	for i, line := range more {
		if n := len(d.lines); i == 0 && n > 0 && !strings.HasSuffix(d.lines[n-1], "\n") {
			b.WriteByte('\n')
		}
		b.WriteString(line)
		b.WriteByte('\n')
	}
	return b.String()
}

// comment puts the sign before each line that an expression matches, if they are as many
// as are wanted.
func (d *document) comment(x *regexp.Regexp) error {
	var found []int
	for i, line := range d.lines {
		body, _ := cutEnd(line)
		if !strings.HasPrefix(strings.TrimLeft(body, blanks), d.sign) && x.MatchString(body) {
			found = append(found, i)
		}
	}
	if len(found) != d.times {
		e := d.mismatch(fmt.Sprintf("comment %q", short(x.String())), "line", len(found))
		e.Lines = d.shown(found)
		if len(found) == 0 {
			e.Lines = nearest(d.lines, withoutOperators(x.String()))
		}
		return e
	}
	for _, i := range found {
		d.lines[i] = d.sign + d.lines[i]
	}
	return nil
}

// set gives a key its value in the one line that has it.
func (d *document) set(p Pair) error {
	var found [3][]int // active lines, commented-out ones, those with a blank after the sign
	for i, line := range d.lines {
		if body, _ := cutEnd(line); strings.Contains(body, p.Old) {
			if l, is := parse(body, p.Old, d.sign); is {
				found[l.rank()] = append(found[l.rank()], i)
			}
		}
	}
	for rank, list := range found {
		if len(list) == 0 {
			continue
		}
		if len(list) > 1 {
			e := d.mismatch(fmt.Sprintf("set %q", short(p.Old)), [...]string{"line", "commented-out line", "commented-out line"}[rank], len(list))
			e.Wanted, e.Lines = 1, d.shown(list)
			return e
		}
		return d.give(list[0], p)
	}
	e := d.mismatch(fmt.Sprintf("set %q", short(p.Old)), "line", 0)
	e.Wanted, e.Lines = 1, nearest(d.lines, p.Old)
	return e
}

// give writes a value into a line.
func (d *document) give(i int, p Pair) error {
	body, end := cutEnd(d.lines[i])
	l, _ := parse(body, p.Old, d.sign)
	if strings.HasSuffix(l.value, `\`) {
		return &RefusedError{d.name, fmt.Sprintf(`set %q: its value in line %d goes on in the next one (\ at the end); use replace`, short(p.Old), i+1)}
	}
	if before := strings.TrimRight(l.separator, blanks); l.value == "" && before == l.separator && strings.Trim(before, blanks) != before {
		l.separator += " " // as before the sign of equality
	}
	d.lines[i] = l.indent + p.Old + l.separator + p.New + end
	return nil
}

func (d *document) mismatch(change, unit string, found int) *MatchError {
	return &MatchError{File: d.name, Change: change, Unit: unit, Found: found, Wanted: d.times}
}

func (d *document) shown(numbers []int) []Line {
	var list []Line
	for _, i := range numbers[:min(len(numbers), maxNear)] {
		list = append(list, shown(d.lines, i))
	}
	return list
}

// setting is a line that gives a key a value.
type setting struct {
	indent, separator, value string
	commented, apart         bool // commented out, and with a blank after the sign
}

func (s *setting) rank() int {
	switch {
	case s.apart:
		return 2
	case s.commented:
		return 1
	}
	return 0
}

const blanks = " \t"

// parse reads a line as the setting of a key, and reports whether it is one.
func parse(body, key, sign string) (s setting, is bool) {
	rest := strings.TrimLeft(body, blanks)
	s.indent = body[:len(body)-len(rest)]
	if !strings.HasPrefix(rest, key) {
		for _, sign := range []string{sign, "#", ";"} {
			after, is := strings.CutPrefix(rest, sign)
			if is {
				rest = strings.TrimLeft(after, blanks)
				s.commented, s.apart = true, len(rest) < len(after)
				break
			}
		}
	}
	rest, is = strings.CutPrefix(rest, key)
	if !is {
		return s, false
	}
	value := strings.TrimLeft(rest, blanks)
	if value != "" && (value[0] == '=' || value[0] == ':') {
		value = strings.TrimLeft(value[1:], blanks)
		is = true
	} else {
		is = len(value) < len(rest) && value != ""
	}
	s.separator, s.value = rest[:len(rest)-len(value)], value
	return s, is
}

// cutEnd cuts a line into its text and its end.
func cutEnd(line string) (body, end string) {
	body = strings.TrimSuffix(line, "\n")
	if len(body) < len(line) {
		body = strings.TrimSuffix(body, "\r")
	}
	return body, line[len(body):]
}
