// SPDX-License-Identifier: BSD-2-Clause

package resolve

import (
	"context"
	"errors"
	"slices"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/own"
	"github.com/orlop/orlop/hooks/parent"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
)

// Resolve finds the release and the images, and plans each requested image and its
// ancestors; or it takes all this from locks.
func Resolve(ctx context.Context, req *Request, in input.Input, cats []*catalog.Catalogue, observe event.Observer) (*Family, error) {
	r := newResolver(req, input.TreeOf(in), cats, observe)
	defer r.locate()
	if locks, is := in.(*input.Locks); is {
		return r.Family, r.resolveLocks(ctx, locks)
	}
	if err := r.resolve(ctx); err != nil {
		return r.Family, err
	}
	if root, is := in.(*input.Root); is {
		var names []string
		for _, m := range r.Steps {
			for _, p := range m.Own().Packages {
				names = append(names, p.Name)
			}
		}
		return r.Family, root.CheckPlanned(ctx, req.Images, names)
	}
	return r.Family, nil
}

// locate says where the local files of definitions are.
func (r *resolver) locate() {
	for _, m := range r.Steps {
		m.Folder = own.Folder{Dir: r.folders[m.Def.Name], Named: r.Copies}
	}
}

// resolver builds a family.
type resolver struct {
	*Request
	tree     input.Tree
	observe  event.Observer
	universe *solve.Universe          // nil with locks
	bases    map[string]*parent.Image // by reference
	parents  map[string]string        // references of definitions
	folders  map[string]string        // of definitions, by image
	*Family
	renewal *renewal // of the lock that is brought up to date; nil for none
}

func newResolver(req *Request, tree input.Tree, cats []*catalog.Catalogue, observe event.Observer) *resolver {
	return &resolver{Request: req, tree: tree, observe: observe,
		bases: map[string]*parent.Image{}, parents: map[string]string{}, Family: &Family{Catalogues: cats}}
}

// resolve plans the images of the request.
func (r *resolver) resolve(ctx context.Context) error {
	var err error
	if r.universe, err = solve.NewUniverse(ctx, r.Catalogues, r.ABI); err != nil {
		return err
	}
	images, err := r.findRelease(ctx)
	if err != nil {
		return err
	}
	members := map[string]*Step{}
	var errs []error
	for _, name := range slices.Sorted(slices.Values(r.Images)) {
		chain, err := images.Chain(name)
		if err == nil {
			err = checkTree(r.tree, chain)
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
				members[m.Def.Name] = m
				r.Steps = append(r.Steps, m)
				errs = append(errs, fault.Within("image "+m.Def.Name, r.checkTaken(m)))
			}
		}
		if m := members[name]; m != nil {
			m.Wanted = true
			errs = append(errs, m.Def.CheckRefName(r.Release), m.Def.CheckGiven(r.Annotations))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	r.noteMissing()
	return nil
}

// findRelease sets the release, and returns the definitions for it. The user or
// FreeBSD-runtime names it; if neither does, the ABI is enough for images that are
// not FreeBSD's.
func (r *resolver) findRelease(ctx context.Context) (define.Images, error) {
	version := ""
	if p := r.universe.Best("FreeBSD-runtime"); p != nil {
		version = p.Version
	}
	revision, branch, err := r.named(ctx, r.tree, version)
	if err != nil {
		return nil, err
	}
	var untold error
	if r.Release, untold = release.New(revision, branch, r.universe.ABI, version); untold != nil {
		if revision != "" || branch != "" || release.Tells(version) {
			return nil, untold
		}
		if r.Release, err = release.OfABI(r.universe.ABI); err != nil {
			return nil, err
		}
	}
	all, err := r.definitions(ctx, r.Release.Revision, r.Release.ABI)
	if err != nil {
		return nil, err
	}
	images := all.Images
	r.parents, r.folders = all.parents, all.folders
	if r.Inherited, r.Removes = all.inherited, all.removes; untold == nil {
		return images, nil
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

// newMember plans the last image of a chain.
func (r *resolver) newMember(ctx context.Context, chain []define.Image, members map[string]*Step) (*Step, error) {
	m := &Step{Def: chain[len(chain)-1]}
	base, err := r.base(ctx, chain[0])
	if err != nil {
		return nil, err
	}
	m.Parent, m.Base = members[m.Def.Parent], base
	var steps []solve.Step
	for _, img := range chain {
		steps = append(steps, r.asked(img))
	}
	if m.Plan, err = r.universe.Solve(ctx, m.present(), steps); err == nil {
		err = m.fits()
	}
	if err == nil {
		m.Def, err = m.settle(m.Def)
	}
	if err != nil {
		return nil, fault.Within("image "+m.Def.Name, err)
	}
	m.Def = inherit(m.Def, m.Parent)
	m.Def.Parent = define.Portable(m.Def.Parent)
	return m, nil
}

// settle completes a definition with the versions of the packages that are planned, and
// compares them with those that it wants.
func (m *Step) settle(def define.Image) (define.Image, error) {
	settled, err := def.WithVersions(m.version)
	return settled, errors.Join(append(def.CheckVersions(m.version), err)...)
}

// version is that of a package of the image.
func (m *Step) version(name string) (string, bool) {
	p := m.Plan.Lookup(name)
	if p == nil || p.Why.Kind == solve.Donor {
		return "", false
	}
	return p.Version, true
}

// without lists the patterns of packages that an image leaves out.
func without(img define.Image) []string {
	var list []string
	for _, x := range img.Without {
		list = append(list, x.Pattern)
	}
	return list
}

// asked is what an image asks for on its parent.
func (r *resolver) asked(img define.Image) solve.Step {
	step := solve.Step{Name: img.Name, Want: wants(r.Catalogues, img), Donors: donors(r.tree, img), Without: without(img)}
	if r.renewal != nil {
		r.renewal.narrow(&step)
	}
	return step
}

// inherit completes a definition from its parent's.
func inherit(def define.Image, parent *Step) define.Image {
	if parent == nil {
		return def
	}
	return def.Inherit(parent.Def)
}

// noteMissing reports what nothing provides, which pkg ignores: first what most
// packages need.
func (r *resolver) noteMissing() {
	for _, m := range r.Steps {
		most := func(a, b solve.Missing) int { return len(b.By) - len(a.By) }
		for _, miss := range slices.SortedStableFunc(slices.Values(m.Own().Missing), most) {
			if n := len(miss.By) - 1; n > 0 {
				r.observe.Notice("image %s: %s: wanted by %s and %s, and nothing provides it", m.Def.Name, miss.What, miss.By[0], fault.Counted(n, "other"))
			}
			notice := r.observe.Notice
			if len(miss.By) > 1 {
				notice = r.observe.Detail
			}
			for _, by := range miss.By {
				notice("image %s: nothing provides %s (%s), which %s needs", m.Def.Name, miss.What, miss.Kind, by)
			}
		}
	}
}

// donors lists the packages that may have what the source tree lacks.
func donors(tree input.Tree, img define.Image) []string {
	var names []string
	for _, t := range img.Taken() {
		if !tree.Has(t) {
			names = append(names, t.From...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// checkTaken finds, before packages are fetched, files that an image needs and that
// have no origin: the source tree lacks them, and so does the catalogue every
// package that might have them.
func (r *resolver) checkTaken(m *Step) error {
	var errs []error
	check := func(target string, t define.Taken) {
		none := !slices.ContainsFunc(t.From, func(name string) bool { return m.Plan.Lookup(name) != nil || r.universe.Best(name) != nil })
		if none && (t.Source == "" || !r.tree.Exists(t.Source)) {
			errs = append(errs, &input.AbsentFileError{Target: target, Taken: t})
		}
	}
	for _, mt := range m.Def.Mtree {
		check(mt.Path, mt.Taken)
	}
	for _, f := range m.Def.Files {
		if !f.Optional && !f.Given() {
			check(f.Target, f.Taken)
		}
	}
	for _, f := range m.Def.Folders {
		if !f.Optional {
			check(f.Target, f.Taken)
		}
	}
	return errors.Join(errs...)
}

// checkTree checks that a source tree is one. It may be incomplete; but if it has
// none of the files that images take from it, it is the wrong folder.
func checkTree(tree input.Tree, chain []define.Image) error {
	if tree.SrcDir == "" || tree.Exists(input.Newvers) {
		return nil
	}
	var names []string
	for _, img := range chain {
		for _, t := range img.Taken() {
			if tree.Has(t) {
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
	return fault.Usagef("--srcdir: %s: found neither %s nor %s, wanted a FreeBSD source tree", tree.SrcDir, input.Newvers, fault.Some(names))
}
