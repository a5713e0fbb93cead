// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks"
)

func (p *program) diffCommand() *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "compare two images: packages, files, rows, bytes",
		ArgsUsage: "A B",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "stat", Usage: "only how many differences of each kind"},
			&cli.IntFlag{Name: "lines", Value: 40, Usage: "at most `N` lines of a file's contents, 0 for all"},
			jsonFlag(),
		},
		Action: func(c *cli.Context) error {
			list, err := p.compare(c)
			if err != nil {
				return &troubleError{err}
			}
			if err := p.printDifferences(c, list); err != nil {
				return &troubleError{err}
			}
			if len(list) > 0 {
				return errDiffer
			}
			return nil
		},
	}
}

func (p *program) compare(c *cli.Context) ([]hooks.Difference, error) {
	if c.NArg() != 2 {
		return nil, usagef("diff: found %d operands, wanted two archives", c.NArg())
	}
	if c.Int("lines") < 0 {
		return nil, usagef("--lines: found %d, wanted none or more", c.Int("lines"))
	}
	var sides [2]*hooks.Artifact
	for i, path := range c.Args().Slice() {
		var err error
		if sides[i], err = hooks.ReadAny(c.Context, path); err != nil {
			return nil, errors.Join(about(path, err)...)
		}
	}
	return hooks.Explain(c.Context, sides[0], sides[1], hooks.Compare(sides[0], sides[1]), c.Int("lines"))
}

func (p *program) printDifferences(c *cli.Context, list []hooks.Difference) error {
	if c.Bool("stat") {
		return p.printStat(c, list)
	}
	if c.Bool("json") {
		for _, d := range list {
			if err := p.printJSON(d); err != nil {
				return err
			}
		}
		return nil
	}
	_, err := p.stdout.Write([]byte(differenceText(list)))
	return err
}

// differenceText is a report for people: a heading for each part, and for each
// package in it.
func differenceText(list []hooks.Difference) string {
	var b strings.Builder
	var part hooks.Part
	for i := 0; i < len(list); {
		d := list[i]
		if d.Part != part {
			part = d.Part
			fmt.Fprintf(&b, "%s:\n", part)
		}
		switch part {
		case hooks.PartPackages:
			fmt.Fprintf(&b, "    %s\n", packageText(d))
		case hooks.PartImage:
			fmt.Fprintf(&b, "    %s: %s -> %s\n", d.Subject, orNone(d.Old), orNone(d.New))
		case hooks.PartBytes:
			fmt.Fprintf(&b, "    %s: %s\n", d.Subject, d.Change)
			for _, line := range d.Detail {
				fmt.Fprintf(&b, "        %s\n", line)
			}
		default:
			n := i
			for n < len(list) && list[n].Part == part && list[n].Package == d.Package {
				n++
			}
			groupText(&b, list[i:n])
			i = n
			continue
		}
		i++
	}
	return b.String()
}

func packageText(d hooks.Difference) string {
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

// groupText writes the files or rows of one package. Files of which only the
// time differs come as a number, or a new build would bury all else.
func groupText(b *strings.Builder, list []hooks.Difference) {
	if name := list[0].Package; name != "" {
		fmt.Fprintf(b, "    %s:\n", name)
	} else {
		b.WriteString("    of no package:\n")
	}
	times := 0
	for _, d := range list {
		switch {
		case d.Part == hooks.PartDatabase:
			fmt.Fprintf(b, "        %s\n", d.Change)
		case strings.HasPrefix(d.Change, "time is ") && !strings.Contains(d.Change, ", "):
			times++
		default:
			fmt.Fprintf(b, "        %s: %s\n", d.Subject, d.Change)
		}
	}
	if times > 0 {
		fmt.Fprintf(b, "        %d with another time only\n", times)
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// printStat writes a number for each part and change.
func (p *program) printStat(c *cli.Context, list []hooks.Difference) error {
	type key struct {
		part   hooks.Part
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
			err = p.printJSON(map[string]any{"part": k.part, "change": k.change, "count": count[k]})
		} else {
			_, err = fmt.Fprintf(p.stdout, "%s\t%s\t%d\n", k.part, k.change, count[k])
		}
		if err != nil {
			return err
		}
	}
	return nil
}
