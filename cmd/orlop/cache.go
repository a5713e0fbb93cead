// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/pkgdb/transport"
)

// store opens the store, which keeps what comes over a network.
func (p *program) store(c *cli.Context, observe event.Observer) (*store.Store, error) {
	settings, err := transportOf(c)
	return &store.Store{Dir: p.storeDir(c), Shared: c.Bool("cache-shared"), Offline: c.Bool("offline"), Client: transport.NewClient(settings), Now: time.Now,
		Notice: func(text string) { observe.Send(event.Event{Notice: text}) },
		Came:   func(bytes int64) { observe.Send(event.Event{Bytes: bytes}) }}, err
}

// storeDir returns the directory of the store, "" for none.
func (p *program) storeDir(c *cli.Context) string {
	if dir := c.String("cache"); dir != "" {
		return dir
	}
	if base, ok := p.lookupEnv("XDG_CACHE_HOME"); ok && filepath.IsAbs(base) {
		return filepath.Join(base, "orlop")
	}
	if home, ok := p.lookupEnv("HOME"); ok && home != "" {
		return filepath.Join(home, ".cache", "orlop")
	}
	return ""
}

func (p *program) cacheCommand() *cli.Command {
	flags := func() []cli.Flag {
		return []cli.Flag{&cli.StringFlag{Name: "cache", Usage: "the store is `DIR`", DefaultText: "orlop in $XDG_CACHE_HOME or ~/.cache"}, jsonFlag()}
	}
	return &cli.Command{
		Name:  "cache",
		Usage: "list or prune the store of downloads and of what was made from them",
		Subcommands: []*cli.Command{
			{Name: "ls", Usage: "list the store, the longest unused first", Flags: flags(), Action: func(c *cli.Context) error {
				if c.Args().Present() {
					return fault.Usagef("cache ls: takes no operands")
				}
				st, err := p.store(c, nil)
				if err != nil {
					return err
				}
				list, err := st.List(c.Context)
				if err != nil {
					return err
				}
				return p.printEntries(c, list)
			}},
			{Name: "prune", Usage: "remove what has been unused longest, until SIZE is left", ArgsUsage: "[SIZE]", Flags: flags(), Action: func(c *cli.Context) error {
				limit := int64(store.DefaultLimit)
				if c.Args().Len() > 1 {
					return fault.Usagef("cache prune: operands: found %d, wanted at most one", c.NArg())
				}
				if c.Args().Present() {
					var err error
					if limit, err = parseSize(c.Args().First()); err != nil {
						return err
					}
				}
				st, err := p.store(c, nil)
				if err != nil {
					return err
				}
				gone, err := st.Prune(c.Context, limit)
				return errors.Join(p.printEntries(c, gone), err)
			}},
		},
	}
}

// printEntries lists files of the store: name, size in bytes, last use.
func (p *program) printEntries(c *cli.Context, list []store.Entry) error {
	for _, e := range list {
		used := e.Used.UTC().Format(time.RFC3339)
		var err error
		if c.Bool("json") {
			err = p.out.json(map[string]any{"name": e.Name, "size": e.Size, "used": used})
		} else {
			err = p.out.line("%s\t%d\t%s", e.Name, e.Size, used)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// parseSize reads a number of bytes with a suffix k, M or G (powers of 1024).
func parseSize(text string) (int64, error) {
	digits, shift := text, 0
	for i, suffix := range []string{"k", "M", "G"} {
		if rest, ok := strings.CutSuffix(text, suffix); ok {
			digits, shift = rest, 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > (1<<62)>>shift {
		return 0, fault.Usagef("cache prune: %q is not a size such as 500M", text)
	}
	return n << shift, nil
}
