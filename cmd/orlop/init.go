// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"cmp"
	_ "embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/containerfile"
)

// firstDefinition is what init writes without a Containerfile. NAME stands for the image.
//
//go:embed init.ucl
var firstDefinition string

func (p *program) initCommand() *cli.Command {
	return &cli.Command{
		Name:  "init",
		Usage: "write a definition to start from, or translate a Containerfile",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "from-containerfile", Usage: "translate `FILE`, or - for standard input; what is not understood becomes a comment", DefaultText: "a definition with an example of each key"},
			&cli.StringFlag{Name: "name", Usage: "of the image, `NAME`", DefaultText: "the folder's of the Containerfile, else site"},
			&cli.StringFlag{Name: "o", Aliases: []string{"output"}, Usage: "write a new file `FILE`", DefaultText: "standard output"},
		},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return fault.Usagef("init: takes no operands")
			}
			text := strings.ReplaceAll(firstDefinition, "NAME", cmp.Or(c.String("name"), "site"))
			var done *containerfile.Translation
			if file := c.String("from-containerfile"); file != "" {
				var err error
				if done, err = translate(c, file); err != nil {
					return err
				}
				text = done.Definition
			}
			if err := p.writeNew(c.String("o"), text); err != nil || done == nil {
				return err
			}
			left, needless := done.Count(containerfile.Left), done.Count(containerfile.Needless)
			return p.err.line("orlop: %s: translated %d of %d instructions and commands; not needed: %d, to be completed: %d, left as comments: %d",
				c.String("from-containerfile"), max(0, done.Steps-left-needless), done.Steps, needless, done.Count(containerfile.Open), left)
		},
	}
}

// translate reads a Containerfile. The folder that it is in says which of the names in
// COPY are folders.
func translate(c *cli.Context, file string) (*containerfile.Translation, error) {
	text, err := readOperand(c.Context, "from-containerfile", file)
	if err != nil {
		return nil, err
	}
	opts := containerfile.Options{Name: cmp.Or(c.String("name"), "site")}
	if file != "-" {
		dir := filepath.Dir(file)
		root, err := os.OpenRoot(dir)
		if err != nil {
			return nil, &fault.UnreadError{Flag: "from-containerfile", Path: dir, Err: err}
		}
		defer root.Close()
		opts.Folder = buildFolder{root.FS()}
		if full, err := filepath.Abs(dir); err == nil && c.String("name") == "" {
			opts.Name = cmp.Or(strings.Trim(notImageName.ReplaceAllString(strings.ToLower(filepath.Base(full)), "-"), "-"), opts.Name)
		}
	}
	if file == "-" {
		file = "standard input"
	}
	return until.Do(c.Context, func() (*containerfile.Translation, error) { return containerfile.Translate(file, text, opts) })
}

var notImageName = regexp.MustCompile(`[^a-z0-9]+`)

// buildFolder answers what a Containerfile copies.
type buildFolder struct{ fs fs.FS }

func (f buildFolder) IsDir(name string) bool {
	info, err := fs.Stat(f.fs, name)
	return err == nil && info.IsDir()
}

func (f buildFolder) Glob(pattern string) []string {
	names, err := fs.Glob(f.fs, pattern)
	if err != nil {
		return nil // a pattern that matches nothing
	}
	return names
}

// writeNew writes a text to standard output, or to a file that is not there yet.
func (p *program) writeNew(file, text string) error {
	if file == "" {
		return p.out.lines(text)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return fault.Usagef("-o %s: it is there already, wanted the name of a new file", file)
	}
	if err != nil {
		return &fault.UnreadError{Flag: "o", Path: file, Err: err}
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
