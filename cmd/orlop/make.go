// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
)

// makeCommand answers Makefile.inc, so that no list has to be in both.
func (p *program) makeCommand() *cli.Command {
	return &cli.Command{
		Name:  "make",
		Usage: "answer make(1) in a release build",
		Subcommands: []*cli.Command{
			{
				Name:      "flags",
				Usage:     "print the flags that a command knows, quoted for sh(1)",
				ArgsUsage: "COMMAND -- FLAG...",
				Flags:     []cli.Flag{&cli.BoolFlag{Name: "only", Usage: "refuse flags that the command does not know"}},
				Action:    p.makeFlags,
			},
			{
				Name:      "compare",
				Usage:     "compare a source tree's definitions of images with orlop's own",
				ArgsUsage: "IMAGE...",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "revision", Usage: "`REVISION` such as 15.0"},
					&cli.StringFlag{Name: "tools", Usage: "`DIR` of the tree with its oci-image-*.conf: release/tools"},
				},
				Action: p.makeCompare,
			},
		},
	}
}

// sharedBy returns the commands that share the flags of a release build. A flag
// that none of them knows is misspelt.
func (p *program) sharedBy() []*cli.Command {
	return []*cli.Command{p.planCommand(), p.lockCommand(), p.buildCommand(), p.verifyCommand()}
}

// ofMakefile are the flags that Makefile.inc sets itself. A second value would put
// its results elsewhere.
var ofMakefile = []string{"o", "json", "h", "plan", "lock", "cache", "abi", "revision", "branch", "tree-file", "manifests", "format",
	"name", "package", "parent", "copy", "entrypoint", "cmd", "env", "user", "workdir", "expose", "volume", "stop-signal", "label", "print-definition", "root", "metalog", "rebuild", "digests", "why", "update", "exit-code"}

func (p *program) makeFlags(c *cli.Context) error {
	shared := p.sharedBy()
	var names []string
	all := &cli.Command{Name: "make flags"}
	for _, s := range shared {
		names = append(names, s.Name)
		all.Flags = append(all.Flags, s.Flags...)
	}
	i := slices.Index(names, c.Args().First())
	if i < 0 {
		return fault.Usagef("make flags: found the command %q, wanted one of %s", c.Args().First(), strings.Join(names, ", "))
	}
	given := &arguments{command: all}
	if err := given.take(c.Args().Tail()); err != nil {
		return fmt.Errorf("make flags: %w", err)
	}
	if len(given.operands) > 0 {
		return fault.Usagef("make flags: found %q, wanted flags only", given.operands[0])
	}
	if given.help {
		given.flags = append(given.flags, "--h=true")
	}
	wanted := &arguments{command: shared[i]}
	var known []string
	for _, flag := range given.flags {
		switch name := flagName(flag); {
		case slices.Contains(ofMakefile, name):
			return fault.Usagef("make flags: found %s, which Makefile.inc sets itself", dashed(name))
		case wanted.lookup(name) != nil:
			known = append(known, shellQuoted(flag))
		case c.Bool("only"):
			return fault.Usagef("make flags: found %s, which %s does not know", dashed(name), names[i])
		}
	}
	return p.out.line("%s", strings.Join(known, " "))
}

// shellQuoted quotes a word for sh(1).
func shellQuoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// makeCompare compares the images that a tree lists, and the tree's definitions of
// them, with orlop's own of the same names.
func (p *program) makeCompare(c *cli.Context) error {
	if c.String("revision") == "" {
		return fault.Usagef("make compare: wanted --revision")
	}
	if err := release.Asked(c.String("revision"), "", ""); err != nil {
		return err
	}
	tools := c.String("tools")
	if tools != "" {
		if info, err := os.Stat(tools); err != nil || !info.IsDir() {
			return fault.Usagef("--tools: %s: no such folder", tools)
		}
	}
	own, err := define.Standard(c.String("revision"))
	if err != nil {
		return err
	}
	theirs := define.Images{}
	if tools != "" { // without it, only the list is compared
		theirs, err = readTools(tools, c.Args().Slice(), c.String("revision"))
	}
	if err != nil {
		return err
	}
	return own.Compare(c.Args().Slice(), theirs)
}

// readTools reads the definitions of images that a folder has.
func readTools(folder string, images []string, revision string) (define.Images, error) {
	all := define.Images{}
	for _, name := range images {
		file := filepath.Join(folder, define.ConfName(name))
		text, err := store.ReadRegularFile(file, maxOperand)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, &fault.UnreadError{Flag: "tools", Path: file, Err: err}
		}
		if err := all.Read(file, text, define.Target{Revision: revision}); err != nil {
			return nil, err
		}
	}
	return all, nil
}
