// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release"
)

// Faults of a request that do not depend on a repository are reported before one is
// read.

// Check finds the faults of a configuration that do not depend on its repositories.
// It may have no input.
func Check(ctx context.Context, cfg Config) error {
	repos := repositories(cfg.Input)
	var errs []error
	if repos != nil {
		errs = append(errs, repos.CheckStore())
	}
	errs = append(errs, cfg.Request.Check(ctx, input.TreeOf(cfg.Input)), checkPlanned(cfg), lock.CheckAll(locksOf(cfg.Input)))
	if root, is := cfg.Input.(*input.Root); is {
		errs = append(errs, root.Check())
	}
	if repos != nil {
		errs = append(errs, repos.Check())
	}
	return errors.Join(errs...)
}

// CheckBuild finds what Check finds, and what Build must not replace.
func CheckBuild(ctx context.Context, cfg Config) error {
	return errors.Join(Check(ctx, cfg), checkOutputs(cfg, cfg.endings()))
}

// repositories returns the repositories of an input, nil for none.
func repositories(in input.Input) *input.Repositories {
	switch in := in.(type) {
	case *input.Repositories:
		return in
	case *input.Locks:
		return &in.Repositories
	}
	return nil
}

// locksOf returns the locks of an input.
func locksOf(in input.Input) []*lock.Lock {
	if locks, is := in.(*input.Locks); is {
		return locks.Locks
	}
	return nil
}

// checkPlanned checks that each image has a plan, if there are any.
func checkPlanned(cfg Config) error {
	var errs []error
	for _, name := range cfg.Images {
		if cfg.Plans != nil && planned(cfg, name) == nil {
			errs = append(errs, fault.Usagef("image %s: none of the plans given is for it", name))
		}
	}
	return errors.Join(errs...)
}

// checkStore checks that the store can be written if something has to be downloaded.
// The packages of a lock may all be there.
func checkStore(cfg Config) error {
	if repos, is := cfg.Input.(*input.Repositories); is {
		return repos.CheckWritable()
	}
	return nil
}

// checkOutputs checks what is where the run will write. It keeps catalogues whose
// signature is checked next to an image.
func checkOutputs(cfg Config, endings []string) error {
	if len(endings) == 0 {
		return nil
	}
	var errs []error
	check := func(name string) {
		if target := filepath.Join(cfg.OutDir, name); fs.ValidPath(name) && filepath.Base(name) == name { // no image has another name
			errs = append(errs, output.Check(target, target))
		}
	}
	images := slices.Clone(cfg.Images)
	for _, l := range locksOf(cfg.Input) {
		images = append(images, l.Image)
	}
	slices.Sort(images)
	for _, image := range slices.Compact(images) {
		for _, ending := range endings {
			check(release.ArtifactName(image) + ending)
		}
	}
	if !slices.Contains(endings, lock.PlanEnding) {
		for _, name := range signedNames(cfg.Input) {
			check(name)
		}
	}
	if cfg.Manifests {
		check(release.ManifestList())
	}
	return errors.Join(errs...)
}

// signedNames lists the file names of the catalogues that are likely to be kept.
func signedNames(in input.Input) []string {
	var names []string
	if repos := repositories(in); repos != nil {
		for _, name := range repos.Signed() {
			names = append(names, lock.CatalogueName(name))
		}
	}
	for _, l := range locksOf(in) {
		for _, repo := range l.Repositories {
			if repo.Signer != "" {
				names = append(names, lock.CatalogueName(repo.Name))
			}
			for _, e := range repo.Earlier {
				if e.Signer != "" {
					names = append(names, lock.EarlierName(repo.Name, e.Catalogue))
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// checkSplit finds settings that contradict the layers of definitions, and locks that
// say nothing about them.
func checkSplit(cfg Config, family *resolve.Family) error {
	var errs []error
	split := map[string]bool{}
	for _, m := range family.Steps {
		if !m.Def.Layers.Split() {
			continue
		}
		if split[m.Def.Name] = true; cfg.Squash {
			errs = append(errs, fault.Usagef("--squash: image %s has several layers by its definition", m.Def.Name))
		}
	}
	for _, l := range cfg.LayersFrom {
		if l.ABI != family.Release.ABI && cfg.Within == nil { // else another family of the run may be for it
			errs = append(errs, fault.Usagef("--layers-from: the lock of image %s is for %s, wanted %s", l.Image, l.ABI, family.Release.ABI))
		} else if l.ABI == family.Release.ABI && !split[l.Image] {
			errs = append(errs, fault.Usagef("--layers-from: the lock is of image %s, wanted an image of this run whose definition has layers", l.Image))
		}
	}
	return errors.Join(errs...)
}
