// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"github.com/urfave/cli/v2"
)

// lockFlags are for commands that build from a lock.
func lockFlags() []cli.Flag {
	return []cli.Flag{&cli.StringSliceFlag{Name: "lock", Usage: "make exactly what the lock `FILE` says"}, lockURLsFlag()}
}

func lockURLsFlag() cli.Flag {
	return &cli.BoolFlag{Name: "lock-urls", Usage: "use a lock's URLs even if they are http, not public, or behind a proxy"}
}
