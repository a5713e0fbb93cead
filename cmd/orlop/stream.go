// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/oci/layout"
)

// buildStream builds an image for -o -: its archive is all that goes to stdout, and the
// results go to stderr.
func (p *program) buildStream(c *cli.Context) error {
	to := p.results.to
	p.results.to = p.err.w
	if err := checkStream(c, to); err != nil {
		return err
	}
	cfg, err := p.buildConfig(c, abis(c))
	if err == nil && len(cfg.Images)+len(c.StringSlice("lock")) != 1 {
		err = fault.Usagef("-o -: found %s, wanted one image", strings.Join(append(cfg.Images, c.StringSlice("lock")...), ", "))
	}
	if err != nil {
		return err
	}
	if cfg.OutDir, err = os.MkdirTemp("", "orlop-stream-"); err != nil {
		return err
	}
	defer os.RemoveAll(cfg.OutDir)
	signal.Ignore(syscall.SIGPIPE) // a write that fails is an error, and what is in the folder goes away
	defer signal.Reset(syscall.SIGPIPE)
	cfg.To = &patient{c.Context, to}
	results, err := p.build(c, cfg)
	if err != nil {
		return err
	}
	for i := range results {
		r := &results[i]
		r.File, r.Lock, r.Catalogues = "-", "", nil
	}
	return p.printResults(c, results)
}

// checkStream refuses what cannot go to stdout.
func checkStream(c *cli.Context, to io.Writer) error {
	if f, is := to.(*os.File); is && term.IsTerminal(int(f.Fd())) {
		return fault.Usagef("-o -: standard output is a terminal, wanted a pipe or a file")
	}
	if list := abis(c); len(list) > 1 {
		return fault.Usagef("-o -: found the ABIs %s, wanted one", strings.Join(list, ", "))
	}
	if c.String("format") == string(layout.Dir) {
		return fault.Usagef("-o -: --format dir is a folder, wanted txz, tar or tar.zst")
	}
	if c.Bool("manifests") {
		return fault.Usagef("-o -: --manifests is a file, and only the archive is written")
	}
	return nil
}

// patient writes to a pipe whose reader may have stopped: a signal ends the run
// nevertheless.
type patient struct {
	ctx context.Context
	to  io.Writer
}

func (p *patient) Write(b []byte) (int, error) {
	own := bytes.Clone(b) // which the write may still need when it is given up
	return until.Do(p.ctx, func() (int, error) { return p.to.Write(own) })
}
