// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"errors"
	"slices"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/compare"
	"github.com/orlop/orlop/pkgdb/fault"
)

func (p *program) diffCommand() *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "compare two images: packages, files, rows, bytes",
		ArgsUsage: "A B",
		Before:    needSQLiteToCompare,
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "stat", Usage: "print only how many differences there are of each kind"},
			&cli.IntFlag{Name: "lines", Value: 40, Usage: "print at most `N` lines for a package's files and for a file's contents, 0 for all"},
			platformFlag(), jsonFlag(), tlsFlag(),
		}, registryFlags()...),
		Action: func(c *cli.Context) error {
			found, hidden, err := p.compare(c)
			if err != nil {
				return &troubleError{err}
			}
			if err := errors.Join(p.printDifferences(c, found), hidden); err != nil {
				return &troubleError{err}
			}
			if len(found.list) > 0 {
				return errDiffer
			}
			return nil
		},
	}
}

// differences are those of two images, and the layers that somebody who has the
// first must pull for the second.
type differences struct {
	list []compare.Difference
	pull []compare.PulledLayer
}

// compare finds the differences. Apart from its own error, hidden says what could
// not be compared.
func (p *program) compare(c *cli.Context) (found differences, hidden, err error) {
	if c.NArg() != 2 {
		return found, nil, fault.Usagef("diff: operands: found %d, wanted two archives", c.NArg())
	}
	if c.Int("lines") < 0 {
		return found, nil, fault.Usagef("--lines: found %d, wanted none or more", c.Int("lines"))
	}
	platform, err := platform(c)
	if err != nil {
		return found, nil, err
	}
	var refs []*artifact.Ref
	for _, path := range c.Args().Slice() {
		ref, err := p.find(c, path)
		if err != nil {
			return found, nil, err
		}
		defer ref.Close()
		refs = append(refs, ref)
	}
	artifact.Pool(c.Context, refs...)
	var sides [2]*artifact.Artifact
	var reasons [2]error
	var g sync.WaitGroup
	for i, ref := range refs {
		g.Go(func() { sides[i], reasons[i] = artifact.ReadAny(c.Context, ref, platform) })
	}
	g.Wait()
	var faults []error
	for i, path := range c.Args().Slice() {
		if sides[i] == nil || !sides[i].Complete() {
			return found, nil, errors.Join(about(path, reasons[i])...)
		}
		faults = append(faults, p.passedOver(path, reasons[i]))
	}
	for _, text := range compare.Layouts(sides[0], sides[1]) {
		_ = p.err.line("orlop: the layouts around the images differ: %s", text)
	}
	found.pull = compare.Pull(sides[0], sides[1])
	found.list, err = compare.Explain(c.Context, sides[0], sides[1], compare.Artifacts(c.Context, sides[0], sides[1]), c.Int("lines"))
	return found, errors.Join(faults...), err
}

// printDifferences prints what differs, with the layers that are new ahead of the
// files. It prints nothing if the images are the same.
func (p *program) printDifferences(c *cli.Context, found differences) error {
	if c.Bool("stat") || len(found.list) == 0 {
		return p.printStat(c, found.list)
	}
	inside := slices.IndexFunc(found.list, func(d compare.Difference) bool { return d.Part != compare.PartPackages && d.Part != compare.PartImage })
	if inside < 0 {
		inside = len(found.list)
	}
	before, after := found.list[:inside], found.list[inside:]
	if c.Bool("json") {
		return errors.Join(jsonLines(p.out, before), jsonLines(p.out, found.pull), jsonLines(p.out, after))
	}
	lines := c.Int("lines")
	for _, line := range slices.Concat(compare.Lines(before, lines), compare.PullLines(found.pull), compare.Lines(after, lines)) {
		if err := c.Context.Err(); err != nil {
			return err
		}
		if err := p.out.line("%s", line); err != nil {
			return err
		}
	}
	return nil
}

// jsonLines prints objects, one per line.
func jsonLines[T any](to printer, list []T) error {
	for _, x := range list {
		if err := to.json(x); err != nil {
			return err
		}
	}
	return nil
}

// printStat prints a count for each part and change.
func (p *program) printStat(c *cli.Context, list []compare.Difference) error {
	type key struct {
		part   compare.Part
		change string
	}
	var order []key
	count := map[key]int{}
	for _, d := range list {
		k := key{d.Part, "changed"}
		if d.Change == "added" || d.Change == "removed" || d.Change == "up" || d.Change == "down" {
			k.change = d.Change
		}
		if count[k] == 0 {
			order = append(order, k)
		}
		count[k]++
	}
	for _, k := range order {
		var err error
		if c.Bool("json") {
			err = p.out.json(map[string]any{"part": k.part, "change": k.change, "count": count[k]})
		} else {
			err = p.out.line("%s\t%s\t%d", k.part, k.change, count[k])
		}
		if err != nil {
			return err
		}
	}
	return nil
}
