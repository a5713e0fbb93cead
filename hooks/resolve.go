// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
)

// resolve reads the definitions and leaves the release and the family: each
// image asked for and each of its ancestors, with a plan.
func (r *run) resolve(ctx context.Context) error {
	if len(r.Locks) > 0 {
		return r.resolveLocks(ctx)
	}
	var err error
	if r.universe, err = solve.NewUniverse(ctx, r.catalogues, r.ABI); err != nil {
		return err
	}
	images, err := r.findRelease(ctx)
	if err != nil {
		return err
	}
	members := map[string]*member{}
	var errs []error
	for _, name := range slices.Sorted(slices.Values(r.Images)) {
		chain, err := images.Chain(name)
		if err == nil {
			err = r.checkTree(chain)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for i := range chain {
			if members[chain[i].Name] == nil {
				m, err := r.newMember(ctx, chain[:i+1], members)
				if err != nil {
					errs = append(errs, err)
					break
				}
				members[m.def.Name] = m
				r.family = append(r.family, m)
				errs = append(errs, fault.Within("image "+m.def.Name, r.checkTaken(m)))
			}
		}
		if m := members[name]; m != nil {
			m.wanted = true
			errs = append(errs, m.def.CheckRefName(r.release), m.def.CheckGiven(r.Annotations))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	r.noteMissing()
	return errors.Join(r.checkPlans(ctx), r.checkStaged(ctx))
}

// findRelease leaves the release, and returns the definitions that hold for it.
// It is what the user says and FreeBSD-runtime tells; where neither does, images
// of one's own go by the ABI.
func (r *run) findRelease(ctx context.Context) (define.Images, error) {
	version := ""
	if p := r.universe.Best("FreeBSD-runtime"); p != nil {
		version = p.Version
	}
	revision, branch, err := r.named(ctx, version)
	if err != nil {
		return nil, err
	}
	var untold error
	if r.release, untold = release.New(revision, branch, r.universe.ABI, version); untold != nil {
		if revision != "" || branch != "" || release.Tells(version) {
			return nil, untold
		}
		if r.release, err = release.OfABI(r.universe.ABI); err != nil {
			return nil, err
		}
	}
	images, err := r.definitions(ctx, r.release.Revision)
	if err != nil || untold == nil {
		return images, err
	}
	for _, name := range r.Images {
		chain, err := images.Chain(name)
		if err == nil && slices.ContainsFunc(chain, define.Image.NamesRelease) {
			err = untold
		}
		if err != nil {
			return nil, err
		}
	}
	return images, nil
}

// named is what the user says of the release, or else the source tree where the
// version of FreeBSD-runtime does not tell, as that of a snapshot.
func (r *run) named(ctx context.Context, version string) (revision, branch string, err error) {
	if r.SrcDir == "" || release.Tells(version) {
		return r.Revision, r.Branch, nil
	}
	file := filepath.Join(r.SrcDir, newvers)
	text, err := until.Do(ctx, func() ([]byte, error) { return os.ReadFile(file) })
	if errors.Is(err, fs.ErrNotExist) {
		return r.Revision, r.Branch, nil
	}
	if err != nil {
		return "", "", err
	}
	v, err := release.ReadNewvers(file, text)
	return cmp.Or(r.Revision, v.Revision), cmp.Or(r.Branch, v.Branch), err
}

// definitions are FreeBSD's own, as orlop or a source tree has them, those of the
// files, the one of the flags, and those of the parents that these name.
func (r *run) definitions(ctx context.Context, revision string) (define.Images, error) {
	images, err := define.Standard(revision)
	if err != nil {
		return nil, err
	}
	r.inherited = images.PackageExceptions()
	for _, file := range r.definitionFiles() {
		if err := r.readDefinitions(ctx, images, file, revision); err != nil {
			return nil, err
		}
	}
	if r.Custom != nil {
		if err := images.Add(*r.Custom); err != nil {
			return nil, err
		}
	}
	return images, r.readParents(ctx, images, revision)
}

// definitionFile is a file with definitions, and the flag that names it.
type definitionFile struct{ flag, path string }

// definitionFiles are those that the user gives: of FreeBSD's images, then others.
func (r *run) definitionFiles() []definitionFile {
	var list []definitionFile
	for _, path := range r.TreeFiles {
		list = append(list, definitionFile{"tree-file", path})
	}
	for _, path := range r.ImageFiles {
		list = append(list, definitionFile{"image-file", path})
	}
	return list
}

func (r *run) readDefinitions(ctx context.Context, images define.Images, f definitionFile, revision string) error {
	text, err := until.Do(ctx, func() ([]byte, error) { return os.ReadFile(f.path) })
	if err != nil {
		return &fault.UnreadError{Flag: f.flag, Path: f.path, Err: err}
	}
	add := images.AddConf
	switch {
	case f.flag == "tree-file":
		add = images.ReadTree
	case !strings.HasSuffix(f.path, ".conf"):
		return images.Read(f.path, text, revision)
	}
	c, err := add(f.path, text, revision)
	r.removes[c.Image.Name] = c.Removes
	return err
}

// readParents looks beside the files for the parents that none of them defines.
// One that is not there either is an error only where it is needed.
func (r *run) readParents(ctx context.Context, images define.Images, revision string) error {
	sought := map[string]bool{}
	for again := true; again; {
		again = false
		for _, name := range images.UndefinedParents() {
			file := r.besideFiles("oci-image-" + name)
			if file == "" || sought[name] {
				continue
			}
			if err := r.readDefinitions(ctx, images, definitionFile{"image-file", file}, revision); err != nil {
				return err
			}
			sought[name], again = true, true
		}
	}
	return nil
}

// besideFiles finds a file of definitions in a folder that has another, "" for
// none.
func (r *run) besideFiles(name string) string {
	for _, file := range r.ImageFiles {
		for _, ext := range []string{".ucl", ".conf"} {
			path := filepath.Join(filepath.Dir(file), name+ext)
			if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() { // which nobody has named
				return path
			}
		}
	}
	return ""
}

// newMember plans the last image of a chain.
func (r *run) newMember(ctx context.Context, chain []define.Image, members map[string]*member) (*member, error) {
	m := &member{def: chain[len(chain)-1]}
	m.parent = members[m.def.Parent]
	m.def = inherit(m.def, m.parent)
	var steps []solve.Step
	for _, img := range chain {
		steps = append(steps, solve.Step{Name: img.Name, Want: img.Packages, Donors: r.donors(img)})
	}
	var err error
	if m.plan, err = r.universe.Solve(ctx, steps); err != nil {
		return nil, fault.Within("image "+m.def.Name, err)
	}
	return m, nil
}

// inherit gives a definition what it has from its parent's.
func inherit(def define.Image, parent *member) define.Image {
	if def.Cmd == nil && parent != nil {
		def.Cmd = parent.def.Cmd
	}
	return def
}

// noteMissing says what pkg would pass over in silence, first what the most
// want.
func (r *run) noteMissing() {
	for _, m := range r.family {
		most := func(a, b solve.Missing) int { return len(b.By) - len(a.By) }
		for _, miss := range slices.SortedStableFunc(slices.Values(m.step().Missing), most) {
			if n := len(miss.By) - 1; n > 0 {
				r.notice("image %s: %s: wanted by %s and %s, and nothing provides it", m.def.Name, miss.What, miss.By[0], fault.Counted(n, "other"))
			}
			tell := r.notice
			if len(miss.By) > 1 {
				tell = r.detail
			}
			for _, by := range miss.By {
				tell("image %s: nothing provides %s (%s), which %s needs", m.def.Name, miss.What, miss.Kind, by)
			}
		}
	}
}
