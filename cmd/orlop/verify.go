// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/hooks/verify"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/spelling"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/oci/layout"
)

func (p *program) verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "check an archive; with --rebuild, make it again from its lock and compare",
		ArgsUsage: "IMAGE-REF...",
		Before:    needSQLite,
		Flags: slices.Concat([]cli.Flag{
			&cli.StringSliceFlag{Name: "digests", Usage: "compare with `FILE`, container-image-MANIFESTS or CHECKSUM.*"},
			&cli.StringSliceFlag{Name: "lock", Usage: "compare with the lock `FILE`", DefaultText: "ARCHIVE's name with .lock.json"},
			&cli.StringSliceFlag{Name: "require", Usage: "fail unless the archive was compared with `WHAT`: lock, digests, signature or policy"},
			&cli.BoolFlag{Name: "rebuild", Usage: "make the images again from their locks and compare"},
			&cli.StringSliceFlag{Name: "image-file", Usage: "`FILE` with the definitions that the images should have"},
			&cli.StringSliceFlag{Name: "package", Usage: "`FILE`, as in ./x.pkg, of a package that is in no repository"},
			treeFileFlag(),
			&cli.StringSliceFlag{Name: "parent", Usage: "with --rebuild, `IMAGE` that the images may stand on"}, parentKeyFlag(),
			&cli.BoolFlag{Name: "allow-departures", Usage: "without a lock, let an image lack files of its packages"},
			&cli.BoolFlag{Name: "trust-lock", Usage: "exit 0 even if only the lock vouches for what is in the image"},
			platformFlag(), lockURLsFlag(), scriptsFlag(), annotationFlag(),
		}, trustFlags(), signatureFlags(), releaseFlags(), sourceFlags(), registryFlags(), talkFlags()),
		Action: func(c *cli.Context) error {
			if !c.Args().Present() {
				return fault.Usagef("verify: no archive given")
			}
			by, err := readAgainst(c)
			if err != nil {
				return err
			}
			if by.Signing.Lookaside.Client, err = lookasideClient(c); err != nil {
				return err
			}
			if err := p.checkRebuild(c, by.Locks); err != nil {
				return err
			}
			return p.verify(c, by)
		},
	}
}

// verify checks the archives, rebuilds them if asked, and prints the results.
func (p *program) verify(c *cli.Context, by *verify.Against) error {
	platform, err := platform(c)
	if err == nil {
		_, err = p.registries(c, nil)
	}
	if err != nil {
		return err
	}
	var reports []*verify.Report
	for _, path := range c.Args().Slice() {
		ref, err := p.find(c, path)
		reports = append(reports, verifyEach(c.Context, by, path, ref, err, platform)...)
		switch {
		case ref == nil:
		case c.Bool("rebuild"): // which still reads the archive, to compare
			defer ref.Close()
		default:
			ref.Close()
		}
		if err := c.Context.Err(); err != nil {
			return err
		}
	}
	if c.Bool("rebuild") {
		if err := p.rebuilder(c, by).Rebuild(c.Context, reports); err != nil {
			return err
		}
	}
	if err := c.Context.Err(); err != nil {
		return err
	}
	var errs []error
	for _, r := range reports {
		faults := faultsAbout(r)
		errs = append(errs, faults...)
		if err := p.printReport(c, r, faults); err != nil {
			return err
		}
	}
	return errors.Join(errs...)
}

// verifyEach checks each image of a reference, of which there may be several for
// several platforms.
func verifyEach(ctx context.Context, by *verify.Against, path string, ref *artifact.Ref, err error, asked string) []*verify.Report {
	platforms := []string{asked}
	if ref != nil {
		platforms, err = ref.Platforms(ctx, asked)
	}
	if err != nil && ref != nil && ctx.Err() == nil {
		platforms = []string{asked} // the check says all that is wrong
	}
	var reports []*verify.Report
	for _, platform := range platforms {
		reports = append(reports, verify.Archive(ctx, by, verify.Subject{Path: path, Ref: ref, Err: err, Platform: platform, Several: len(platforms) > 1}))
	}
	return reports
}

// faultsAbout returns the faults of an archive, each with its path in front.
func faultsAbout(r *verify.Report) []error {
	var errs []error
	for _, err := range r.Errs {
		errs = append(errs, about(r.Label, err)...)
	}
	return errs
}

// readAgainst reads the files of --lock and --digests.
func readAgainst(c *cli.Context) (*verify.Against, error) {
	by := &verify.Against{Digests: c.IsSet("digests"), Require: c.StringSlice("require"), NeedLock: c.Bool("rebuild"), OnlyOne: c.NArg() == 1, Departing: c.Bool("allow-departures")}
	for _, what := range by.Require {
		if kinds := slices.Sorted(maps.Keys(verify.References)); !slices.Contains(kinds, what) {
			return nil, fault.Usagef("--require: found %q, wanted lock, digests, signature or policy%s", what, spelling.Hint(what, kinds...))
		}
	}
	var err error
	if by.Signing, err = readSigning(c); err != nil {
		return nil, err
	}
	if c.IsSet("at-least") {
		if by.AtLeast = release.VersionOf(c.String("at-least")); by.AtLeast == "" {
			return nil, fault.Usagef("--at-least: found %q, wanted a version such as 15.0p3 or 15.0-RELEASE-p3", c.String("at-least"))
		}
	}
	by.Locks, err = readOperands(c.Context, "lock", c.StringSlice("lock"), verify.ParseLock)
	if _, unusable := errors.AsType[*lock.Error](err); unusable {
		by.Unusable, err = err, nil
	}
	if err != nil {
		return nil, err
	}
	by.Signing.Lists, err = readOperands(c.Context, "digests", c.StringSlice("digests"), func(name string, text []byte) (verify.SignedList, error) {
		return verify.ParseList(name, text, by.Signing.Trust)
	})
	for _, l := range by.Signing.Lists {
		by.Checksums = append(by.Checksums, l.Checksums...)
	}
	return by, err
}

// rebuilder rebuilds images with the flags of the command line.
func (p *program) rebuilder(c *cli.Context, by *verify.Against) *verify.Rebuilder {
	return &verify.Rebuilder{Program: hooks.Program{Version: version, Versions: versions()},
		Config:    func(l *lock.Lock) (hooks.Config, error) { return p.rebuildConfig(c, l) },
		Build:     func(_ context.Context, cfg hooks.Config) ([]hooks.Result, error) { return p.build(c, cfg) },
		TrustLock: c.Bool("trust-lock"), Signing: &by.Signing, Lines: explainLines}
}

// explainLines bounds the lines shown for one file or package.
const explainLines = 10

// checkRebuild finds what would stop every rebuild, before it reads an archive. A
// repository configuration may need values from a lock.
func (p *program) checkRebuild(c *cli.Context, locks []verify.GivenLock) error {
	if !c.Bool("rebuild") { // the files that flags name must exist all the same
		return hooks.Check(c.Context, hooks.Config{Input: &input.Repositories{Tree: srcTree(c)},
			Request: resolve.Request{ImageFiles: c.StringSlice("image-file"), TreeFiles: c.StringSlice("tree-file")}})
	}
	var l *lock.Lock
	switch {
	case len(locks) > 0:
		l = locks[0].Lock
	case !c.IsSet("repo-conf-dir") && !varies(c):
		l = new(lock.Lock)
	}
	cfg, err := p.rebuildConfig(c, l)
	if err != nil {
		return err
	}
	return hooks.Check(c.Context, cfg)
}

// rebuildConfig says where inputs come from: the lock's repositories, unless the
// user names others. Without a lock it leaves them open.
func (p *program) rebuildConfig(c *cli.Context, l *lock.Lock) (hooks.Config, error) {
	cfg := hooks.Config{Jobs: c.Int("j"), Program: hooks.Program{Version: version, Versions: versions()},
		Output: hooks.Output{Format: layout.Dir}, Observe: p.progress(c),
		Request: resolve.Request{ImageFiles: c.StringSlice("image-file"), TreeFiles: c.StringSlice("tree-file"),
			Revision: c.String("revision"), Branch: c.String("branch")}}
	st, err := p.store(c, cfg.Observe)
	if err != nil {
		return cfg, err
	}
	in := &input.Locks{LockURLs: c.Bool("lock-urls"), Repositories: input.Repositories{Tree: srcTree(c),
		Store: st, InsecureUnsigned: c.Bool("insecure-unsigned"), Observe: cfg.Observe}}
	if in.Local, err = localPackages(c); err != nil {
		return cfg, err
	}
	for _, file := range c.StringSlice("image-file") {
		dir, err := filepath.Abs(filepath.Dir(file))
		if err != nil {
			return cfg, err
		}
		in.LocalIn = append(in.LocalIn, dir)
	}
	cfg.Input = in
	if cfg.Jobs < 1 {
		return cfg, fault.Usagef("-j: found %d, wanted at least 1", cfg.Jobs)
	}
	if cfg.Parents, err = p.parents(c); err != nil {
		return cfg, err
	}
	if cfg.SkipScripts, err = skipScripts(c); err == nil {
		cfg.Annotations, err = annotations(c)
	}
	if err != nil {
		return cfg, err
	}
	if l != nil && (c.IsSet("repo") || c.IsSet("repo-conf-dir")) {
		in.Repos, err = repositories(c, release.Release{ABI: l.ABI, Revision: l.Revision, Branch: l.Branch}, nil)
	}
	return cfg, err
}

// printOtherLocks names the locks next to an archive that have other names, since
// the archive or the lock may have been renamed.
func (p *program) printOtherLocks(r *verify.Report) {
	switch names := r.OtherLocks; len(names) {
	case 0:
	case 1:
		_ = p.err.line("orlop: %s: %s is next to it and was not used", r.Label, names[0])
	default:
		_ = p.err.line("orlop: %s: %s are next to it and were not used", r.Label, strings.Join(names, ", "))
	}
}
