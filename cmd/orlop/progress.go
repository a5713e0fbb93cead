// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/orlop/orlop/hooks/event"
)

// progress shows events on stderr: a bar on a terminal, otherwise a line for each
// hook; with -v a line for each package and, at the end, the time of each hook.
type progress struct {
	ctx            context.Context // after its end, nothing more is shown
	out            printer
	notices        *notices
	bar            *progressbar.ProgressBar
	terminal       bool
	quiet, verbose bool
	hook           string // whose bar is shown
	showing        sync.Mutex

	hooks []string // in the order in which they began
	took  map[string]time.Duration
	since time.Time // of the last event
	busy  string    // the hook that sent it
	bytes int64     // moved over the network
	total int64     // that are to move; 0 if unknown
}

// progress starts to show what a run does, until done is called, and returns the
// observer of the run's events.
func (p *program) progress(c *cli.Context) event.Observer {
	if p.notices == nil { // a rebuild may take several runs
		p.notices = &notices{out: p.err, quiet: c.Bool("q"), verbose: c.Bool("v"), said: map[string]bool{}, shown: map[string]int{}}
	}
	s := &progress{ctx: c.Context, took: map[string]time.Duration{}, out: p.err, notices: p.notices, quiet: c.Bool("q") || c.Bool("json"), verbose: c.Bool("v")}
	s.terminal = !s.quiet && !s.verbose && p.onTerminal()
	p.shown = s
	return s.event
}

// onTerminal reports whether a person reads stderr, on something that can show a bar.
func (p *program) onTerminal() bool {
	f, ok := p.err.w.(*os.File)
	kind, _ := p.lookupEnv("TERM")
	return ok && kind != "dumb" && term.IsTerminal(int(f.Fd()))
}

func (s *progress) event(e event.Event) {
	s.showing.Lock()
	defer s.showing.Unlock()
	if s.ctx.Err() != nil {
		return
	}
	if e.Hook != "" {
		if e.Hook != s.busy {
			s.notices.rest()
		}
		s.clock(e.Hook)
	}
	s.bytes, s.total = s.bytes+e.Bytes, s.total+e.Expected
	switch {
	case e.Expected > 0:
	case e.Bytes > 0:
		s.rate()
	case e.Notice != "":
		s.clear()
		s.notices.show(e)
	case s.quiet:
	case s.terminal:
		s.show(e)
	case e.Name == "":
		_ = s.out.line("orlop: %s", hookOf(e))
	case s.verbose:
		_ = s.out.line("orlop: %s: %d of %d: %s", hookOf(e), e.Done, e.Total, e.Name)
	}
}

// hookOf names a hook, and the part of the run that it works for.
func hookOf(e event.Event) string {
	if e.Part == "" {
		return e.Hook
	}
	return e.Part + ": " + e.Hook
}

// rate shows how much has moved, and how fast.
func (s *progress) rate() {
	if s.bar != nil && s.terminal {
		s.bar.Describe(fmt.Sprintf("%-8s %s", s.hook, s.came()))
	}
}

func (s *progress) came() string {
	const mega = 1e6
	took := s.took["fetch"] + s.took["upload"]
	if s.busy == "fetch" || s.busy == "upload" {
		took += time.Since(s.since)
	}
	of := ""
	if s.total > s.bytes {
		of = fmt.Sprintf(" of %.1f", float64(s.total)/mega)
	}
	return fmt.Sprintf("%.1f%s MB, %.1f MB/s", float64(s.bytes)/mega, of, float64(s.bytes)/mega/max(took.Seconds(), 0.001))
}

// clock adds the time since the last event to the hook that was busy. Hooks that
// take turns get the sum of their turns.
func (s *progress) clock(hook string) {
	now := time.Now()
	if s.busy != "" {
		s.took[s.busy] += now.Sub(s.since)
	}
	if _, known := s.took[hook]; !known && hook != "" {
		s.hooks = append(s.hooks, hook)
		s.took[hook] = 0
	}
	s.busy, s.since = hook, now
}

// show draws the bar of the current hook.
func (s *progress) show(e event.Event) {
	if e.Hook != s.hook {
		s.end()
		s.hook = e.Hook
	}
	if e.Total == 0 {
		return
	}
	if s.bar == nil {
		s.bar = progressbar.NewOptions(e.Total, progressbar.OptionSetWriter(s.out.w),
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

// end removes the bar.
func (s *progress) end() {
	s.clear()
	s.bar = nil
}

// done ends a run and, with -v, prints how long each hook took.
func (s *progress) done() {
	s.end()
	if s.ctx.Err() != nil {
		return
	}
	s.notices.rest()
	s.clock("")
	if !s.verbose || s.quiet {
		return
	}
	if s.bytes > 0 {
		_ = s.out.line("orlop: network: %s", s.came())
	}
	for _, hook := range s.hooks {
		_ = s.out.line("orlop: %-9s  %7.3f s", hook, s.took[hook].Seconds())
	}
}
