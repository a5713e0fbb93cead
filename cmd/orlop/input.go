// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"cmp"
	"context"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/cache"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/hooks/verify"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
)

// inputs finds out where packages come from.
func (p *program) inputs(c *cli.Context, cfg *hooks.Config) error {
	var err error
	if cfg.SkipScripts, err = skipScripts(c); err != nil {
		return err
	}
	if cfg.Exceptions, err = exceptions(c.Context, c.StringSlice("exceptions")); err != nil {
		return err
	}
	locks, err := readOperands(c.Context, "lock", c.StringSlice("lock"), verify.ParseLock)
	if err != nil {
		return err
	}
	if err := lock.CheckURL(c.String("public-url")); err != nil {
		return fault.Usagef("--public-url: %w", err)
	}
	if cfg.Plans, err = readOperands(c.Context, "plan", c.StringSlice("plan"), lock.ParsePlan); err != nil {
		return err
	}
	root := &input.Root{Tree: srcTree(c), Path: c.String("root"), Metalog: c.String("metalog"), Observe: cfg.Observe}
	if root.Path == "" && root.Metalog == "" {
		cfg.Input, err = p.fromRepositories(c, cfg, locks)
		return err
	}
	cfg.Input = root
	switch {
	case root.Path == "" || root.Metalog == "":
		return fault.Usagef("--root and --metalog go together")
	case c.IsSet("repo") || c.IsSet("repo-conf-dir"):
		return fault.Usagef("--root replaces --repo and --repo-conf-dir; give one or the other")
	case len(cfg.Images) > 1:
		return fault.Usagef("--root: found %d images, wanted the one that is in it", len(cfg.Images))
	}
	return nil
}

// fromRepositories is the input of repositories, or of locks.
func (p *program) fromRepositories(c *cli.Context, cfg *hooks.Config, locks []verify.GivenLock) (input.Input, error) {
	of := release.Release{ABI: firstABI(c), Revision: c.String("revision"), Branch: c.String("branch")}
	var asked resolve.Asked
	var unread error // which is reported with what else is wrong, once definitions are read as a whole
	if len(locks) > 0 {
		of = release.Release{ABI: locks[0].ABI, Revision: locks[0].Revision, Branch: locks[0].Branch}
	} else {
		asked, unread = cfg.Asked(c.Context, c.StringSlice("parent")...)
	}
	repos, err := repositories(c, of, asked.Repositories)
	if err != nil {
		return nil, cmp.Or(unread, err)
	}
	given, err := localPackages(c)
	if err != nil {
		return nil, err
	}
	st, err := p.store(c, cfg.Observe)
	if err != nil {
		return nil, err
	}
	if c.Command.Name != "fetch" {
		cfg.Cache = cache.New(st, cfg.Maker)
	}
	from := input.Repositories{Tree: srcTree(c), Repos: repos, Store: st, ABI: of.ABI, InsecureUnsigned: c.Bool("insecure-unsigned"),
		PublicURL: c.String("public-url"), Keep: c.Command.Name == "fetch", Maker: cfg.Maker, Local: append(asked.Files, given...), Observe: cfg.Observe}
	if len(locks) == 0 {
		return &from, nil
	}
	in := &input.Locks{Repositories: from, LockURLs: c.Bool("lock-urls")}
	published(c.Context, c.StringSlice("lock"), in)
	for _, l := range locks {
		in.Locks, in.KeptIn = append(in.Locks, l.Lock), append(in.KeptIn, filepath.Dir(l.File))
	}
	return in, nil
}

// srcTree returns the source tree of --srcdir.
func srcTree(c *cli.Context) input.Tree { return input.Tree{SrcDir: c.String("srcdir")} }

func exceptionsFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "exceptions", Usage: "UCL `FILE` of what images may lack: known-missing, known-dangling"}
}

// exceptions reads the files of --exceptions.
func exceptions(ctx context.Context, files []string) (define.Exceptions, error) {
	var all define.Exceptions
	list, err := readOperands(ctx, "exceptions", files, define.ReadExceptions)
	for _, e := range list {
		all = all.Join(e)
	}
	return all, err
}

// isFile reports whether a value of --package is a file, and not the name of a package.
func isFile(element string) bool {
	return strings.HasPrefix(element, "./") || strings.HasPrefix(element, "../") || filepath.IsAbs(element)
}

// localPackages are the files of --package.
func localPackages(c *cli.Context) ([]input.LocalFile, error) {
	var list []input.LocalFile
	for _, element := range c.StringSlice("package") {
		if !isFile(element) {
			continue
		}
		path, err := filepath.Abs(element)
		if err != nil {
			return nil, err
		}
		list = append(list, input.LocalFile{Dir: filepath.Dir(path), Path: filepath.Base(path)})
	}
	return list, nil
}
