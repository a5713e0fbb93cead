// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release"
)

// version goes into locks and plans. It is a constant, so that two honest builders
// of one version write the same. The release commit raises it.
const version = "0.1.0-dev"

func (p *program) versionCommand() *cli.Command {
	return &cli.Command{
		Name:      "version",
		Usage:     "print the version of orlop",
		ArgsUsage: "[--files [IMAGE...]]",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "files", Usage: "list the kinds of published files, or the files of each IMAGE"},
			jsonFlag(),
		},
		Action: func(c *cli.Context) error {
			if c.Bool("files") {
				return p.printFiles(c)
			}
			if c.Args().Present() {
				return fault.Usagef("version: takes no operands")
			}
			commit := revision()
			if c.Bool("json") {
				return p.out.json(struct {
					Orlop      string            `json:"orlop"`
					Revision   string            `json:"revision,omitempty"` // of the sources
					Versions   map[string]string `json:"versions"`           // of the libraries that decide bytes
					LockFormat int               `json:"lock_format"`
					ByteFormat int               `json:"byte_format"`
				}{version, commit, versions(), lock.Format, lock.ByteFormat})
			}
			if commit != "" {
				commit = " (" + commit + ")"
			}
			return p.out.line("orlop %s%s", version, commit)
		},
	}
}

// printFiles lists the kinds of published files, or the files of images.
func (p *program) printFiles(c *cli.Context) error {
	if images := c.Args().Slice(); len(images) > 0 {
		for _, name := range release.Files(images) {
			if err := p.out.line("%s", name); err != nil {
				return err
			}
		}
		return nil
	}
	w := p.out.table()
	for _, f := range release.PublishedFiles() {
		published := "OSRELEASE-" + release.ArtifactName("[SUFFIX-]") + strings.TrimPrefix(f.Name, release.ArtifactName(""))
		if c.Bool("json") {
			if err := p.out.json(struct {
				Name      string `json:"name"`
				Published string `json:"published"`
				Optional  bool   `json:"optional"`
				What      string `json:"what"`
				Readers   string `json:"readers"`
			}{f.Name, published, f.Optional, f.What, f.Readers}); err != nil {
				return err
			}
			continue
		}
		w.row("%s\t%s\t%s\t%s", f.Name, published, f.What, f.Readers)
	}
	return w.flush()
}

// deciding are the libraries whose version may decide bytes.
var deciding = []string{"github.com/klauspost/compress", "github.com/mattn/go-sqlite3", "github.com/ulikunitz/xz"}

// versions returns the versions of the deciding libraries in this program.
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

// maker identifies this program, even among builds of one version from changed
// sources. It is "" if that is not possible.
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

// revision returns the commit that the Go tool recorded, "" for none.
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
