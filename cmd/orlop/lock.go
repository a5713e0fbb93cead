// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/verify"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/layer"
)

func (p *program) lockCommand() *cli.Command {
	return &cli.Command{
		Name:      "lock",
		Usage:     "write the plan with every digest, one lock for each image",
		ArgsUsage: "IMAGE...",
		Before:    needSQLite,
		Flags:     slices.Concat(inputFlags(abiFlag()), contentFlags(), []cli.Flag{publicURLFlag(), epochFlag(), annotationFlag(), printDefinitionFlag(), directoryFlag()}, madeFlags(), updateFlags(), talkFlags()),
		Action: p.printing(func(c *cli.Context) error {
			if err := checkUpdate(c); err != nil {
				return err
			}
			if c.IsSet("update") {
				return p.updateLock(c)
			}
			cfg, err := p.config(c)
			if err != nil {
				return err
			}
			if err := made(c, &cfg); err != nil {
				return err
			}
			locks, err := hooks.MakeLocks(c.Context, cfg)
			p.shown.done()
			if err != nil {
				return err
			}
			p.results.settle()
			for _, l := range locks {
				if c.Bool("json") {
					err = p.out.json(map[string]string{"image": l.Image, "lock": filepath.Base(l.File)})
				} else {
					err = p.out.line("%s", filepath.Base(l.File))
				}
				if err != nil {
					return err
				}
			}
			return nil
		}),
	}
}

func (p *program) fetchCommand() *cli.Command {
	return &cli.Command{
		Name:      "fetch",
		Usage:     "fill the store, for --offline",
		ArgsUsage: "IMAGE...",
		Flags:     slices.Concat(inputFlags(abiFlag()), lockFlags(), talkFlags()),
		Action: func(c *cli.Context) error {
			cfg, err := p.config(c)
			if err != nil {
				return err
			}
			if p.storeDir(c) == "" {
				return fault.Usagef("fetch: there is no store to fill; give --cache")
			}
			packages, err := hooks.Fetch(c.Context, cfg)
			p.shown.done()
			if err != nil || !c.Bool("json") {
				return err
			}
			return p.printFetched(packages)
		},
	}
}

// printFetched lists what the store has now, one object per package.
func (p *program) printFetched(packages []*catalog.Package) error {
	for _, pkg := range packages {
		err := p.out.json(struct {
			Name       string `json:"name"`
			Version    string `json:"version"`
			Repository string `json:"repository"`
			Sum        string `json:"sum"`
			Size       int64  `json:"size"`
		}{pkg.Name, pkg.Version, pkg.Repo.Name, string(pkg.Sum), pkg.Size})
		if err != nil {
			return err
		}
	}
	return nil
}

// madeFlags decide what is in an archive, so locks record them.
func madeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "compression", Value: "gzip", Usage: "compress layers with `METHOD`: gzip or zstd, gzip:9 or zstd:best for a level"},
		&cli.BoolFlag{Name: "squash", Usage: "write one layer for each image"},
		&cli.StringSliceFlag{Name: "layers-from", Usage: "keep packages in the layers where the lock `FILE` has them"},
		schemaFlag(),
	}
}

// made completes a configuration from madeFlags.
func made(c *cli.Context, cfg *hooks.Config) error {
	cfg.OutDir, cfg.Squash = c.String("o"), c.Bool("squash")
	locks, err := readOperands(c.Context, "layers-from", c.StringSlice("layers-from"), verify.ParseLock)
	if err != nil {
		return err
	}
	for _, l := range locks {
		cfg.LayersFrom = append(cfg.LayersFrom, l.Lock)
	}
	if cfg.Compression, err = layer.ParseCompression(c.String("compression")); err != nil {
		return fault.Usagef("--compression: %w", err)
	}
	cfg.Schema, err = schema(c)
	return err
}

// published sets how a build from locks finds files in the archives next to them. These
// are read when the first file is wanted.
func published(ctx context.Context, locks []string, in *input.Locks) {
	in.Published = func(digests map[string]bool) (found map[string][]byte, err error) {
		err = besideLocks(ctx, locks, func(list []*artifact.Artifact) (err error) {
			found, err = artifact.FindIn(ctx, list, digests)
			return err
		})
		return found, err
	}
	in.Streamed = func(digests map[string]bool, visit func(string, io.Reader) error) error {
		return besideLocks(ctx, locks, func(list []*artifact.Artifact) error { return artifact.StreamIn(ctx, list, digests, visit) })
	}
}

// besideLocks opens the archives next to locks.
func besideLocks(ctx context.Context, locks []string, use func([]*artifact.Artifact) error) error {
	var list []*artifact.Artifact
	for _, lockFile := range locks {
		base, _ := strings.CutSuffix(lockFile, lock.Ending)
		for _, ext := range append(artifact.ArchiveEnds, "") {
			if info, err := os.Lstat(base + ext); err != nil || !info.IsDir() && !info.Mode().IsRegular() {
				continue // nobody named it, so it may be a FIFO
			}
			ref, err := artifact.Find(ctx, nil, base+ext)
			if err != nil {
				continue
			}
			defer ref.Close()
			if a, _ := artifact.ReadRef(ctx, ref, ""); a != nil { // even with other faults
				list = append(list, a)
			}
		}
	}
	return use(list)
}
