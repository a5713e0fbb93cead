// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/pkgdb/spelling"
)

// planFlag is for commands that must keep to a plan.
func planFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "plan", Usage: "fail unless the image agrees with the plan `FILE`"}
}

func (p *program) planCommand() *cli.Command {
	flags := append(inputFlags(abiFlag()), exceptionsFlag(), publicURLFlag(), sinceFlag(), epochFlag(), annotationFlag(), printDefinitionFlag(),
		&cli.StringFlag{Name: "why", Usage: "explain only why `PACKAGE` is in the images"},
		&cli.StringFlag{Name: "o", Aliases: []string{"output"}, Usage: "also write a plan for each image into `DIR`, for build --plan"})
	return &cli.Command{
		Name:      "plan",
		Usage:     "resolve and print; fetch no package",
		ArgsUsage: "IMAGE...",
		Flags:     append(flags, talkFlags()...),
		Action: p.printing(func(c *cli.Context) error {
			if c.IsSet("lock") {
				return p.planSince(c)
			}
			return p.plan(c)
		}),
	}
}

// plan resolves the images and prints their packages.
func (p *program) plan(c *cli.Context) error {
	cfg, err := p.config(c)
	if err != nil {
		return err
	}
	cfg.OutDir = c.String("o")
	res, err := hooks.Plan(c.Context, cfg)
	p.shown.done()
	if err != nil {
		return err
	}
	if cfg.OutDir != "" {
		p.results.settle()
	}
	if name := c.String("why"); name != "" {
		return p.printWhy(res, name)
	}
	for _, img := range res.Images {
		if err := p.printPlan(c, img); err != nil {
			return err
		}
	}
	return nil
}

// printPlan lists an image's packages: layer, name, version, automatic or not, reason.
func (p *program) printPlan(c *cli.Context, img hooks.ImagePlan) error {
	w := p.out.table()
	for _, step := range img.Plan.Steps {
		for _, pkg := range step.All() {
			automatic := img.Plan.Automatic(pkg, len(img.Plan.Steps)-1)
			if c.Bool("json") {
				if err := p.out.json(planJSON(img.Image, step.Name, pkg, automatic)); err != nil {
					return err
				}
				continue
			}
			mark := "requested"
			if pkg.Why.Kind == solve.Donor {
				mark = "donor"
			} else if automatic {
				mark = "automatic"
			}
			w.row("%s\t%s\t%s\t%s\t%s\t%s", img.Image, step.Name, pkg.Name, pkg.Version, mark, reason(pkg))
		}
	}
	return w.flush()
}

func reason(pkg *solve.Planned) string {
	switch pkg.Why.Kind {
	case solve.Request, solve.Donor:
		return string(pkg.Why.Kind)
	case solve.Dependency:
		return "dependency of " + pkg.Why.By
	}
	return pkg.Why.What + " for " + pkg.Why.By
}

func planJSON(image, layer string, pkg *solve.Planned, automatic bool) any {
	return struct {
		Image     string `json:"image"`
		Layer     string `json:"layer"`
		Name      string `json:"name"`
		Version   string `json:"version"`
		Sum       string `json:"sum"`
		Size      int64  `json:"size"`
		Automatic bool   `json:"automatic"`
		Donor     bool   `json:"donor"`
		Why       string `json:"why"`
		By        string `json:"by"`
		What      string `json:"what"`
	}{image, layer, pkg.Name, pkg.Version, string(pkg.Sum), pkg.Size, automatic && pkg.Why.Kind != solve.Donor,
		pkg.Why.Kind == solve.Donor, string(pkg.Why.Kind), pkg.Why.By, pkg.Why.What}
}

// printWhy prints the chain from a package to the request.
func (p *program) printWhy(res *hooks.Resolution, name string) error {
	found := false
	var names []string
	for _, img := range res.Images {
		for _, step := range img.Plan.Steps {
			for _, pkg := range step.Packages {
				names = append(names, pkg.Name)
			}
		}
		if lines := img.Plan.Why(name); len(lines) > 0 {
			found = true
			if err := p.out.line("%s:", img.Image); err != nil {
				return err
			}
			for _, line := range lines {
				if err := p.out.line("    %s", line); err != nil {
					return err
				}
			}
		}
	}
	if !found {
		return &solve.UnresolvedError{Chain: []string{name}, Reason: "it is in none of the images" + spelling.Hint(name, names...)}
	}
	return nil
}
