// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/parent"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/attest"
	"github.com/orlop/orlop/release/define"
)

// parentKeyFlag says whose parents are trusted.
func parentKeyFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "parent-key", Usage: "take a parent from a registry only if a public key in `FILE` has signed it"}
}

// parents says where the images are found that others stand on, and which count.
func (p *program) parents(c *cli.Context) (parent.Finder, error) {
	f := parent.Finder{Unsigned: c.Bool("insecure-unsigned"), Keys: attest.Trust{Now: time.Now()},
		Find: func(_ context.Context, reference string) (*artifact.Ref, error) { return p.find(c, reference) }}
	for _, file := range c.StringSlice("parent-key") {
		text, err := readOperand(c.Context, "parent-key", file)
		if err == nil {
			err = addKeys(&f.Keys, text)
		}
		if err != nil {
			return f, fault.Within("--parent-key: "+file, err)
		}
	}
	if !c.IsSet("name") {
		for _, reference := range c.StringSlice("parent") {
			if !define.IsReference(reference) {
				return f, fault.Usagef("--parent: found %q, wanted an image of a registry, or its path: one with a / or a : in it", reference)
			}
			f.Given = append(f.Given, reference)
		}
	}
	return f, nil
}

// customParent returns the parent of the image --name, "" for none.
func customParent(c *cli.Context) (string, error) {
	switch list := c.StringSlice("parent"); {
	case len(list) == 0, len(list) == 1 && list[0] == "none":
		return "", nil
	case len(list) > 1:
		return "", fault.Usagef("--parent: found %d images, wanted the one that image %s stands on", len(list), c.String("name"))
	default:
		return list[0], nil
	}
}
