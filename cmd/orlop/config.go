// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"cmp"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/spelling"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/layer"
)

// config turns flags, operands and environment into the configuration of the hooks.
func (p *program) config(c *cli.Context) (hooks.Config, error) {
	cfg := hooks.Config{
		Request: resolve.Request{ABI: firstABI(c), Revision: c.String("revision"), Branch: c.String("branch"),
			ImageFiles: c.StringSlice("image-file"), TreeFiles: c.StringSlice("tree-file"), Images: c.Args().Slice(), Files: resolve.NewFiles()},
		Settings: lock.Settings{Compression: layer.Gzip}, Jobs: c.Int("j"),
		Program: hooks.Program{Maker: maker(), Version: version, Versions: versions()},
	}
	if cfg.Jobs < 1 {
		return cfg, fault.Usagef("-j: found %d, wanted at least 1", cfg.Jobs)
	}
	runtime.GOMAXPROCS(min(cfg.Jobs, runtime.NumCPU()))
	cfg.Observe = p.progress(c)
	undefined := defineImage(c, &cfg.Request) // which is reported when the inputs are in order
	err := errors.Join(checkNames(c), p.inputs(c, &cfg))
	if err == nil {
		cfg.Parents, err = p.parents(c)
	}
	if err != nil {
		return cfg, err
	}
	if locks := c.StringSlice("lock"); len(locks) > 0 {
		return cfg, cmp.Or(onlyLocks(c), undefined)
	}
	if undefined != nil {
		return cfg, undefined
	}
	if len(cfg.Images) == 0 {
		return cfg, fault.Usagef("%s: no image given; FreeBSD's are %s", c.Command.Name, strings.Join(define.StandardNames(), ", "))
	}
	if cfg.Annotations, err = annotations(c); err != nil {
		return cfg, err
	}
	cfg.Epoch, err = p.lastEpoch(c)
	return cfg, err
}

// checkNames finds images that are not defined, unless a file may define them.
func checkNames(c *cli.Context) error {
	if c.IsSet("lock") || c.IsSet("image-file") || c.IsSet("tree-file") {
		return nil
	}
	known := define.StandardNames()
	if c.IsSet("name") {
		known = append(known, c.String("name"))
	}
	return define.Known(known, c.Args().Slice())
}

// onlyLocks refuses flags for what a lock says itself, such as its epochs. Image files may be
// named: beside them are the files that definitions bring.
func onlyLocks(c *cli.Context) error {
	for _, name := range append([]string{"abi", "revision", "branch", "tree-file", "set", "name", "unknown-scripts",
		"exceptions", "root", "metalog", "compression", "squash", "layers-from", "pkgdb-schema", "public-url", "plan", "epoch", "annotation"}, ofImage...) {
		if name != "package" && name != "parent" && c.IsSet(name) && !(c.IsSet("update") && slices.Contains(mayUpdate, name)) {
			return fault.Usagef("--%s: the lock decides that", name)
		}
	}
	for _, element := range c.StringSlice("package") {
		if !isFile(element) {
			return fault.Usagef("--package %s: the lock decides that; only files that it names are given", element)
		}
	}
	if c.Args().Present() {
		return fault.Usagef("%s: the lock names its image, found %q as well", c.Command.Name, c.Args().First())
	}
	return nil
}

// mayUpdate are flags for what may be new in a package that is brought up to date.
var mayUpdate = []string{"set", "name", "unknown-scripts", "exceptions", "epoch"}

func scriptsFlag() cli.Flag {
	return &cli.StringFlag{Name: "unknown-scripts", Value: "fail", Usage: "`WHAT` to do about a script that orlop cannot replicate: fail or skip"}
}

// skipScripts reads scriptsFlag.
func skipScripts(c *cli.Context) (bool, error) {
	switch s := c.String("unknown-scripts"); s {
	case "", "fail": // "" if the command has no such flag
		return false, nil
	case "skip":
		return true, nil
	default:
		return false, fault.Usagef("--unknown-scripts: found %q, wanted fail or skip%s", s, spelling.Hint(s, "fail", "skip"))
	}
}

func annotationFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "annotation", Usage: "annotation `KEY=VALUE` of the manifests, such as org.opencontainers.image.revision=…"}
}

// annotations reads annotationFlag.
func annotations(c *cli.Context) (map[string]string, error) {
	all, err := keyValues(c, "annotation")
	if err != nil {
		return nil, err
	}
	if all == nil {
		all = map[string]string{}
	}
	if err := define.CheckAnnotations(all); err != nil {
		return nil, fault.Usagef("--annotation: %w", err)
	}
	return all, nil
}

func epochFlag() cli.Flag {
	return &cli.StringFlag{Name: "epoch", Usage: "no time is later than `SECONDS` since 1970", DefaultText: "SOURCE_DATE_EPOCH, else no bound"}
}

// lastEpoch reads epochFlag, or else SOURCE_DATE_EPOCH.
func (p *program) lastEpoch(c *cli.Context) (*int64, error) {
	if c.IsSet("epoch") {
		return parseEpoch("--epoch", c.String("epoch"))
	}
	return p.epoch()
}

// epoch reads SOURCE_DATE_EPOCH.
func (p *program) epoch() (*int64, error) {
	text, ok := p.lookupEnv("SOURCE_DATE_EPOCH")
	if !ok || text == "" {
		return nil, nil
	}
	return parseEpoch("SOURCE_DATE_EPOCH", text)
}

func parseEpoch(name, text string) (*int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > lock.MaxEpoch {
		return nil, fault.Usagef("%s: %q is not a number of seconds", name, text)
	}
	return &n, nil
}
