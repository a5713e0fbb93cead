// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/oci/layout"
)

// openSource opens an operand: a file or folder, a FIFO, or - for standard input.
// A signal ends the wait for the other end of a FIFO.
func openSource(ctx context.Context, name string) (*layout.File, error) {
	if name == "-" {
		source, err := layout.New(ctx, name, os.Stdin)
		return source, unread(name, err)
	}
	source, err := until.Do(ctx, func() (*layout.File, error) { return layout.Open(ctx, name) })
	return source, unread(name, err)
}

func platformFlag() cli.Flag {
	return &cli.StringFlag{Name: "platform", Usage: "of several images, read the one for `OS/ARCH`, such as freebsd/arm64 or linux/arm/v7"}
}

// platform reads platformFlag.
func platform(c *cli.Context) (string, error) {
	if !c.IsSet("platform") {
		return "", nil
	}
	s := c.String("platform")
	if err := oci.ParsePlatform(s); err != nil {
		return "", fault.Usagef("--platform: found %q, %w", s, err)
	}
	return s, nil
}

// printNotes prints remarks on an image that are not faults, with details for -v.
func (p *program) printNotes(c *cli.Context, name string, notes, details []string) {
	if c.Bool("q") {
		return
	}
	if c.Bool("v") {
		notes = slices.Concat(notes, details)
	}
	for _, text := range notes {
		_ = p.err.line("orlop: %s: %s", name, text)
	}
}

// passedOver prints what is odd about entries, and returns the faults that hide
// something.
func (p *program) passedOver(name string, err error) error {
	if err == nil {
		return nil
	}
	var hidden []error
	for _, e := range about(name, err) {
		if format, is := errors.AsType[*layer.FormatError](e); is && format.Shown {
			_ = p.err.line("orlop: %s", tabbed(e.Error()))
			continue
		}
		hidden = append(hidden, e)
	}
	return errors.Join(hidden...)
}
