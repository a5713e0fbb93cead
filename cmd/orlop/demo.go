// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/hooks/verify"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci/layout"
)

// sample is a small repository that pkg(8) made; sample/README says how.
//
//go:embed sample
var sample embed.FS

func (p *program) demoCommand() *cli.Command {
	return &cli.Command{
		Name:   "demo",
		Usage:  "make and verify FreeBSD's five images from a sample repository",
		Before: needSQLite,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "o", Aliases: []string{"output"}, Usage: "keep the images in `DIR`", DefaultText: "they are deleted"},
			quietFlag(),
			jsonFlag(),
		},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return fault.Usagef("demo: takes no operands")
			}
			work, err := os.MkdirTemp("", "orlop-demo-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(work)
			cfg := hooks.Config{
				Input:    &input.Repositories{Repos: []catalog.Repo{{Name: defaultRepo, URL: filepath.Join(work, "repo", "sample")}}},
				Request:  resolve.Request{Images: define.StandardNames()},
				Settings: lock.Settings{Compression: layer.Gzip}, Output: hooks.Output{Format: layout.TXZ, OutDir: c.String("o")},
				Jobs: runtime.NumCPU(), Program: hooks.Program{Version: version}, Observe: p.progress(c),
			}
			if cfg.OutDir == "" {
				cfg.OutDir = filepath.Join(work, "images")
			}
			if cfg.Epoch, err = p.epoch(); err != nil {
				return err
			}
			if err := os.CopyFS(filepath.Join(work, "repo"), fs.FS(sample)); err != nil {
				return err
			}
			if cfg.Exceptions, err = exceptions(c.Context, []string{filepath.Join(work, "repo", "sample", "exceptions.ucl")}); err != nil {
				return err
			}
			return p.demo(c, cfg)
		},
	}
}

// demo builds, verifies and prints a table, or an object an image.
func (p *program) demo(c *cli.Context, cfg hooks.Config) error {
	results, err := p.build(c, cfg)
	if err != nil {
		return err
	}
	w := p.out.table()
	if !c.Bool("json") {
		w.row("IMAGE\tLAYERS\tPACKAGES\tENTRIES\tBYTES\tMANIFEST, VERIFIED")
	}
	for _, r := range results {
		a, err := verifyFile(c.Context, r.File)
		if err != nil {
			return errors.Join(about(r.File, err)...)
		}
		if c.Bool("json") {
			err := p.out.json(struct {
				Image    string `json:"image"`
				Layers   int    `json:"layers"`
				Packages int    `json:"packages"`
				Entries  int    `json:"entries"`
				Size     int64  `json:"size"`
				Digest   string `json:"digest"`
			}{r.Image, len(r.Layers), r.Packages, a.Tree.Len(), r.Size, r.Digest})
			if err != nil {
				return err
			}
			continue
		}
		w.row("%s\t%d\t%d\t%d\t%d\t%s", r.Image, len(r.Layers), r.Packages, a.Tree.Len(), r.Size, r.Digest)
	}
	return w.flush()
}

// verifyFile reads and checks an archive that was just made.
func verifyFile(ctx context.Context, name string) (*artifact.Artifact, error) {
	file, err := layout.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	source, err := file.Open(ctx)
	if err != nil {
		return nil, err
	}
	a, found := verify.Artifact(ctx, source, "")
	return a, found.Err()
}
