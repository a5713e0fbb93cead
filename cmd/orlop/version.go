// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"fmt"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

func (p *program) versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version of orlop",
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usagef("version: takes no operands")
			}
			_, err := fmt.Fprintf(p.stdout, "orlop %s\n", version())
			return err
		},
	}
}

// version is what the Go tool noted about the build.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
