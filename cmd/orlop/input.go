// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/cache"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/hooks/verify"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/spelling"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci/layout"
)

// defaultRepo is pkg's name for the repository of base packages, and so the
// default of the packages' annotation "repository".
const defaultRepo = "FreeBSD-base"

// inputFlags say what an image is made from.
func inputFlags(abi cli.Flag) []cli.Flag {
	return slices.Concat(sourceFlags(), []cli.Flag{abi}, releaseFlags(), []cli.Flag{
		&cli.StringSliceFlag{Name: "image-file", Usage: "`FILE` with image definitions"},
		treeFileFlag(),
		&cli.StringFlag{Name: "name", Usage: "define an image `NAME` from --package and --parent"},
		&cli.StringSliceFlag{Name: "package", Usage: "`PACKAGE` of the image --name: name, NAME-VERSION, pattern, or \"a | b\""},
		&cli.StringSliceFlag{Name: "parent", Usage: "`IMAGE` that the image --name stands on: a name, an image of a registry, or a path with a /", DefaultText: "none"},
		parentKeyFlag(),
	}, registryFlags())
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
	err := errors.Join(checkNames(c), p.inputs(c, &cfg))
	if err == nil {
		cfg.Parents, err = p.parents(c)
	}
	if err != nil {
		return cfg, err
	}
	if locks := c.StringSlice("lock"); len(locks) > 0 {
		return cfg, onlyLocks(c)
	}
	if cfg.Custom, err = customImage(c); err != nil {
		return cfg, err
	}
	if cfg.Custom != nil && len(cfg.Images) == 0 {
		cfg.Images = []string{cfg.Custom.Name}
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

// onlyLocks refuses flags for what a lock says itself, such as its epochs.
func onlyLocks(c *cli.Context) error {
	for _, name := range []string{"abi", "revision", "branch", "image-file", "tree-file", "name", "unknown-scripts",
		"exceptions", "root", "metalog", "compression", "squash", "layers-from", "pkgdb-schema", "public-url", "plan", "epoch", "annotation"} {
		if c.IsSet(name) && !(c.IsSet("update") && slices.Contains(mayUpdate, name)) {
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
var mayUpdate = []string{"image-file", "unknown-scripts", "exceptions", "epoch"}

// contentFlags are for commands that open packages.
func contentFlags() []cli.Flag {
	return []cli.Flag{
		scriptsFlag(),
		exceptionsFlag(),
		&cli.StringFlag{Name: "root", Usage: "instead of a repository, the root `DIR` that pkg(8) filled with INSTALL_AS_USER"},
		&cli.StringFlag{Name: "metalog", Usage: "METALOG `FILE` that pkg wrote with --root: owners, modes and flags"},
	}
}

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

func exceptionsFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "exceptions", Usage: "UCL `FILE` of what images may lack: known-missing, known-dangling"}
}

// inputs finds out where packages come from.
func (p *program) inputs(c *cli.Context, cfg *hooks.Config) error {
	var err error
	if cfg.SkipScripts, err = skipScripts(c); err != nil {
		return err
	}
	if cfg.Exceptions, err = exceptions(c.Context, c.StringSlice("exceptions")); err != nil {
		return err
	}
	locks, err := readOperands(c.Context, "lock", c.StringSlice("lock"), verify.ParseLock)
	if err != nil {
		return err
	}
	if err := lock.CheckURL(c.String("public-url")); err != nil {
		return fault.Usagef("--public-url: %w", err)
	}
	if cfg.Plans, err = readOperands(c.Context, "plan", c.StringSlice("plan"), lock.ParsePlan); err != nil {
		return err
	}
	root := &input.Root{Tree: srcTree(c), Path: c.String("root"), Metalog: c.String("metalog"), Observe: cfg.Observe}
	if root.Path == "" && root.Metalog == "" {
		cfg.Input, err = p.fromRepositories(c, cfg, locks)
		return err
	}
	cfg.Input = root
	switch {
	case root.Path == "" || root.Metalog == "":
		return fault.Usagef("--root and --metalog go together")
	case c.IsSet("repo") || c.IsSet("repo-conf-dir"):
		return fault.Usagef("--root replaces --repo and --repo-conf-dir; give one or the other")
	case len(cfg.Images) > 1:
		return fault.Usagef("--root: found %d images, wanted the one that is in it", len(cfg.Images))
	}
	return nil
}

// fromRepositories is the input of repositories, or of locks.
func (p *program) fromRepositories(c *cli.Context, cfg *hooks.Config, locks []verify.GivenLock) (input.Input, error) {
	of := release.Release{ABI: firstABI(c), Revision: c.String("revision"), Branch: c.String("branch")}
	var asked resolve.Asked
	var unread error // which is reported with what else is wrong, once definitions are read as a whole
	if len(locks) > 0 {
		of = release.Release{ABI: locks[0].ABI, Revision: locks[0].Revision, Branch: locks[0].Branch}
	} else {
		asked, unread = cfg.Asked(c.Context, c.StringSlice("parent")...)
	}
	repos, err := repositories(c, of, asked.Repositories)
	if err != nil {
		return nil, cmp.Or(unread, err)
	}
	given, err := localPackages(c)
	if err != nil {
		return nil, err
	}
	st, err := p.store(c, cfg.Observe)
	if err != nil {
		return nil, err
	}
	if c.Command.Name != "fetch" {
		cfg.Cache = cache.New(st, cfg.Maker)
	}
	from := input.Repositories{Tree: srcTree(c), Repos: repos, Store: st, ABI: of.ABI, InsecureUnsigned: c.Bool("insecure-unsigned"),
		PublicURL: c.String("public-url"), Keep: c.Command.Name == "fetch", Maker: cfg.Maker, Local: append(asked.Files, given...), Observe: cfg.Observe}
	if len(locks) == 0 {
		return &from, nil
	}
	in := &input.Locks{Repositories: from, LockURLs: c.Bool("lock-urls"), Published: published(c.Context, c.StringSlice("lock"))}
	for _, l := range locks {
		in.Locks, in.KeptIn = append(in.Locks, l.Lock), append(in.KeptIn, filepath.Dir(l.File))
	}
	return in, nil
}

// srcTree returns the source tree of --srcdir.
func srcTree(c *cli.Context) input.Tree { return input.Tree{SrcDir: c.String("srcdir")} }

// exceptions reads the files of --exceptions.
func exceptions(ctx context.Context, files []string) (define.Exceptions, error) {
	var all define.Exceptions
	list, err := readOperands(ctx, "exceptions", files, define.ReadExceptions)
	for _, e := range list {
		all = all.Join(e)
	}
	return all, err
}

// isFile reports whether a value of --package is a file, and not the name of a package.
func isFile(element string) bool {
	return strings.HasPrefix(element, "./") || strings.HasPrefix(element, "../") || filepath.IsAbs(element)
}

// localPackages are the files of --package.
func localPackages(c *cli.Context) ([]input.LocalFile, error) {
	var list []input.LocalFile
	for _, element := range c.StringSlice("package") {
		if !isFile(element) {
			continue
		}
		path, err := filepath.Abs(element)
		if err != nil {
			return nil, err
		}
		list = append(list, input.LocalFile{Dir: filepath.Dir(path), Path: filepath.Base(path)})
	}
	return list, nil
}

// customImage returns the image of --name, nil without it.
func customImage(c *cli.Context) (*define.Image, error) {
	img := &define.Image{Name: c.String("name")}
	for _, element := range c.StringSlice("package") {
		if isFile(element) {
			element = "./" + filepath.Base(element)
		}
		img.Packages = append(img.Packages, element)
	}
	if img.Name == "" {
		if len(img.Packages) > 0 || c.IsSet("parent") {
			return nil, fault.Usagef("--package and --parent go with --name")
		}
		return nil, nil
	}
	if len(img.Packages) == 0 {
		return nil, fault.Usagef("--name %s: no --package given", img.Name)
	}
	var err error
	img.Parent, err = customParent(c)
	return img, err
}

func annotationFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "annotation", Usage: "annotation `KEY=VALUE` of the manifests, such as org.opencontainers.image.revision=…"}
}

// annotations reads annotationFlag.
func annotations(c *cli.Context) (map[string]string, error) {
	all := map[string]string{}
	for _, arg := range c.StringSlice("annotation") {
		key, value, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, fault.Usagef("--annotation: found %q, wanted KEY=VALUE", arg)
		}
		if old, twice := all[key]; twice && old != value {
			return nil, fault.Usagef("--annotation: %s is %q and %q, wanted one of them", key, old, value)
		}
		all[key] = value
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

// outputFlags say what to write.
func outputFlags() []cli.Flag {
	return append([]cli.Flag{
		directoryFlag(),
		&cli.StringFlag{Name: "format", Value: "txz", Usage: "archive `FORMAT`: txz, tar, tar.zst or dir"},
	}, madeFlags()...)
}

// directoryFlag is for commands that choose the names of their files.
func directoryFlag() cli.Flag {
	return &cli.StringFlag{Name: "o", Aliases: []string{"output"}, Value: ".", Usage: "write into `DIR`", DefaultText: "the current one"}
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

// readOutput completes a configuration from outputFlags.
func readOutput(c *cli.Context, cfg *hooks.Config) error {
	var err error
	if cfg.Format, err = layout.ParseFormat(c.String("format")); err != nil {
		return fault.Usagef("--format: %w", err)
	}
	return made(c, cfg)
}
