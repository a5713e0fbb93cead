// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/pkgdb/solve"
)

// version is that of locks and plans: a constant, so that two honest builders of
// one version write the same. The commit that releases raises it.
const version = "0.1.0-dev"

func (p *program) versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version of orlop",
		Flags: []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usagef("version: takes no operands")
			}
			commit := revision()
			if c.Bool("json") {
				return p.out.json(struct {
					Orlop      string            `json:"orlop"`
					Revision   string            `json:"revision,omitempty"` // of the sources
					Versions   map[string]string `json:"versions"`           // of the libraries that decide bytes
					LockFormat int               `json:"lock_format"`
					ByteFormat int               `json:"byte_format"`
				}{version, commit, versions(), solve.LockFormat, solve.ByteFormat})
			}
			if commit != "" {
				commit = " (" + commit + ")"
			}
			return p.out.line("orlop %s%s", version, commit)
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
	return fmt.Sprintf("%s %d %d %s", version, info.Size(), info.ModTime().UnixNano(), runtime.Version())
}

// revision is what the Go tool noted of the sources, "" for nothing.
func revision() string {
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return ""
	}
	commit, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	if commit == "" {
		return ""
	}
	return commit + dirty
}
