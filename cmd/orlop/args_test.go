// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/pkgdb/fault"
)

// goish is what the library, or Go itself, says and orlop does not.
var goish = regexp.MustCompile(`(?i)strconv|parse error|invalid (value|boolean)|flag provided|flag needs|bad flag|two forms|runtime error|goroutine|nil pointer|%!|no help topic|incorrect usage|required flag`)

// recorded takes a command line apart and lets the library call the command,
// in place of which the context is kept. There is none without a command,
// and where help is asked for.
func recorded(words []string) (a *arguments, c *cli.Context, err error) {
	p := &program{}
	root := p.root()
	a, err = parseArguments(root, words)
	if err != nil || a.help || a.incomplete() {
		return a, nil, err
	}
	a.command.Action = func(ctx *cli.Context) error { c = ctx; return nil }
	err = p.app(root).Run(a.words())
	if err == nil && c == nil {
		err = errors.New("the library called another command")
	}
	return a, c, err
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ line, want string }{
		{"build", "orlop build --"},
		{"build a --repo X b", "orlop build --repo=X -- a b"},
		{"build --repo X a --repo=Y", "orlop build --repo=X --repo=Y -- a"},
		{"build -repo X a", "orlop build --repo=X -- a"},
		{"build -j4 a", "orlop build --j=4 -- a"},
		{"build -j=4 -j 5 --jobs 6 --jobs=007", "orlop build --j=4 --j=5 --j=6 --j=7 --"},
		{"build -qvj4 -oout", "orlop build --q=true --v=true --j=4 --o=out --"},
		{"build -qo out", "orlop build --q=true --o=out --"},
		{"build -qo=out -o=-q", "orlop build --q=true --o=out --o=-q --"},
		{"build --output out --quiet --verbose", "orlop build --o=out --q=true --v=true --"},
		{"build -q=false -vq=0", "orlop build --q=false --v=true --q=false --"},
		{"build -o a=b --name=c=d", "orlop build --o=a=b --name=c=d --"},
		{"ls a.txz --files", "orlop ls --files=true -- a.txz"},
		{"ls --json a.txz", "orlop ls --json=true -- a.txz"}, // takes no operand for its value
		{"ls h", "orlop ls -- h"},
		{"build help", "orlop build -- help"},
		{"build build", "orlop build -- build"},
		{"ls -", "orlop ls -- -"},
		{"build --lock - -", "orlop build --lock=- -- -"},
		{"verify -- -x.txz", "orlop verify -- -x.txz"},
		{"verify -q -- --help -h -- x", "orlop verify --q=true -- --help -h -- x"},
		{"-- verify -q x", "orlop verify --q=true -- x"},
		{"pkgdb -- dump x --json", "orlop pkgdb dump --json=true -- x"},
		{"pkgdb normalise db -o=x", "orlop pkgdb normalise --o=x -- db"},
		{"--version", "orlop version --"},
		{"build --help=false x", "orlop build -- x"},

		{"", "orlop ?"}, {"--", "orlop ?"}, {"pkgdb", "orlop pkgdb ?"}, {"pkgdb --", "orlop pkgdb ?"}, {"cache", "orlop cache ?"},
		{"help", "help of orlop"}, {"-h", "help of orlop"}, {"--help", "help of orlop"}, {"-help", "help of orlop"}, {"help help", "help of orlop"},
		{"help build", "help of orlop build"}, {"--help build", "help of orlop build"}, {"build --help", "help of orlop build"}, {"build x -qh --nosuch", "help of orlop build"},
		{"pkgdb help", "help of orlop pkgdb"}, {"help pkgdb dump", "help of orlop pkgdb dump"}, {"pkgdb help dump", "help of orlop pkgdb dump"}, {"pkgdb dump -h", "help of orlop pkgdb dump"},

		{"bild", `command "bild" is not known; did you mean build?`},
		{"h", `command "h" is not known, wanted one of demo, init, build, plan, lock, fetch, ls, verify, diff, index, push, sign, pkgdb, cache, make, version`},
		{"-- --help", `command "--help" is not known; did you mean help?`},
		{"cache lss", `cache: command "lss" is not known; did you mean ls?`},
		{"cache xyz", `cache: command "xyz" is not known, wanted one of ls, prune`},
		{"help verfy", `command "verfy" is not known; did you mean verify?`},
		{"help build x", `build: it has no command "x"`},
		{"-q build", "flag -q is not known here; a command's flags come after its name"},
		{"--verison", "flag --verison is not known here; did you mean --version?"},
		{"pkgdb --json dump", "pkgdb: flag --json is not known here; a command's flags come after its name"},
		{"build --packge x", "build: flag --packge is not known; did you mean --package?"},
		{"build --packge=x", "build: flag --packge is not known; did you mean --package?"},
		{"build --xyz", "build: flag --xyz is not known"},
		{"build -x", "build: flag -x is not known"},
		{"build -V", "build: flag -V is not known; did you mean -v?"},
		{"build -qx", "build: flag -qx is not known"},
		{"build ---repo x", "build: flag ---repo is not known; did you mean --repo?"},
		{"build -offlin", "build: flag -offlin is not known; did you mean --offline?"},
		{"build --=x", "build: flag -- is not known"},
		{"build a --repo", "build: flag --repo has no value, wanted one"},
		{"build -qj", "build: flag -j has no value, wanted one"},
		{"build -o -q x", "build: flag -o has no value, found the flag -q; if that is the value, write -o=-q"},
		{"build -o -- x", "build: flag -o has no value, found the flag --; if that is the value, write -o=--"},
		{"build -j x", `build: flag -j: found "x", wanted a whole number`},
		{"build -qjx", `build: flag -j: found "x", wanted a whole number`},
		{"build --jobs=1.5", `build: flag --jobs: found "1.5", wanted a whole number`},
		{"ls --json=maybe x", `ls: flag --json: found "maybe", wanted true or false`},
		{"build --repo= x", "build: flag --repo: its value is empty"},
		{"pkgdb normalise -o=", "pkgdb normalise: flag -o: its value is empty"},
	} {
		a, _, err := recorded(strings.Fields(tt.line))
		got := strings.Join(a.words(), " ")
		switch {
		case err != nil:
			got = err.Error()
		case a.help:
			got = "help of " + a.String()
		case a.incomplete():
			got = a.String() + " ?"
		}
		if got != tt.want {
			t.Errorf("orlop %s:\ngot    %s\nwanted %s", tt.line, got, tt.want)
		}
	}
	for _, words := range [][]string{{"verify", ""}, {"verify", "--", ""}, {"build", "-o", "", "x"}, {""}} {
		if _, _, err := recorded(words); err == nil {
			t.Errorf("%q has an empty word, and is taken", words)
		}
	}
}

// TestCommas finds values with commas whole, whatever the flag.
func TestCommas(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, words := range leaves() {
		a, _, _ := recorded(words)
		for _, f := range a.command.Flags {
			if _, slice := f.(*cli.StringSliceFlag); !slice {
				continue
			}
			name := f.Names()[0]
			_, c, err := recorded(append(words, "--"+name, "a,b", "--"+name+"=,c d,", "x,y"))
			if err != nil {
				t.Fatal(err)
			}
			if got := c.StringSlice(name); !slices.Equal(got, []string{"a,b", ",c d,"}) || c.Args().First() != "x,y" {
				t.Errorf("%s --%s: got %q, operand %q", a, name, got, c.Args().First())
			}
			seen++
		}
	}
	if seen < 20 {
		t.Errorf("looked at %d flags only", seen)
	}
}

// leaves are all commands that do something.
func leaves() [][]string {
	var list [][]string
	for name := range theInterface {
		if words := strings.Fields(name); name != "pkgdb" && name != "cache" && name != "make" {
			list = append(list, slices.Clip(words))
		}
	}
	return list
}

// FuzzArguments finds that what is taken is what the library gives a command,
// and taken the same when it is typed in that form; and that what is refused is
// refused in our own words.
func FuzzArguments(f *testing.F) {
	for _, line := range []string{
		"build -qvj4 static --repo=a,b -o out", "verify -- -x.txz", "ls help h --files --json=false", "pkgdb -- normalise -o=x --epoch 1 db",
		"help pkgdb dump", "--version", "-- cache prune -- 5", "build --packge -offlin", "diff --lines -1 a b --stat", "build -j=999999999999999999999", "--generate-bash-completion",
		"ls - --owner / ---files", "demo -hq=1 --=x -= \xff -\xff",
	} {
		f.Add(strings.ReplaceAll(line, " ", "\n"))
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1000 {
			return // every flag is compared with every other
		}
		a, c, err := recorded(strings.Split(text, "\n"))
		if err != nil {
			if _, usage := errors.AsType[*fault.UsageError](err); !usage || exitStatus(err) != exitUsage || goish.MatchString(err.Error()) && !goish.MatchString(text) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if c == nil {
			return
		}
		if !slices.Equal(c.Args().Slice(), a.operands) {
			t.Errorf("%q: got the operands %q, wanted %q", text, c.Args().Slice(), a.operands)
		}
		for i, word := range a.flags {
			name, value, _ := strings.Cut(word[len("--"):], "=")
			again := slices.ContainsFunc(a.flags[i+1:], func(w string) bool { return strings.HasPrefix(w, "--"+name+"=") })
			if _, slice := a.lookup(name).(*cli.StringSliceFlag); slice {
				if !slices.Contains(c.StringSlice(name), value) {
					t.Errorf("%q: %q is not among the values of --%s", text, value, name)
				}
			} else if got := fmt.Sprint(c.Value(name)); got != value && !again {
				t.Errorf("%q: --%s is %q, wanted %q", text, name, got, value)
			}
		}
		twice, _, err := recorded(a.words()[1:])
		if err != nil || !slices.Equal(twice.words(), a.words()) {
			t.Errorf("%q: got %q the first time and %q the second: %v", text, a.words(), twice.words(), err)
		}
	})
}
