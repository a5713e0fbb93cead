// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/pkgdb/fault"
)

// updateFlags are those of lock for bringing packages of a lock up to date.
func updateFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "lock", Usage: "with --update: the lock `FILE` to start from"},
		&cli.StringSliceFlag{Name: "update", Usage: "write the lock of --lock with the newest `PACKAGE` and what it needs, all else as it is; print what moved"},
		&cli.BoolFlag{Name: "exit-code", Usage: "with --update: exit 0: nothing moved, 1: something, 2: trouble"},
	}
}

// checkUpdate refuses flags that go together only.
func checkUpdate(c *cli.Context) error {
	if c.IsSet("lock") && c.IsSet("update") {
		return nil
	}
	if c.IsSet("lock") {
		return fault.Usagef("lock --lock: wanted --update, and the package that is to be newer; plan --lock says what has moved")
	}
	for _, name := range []string{"update", "exit-code"} {
		if c.IsSet(name) {
			return fault.Usagef("lock %s: wanted --lock as well, and the lock to start from", dashed(name))
		}
	}
	return nil
}

// updateLock brings packages of a lock up to date.
func (p *program) updateLock(c *cli.Context) error {
	made, err := p.update(c)
	if err == nil {
		p.results.settle()
		err = p.printMoved(c, made.Moved)
	}
	switch {
	case err != nil && c.Bool("exit-code"):
		return &troubleError{err}
	case err != nil:
		return err
	case made.Changed && c.Bool("exit-code"):
		return errDiffer
	}
	return nil
}

func (p *program) update(c *cli.Context) (hooks.LockUpdate, error) {
	var made hooks.LockUpdate
	cfg, err := p.config(c)
	if err != nil {
		return made, err
	}
	in := cfg.Input.(*input.Locks)
	if n := len(in.Locks); n > 1 {
		return made, fault.Usagef("lock --update: found %d locks, wanted one", n)
	}
	if len(in.Repos) == 0 {
		if in.Repos, err = freebsdRepositories("lock --update", in.Locks); err != nil {
			return made, err
		}
	}
	if cfg.Epoch, err = p.lastEpoch(c); err != nil {
		return made, err
	}
	cfg.OutDir, cfg.ABI = c.String("o"), in.Locks[0].ABI
	made, err = hooks.UpdateLock(c.Context, cfg, c.StringSlice("update"))
	p.shown.done()
	return made, err
}
