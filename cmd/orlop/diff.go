// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

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
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "stat", Usage: "only how many differences of each kind"},
			&cli.IntFlag{Name: "lines", Value: 40, Usage: "at most `N` lines of a package's files and of a file's contents, 0 for all"},
			platformFlag(), jsonFlag(),
		},
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

// differences are those of two images, and what who has the first fetches of the
// second.
type differences struct {
	list []compare.Difference
	pull []compare.PulledLayer
}

// compare finds the differences, and besides its own error tells what of the
// images could not be compared.
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
	var sides [2]*artifact.Artifact
	var faults []error
	for i, path := range c.Args().Slice() {
		source, err := openSource(c.Context, path)
		if err != nil {
			return found, nil, err
		}
		defer source.Close()
		if sides[i], err = artifact.ReadAny(c.Context, source, platform); sides[i] == nil || !sides[i].Whole() {
			return found, nil, errors.Join(about(path, err)...)
		}
		faults = append(faults, p.passedOver(path, err))
	}
	for _, text := range compare.Wrapping(sides[0], sides[1]) {
		_ = p.err.line("orlop: the layouts around the images differ: %s", text)
	}
	found.pull = compare.Pull(sides[0], sides[1])
	found.list, err = compare.Explain(c.Context, sides[0], sides[1], compare.Artifacts(c.Context, sides[0], sides[1]), c.Int("lines"))
	return found, errors.Join(faults...), err
}

// printDifferences writes what differs, and before the files which layers that
// makes new. Of images that are the same it writes nothing.
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
	for _, line := range slices.Concat(differenceLines(before, lines), pullLines(found.pull), differenceLines(after, lines)) {
		if err := c.Context.Err(); err != nil {
			return err
		}
		if err := p.out.line("%s", line); err != nil {
			return err
		}
	}
	return nil
}

// jsonLines writes objects, a line each.
func jsonLines[T any](to printer, list []T) error {
	for _, x := range list {
		if err := to.json(x); err != nil {
			return err
		}
	}
	return nil
}

// pullLines tell which layers are new, and what fetching them comes to.
func pullLines(layers []compare.PulledLayer) []string {
	if layers == nil {
		return nil
	}
	var r report
	var count int
	var size, all int64
	r.line(0, "%s:", compare.PartLayers)
	for _, l := range layers {
		r.line(1, "%s: %s, %d bytes", l.Layer, l.Change, l.Size)
		if all += l.Size; l.Change == "new" {
			count++
			size += l.Size
		}
	}
	r.line(1, "to fetch: %d of %d, %d of %d bytes", count, len(layers), size, all)
	return r
}

// differenceLines are a report for people: a heading for each part, and for each
// package in it, under which there are so many lines at most, 0 for any number.
func differenceLines(list []compare.Difference, lines int) []string {
	var r report
	for part := range runs(list, func(d compare.Difference) string { return string(d.Part) }) {
		r.line(0, "%s:", part[0].Part)
		switch part[0].Part {
		case compare.PartFiles, compare.PartDatabase:
			r.packages(part, lines)
			continue
		}
		for _, d := range part {
			switch d.Part {
			case compare.PartPackages:
				r.line(1, "%s", packageText(d))
			case compare.PartImage:
				r.line(1, "%s: %s -> %s", d.Subject, cmp.Or(d.Old, "none"), cmp.Or(d.New, "none"))
			default:
				r.line(1, "%s: %s", d.Subject, d.Change)
				for _, line := range d.Detail {
					r.line(2, "%s", line)
				}
			}
		}
	}
	return r
}

// report is a text of indented lines.
type report []string

func (r *report) line(depth int, format string, args ...any) {
	*r = append(*r, strings.Repeat("    ", depth)+sprintf(format, args...))
}

// runs cuts a list where the key changes.
func runs(list []compare.Difference, key func(compare.Difference) string) iter.Seq[[]compare.Difference] {
	return func(yield func([]compare.Difference) bool) {
		for len(list) > 0 {
			n := 1
			for n < len(list) && key(list[n]) == key(list[0]) {
				n++
			}
			if !yield(list[:n]) {
				return
			}
			list = list[n:]
		}
	}
}

func packageText(d compare.Difference) string {
	where := ""
	if d.Layer != "" {
		where = " in " + d.Layer
	}
	switch d.Change {
	case "added":
		return fmt.Sprintf("+ %s %s%s", d.Subject, d.New, where)
	case "removed":
		return fmt.Sprintf("- %s %s%s", d.Subject, d.Old, where)
	}
	return fmt.Sprintf("%s %s %s -> %s%s", map[string]string{"up": "^", "down": "v"}[d.Change], d.Subject, d.Old, d.New, where)
}

// packages writes the files or rows of each package. Those of which only the
// time differs come as a number, or a new build would bury all else.
func (r *report) packages(list []compare.Difference, lines int) {
	rest := slices.DeleteFunc(slices.Clone(list), func(d compare.Difference) bool { return d.OnlyTime })
	for group := range runs(rest, func(d compare.Difference) string { return d.Package }) {
		r.line(1, "%s:", cmp.Or(group[0].Package, "of no package"))
		for i, d := range group {
			if i == lines && lines > 0 {
				r.line(2, "… and %d more", len(group)-lines)
				break
			}
			if d.Part == compare.PartDatabase {
				r.line(2, "%s", d.Change)
			} else {
				r.line(2, "%s: %s", d.Subject, d.Change)
			}
		}
	}
	if n := len(list) - len(rest); n > 0 {
		r.line(1, "%d with another time only", n)
	}
}

// printStat writes a number for each part and change.
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
