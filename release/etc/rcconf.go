// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"errors"
	"fmt"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
)

// SetRC gives variables of the text of rc.conf(5) their values, each a name and a value,
// one after the other, as sysrc(8) does. The last line that gives a variable a value gets
// the new one; blanks before the name and what comes behind the value, such as a comment,
// stay. A variable without such a line gets one at the end, also where its line is more
// than a value that this can read, since the last one counts.
//
// A value stands between double quotes as it is, as sysrc(8) writes it: sh(1) expands
// $NAME and ${NAME} in it and takes \", \\, \$ and \` for the characters. Other than
// sysrc, SetRC also writes double quotes where the line had single ones or none, so that a
// value means the same in any file. A value that would end its quotes, run a command, or have
// several lines, and a name that is none of a variable, have the class usage.
func SetRC(text []byte, pairs [][2]string) ([]byte, error) {
	var lines []string
	last := map[string]int{} // line of each variable
	for line := range strings.Lines(string(text)) {
		if a, is := parseRC(line); is {
			last[a.name] = len(lines)
		}
		lines = append(lines, line)
	}
	for _, p := range pairs {
		name, value := p[0], p[1]
		if !isVariable(name) {
			return nil, fault.Usagef("rc.conf: %q is no name of a variable, wanted letters, digits and _", name)
		}
		if err := checkRC(value); err != nil {
			return nil, fault.Usagef("rc.conf: %s: value %q %w", name, value, err)
		}
		if at, is := last[name]; is {
			if a, _ := parseRC(lines[at]); a.readable {
				lines[at] = a.indent + name + `="` + value + `"` + a.rest
				continue
			}
		}
		if n := len(lines); n > 0 && !strings.HasSuffix(lines[n-1], "\n") {
			lines[n-1] += "\n"
		}
		last[name] = len(lines)
		lines = append(lines, name+`="`+value+"\"\n")
	}
	return []byte(strings.Join(lines, "")), nil
}

// assignment is a line that gives a variable a value.
type assignment struct {
	indent, name string
	rest         string // of the line, behind the value
	readable     bool   // the value is one word without commands
}

// parseRC reads a line as an assignment, and reports whether it is one.
func parseRC(line string) (a assignment, is bool) {
	trimmed := strings.TrimLeft(line, " \t")
	a.indent = line[:len(line)-len(trimmed)]
	name, value, is := strings.Cut(trimmed, "=")
	if !is || !isVariable(name) {
		return a, false
	}
	a.name = name
	n := wordLength(value)
	if a.readable = n >= 0 && (n == len(value) || strings.IndexByte(" \t\n\r;", value[n]) >= 0); a.readable {
		a.rest = value[n:]
	}
	return a, true
}

// wordLength is how long a word is at the beginning of a text, -1 for one that goes on in
// the next line, is made of several parts, or runs a command.
func wordLength(s string) int {
	quote := byte(0)
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		quote = s[0]
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote == 0:
			if strings.IndexByte(" \t\n\r;", c) >= 0 {
				return i
			}
			if strings.IndexByte("\"'`$\\&|<>()", c) >= 0 {
				return -1
			}
		case c == '\n':
			return -1
		case c == quote && i > 0:
			return i + 1
		case quote == '"' && c == '\\':
			i++
		case quote == '"' && (c == '`' || strings.HasPrefix(s[i:], "$(")):
			return -1
		}
	}
	if quote != 0 {
		return -1
	}
	return len(s)
}

// checkRC reports what a value between double quotes cannot have.
func checkRC(value string) error {
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\n' || c == '\r' || c == 0:
			return fmt.Errorf("has %q, wanted one line of text", value[i:i+1])
		case c == '"':
			return errors.New(`has a " that ends it, wanted \"`)
		case c == '\\':
			if i++; i == len(value) {
				return errors.New(`ends with \, wanted \\`)
			}
		case c == '`', strings.HasPrefix(value[i:], "$("):
			return errors.New("runs a command, which belongs into a file of its own")
		case strings.HasPrefix(value[i:], "${"):
			inner, _, closed := strings.Cut(value[i+2:], "}")
			if !closed || !isVariable(inner) {
				return errors.New(`has ${, wanted ${NAME}, or \${`)
			}
		}
	}
	return nil
}

// isVariable reports whether a text is the name of a variable of sh(1).
func isVariable(name string) bool {
	for i := range len(name) {
		c := name[i]
		if !(c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9') {
			return false
		}
	}
	return name != ""
}
