// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf16"
	"unicode/utf8"
)

// printer writes to stdout and stderr. Only mtree(5) texts, which have their own
// escapes, and the progress bar go around it. Whatever it puts into a line is made
// printable, whoever chose the text.
type printer struct{ w io.Writer }

// line writes a line. Separators belong in the format; texts among the arguments
// are escaped.
func (p printer) line(format string, args ...any) error {
	_, err := io.WriteString(p.w, sprintf(format, args...)+"\n")
	return err
}

// lines prints a text of several lines.
func (p printer) lines(text string) error {
	for line := range strings.Lines(text) {
		if err := p.line("%s", strings.TrimSuffix(line, "\n")); err != nil {
			return err
		}
	}
	return nil
}

// of returns a printer for one of several things: each line begins with its name
// and a tab, each object with its name under key.
func (p printer) of(key, name string, objects bool) printer {
	if objects {
		quoted, _ := json.Marshal(name) // a string always has a form in JSON
		return printer{&named{p.w, `{"` + key + `":` + escapeJSON(string(quoted)) + ",", 1, true}}
	}
	return printer{&named{p.w, printable(name) + "\t", 0, true}}
}

// named replaces the first bytes of each line with a text.
type named struct {
	w     io.Writer
	text  string
	drop  int
	begin bool // of a line
}

func (n *named) Write(b []byte) (int, error) {
	for line := range bytes.Lines(b) {
		if n.begin {
			if _, err := io.WriteString(n.w, n.text); err != nil {
				return 0, err
			}
			line = line[n.drop:]
		}
		if _, err := n.w.Write(line); err != nil {
			return 0, err
		}
		n.begin = bytes.HasSuffix(line, []byte("\n"))
	}
	return len(b), nil
}

// sprintf is fmt.Sprintf for a line of text that others have chosen.
func sprintf(format string, args ...any) string {
	for i, arg := range args {
		switch a := arg.(type) {
		case string:
			args[i] = printable(a)
		case error:
			args[i] = printable(a.Error())
		case fmt.Stringer:
			args[i] = printable(a.String())
		case tabbed:
		default:
			if v := reflect.ValueOf(arg); v.Kind() == reflect.String {
				args[i] = printable(v.String())
			}
		}
	}
	return fmt.Sprintf(format, args...)
}

// table aligns the columns of rows.
type table struct{ w *tabwriter.Writer }

func (p printer) table() table { return table{tabwriter.NewWriter(p.w, 0, 8, 2, ' ', 0)} }

func (t table) row(format string, args ...any) { _ = printer{t.w}.line(format, args...) } // flush has the error

func (t table) flush() error { return t.w.Flush() }

// json writes one object on a line.
func (p printer) json(v any) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(p.w, escapeJSON(text.String()))
	return err
}

// escapeJSON escapes what JSON allows but a terminal acts on: DEL, controls of ISO
// 6429, marks that change the direction of writing.
func escapeJSON(text string) string {
	odd := func(r rune) bool { return r >= 0x7f && !strconv.IsPrint(r) }
	if !strings.ContainsFunc(text, odd) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if !odd(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&b, "\\u%04x", unit)
		}
	}
	return b.String()
}

// printable makes a text from elsewhere fit for a line that people read. It
// escapes, as Go does, a text that would end the line, that controls a terminal,
// or that is not UTF-8: no name in an archive may pass for a line of a report.
func printable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// tabbed is a text in which there may be tabs, each part printable by itself.
type tabbed string

func (t tabbed) Format(f fmt.State, _ rune) {
	parts := strings.Split(string(t), "\t")
	for i, part := range parts {
		parts[i] = printable(part)
	}
	io.WriteString(f, strings.Join(parts, "\t"))
}
