// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"fmt"
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/orlop/orlop/hooks"
)

// progress shows events on stderr: a bar on a terminal, else a line for each
// hook, with -v for each package.
type progress struct {
	out            io.Writer
	bar            *progressbar.ProgressBar
	terminal       bool
	quiet, verbose bool
	hook           string
}

func (p *program) progress(c *cli.Context) *progress {
	s := &progress{out: p.stderr, quiet: c.Bool("q") || c.Bool("json"), verbose: c.Bool("v")}
	if f, ok := p.stderr.(*os.File); ok && !s.quiet && !s.verbose {
		kind, _ := p.lookupEnv("TERM")
		s.terminal = kind != "dumb" && term.IsTerminal(int(f.Fd()))
	}
	return s
}

func (s *progress) event(e hooks.Event) {
	switch {
	case e.Notice != "":
		s.clear()
		fmt.Fprintf(s.out, "orlop: %s\n", e.Notice)
	case s.quiet:
	case s.terminal:
		s.show(e)
	case e.Name == "":
		fmt.Fprintf(s.out, "orlop: %s\n", e.Hook)
	case s.verbose:
		fmt.Fprintf(s.out, "orlop: %s: %d of %d: %s\n", e.Hook, e.Done, e.Total, e.Name)
	}
}

// show draws the bar of the current hook.
func (s *progress) show(e hooks.Event) {
	if e.Hook != s.hook {
		s.end()
		s.hook = e.Hook
	}
	if e.Total == 0 {
		return
	}
	if s.bar == nil {
		s.bar = progressbar.NewOptions(e.Total, progressbar.OptionSetWriter(s.out),
			progressbar.OptionSetDescription(fmt.Sprintf("%-8s", e.Hook)), progressbar.OptionShowCount(),
			progressbar.OptionSetWidth(40), progressbar.OptionClearOnFinish())
	}
	s.bar.ChangeMax(e.Total)
	_ = s.bar.Set(e.Done) // a bar that cannot be drawn stops nothing
}

func (s *progress) clear() {
	if s.bar != nil {
		_ = s.bar.Clear()
	}
}

// end takes the bar away.
func (s *progress) end() {
	s.clear()
	s.bar = nil
}
