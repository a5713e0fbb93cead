// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"errors"
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/oci/layout"
	"github.com/orlop/orlop/release/registry"
)

// find opens an operand: an image of a registry, a file or folder, a FIFO, or - for
// standard input. A signal ends the wait for the other end of a FIFO.
func (p *program) find(c *cli.Context, name string) (*artifact.Ref, error) {
	client, err := p.registries(c, nil)
	if err != nil {
		return nil, err
	}
	return p.findWith(c, name, client)
}

// findWith is find for a command that has a client of registries.
func (p *program) findWith(c *cli.Context, name string, client *registry.Client) (*artifact.Ref, error) {
	switch {
	case name == "-":
		file, err := layout.New(c.Context, name, os.Stdin)
		return &artifact.Ref{Name: name, File: file}, unread(name, err)
	case artifact.IsRemote(name):
		return artifact.Find(c.Context, client, name)
	}
	ref, err := until.Do(c.Context, func() (*artifact.Ref, error) { return artifact.Find(c.Context, nil, name) })
	return ref, unread(name, err)
}

// findAll opens operands. What it could open is returned with an error, too.
func (p *program) findAll(c *cli.Context, names []string, client *registry.Client) ([]*artifact.Ref, error) {
	var refs []*artifact.Ref
	var errs []error
	for _, name := range names {
		ref, err := p.findWith(c, name, client)
		if err == nil {
			refs = append(refs, ref)
		} else {
			errs = append(errs, about(name, err)...)
		}
		if c.Context.Err() != nil {
			return refs, c.Context.Err()
		}
	}
	return refs, errors.Join(errs...)
}

func closeAll(refs []*artifact.Ref) {
	for _, r := range refs {
		r.Close()
	}
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
