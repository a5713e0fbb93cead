// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/oci/layout"
)

func (p *program) buildCommand() *cli.Command {
	return &cli.Command{
		Name:      "build",
		Usage:     "make images",
		ArgsUsage: "IMAGE...",
		Before:    needSQLite,
		Flags:     slices.Concat(inputFlags(abisFlag()), contentFlags(), lockFlags(), []cli.Flag{planFlag(), publicURLFlag(), epochFlag(), annotationFlag(), printDefinitionFlag(), manifestsFlag()}, outputFlags(), talkFlags()),
		Action: p.printing(func(c *cli.Context) error {
			if c.String("o") == "-" {
				return p.buildStream(c)
			}
			list := abis(c)
			cfg, err := p.buildConfig(c, list)
			if err != nil {
				return err
			}
			if len(list) > 1 {
				return p.buildFamilies(c, cfg, list)
			}
			results, err := p.build(c, cfg)
			if err != nil {
				return err
			}
			p.results.settle()
			return p.printResults(c, results)
		}),
	}
}

func manifestsFlag() cli.Flag {
	return &cli.BoolFlag{Name: "manifests", Usage: "write the digests of all manifests and locks into " + release.ManifestList()}
}

// buildConfig turns the flags of build into a configuration.
func (p *program) buildConfig(c *cli.Context, abis []string) (hooks.Config, error) {
	if err := checkABIs(c, abis); err != nil {
		return hooks.Config{}, err
	}
	cfg, err := p.config(c)
	if err == nil {
		err = readOutput(c, &cfg)
	}
	cfg.Manifests = c.Bool("manifests")
	return cfg, err
}

// build runs the hooks and shows their progress.
func (p *program) build(c *cli.Context, cfg hooks.Config) ([]hooks.Result, error) {
	results, err := hooks.Build(c.Context, cfg)
	p.shown.done()
	return results, err
}

// printFrom says on a terminal how an image is used.
func (p *program) printFrom(c *cli.Context, r hooks.Result) {
	if p.onTerminal() && !c.Bool("q") && c.String("o") != "-" && c.String("format") != string(layout.Dir) {
		_ = p.err.line("orlop: podman load -i %s   # then: FROM localhost/%s", r.File, r.Name)
	}
}

// below is the path of a file in the output folder.
func below(c *cli.Context, file string) string {
	if c.String("o") == "-" {
		return file
	}
	name, err := filepath.Rel(c.String("o"), file)
	if err != nil {
		return file
	}
	return name
}

// printResults writes the lines of images.
func (p *program) printResults(c *cli.Context, results []hooks.Result) error {
	for _, r := range results {
		if err := p.printResult(c, r); err != nil {
			return err
		}
	}
	return nil
}

// printResult writes an image's line: file, TAB, manifest digest.
func (p *program) printResult(c *cli.Context, r hooks.Result) error {
	for _, text := range r.Doubts {
		_ = p.err.line("orlop: image %s: unvouched: %s", r.Image, text)
	}
	if !c.Bool("json") {
		p.printFrom(c, r)
		return p.out.line("%s\t%s", below(c, r.File), r.Digest)
	}
	type layerJSON struct {
		Digest string `json:"digest"`
		DiffID string `json:"diff_id"`
		Size   int64  `json:"size"`
		By     string `json:"created_by"`
	}
	out := struct {
		Image      string      `json:"image"`
		File       string      `json:"file"`
		Lock       string      `json:"lock"`
		Digest     string      `json:"digest"`
		Size       int64       `json:"size"`
		Packages   int         `json:"packages"`
		Layers     []layerJSON `json:"layers"`
		Catalogues []string    `json:"catalogues"` // next to the lock
		Name       string      `json:"name"`       // in the archive
		Unvouched  []string    `json:"unvouched,omitempty"`
	}{r.Image, below(c, r.File), below(c, r.Lock), r.Digest, r.Size, r.Packages, nil, append([]string{}, r.Catalogues...), r.Name, r.Doubts}
	for _, l := range r.Layers {
		out.Layers = append(out.Layers, layerJSON{l.Digest.String(), l.DiffID.String(), l.Size, l.CreatedBy})
	}
	return p.out.json(out)
}
