// SPDX-License-Identifier: BSD-2-Clause

// Orlop turns a FreeBSD pkgbase repository into OCI base images. This is the
// only package that knows flags, the environment, stdout and exit statuses;
// each command is a file.
//
// The rule for output: stdout carries the result and nothing else. Everything else
// goes to stderr, a line at a time, with "orlop: " in front, in lower case and
// without a period. Help is a result if the user asked for it; if a command is
// missing, help goes to stderr as it is.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/registry"
)

// garbagePercent makes garbage collection start early, since most of a run's memory
// is buffers that live as long as the run. Go's default is 100. A memory limit would
// be worse: an image of a million entries exceeds any, and the collector would never
// rest.
const garbagePercent = 30

func main() {
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(garbagePercent)
	}
	ctx, stop := untilSignal(context.Background())
	code := run(ctx, os.Args, os.Stdout, os.Stderr, os.LookupEnv)
	stop()
	os.Exit(code)
}

// program is what commands share: their outputs, and the environment.
type program struct {
	out, err  printer
	results   *results // what out writes to
	lookupEnv func(string) (string, bool)
	notices   *notices         // nil before the first run of hooks
	shown     *progress        // of the present run
	client    *registry.Client // nil before it is needed
}

// run is the whole program, so that tests can call it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, lookupEnv func(string) (string, bool)) int {
	r := &results{ctx: ctx, to: stdout}
	p := &program{out: printer{r}, err: printer{stderr}, results: r, lookupEnv: lookupEnv}
	root := p.root()
	a, err := parseArguments(root, args[min(1, len(args)):])
	switch {
	case err != nil:
	case a.help:
		err = printHelp(p.out, a)
	case a.incomplete():
		_ = printHelp(p.err, a)
		return exitUsage
	default:
		err = p.app(root).RunContext(ctx, a.words())
	}
	err = r.end(err)
	if err == nil {
		return 0
	}
	if errors.Is(err, errDiffer) { // stdout has the differences
		return exitStatus(err)
	}
	status := p.fail(a, args, err)
	r.epilogue()
	return status
}

// root returns the command that has all others.
func (p *program) root() *cli.Command {
	return &cli.Command{
		Name:  "orlop",
		Usage: "OCI base images of FreeBSD, the same bytes every time",
		Subcommands: []*cli.Command{
			p.demoCommand(), p.initCommand(), p.buildCommand(), p.planCommand(), p.lockCommand(), p.fetchCommand(),
			p.lsCommand(), p.verifyCommand(), p.diffCommand(), p.indexCommand(), p.pushCommand(), p.signCommand(), p.pkgdbCommand(), p.cacheCommand(), p.makeCommand(), p.versionCommand(),
		},
	}
}

// app wraps the commands for the library, which only calls them: this package
// parses command lines, prints help and reports errors.
func (p *program) app(root *cli.Command) *cli.App {
	for _, c := range root.Subcommands {
		prepare(c)
	}
	return &cli.App{
		Name:                      root.Name,
		HideHelp:                  true, // or an operand h would be a command
		HideVersion:               true,
		DisableSliceFlagSeparator: true, // a path may have a comma
		Writer:                    p.out.w,
		ErrWriter:                 p.err.w,
		Commands:                  root.Subcommands,
		ExitErrHandler:            func(*cli.Context, error) {},
	}
}

func prepare(c *cli.Command) {
	c.HideHelp = true
	c.OnUsageError = func(_ *cli.Context, err error, _ bool) error { return &fault.UsageError{Err: err} }
	for _, f := range c.Flags {
		if list, is := f.(*cli.StringSliceFlag); is {
			list.KeepSpace = true // a path may begin or end with a blank
		}
	}
	for _, sub := range c.Subcommands {
		prepare(sub)
	}
}
