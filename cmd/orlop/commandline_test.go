// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestCommandLines runs every command with too few and too many operands, and
// with every flag alone, empty, wrong and twice, in a folder that must stay
// empty. No status is another than those documented, and no message Go's.
func TestCommandLines(t *testing.T) {
	t.Chdir(t.TempDir())
	try := func(status int, want string, words ...string) {
		t.Helper()
		var out, err bytes.Buffer
		// demo needs nothing, and would make its images, but for this epoch.
		got := run(t.Context(), append([]string{"orlop"}, words...), &out, &err, func(name string) (string, bool) {
			return "soon", name == "SOURCE_DATE_EPOCH" && words[0] == "demo"
		})
		switch said := err.String(); {
		case got < 0 || got > exitWrong || status >= 0 && got != status:
			t.Errorf("%q: status %d, wanted %d: %s", words, got, status, said)
		case goish.MatchString(said) || strings.Contains(out.String()+said, "usage:"):
			t.Errorf("%q: %s%s", words, out.String(), said)
		case want != "" && !strings.HasPrefix(said, "orlop: "+strings.ReplaceAll(want, "CMD", commandOf(words))):
			t.Errorf("%q: got %swanted %s", words, said, want)
		case got == exitUsage && !onlyFiles.MatchString(said) && !strings.HasSuffix(said, "\norlop: hint: see orlop "+commandOf(words)+" --help\n"):
			t.Errorf("%q: no hint: %s", words, said)
		case got != 0 && said == "" && commandOf(words) != "diff":
			t.Errorf("%q: status %d and not a word", words, got)
		}
	}
	for _, words := range leaves() {
		with := func(more ...string) []string { return append(words, more...) }
		try(-1, "", with()...)
		try(-1, "", with("h")...)
		try(-1, "", with("h", "help", "--", "-x")...)
		try(exitUsage, "CMD: flag --nosuch is not known", with("h", "--nosuch")...)
		try(exitUsage, "CMD: found an empty operand", with("")...)
		a, _, _ := recorded(words)
		for _, f := range a.command.Flags {
			for _, name := range f.Names() {
				name = dashed(name)
				try(exitUsage, "CMD: flag "+name+": its value is empty\n", with(name+"=", "h")...)
				switch f.(type) {
				case *cli.BoolFlag:
					try(exitUsage, "CMD: flag "+name+`: found "x", wanted true or false`, with(name+"=x")...)
					try(-1, "", with(name)...)
					try(-1, "", with(name, "h", name)...)
					continue
				case *cli.DurationFlag:
					try(exitUsage, "CMD: flag "+name+`: found "x", wanted a time such as 30s or 5m`, with(name, "x", "h")...)
				case *cli.IntFlag:
					try(exitUsage, "CMD: flag "+name+`: found "x", wanted a whole number`, with(name, "x", "h")...)
					try(-1, "", with(name, "-1", "h", "i")...)
				}
				try(exitUsage, "CMD: flag "+name+" has no value, wanted one\n", with(name)...)
				try(exitUsage, "CMD: flag "+name+": its value is empty\n", with("h", name, "")...)
				try(-1, "", with(name, "/dev/null/x", "h")...)
				try(-1, "", with(name, "2", "h", name, "2")...)
			}
		}
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// onlyFiles matches errors that no knowledge of flags helps against.
var onlyFiles = regexp.MustCompile(`^(orlop: (--[a-z-]+: [^ ]+: (no such file or|not a) directory|open .*)\n)+$`)

// commandOf is the command that words begin with.
func commandOf(words []string) string {
	if words[0] == "cache" || words[0] == "pkgdb" || words[0] == "make" {
		words = words[:2]
		return strings.Join(words, " ")
	}
	return words[0]
}

// TestNoCommand finds help on stderr, as an error, where a command is missing.
func TestNoCommand(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"", "cache", "pkgdb", "make", "--", "pkgdb --"} {
		words := strings.Fields(line)
		var out, err, help bytes.Buffer
		none := func(string) (string, bool) { return "", false }
		status := run(t.Context(), append([]string{"orlop"}, words...), &out, &err, none)
		if asked := run(t.Context(), append([]string{"orlop", "help"}, strings.Fields(strings.ReplaceAll(line, "--", ""))...), &help, &out, none); asked != 0 {
			t.Errorf("help %s: status %d", line, asked)
		}
		if status != exitUsage || out.Len() > 0 || err.String() != help.String() || !strings.HasPrefix(err.String(), "usage: orlop ") {
			t.Errorf("orlop %s: status %d, wanted 2: %s%s", line, status, out.String(), err.String())
		}
	}
	if status := run(t.Context(), nil, &bytes.Buffer{}, &bytes.Buffer{}, nil); status != exitUsage {
		t.Errorf("without a name of the program: status %d", status)
	}
}
