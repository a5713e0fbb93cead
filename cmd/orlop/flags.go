// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"fmt"
	"runtime"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/oci/layout"
)

// inputFlags say what an image is made from.
func inputFlags(abi cli.Flag) []cli.Flag {
	return slices.Concat(sourceFlags(), []cli.Flag{abi}, releaseFlags(), definitionFlags(), []cli.Flag{parentKeyFlag()}, registryFlags())
}

// releaseFlags say which release the images belong to.
func releaseFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "revision", Usage: "`REVISION` such as 15.0", DefaultText: "from the version of FreeBSD-runtime"},
		&cli.StringFlag{Name: "branch", Usage: "`BRANCH` such as RELEASE", DefaultText: "from the version of FreeBSD-runtime"},
	}
}

// sourceFlags say where bytes come from.
func sourceFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "repo", Usage: "repository `[NAME=]URL`, or a directory", DefaultText: "pkg.FreeBSD.org"},
		&cli.StringSliceFlag{Name: "repo-conf-dir", Usage: "`DIR` of pkg's repository *.conf files; later ones override"},
		&cli.StringFlag{Name: "srcdir", Usage: "FreeBSD source tree `DIR`, for files that no installed package has"},
		&cli.StringFlag{Name: "cache", Usage: "keep downloads, and what is made from them, in `DIR`", DefaultText: "orlop in $XDG_CACHE_HOME or ~/.cache"},
		&cli.BoolFlag{Name: "cache-shared", Usage: "if there is no store yet, create one that its group may use, too"},
		&cli.BoolFlag{Name: "offline", Usage: "use no network, only the store and local repositories"},
		tlsFlag(),
		&cli.BoolFlag{Name: "insecure-unsigned", Usage: "accept an unsigned repository over a network, and an unsigned parent"},
		&cli.IntFlag{Name: "j", Aliases: []string{"jobs"}, Value: runtime.NumCPU(), Usage: "use `N` processors", DefaultText: "all"},
	}
}

func treeFileFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "tree-file", Usage: "oci-image-NAME.conf `FILE` of a FreeBSD source tree, instead of orlop's own definition"}
}

func publicURLFlag() cli.Flag {
	return &cli.StringFlag{Name: "public-url", Usage: "`URL` where others find the repository, for the lock"}
}

// talkFlags say how much is printed.
func talkFlags() []cli.Flag {
	return []cli.Flag{
		quietFlag(),
		&cli.BoolFlag{Name: "v", Aliases: []string{"verbose"}, Usage: "print a line for each package, every fault and notice, and the time of each hook"},
		jsonFlag(),
	}
}

func quietFlag() cli.Flag {
	return &cli.BoolFlag{Name: "q", Aliases: []string{"quiet"}, Usage: "print no progress, and only notices about trust"}
}

func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "print the result as JSON, one object a line"}
}

// contentFlags are for commands that open packages.
func contentFlags() []cli.Flag {
	return []cli.Flag{
		scriptsFlag(),
		exceptionsFlag(),
		&cli.StringFlag{Name: "root", Usage: "instead of a repository, the root `DIR` that pkg(8) filled with INSTALL_AS_USER"},
		&cli.StringFlag{Name: "metalog", Usage: "METALOG `FILE` that pkg wrote with --root: owners, modes and flags"},
	}
}

// outputFlags say what to write.
func outputFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "o", Aliases: []string{"output"}, Value: ".", Usage: "write into `DIR`, or one archive to standard output, which is -", DefaultText: "the current one"},
		&cli.StringFlag{Name: "format", Value: "txz", Usage: "archive `FORMAT`: txz, tar, tar.zst or dir"},
	}, madeFlags()...)
}

// directoryFlag is for commands that choose the names of their files.
func directoryFlag() cli.Flag {
	return &cli.StringFlag{Name: "o", Aliases: []string{"output"}, Value: ".", Usage: "write into `DIR`", DefaultText: "the current one"}
}

// readOutput completes a configuration from outputFlags.
func readOutput(c *cli.Context, cfg *hooks.Config) error {
	var err error
	if cfg.Format, err = layout.ParseFormat(c.String("format")); err != nil {
		return fault.Usagef("--format: %w", err)
	}
	return made(c, cfg)
}

func schemaFlag() cli.Flag {
	return &cli.StringFlag{Name: "pkgdb-schema", Value: fmt.Sprint(pkgdb.DefaultSchema), Usage: "schema `N` of the pkg database: 36 (pkg 2.2), 37 (2.4), 38 (2.6), 39 (2.7) or 42 (2.8)"}
}

// schema reads schemaFlag.
func schema(c *cli.Context) (pkgdb.Schema, error) {
	s, err := pkgdb.ParseSchema(c.String("pkgdb-schema"))
	if err != nil {
		return 0, fault.Usagef("--pkgdb-schema: %w", err)
	}
	return s, nil
}
