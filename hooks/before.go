// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
)

// What is wrong with a request, and can be known without a repository, is told
// before one is asked.

// Check finds what is wrong with a configuration, whatever its repositories
// have.
func Check(ctx context.Context, cfg Config) error { return newRun(cfg).checkInputs(ctx) }

// begin does so for a run, and then makes room for what it writes.
func (r *run) begin(ctx context.Context) error {
	if err := errors.Join(r.checkInputs(ctx), r.checkOutputs()); err != nil {
		return err
	}
	if len(r.endings) > 0 {
		var err error
		if r.staging, err = output.NewFolder(ctx, r.OutDir); err != nil {
			return err
		}
	}
	return r.checkStore()
}

func (r *run) checkInputs(ctx context.Context) error {
	abi := r.ABI
	if len(r.Locks) > 0 {
		abi = "" // they say that, not the user
	}
	err := errors.Join(release.Asked(r.Revision, r.Branch, abi), define.CheckAnnotations(r.Annotations))
	if err == nil {
		err = r.checkDefinitions(ctx)
	}
	return errors.Join(r.checkFolder(), err, r.checkPlanned(), r.checkLocks(), r.checkSource(), r.checkRoot(), r.checkRepos())
}

// checkFolder wants the store to be one that can be believed. Offline, what is no
// store has nothing.
func (r *run) checkFolder() error {
	err := r.Store.Check()
	if err == nil && !r.Store.Offline && r.Store.Dir != "" {
		err = r.Store.CheckFolder()
	}
	return err
}

// checkDefinitions reads the definitions. Where only the catalogue will tell the
// revision, they say for now whether they have the images that are asked for. A
// FIFO can be read but once, and waits for that.
func (r *run) checkDefinitions(ctx context.Context) error {
	if once, err := r.checkDefinitionFiles(); once || err != nil {
		return err
	}
	if r.Revision != "" {
		images, err := r.definitions(ctx, r.Revision)
		if err != nil {
			return err
		}
		var errs []error
		for _, name := range r.Images {
			chain, err := images.Chain(name)
			errs = append(errs, err, r.checkTree(chain))
		}
		return errors.Join(errs...)
	}
	names := define.StandardNames()
	for _, f := range r.definitionFiles() {
		text, err := os.ReadFile(f.path)
		if err != nil {
			return &fault.UnreadError{Flag: f.flag, Path: f.path, Err: err}
		}
		more, err := define.Defines(f.path, text)
		if err != nil {
			return err
		}
		names = append(names, more...)
	}
	if r.Custom != nil {
		if err := (define.Images{}).Add(*r.Custom); err != nil {
			return err
		}
		names = append(names, r.Custom.Name)
	}
	return define.Known(names, r.Images)
}

// checkDefinitionFiles wants the files of definitions to be there, and tells whether
// one of them can be read but once.
func (r *run) checkDefinitionFiles() (once bool, err error) {
	var errs []error
	for _, f := range r.definitionFiles() {
		info, err := checkFile(f.flag, f.path)
		once = once || err == nil && !info.Mode().IsRegular()
		errs = append(errs, err)
	}
	return once, errors.Join(errs...)
}

// checkPlanned wants a plan for each image, if there are any.
func (r *run) checkPlanned() error {
	var errs []error
	for _, name := range r.Images {
		if r.Plans != nil && r.planned(name) == nil {
			errs = append(errs, fault.Usagef("image %s: no --plan is for it", name))
		}
	}
	return errors.Join(errs...)
}

// checkSource wants a folder for a source tree.
func (r *run) checkSource() error {
	if r.SrcDir == "" {
		return nil
	}
	return checkDir("srcdir", r.SrcDir, "a source tree")
}

// checkRoot wants a root that pkg(8) filled, and its METALOG.
func (r *run) checkRoot() error {
	if r.RootDir == "" {
		return nil
	}
	err := checkDir("root", r.RootDir, "a root")
	if err == nil && !exists(r.RootDir, pkgdb.Path) {
		err = fault.Usagef("--root: %s: found no %s, wanted a root that pkg(8) filled", r.RootDir, pkgdb.Path[1:])
	}
	_, unread := checkFile("metalog", r.Metalog)
	return errors.Join(err, unread)
}

func checkDir(flag, path, wanted string) error {
	info, err := os.Stat(path)
	if err != nil {
		return &fault.UnreadError{Flag: flag, Path: path, Err: err}
	}
	if !info.IsDir() {
		return fault.Usagef("--%s: %s: found %s, wanted the folder of %s", flag, path, store.Kind(info.Mode()), wanted)
	}
	return nil
}

// checkFile wants anything that can be read to its end.
func checkFile(flag, path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		err = syscall.EISDIR
	}
	if err != nil {
		return nil, &fault.UnreadError{Flag: flag, Path: path, Err: err}
	}
	return info, nil
}

// checkTree wants a source tree to be one. It need not be whole; but if images
// take files from such trees and it has none of them, another one is meant.
func (r *run) checkTree(chain []define.Image) error {
	if r.SrcDir == "" || exists(r.SrcDir, newvers) {
		return nil
	}
	var names []string
	for _, img := range chain {
		for _, t := range img.Taken() {
			if r.inSource(t) {
				return nil
			}
			if t.Source != "" && !slices.Contains(names, t.Source) {
				names = append(names, t.Source)
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return fault.Usagef("--srcdir: %s: found neither %s nor %s, wanted a FreeBSD source tree", r.SrcDir, newvers, fault.Some(names))
}

// newvers is the file in a source tree that names the release.
const newvers = "sys/conf/newvers.sh"

func exists(elem ...string) bool {
	_, err := os.Stat(filepath.Join(elem...))
	return err == nil
}

// checkRepos reads the keys of all repositories before the first is asked.
func (r *run) checkRepos() error {
	var errs []error
	for _, repo := range r.Repos {
		src, err := r.source(repo.Name, repo.URL, repo.MirrorType)
		if err == nil {
			_, err = r.trustOf(repo, src)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// checkStore wants a store that can be written where something has to come over
// a network. A lock's packages may all be there.
func (r *run) checkStore() error {
	remote := r.Keep
	for _, repo := range r.Repos {
		src, err := r.source(repo.Name, repo.URL, repo.MirrorType)
		remote = remote || err == nil && src.Remote()
	}
	if !remote || r.Store.Offline || len(r.Locks) > 0 {
		return nil
	}
	return r.Store.CheckWritable()
}

// checkOutputs judges what stands where the run will write. Catalogues are kept
// beside an image where their signature is checked.
func (r *run) checkOutputs() error {
	if len(r.endings) == 0 {
		return nil
	}
	var errs []error
	check := func(name string) {
		if target := filepath.Join(r.OutDir, name); fs.ValidPath(name) && filepath.Base(name) == name { // others are no image's
			errs = append(errs, output.Check(target, target))
		}
	}
	images := slices.Clone(r.Images)
	for _, l := range r.Locks {
		images = append(images, l.Image)
	}
	slices.Sort(images)
	for _, image := range slices.Compact(images) {
		for _, ending := range r.endings {
			check(release.ArtifactName(image) + ending)
		}
	}
	for _, name := range r.keptNames() {
		check(name)
	}
	if r.Manifests {
		check(release.ManifestList())
	}
	return errors.Join(errs...)
}

// keptNames are those of the catalogues that are likely to be kept.
func (r *run) keptNames() []string {
	if slices.Contains(r.endings, lock.PlanEnding) {
		return nil
	}
	var names []string
	for _, repo := range r.Repos {
		src, err := r.source(repo.Name, repo.URL, repo.MirrorType)
		if err != nil {
			continue // which is told
		}
		if keys, err := r.trustOf(repo, src); err == nil && keys != nil {
			names = append(names, lock.CatalogueName(repo.Name))
		}
	}
	for _, l := range r.Locks {
		for _, repo := range l.Repositories {
			if repo.Signer != "" {
				names = append(names, lock.CatalogueName(repo.Name))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
