// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/hooks/verify"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

func (p *program) pkgdbCommand() *cli.Command {
	return &cli.Command{
		Name:  "pkgdb",
		Usage: "work on local.sqlite, pkg's database of what is installed",
		Subcommands: []*cli.Command{
			{
				Name: "normalise", Usage: "write the normal form, which is the same for the same packages", ArgsUsage: "DB", Before: needSQLite,
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "o", Aliases: []string{"output"}, Usage: "write to `FILE`", DefaultText: "DB itself"},
					&cli.StringFlag{Name: "epoch", Usage: "install time, `SECONDS` since 1970", DefaultText: "SOURCE_DATE_EPOCH, else the newest file time"},
					schemaFlag(),
				},
				Action: p.pkgdbNormalise,
			},
			{
				Name: "dump", Usage: "print every row, with names instead of row numbers", ArgsUsage: "DB", Before: needSQLite,
				Flags: []cli.Flag{jsonFlag()}, Action: p.pkgdbDump,
			},
			{
				Name: "diff", Usage: "compare two databases by package; exit 0: same, 1: different, 2: trouble", ArgsUsage: "A B", Before: needSQLiteToCompare,
				Flags: []cli.Flag{jsonFlag()}, Action: p.pkgdbDiff,
			},
			{
				Name: "check", Usage: "find faults in a database, and differences from a root folder or image", ArgsUsage: "DB [ROOT]", Before: needSQLite,
				Flags: append([]cli.Flag{platformFlag(), jsonFlag(), tlsFlag()}, registryFlags()...), Action: p.pkgdbCheck,
			},
		},
	}
}

// readDatabase reads the content of a database that the user names.
func readDatabase(ctx context.Context, file string) (*pkgdb.Content, error) {
	content, err := pkgdb.ReadContent(ctx, file)
	return content, unread(file, err)
}

// operands returns the operands; there must be least to most of them.
func operands(c *cli.Context, least, most int, wanted string) ([]string, error) {
	if n := c.NArg(); n < least || n > most {
		return nil, fault.Usagef("%s: operands: found %d, wanted %s", c.Command.HelpName[len("orlop "):], n, wanted)
	}
	return c.Args().Slice(), nil
}

func (p *program) pkgdbNormalise(c *cli.Context) error {
	args, err := operands(c, 1, 1, "one database")
	if err != nil {
		return err
	}
	epoch, err := p.lastEpoch(c)
	if err != nil {
		return err
	}
	to, err := schema(c)
	if err != nil {
		return err
	}
	out := args[0]
	if c.IsSet("o") {
		out = c.String("o")
	}
	if err := output.CheckFile(out); err != nil {
		return err
	}
	image, err := sqlitefile.Read(c.Context, args[0])
	if err != nil {
		return unread(args[0], err)
	}
	defer image.Close()
	normal, err := pkgdb.Normalise(c.Context, "", image, to, epoch)
	if err != nil {
		return errors.Join(about(args[0], err)...)
	}
	defer normal.Close()
	if err := sqlitefile.Write(c.Context, out, normal); err != nil {
		return err
	}
	p.results.settle()
	return nil
}

func (p *program) pkgdbDump(c *cli.Context) error {
	args, err := operands(c, 1, 1, "one database")
	if err != nil {
		return err
	}
	content, err := readDatabase(c.Context, args[0])
	if err != nil {
		return err
	}
	lines, err := content.Dump(c.Context)
	if err != nil {
		return err
	}
	for _, line := range lines {
		if err := c.Context.Err(); err != nil {
			return err
		}
		if c.Bool("json") {
			err = p.out.json(struct {
				Table string          `json:"table"`
				Row   json.RawMessage `json:"row"`
			}{line.Table, json.RawMessage(line.Row)})
		} else {
			err = p.out.line("%s %s", line.Table, escapeJSON(line.Row))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *program) pkgdbDiff(c *cli.Context) error {
	args, err := operands(c, 2, 2, "two databases")
	if err != nil {
		return err
	}
	var contents [2]*pkgdb.Content
	var errs []error
	for i, path := range args {
		contents[i], err = readDatabase(c.Context, path)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return &troubleError{err}
	}
	changes, err := pkgdb.Diff(c.Context, contents[0], contents[1])
	if err == nil {
		err = p.printChanges(c, changes)
	}
	if err != nil {
		return &troubleError{err}
	}
	if len(changes) > 0 {
		return errDiffer
	}
	return nil
}

// printChanges prints the name of each package above what differs in it.
func (p *program) printChanges(c *cli.Context, changes []pkgdb.Change) error {
	last := ""
	for _, change := range changes {
		if err := c.Context.Err(); err != nil {
			return err
		}
		if c.Bool("json") {
			err := p.out.json(struct {
				Package string `json:"package,omitempty"`
				What    string `json:"what"`
				Name    string `json:"name,omitempty"`
				Field   string `json:"field,omitempty"`
				Old     string `json:"old,omitempty"`
				New     string `json:"new,omitempty"`
			}{change.Package, change.What, change.Name, change.Field, change.Old, change.New})
			if err != nil {
				return err
			}
			continue
		}
		indent := ""
		if change.Package != "" {
			indent = "\t"
		}
		if change.Package != last {
			last = change.Package
			if err := p.out.line("%s", last); err != nil {
				return err
			}
		}
		if err := p.out.line(indent+"%s", change); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) pkgdbCheck(c *cli.Context) error {
	args, err := operands(c, 1, 2, "a database and perhaps a root")
	if err != nil {
		return err
	}
	platform, err := platform(c)
	if err != nil {
		return err
	}
	content, err := readDatabase(c.Context, args[0])
	var root *artifact.Ref
	if len(args) == 2 {
		var unopened error
		if root, unopened = p.find(c, args[1]); unopened == nil {
			defer root.Close()
		}
		err = errors.Join(err, unopened)
	}
	if err != nil {
		return err
	}
	report, err := verify.Database(c.Context, content, root, platform)
	if err != nil {
		return errors.Join(about(root.Name, err)...) // without a root there is none
	}
	if report.AnyOwner {
		_ = p.err.line("orlop: %s: one ordinary user owns every file, so owners are not compared", root.Name)
	}
	if err := p.printUnowned(c, report.Unowned); err != nil {
		return err
	}
	if report.Odd != nil {
		report.Faults = append(report.Faults, p.passedOver(root.Name, report.Odd))
	}
	return errors.Join(report.Faults...)
}

// printUnowned lists files that no package owns.
func (p *program) printUnowned(c *cli.Context, paths []string) error {
	for _, path := range paths {
		var err error
		if c.Bool("json") {
			err = p.out.json(struct {
				Unowned string `json:"unowned"`
			}{path})
		} else {
			err = p.out.line("unowned\t%s", path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
