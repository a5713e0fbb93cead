// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"cmp"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
)

// sinceFlag is the flag --lock of plan, which builds nothing from a lock.
func sinceFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "lock", Usage: "print what has moved since the lock `FILE`; exit 0: nothing, 1: something, 2: trouble"}
}

// planSince prints what has moved since locks were made. As with diff(1), status 1
// is an answer, and every error is status 2.
func (p *program) planSince(c *cli.Context) error {
	moved, err := p.moved(c)
	if err != nil {
		return &troubleError{err}
	}
	files, found := c.StringSlice("lock"), false
	for i, list := range moved {
		one := *p
		if len(moved) > 1 {
			one.out = p.out.of("lock", files[i], c.Bool("json"))
		}
		if err := one.printMoved(c, list); err != nil {
			return &troubleError{err}
		}
		found = found || len(list) > 0
	}
	if found {
		return errDiffer
	}
	return nil
}

// moved compares locks with repositories: those of the flags, or FreeBSD's own if
// all packages of the locks came from there.
func (p *program) moved(c *cli.Context) ([][]lock.Movement, error) {
	for _, name := range []string{"why", "o"} {
		if c.IsSet(name) {
			return nil, fault.Usagef("plan --lock: found %s as well, which is for a plan of images", dashed(name))
		}
	}
	cfg, err := p.config(c)
	if err != nil {
		return nil, err
	}
	given := cfg.Input.(*input.Locks)
	locks, repos := given.Locks, &given.Repositories
	if len(repos.Repos) == 0 {
		if repos.Repos, err = freebsdRepositories("plan --lock", locks); err != nil {
			return nil, err
		}
	}
	cfg.Input, cfg.ABI = repos, locks[0].ABI
	moved, err := hooks.Moved(c.Context, cfg, locks)
	p.shown.done()
	return moved, err
}

// freebsdRepositories returns FreeBSD's own, if all packages of the locks came from
// there.
func freebsdRepositories(by string, locks []*lock.Lock) ([]catalog.Repo, error) {
	repo := freebsdRepository(locks[0].ABI, locks[0].Revision, locks[0].Branch)
	for _, l := range locks {
		if len(l.Repositories) != 1 || l.Repositories[0].Name != repo.Name || l.Repositories[0].URL != repo.URL {
			return nil, fault.Usagef("%s: no repository given, and the lock of %s is not of %s alone; use --repo or --repo-conf-dir", by, l.Image, repo.URL)
		}
	}
	return []catalog.Repo{repo}, nil
}

// printMoved lists image, change, package, the old and the new version, and the
// layer.
func (p *program) printMoved(c *cli.Context, list []lock.Movement) error {
	w := p.out.table()
	for _, m := range list {
		if c.Bool("json") {
			if err := p.out.json(m); err != nil {
				return err
			}
			continue
		}
		donor := ""
		if m.Donor {
			donor = ", a donor"
		}
		skipped := ""
		if m.Skipped != nil {
			skipped = ", whose " + strings.Join(m.Skipped, " and ") + " is skipped and may have changed"
		}
		w.row("%s\t%s\t%s\t%s\t%s\t%s", m.Image, m.Change, m.Package, cmp.Or(m.Old, "-"), cmp.Or(m.New, "-"), "in "+m.Layer+donor+skipped)
	}
	return w.flush()
}
