// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"

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

// deciding are the libraries whose version may decide bytes.
var deciding = []string{"github.com/klauspost/compress", "github.com/mattn/go-sqlite3", "github.com/ulikunitz/xz"}

// versions are those of the deciding libraries that this program was built with.
func versions() map[string]string {
	found := map[string]string{}
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return found
	}
	for _, dep := range info.Deps {
		if slices.Contains(deciding, dep.Path) {
			found[dep.Path] = dep.Version
		}
	}
	return found
}

// maker tells this program from all others, those built from changed sources
// of one version as well. "" if it cannot.
func maker() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s %d %d %s", version(), info.Size(), info.ModTime().UnixNano(), runtime.Version())
}

// version is what the Go tool noted about the build.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
