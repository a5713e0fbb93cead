// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/family"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release"
)

const (
	abiUsage   = "`ABI` such as FreeBSD:15:amd64"
	abiDefault = "the only one in the catalogue"
)

func abiFlag() cli.Flag {
	return &cli.StringFlag{Name: "abi", Usage: abiUsage, DefaultText: abiDefault}
}

// abisFlag is for a command that can do its work for several ABIs in one run.
func abisFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "abi", Usage: abiUsage + "; several make images for each, and their indexes", DefaultText: abiDefault}
}

// abis returns the ABIs of either flag, by name.
func abis(c *cli.Context) []string {
	if !c.IsSet("abi") {
		return nil
	}
	if list := c.StringSlice("abi"); len(list) > 0 {
		return slices.Sorted(slices.Values(list))
	}
	return []string{c.String("abi")}
}

// firstABI is the only ABI, or the first of several; "" for none.
func firstABI(c *cli.Context) string {
	if list := abis(c); len(list) > 0 {
		return list[0]
	}
	return ""
}

// checkABIs refuses what several ABIs cannot have in one run.
func checkABIs(c *cli.Context, list []string) error {
	if len(list) < 2 {
		return nil
	}
	folders := map[string]string{}
	for _, abi := range list {
		if err := release.Asked("", "", abi); err != nil {
			return fault.Usagef("--abi: %w", err)
		}
		folder := family.Folder(abi)
		switch other := folders[folder]; other {
		case "":
			folders[folder] = abi
		case abi:
			return fault.Usagef("--abi: found %s twice, wanted each ABI once", abi)
		default:
			return fault.Usagef("--abi: found %s and %s, wanted one ABI for each machine: both would be in the folder %s", other, abi, folder)
		}
	}
	for _, name := range []string{"lock", "plan", "root", "metalog"} {
		if c.IsSet(name) {
			return fault.Usagef("--%s: it is for one ABI, found %s", name, strings.Join(list, ", "))
		}
	}
	if revision := c.String("revision"); revision != "" {
		for _, abi := range list[1:] {
			if majorOf(abi) != majorOf(list[0]) {
				return fault.Usagef("--revision %s: it is for one major version, found %s and %s", revision, list[0], abi)
			}
		}
	}
	return nil
}

func majorOf(abi string) string {
	of, _ := release.OfABI(abi) // which has been checked
	return of.Revision
}

// forEach returns the configuration for each ABI, made from that of the first.
func (p *program) forEach(c *cli.Context, cfg hooks.Config, abis []string) ([]hooks.Config, error) {
	first := cfg.Input.(*input.Repositories)
	asked, err := cfg.Asked(c.Context, c.StringSlice("parent")...)
	if err != nil {
		return nil, err
	}
	var list []hooks.Config
	for _, abi := range abis {
		repos, err := repositories(c, release.Release{ABI: abi, Revision: c.String("revision"), Branch: c.String("branch")}, asked.Repositories)
		if err != nil {
			return nil, err
		}
		one := cfg
		one.ABI, one.Observe = abi, cfg.Observe.Within(abi)
		one.Input = first.For(abi, repos, one.Observe)
		list = append(list, one)
	}
	return list, nil
}

// buildFamilies builds images for several ABIs, and prints a line for each image and
// for each index.
func (p *program) buildFamilies(c *cli.Context, cfg hooks.Config, abis []string) error {
	cfgs, err := p.forEach(c, cfg, abis)
	if err != nil {
		return err
	}
	built, err := family.Build(c.Context, cfg.OutDir, cfgs, cfg.Observe)
	p.shown.done()
	if err != nil {
		return err
	}
	p.results.settle()
	for _, r := range built.Images {
		if err := p.printResult(c, r); err != nil {
			return err
		}
	}
	for _, f := range built.Indexes {
		if err := p.printIndex(c, f, filepath.Join(cfg.OutDir, family.IndexFile(f.Image))); err != nil {
			return err
		}
	}
	return nil
}
