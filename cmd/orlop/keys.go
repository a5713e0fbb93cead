// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release/attest"
)

func keyFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "key", Usage: "believe statements that the public key in `FILE` has signed"}
}

// readKeys reads the files of --key.
func readKeys(c *cli.Context) ([]attest.Key, error) {
	var keys []attest.Key
	for _, file := range c.StringSlice("key") {
		text, err := store.ReadRegularFile(file, maxKeys)
		if err != nil {
			return nil, &fault.UnreadError{Flag: "key", Path: file, Err: err}
		}
		k, err := attest.ParseKey(text)
		if err != nil {
			return nil, fault.Usagef("--key: %s: %w", file, err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}
