// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/solve"
)

type helpGroup struct{ heading, flags string }

// helpGroups are the headings under which help lists flags.
var helpGroups = []helpGroup{
	{"input", "from-containerfile repo repo-conf-dir srcdir root metalog lock update platform tools"},
	{"image", "abi revision branch image-file tree-file set unknown-scripts exceptions annotation"},
	{"definition", "name package parent parent-key copy entrypoint cmd env user workdir expose volume stop-signal label print-definition"},
	{"registry", "tag no-tags move-tag no-attachments verify-remote plain-http auth-host dry-run"},
	{"signatures", "key keyring trust identity signers require-form lookaside policy at-least password-file signer pgp-key passphrase-file pgp-signer signer-timeout form prepare prepared show attach"},
	{"trust", "insecure-unsigned lock-urls trust-lock tls-ca"},
	{"store", "cache cache-shared offline"},
	{"checks", "plan digests require rebuild allow-departures only"},
	{"output", "exit-code why stat lines files mtree sizes owner o format compression squash layers-from pkgdb-schema epoch public-url manifests json"},
	{"running", "j q v h"},
}

const (
	helpWidth  = 80 // columns of a line
	helpColumn = 30 // where explanations begin, at most
)

// helpApplies reports whether the list of flags and operands helps with an error.
// It does not where the fault is in a file, or in reading one.
func helpApplies(err error) bool {
	return exitStatus(err) == exitUsage && slices.ContainsFunc(leaf{err: err}.apart(), func(err leaf) bool {
		_, usage := errors.AsType[*fault.UsageError](err)
		_, request := errors.AsType[*fault.UsageError](err)
		_, abi := errors.AsType[*solve.ABIError](err)
		_, path := errors.AsType[*fs.PathError](err)
		_, file := errors.AsType[*fault.UnreadError](err)
		return (usage || request || abi) && !path && !file
	})
}

// printHelp writes what --help shows.
func printHelp(to printer, a *arguments) error {
	lines := flagHelp(a)
	if a.incomplete() {
		lines = commandHelp(a)
	}
	for _, line := range lines {
		if err := to.line("%s", line); err != nil {
			return err
		}
	}
	return nil
}

// commandHelp lists the commands of a command.
func commandHelp(a *arguments) []string {
	lines := []string{"usage: " + a.String() + " COMMAND [FLAGS] [OPERANDS]", "", a.command.Usage, "", "commands:"}
	width := 0
	for _, c := range a.command.Subcommands {
		width = max(width, len(c.Name))
	}
	for _, c := range a.command.Subcommands {
		lines = append(lines, helpEntry(c.Name, c.Usage, width+4)...)
	}
	return append(lines, "", a.path[0]+" help "+strings.Join(append(a.path[1:], "COMMAND"), " ")+" lists the flags of a command; orlop(8) has the rest.")
}

// flagHelp lists the flags of a command.
func flagHelp(a *arguments) []string {
	lines := append(wrap("usage: "+strings.TrimSpace(a.String()+" [FLAGS] "+a.command.ArgsUsage), helpWidth), "")
	lines = append(lines, wrap(a.command.Usage, helpWidth)...)
	width := 0
	for _, f := range flagsOf(a.command) {
		name, _ := explain(f)
		width = max(width, len(name))
	}
	for _, group := range helpGroups {
		heading := []string{"", group.heading + ":"}
		for _, f := range flagsOf(a.command) {
			if slices.Contains(strings.Fields(group.flags), f.Names()[0]) {
				name, text := explain(f)
				lines = append(append(lines, heading...), helpEntry(name, text, min(width+4, helpColumn))...)
				heading = nil
			}
		}
	}
	return lines
}

// explain returns a flag's names with the name of its value, and what it does.
func explain(f cli.Flag) (name, text string) {
	var names []string
	for _, n := range f.Names() {
		names = append(names, dashed(n))
	}
	if name = strings.Join(names, ", "); strings.HasPrefix(name, "--") {
		name = "    " + name // where a short one would be
	}
	text = f.(cli.DocGenerationFlag).GetUsage()
	if before, rest, quoted := strings.Cut(text, "`"); quoted {
		value, after, _ := strings.Cut(rest, "`")
		name, text = name+" "+value, before+value+after
	}
	if notes := notes(f); notes != "" {
		text += " (" + notes + ")"
	}
	return name, text
}

// notes says whether a flag may be repeated, and gives its default.
func notes(f cli.Flag) string {
	value, repeatable := "", false
	switch f := f.(type) {
	case *cli.IntFlag:
		value = cmp.Or(f.DefaultText, strconv.Itoa(f.Value))
	case *cli.DurationFlag:
		value = f.DefaultText
	case *cli.StringFlag:
		value = cmp.Or(f.DefaultText, f.Value)
	case *cli.StringSliceFlag:
		value, repeatable = f.DefaultText, true
	}
	var notes []string
	if repeatable {
		notes = append(notes, "repeatable")
	}
	if value != "" {
		notes = append(notes, "default: "+value)
	}
	return strings.Join(notes, "; ")
}

// helpEntry formats a name and, starting at a column, its explanation. A name
// that reaches the column gets a line to itself.
func helpEntry(name, text string, column int) []string {
	margin := strings.Repeat(" ", column)
	lines := wrap(text, helpWidth-column)
	for i := range lines {
		lines[i] = margin + lines[i]
	}
	name = "  " + name
	if len(name)+2 > column {
		return append([]string{name}, lines...)
	}
	lines[0] = name + lines[0][len(name):]
	return lines
}

// wrap breaks a text into lines between words.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
