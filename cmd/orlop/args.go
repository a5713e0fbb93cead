// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/spelling"
)

// arguments are a parsed command line, with the rules of POSIX and GNU programs:
// flags come before or after operands, short ones may be grouped or carry their
// value, and -- ends them. The library would take operands for commands, and
// flags after operands for operands, so it gets the parts in one order and form.
type arguments struct {
	command  *cli.Command // the innermost one named
	path     []string     // the names that lead to it, the program's first
	help     bool         // whether help was requested
	flags    []string     // --NAME=VALUE each, NAME the flag's first
	operands []string
}

// parseArguments parses the words after the program's name. With an error it
// returns what it had parsed by then.
func parseArguments(root *cli.Command, words []string) (*arguments, error) {
	a := &arguments{command: root, path: []string{root.Name}}
	rest, err := a.names(words)
	switch {
	case err != nil:
	case !a.help:
		err = a.take(rest)
	case len(rest) > 0:
		err = fault.Usagef("it has no command %q", rest[0])
	}
	if err != nil && len(a.path) > 1 {
		err = fault.Usagef("%s: %w", strings.Join(a.path[1:], " "), err)
	}
	return a, err
}

// String returns the command as typed, without flags and operands.
func (a *arguments) String() string { return strings.Join(a.path, " ") }

// incomplete reports whether a command is missing.
func (a *arguments) incomplete() bool { return len(a.command.Subcommands) > 0 }

// words returns the command line in the one form that the library parses as meant.
func (a *arguments) words() []string {
	words := append(append([]string{}, a.path...), a.flags...)
	return append(append(words, "--"), a.operands...)
}

// names consumes the names of commands and returns the words after them.
func (a *arguments) names(words []string) ([]string, error) {
	for len(words) > 0 && a.incomplete() {
		word, flag := words[0], isFlag(words[0])
		if words = words[1:]; word == "--" {
			if len(words) == 0 {
				break
			}
			word, flag, words = words[0], false, words[1:]
		}
		name := word
		if flag {
			name = flagName(word)
		}
		switch {
		case name == "help" || flag && name == "h":
			a.help = true
			continue
		case flag && !(name == "version" && len(a.path) == 1):
			return nil, fault.Usagef("flag %s is not known here%s", word, cmp.Or(hintFlag(name, []string{"help", "version"}), "; a command's flags come after its name"))
		}
		c := a.command.Command(name)
		if c == nil {
			return nil, a.unknownCommand(word)
		}
		a.command, a.path = c, append(a.path, c.Name)
	}
	return words, nil
}

func (a *arguments) unknownCommand(word string) error {
	var names []string
	for _, c := range a.command.Subcommands {
		names = append(names, c.Name)
	}
	if hint := spelling.Hint(word, append(names, "help")...); hint != "" {
		return fault.Usagef("command %q is not known%s", word, hint)
	}
	return fault.Usagef("command %q is not known, wanted one of %s", word, strings.Join(names, ", "))
}

// take sorts the words after a command's name into flags and operands.
func (a *arguments) take(words []string) error {
	ended := false
	for len(words) > 0 && !a.help {
		word := words[0]
		words = words[1:]
		switch {
		case word == "":
			return fault.Usagef("found an empty operand")
		case ended || !isFlag(word):
			a.operands = append(a.operands, word)
		case word == "--":
			ended = true
		default:
			var err error
			if words, err = a.flag(word, words); err != nil {
				return err
			}
		}
	}
	return nil
}

// isFlag reports whether a word is a flag. A - alone is an operand.
func isFlag(word string) bool { return len(word) > 1 && word[0] == '-' }

// flagName returns the name of a flag typed with one or two dashes, and perhaps
// with its value.
func flagName(word string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(word[1:], "-"), "=")
	return name
}

// flag consumes a flag and its value, which may be the next word, and returns the
// words after them.
func (a *arguments) flag(word string, rest []string) ([]string, error) {
	f := a.lookup(flagName(word))
	if f == nil {
		return a.group(word, rest)
	}
	typed, value, attached := strings.Cut(word, "=")
	switch {
	case attached:
	case isBool(f):
		value = "true"
	case len(rest) == 0:
		return nil, fault.Usagef("flag %s has no value, wanted one", typed)
	case a.isKnownFlag(rest[0]):
		return nil, fault.Usagef("flag %s has no value, found the flag %s; if that is the value, write %s=%s", typed, rest[0], typed, rest[0])
	default:
		value, rest = rest[0], rest[1:]
	}
	value, err := checkValue(f, value)
	if err != nil {
		return nil, fault.Usagef("flag %s: %w", typed, err)
	}
	if f.Names()[0] == "h" {
		a.help = value == "true"
		return rest, nil
	}
	if _, single := f.(*cli.StringFlag); single && f.Names()[0] == "abi" && a.has("abi") {
		return nil, fault.Usagef("flag %s: found a second one, %s; only build takes several", typed, value)
	}
	a.flags = append(a.flags, "--"+f.Names()[0]+"="+value)
	return rest, nil
}

// has reports whether a flag was given before.
func (a *arguments) has(name string) bool {
	return slices.ContainsFunc(a.flags, func(flag string) bool { return flagName(flag) == name })
}

// group consumes a group of short flags.
func (a *arguments) group(word string, rest []string) ([]string, error) {
	parts := a.split(word)
	if parts == nil {
		return nil, a.unknownFlag(word)
	}
	for _, part := range parts {
		var err error
		if rest, err = a.flag(part, rest); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// split splits a group of short flags, the last of which may have a value: -qj4 is
// -q -j=4. It returns nil if the word is no such group, or is more likely a long
// flag misspelt: -offlin must not write into the folder fflin.
func (a *arguments) split(word string) []string {
	alike := slices.DeleteFunc(a.flagNames(), func(name string) bool { return len(name) == 1 || name[0] != word[1] })
	if strings.HasPrefix(word, "--") || spelling.Nearest(flagName(word), alike) != "" {
		return nil
	}
	var parts []string
	for text := word[1:]; text != ""; {
		f := a.lookup(text[:1])
		if f == nil {
			return nil
		}
		name, rest := "-"+text[:1], text[1:]
		if rest != "" && (!isBool(f) || rest[0] == '=') {
			return append(parts, name+"="+strings.TrimPrefix(rest, "="))
		}
		parts, text = append(parts, name), rest
	}
	return parts
}

// flagsOf returns the flags of a command, and the one that every command has.
func flagsOf(c *cli.Command) []cli.Flag {
	return append(c.Flags[:len(c.Flags):len(c.Flags)], &cli.BoolFlag{Name: "h", Aliases: []string{"help"}, Usage: "print this"})
}

// lookup finds a flag by any of its names, nil for none.
func (a *arguments) lookup(name string) cli.Flag {
	for _, f := range flagsOf(a.command) {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

// isKnownFlag reports whether a word is a flag of this command, and so is hardly
// the value of the flag before it: a shell variable may have been empty.
func (a *arguments) isKnownFlag(word string) bool {
	return word == "--" || isFlag(word) && a.lookup(flagName(word)) != nil
}

func (a *arguments) unknownFlag(word string) error {
	typed, _, _ := strings.Cut(word, "=")
	return fault.Usagef("flag %s is not known%s", typed, hintFlag(flagName(word), a.flagNames()))
}

func (a *arguments) flagNames() []string {
	var names []string
	for _, f := range flagsOf(a.command) {
		names = append(names, f.Names()...)
	}
	return names
}

// hintFlag is spelling.Hint for the name of a flag.
func hintFlag(typed string, names []string) string {
	if name := spelling.Nearest(typed, names); name != "" {
		return "; did you mean " + dashed(name) + "?"
	}
	return ""
}

// dashed returns a flag's name as it is typed.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func isBool(f cli.Flag) bool {
	_, is := f.(*cli.BoolFlag)
	return is
}

// checkValue returns a flag's value in the form that the library reads.
func checkValue(f cli.Flag, value string) (string, error) {
	if value == "" {
		return "", errors.New("its value is empty")
	}
	switch f.(type) {
	case *cli.BoolFlag:
		yes, err := strconv.ParseBool(value)
		if err != nil {
			return "", fmt.Errorf("found %q, wanted true or false", value)
		}
		return strconv.FormatBool(yes), nil
	case *cli.IntFlag:
		n, err := strconv.Atoi(value)
		if err != nil {
			return "", fmt.Errorf("found %q, wanted a whole number", value)
		}
		return strconv.Itoa(n), nil
	case *cli.DurationFlag:
		d, err := time.ParseDuration(value)
		if err != nil {
			return "", fmt.Errorf("found %q, wanted a time such as 30s or 5m", value)
		}
		return d.String(), nil
	}
	return value, nil
}
