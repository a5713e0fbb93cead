// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/pkgdb/solve"
)

// lockFlags are for commands that make what a lock says.
func lockFlags() []cli.Flag {
	return []cli.Flag{&cli.StringSliceFlag{Name: "lock", Usage: "make exactly what the lock `FILE` says (repeatable)"}, lockURLsFlag()}
}

func lockURLsFlag() cli.Flag {
	return &cli.BoolFlag{Name: "lock-urls", Usage: "use a lock's URLs even where they are http, not public, or behind a proxy"}
}

// givenLock is a lock and where it stood.
type givenLock struct {
	*solve.Lock
	file string
	text []byte
}

// readLocks reads the files of --lock.
func readLocks(ctx context.Context, files []string) ([]givenLock, error) {
	var locks []givenLock
	for _, file := range files {
		text, err := readOperand(ctx, file)
		if err != nil {
			return nil, err
		}
		l, err := solve.ParseLock(file, text)
		if err != nil {
			return nil, err
		}
		locks = append(locks, givenLock{l, file, text})
	}
	return locks, nil
}
