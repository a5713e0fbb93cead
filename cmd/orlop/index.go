// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/family"
	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/oci/layout"
	"github.com/orlop/orlop/release/registry"
)

func (p *program) indexCommand() *cli.Command {
	return &cli.Command{
		Name:      "index",
		Usage:     "join images for several platforms into one archive with an index",
		ArgsUsage: "IMAGE-REF...",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "o", Aliases: []string{"output"}, Usage: "write `FILE`: .tar, .txz or .tar.zst"},
			&cli.IntFlag{Name: "j", Aliases: []string{"jobs"}, Value: runtime.NumCPU(), Usage: "use `N` processors", DefaultText: "all"},
			tlsFlag(), quietFlag(), jsonFlag(),
		}, registryFlags()),
		Action: p.index,
	}
}

func (p *program) index(c *cli.Context) error {
	if !c.Args().Present() {
		return fault.Usagef("index: no image given")
	}
	file := c.String("o")
	format, err := indexFormat(file)
	if err != nil {
		return err
	}
	if c.Int("j") < 1 {
		return fault.Usagef("-j: found %d, wanted at least 1", c.Int("j"))
	}
	client, err := p.registries(c, nil)
	if err != nil {
		return err
	}
	members, refs, err := p.members(c, client)
	defer closeAll(refs)
	if err != nil {
		return err
	}
	families, err := family.Join(members)
	if err != nil {
		return err
	}
	one, err := family.Only(families)
	if err != nil {
		return err
	}
	folder, err := output.NewFolder(c.Context, filepath.Dir(file))
	if err != nil {
		return err
	}
	defer folder.Remove()
	if err := one.Write(c.Context, folder.Stage(filepath.Base(file)), format); err != nil {
		return err
	}
	if err := folder.Place(c.Context); err != nil {
		return err
	}
	p.results.settle()
	return p.printIndex(c, one, file)
}

// printIndex writes a line as build does: file, TAB, digest.
func (p *program) printIndex(c *cli.Context, f *family.Family, file string) error {
	if !c.Bool("json") {
		return p.out.line("%s\t%s", filepath.Base(file), f.Index.Digest)
	}
	type platform struct {
		Platform string `json:"platform"`
		Digest   string `json:"digest"`
		Size     int64  `json:"size"`
	}
	out := struct {
		Image     string     `json:"image"`
		Name      string     `json:"name"` // in the archive
		File      string     `json:"file"`
		Digest    string     `json:"digest"`
		Platforms []platform `json:"platforms"`
	}{f.Image, f.RefName(), filepath.Base(file), f.Index.Digest.String(), nil}
	for _, m := range f.Members {
		out.Platforms = append(out.Platforms, platform{m.Platform(), m.Descriptor.Digest.String(), m.Descriptor.Size})
	}
	return p.out.json(out)
}

// indexFormat judges the name of the archive to be written.
func indexFormat(file string) (layout.Format, error) {
	if file == "" {
		return "", fault.Usagef("index: no -o FILE given")
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() || strings.HasSuffix(file, "/") {
		return "", fault.Usagef("-o: %s: is a folder, wanted a file", file)
	}
	for _, f := range []layout.Format{layout.Tar, layout.TXZ, layout.TarZstd} {
		if strings.HasSuffix(file, f.Extension()) && filepath.Base(file) != f.Extension() {
			return f, output.CheckFile(file)
		}
	}
	return "", fault.Usagef("-o: %s: wanted a name that ends in .tar, .txz or .tar.zst", file)
}

// members reads the images of all operands, and finds what is wrong with them. They stay
// open until the references are closed, which are returned with an error, too.
func (p *program) members(c *cli.Context, client *registry.Client) ([]*family.Member, []*artifact.Ref, error) {
	refs, err := p.findAll(c, c.Args().Slice(), client)
	if err != nil {
		return nil, refs, err
	}
	members, err := family.Check(c.Context, refs, "", c.Int("j"))
	p.printMemberNotes(c, members)
	return members, refs, err
}

// printMemberNotes prints what was passed over while images were read.
func (p *program) printMemberNotes(c *cli.Context, members []*family.Member) {
	for _, m := range members {
		p.printNotes(c, m.Ref.Name, slices.Concat(m.PassedOver, m.Notes), nil)
	}
}
