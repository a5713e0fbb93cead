// SPDX-License-Identifier: BSD-2-Clause

// Package edit changes lines of configuration files as a definition's key edit says,
// where a Containerfile has sed(1): literal texts are replaced, lines commented out,
// values set and lines added. Each change says how often it applies, and a file in which
// it would apply another number of times is left alone, so that a newer version of a
// package cannot turn an edit into nothing without a word.
package edit

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
)

// Edit is what to change in one file, in this order: Replace, Comment, Set, Append, and
// each list in its own order. A later change sees what an earlier one made.
type Edit struct {
	// Replace replaces each occurrence of the literal text Old by New. Both may have
	// several lines. Occurrences do not overlap.
	Replace []Pair
	// Comment are expressions of RE2 (the syntax of Go's regexp). Each line in which one
	// matches gets Sign before it. A line is matched without its end; ^ and $ are its
	// ends. Lines that are comments already are not looked at.
	Comment []string
	// Set gives the key Old the value New, see Apply.
	Set []Pair
	// Append are lines to add at the end.
	Append []string
	// Times is how many occurrences each text of Replace has, and how many lines each
	// expression of Comment; 0 is 1.
	Times int
	// Sign begins a comment: "" is "#", which most files on FreeBSD have. Files of PHP
	// and other .ini files want ";".
	Sign string
}

// Pair is a text and what takes its place, or a key and its value.
type Pair struct{ Old, New string }

// Check reports what can be said of an edit before there is a file: empty texts, values
// of several lines, expressions that are none. Its errors have the class usage. Apply
// calls it.
func (e *Edit) Check() error {
	_, err := e.compile()
	return err
}

// Apply returns the text of a file after the edit; name is its path, for messages. Where
// a change applies another number of times than wanted, the error is a *MatchError, and
// the file stays as it is.
//
// Set looks for the line that begins with the key, after blanks, and then has "=", ":" or
// a blank before its value. Blanks, separator and the line's place stay; all that follows
// the separator is the value, a comment behind it too. If there is no such line, one that
// is commented out, with Sign, "#" or ";", takes its place; one whose key follows the
// sign without blanks is preferred. There must be exactly one: two lines of a key are an
// error, as is none, since only the user knows where a new line belongs (Append adds one).
// Quotes and a ";" at the end of a line are part of the value. Set knows no sections and
// no files like JSON, in which a line is not a key and its value.
//
// Line ends stay as they are: in a file whose lines all end with CR LF, line feeds of the
// edit stand for these too. A file with a NUL is not a text and is refused.
func (e *Edit) Apply(name string, text []byte) ([]byte, error) {
	expressions, err := e.compile()
	if err != nil {
		return nil, fault.Within("edit "+name, err)
	}
	if at := bytes.IndexByte(text, 0); at >= 0 {
		return nil, &RefusedError{name, fmt.Sprintf("byte %d is NUL, so this is no text file", at)}
	}
	d := document{name: name, text: string(text), sign: e.sign(), times: e.times()}
	crlf := dosEnds(d.text)
	if crlf {
		d.text = strings.ReplaceAll(d.text, "\r\n", "\n")
	}
	for _, p := range e.Replace {
		if err := d.replace(p); err != nil {
			return nil, err
		}
	}
	d.split()
	for _, x := range expressions {
		if err := d.comment(x); err != nil {
			return nil, err
		}
	}
	for _, p := range e.Set {
		if err := d.set(p); err != nil {
			return nil, err
		}
	}
	out := d.join(e.Append)
	if crlf {
		out = strings.ReplaceAll(out, "\n", "\r\n")
	}
	return []byte(out), nil
}

func (e *Edit) times() int { return max(e.Times, 1) }

func (e *Edit) sign() string {
	if e.Sign == "" {
		return "#"
	}
	return e.Sign
}

// compile checks the edit, and compiles its expressions.
func (e *Edit) compile() ([]*regexp.Regexp, error) {
	if e.Times < 0 {
		return nil, fault.Usagef("times: found %d, wanted 1 or more", e.Times)
	}
	if strings.TrimSpace(e.Sign) != e.Sign || strings.Contains(e.Sign, "\n") {
		return nil, fault.Usagef("sign: found %q, wanted what begins a comment, without blanks around it", e.Sign)
	}
	for _, p := range e.Replace {
		if p.Old == "" {
			return nil, fault.Usagef("replace: found an empty text, wanted what is to be replaced")
		}
	}
	for _, p := range e.Set {
		switch {
		case p.Old == "" || strings.TrimSpace(p.Old) != p.Old || strings.ContainsAny(p.Old, "\r\n"):
			return nil, fault.Usagef("set: found the key %q, wanted a text of one line without blanks around it", p.Old)
		case strings.ContainsAny(p.New, "\r\n"):
			return nil, fault.Usagef("set %q: found the value %q, wanted one line", p.Old, p.New)
		}
	}
	var list []*regexp.Regexp
	for _, text := range e.Comment {
		x, err := regexp.Compile(text)
		if err != nil {
			return nil, fault.Usagef("comment %q: %w", text, err)
		}
		list = append(list, x)
	}
	return list, nil
}

// dosEnds reports whether each line ends with CR LF, and there is one.
func dosEnds(text string) bool {
	n := strings.Count(text, "\n")
	return n > 0 && n == strings.Count(text, "\r\n")
}
