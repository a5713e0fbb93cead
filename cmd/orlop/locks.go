// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks/lock"
)

// lockFlags are for commands that make what a lock says.
func lockFlags() []cli.Flag {
	return []cli.Flag{&cli.StringSliceFlag{Name: "lock", Usage: "make exactly what the lock `FILE` says"}, lockURLsFlag()}
}

func lockURLsFlag() cli.Flag {
	return &cli.BoolFlag{Name: "lock-urls", Usage: "use a lock's URLs even where they are http, not public, or behind a proxy"}
}

// givenLock is a lock and where it stood.
type givenLock struct {
	*lock.Lock
	file string
	text []byte
}

func parseLock(file string, text []byte) (givenLock, error) {
	l, err := lock.Parse(file, text)
	return givenLock{l, file, text}, err
}
