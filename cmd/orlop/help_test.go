// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// TestHelp finds every flag and command in the help, within 80 columns, what is
// wrapped under what it continues.
func TestHelp(t *testing.T) {
	t.Parallel()
	for _, words := range append(leaves(), nil, []string{"pkgdb"}, []string{"cache"}) {
		var out, err, same bytes.Buffer
		none := func(string) (string, bool) { return "", false }
		if status := run(t.Context(), slices.Concat([]string{"orlop"}, words, []string{"--help"}), &out, &err, none); status != 0 || err.Len() > 0 {
			t.Errorf("%q: status %d: %s", words, status, err.String())
		}
		if run(t.Context(), slices.Concat([]string{"orlop", "help"}, words), &same, &err, none); same.String() != out.String() {
			t.Errorf("help of %q and %[1]q --help differ: %s%s", words, same.String(), out.String())
		}
		text := out.String()
		if !strings.HasPrefix(text, "usage: "+strings.Join(append([]string{"orlop"}, words...), " ")+" ") {
			t.Errorf("%q: it begins with %s", words, text)
		}
		checkLines(t, text)
		a, _, _ := recorded(words)
		for _, c := range a.command.Subcommands {
			if !strings.Contains(text, "\n  "+c.Name+" ") {
				t.Errorf("%q: no command %s", words, c.Name)
			}
		}
		if a.incomplete() {
			continue
		}
		for _, f := range flagsOf(a.command) {
			checkFlag(t, text, f)
		}
	}
}

// checkLines looks at the form of a help.
func checkLines(t *testing.T, text string) {
	t.Helper()
	column := 0
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if utf8.RuneCountInString(line) > 80 || strings.TrimRight(line, " ") != line {
			t.Errorf("%d columns: %q", len(line), line)
		}
		indent := len(line) - len(strings.TrimLeft(line, " "))
		switch {
		case indent == 0:
			column = 0
		case indent > 6 && column == 0 || indent > 6 && indent != column:
			t.Errorf("is under nothing: %q", line)
		case indent <= 6:
			if i := strings.LastIndex(strings.TrimLeft(line, " "), "  "); i >= 0 {
				column = indent + i + 2
			} else {
				column = helpColumn
			}
		}
	}
	for _, boilerplate := range []string{"(default: false)", "(default: )", "GLOBAL", "OPTIONS", "[command", "`", "repeatable)."} {
		if strings.Contains(text, boilerplate) {
			t.Errorf("it has %s: %s", boilerplate, text)
		}
	}
}

// checkFlag finds all names of a flag, and whether it may be repeated.
func checkFlag(t *testing.T, text string, f cli.Flag) {
	t.Helper()
	name, _ := explain(f)
	_, about, found := strings.Cut(text, "\n  "+name)
	if !found || strings.Count(text, "\n  "+name+" ")+strings.Count(text, "\n  "+name+"\n") != 1 {
		t.Errorf("%s is not there once: %s", name, text)
	}
	if next := strings.Index(about, "\n  -"); next >= 0 {
		about = about[:next]
	}
	if next := strings.Index(about, "\n      -"); next >= 0 {
		about = about[:next]
	}
	about = strings.Join(strings.Fields(about), " ")
	if _, slice := f.(*cli.StringSliceFlag); slice != strings.Contains(about, "(repeatable") {
		t.Errorf("%s: repeatable or not? %s", name, about)
	}
}

func TestHelpOfAFlag(t *testing.T) {
	t.Parallel()
	var got []string
	for _, f := range []cli.Flag{
		&cli.StringSliceFlag{Name: "r", Aliases: []string{"repo"}, Usage: "a `URL` or more", DefaultText: "none"},
		&cli.StringFlag{Name: "long-name-of-a-flag", Usage: "in the `PLACE` " + strings.Repeat("word ", 20), Value: "x"},
		&cli.IntFlag{Name: "n", Value: 40, Usage: "lines"}, &cli.BoolFlag{Name: "json", Usage: "as JSON"},
	} {
		name, text := explain(f)
		got = append(got, helpEntry(name, text, helpColumn)...)
	}
	want := []string{
		"  -r, --repo URL              a URL or more (repeatable; default: none)",
		"      --long-name-of-a-flag PLACE",
		"                              in the PLACE word word word word word word word",
		"                              word word word word word word word word word word",
		"                              word word word (default: x)",
		"  -n                          lines (default: 40)",
		"      --json                  as JSON",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwanted\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
