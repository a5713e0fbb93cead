// SPDX-License-Identifier: BSD-2-Clause

// Package root builds the root file systems of images as values, each on top of its
// parent's. Builder runs three hooks for each step:
//
//	install    puts packages into the tree
//	configure  adds directories and files that no package has, does what scripts of
//	           packages would (scripts, accounts, samples), adds what FreeBSD's programs
//	           would write (generate), finds owners, and takes away what the definition
//	           leaves out (depart)
//	register   decides what pkg's database holds
//
// From a finished root follow the contents of its layers: see delta.
package root

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/orlop/orlop/hooks/cache"
	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/own"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/etc"
	"github.com/orlop/orlop/release/tree"
)

// Root is the future root file system of an image, and what was found out while
// building it. Once it is there nothing changes it but Describe.
type Root struct {
	*Built
	Parent    *Root      // nil for none
	under     *tree.Tree // of Parent, or of the image that the step stands on; nil for none
	Tree      *tree.Tree
	Packages  []*input.Package  // of this step, by name
	Generated map[string][]byte // of this step, by path; nil for the database
	Database  Database
	Newest    *int64 // seconds: the last file time of this and all lower steps; nil if no package has one

	scripts []pending            // of this step
	given   map[string]given     // modes by scripts of this step, by path
	added   []account            // by scripts of this step
	copies  map[string]bool      // paths that scripts of this step copied samples to
	own     map[string]*own.File // files of the definition, by path, that are streamed
	linked  map[string]string    // another name of each file that has several; nil until needed
	claimed map[string]bool      // paths of which the definition says whose they are
	touched map[string]tree.Node // what packages have where the definition has something else
	parts   []part               // layers of packages below the step's last one; nil for none
	gone    []string             // paths of the image below that this step takes away
	departed
}

// Builder builds roots. What it makes depends on its fields alone.
type Builder struct {
	Family      *resolve.Family
	Packages    map[*catalog.Package]*input.Package // of the family, as they were fetched
	Input       input.Input
	Own         map[*resolve.Step]own.Set // files of the definitions
	Wanted      *input.Wanted             // paths that a hook looks into
	Settings    lock.Settings
	Epoch       *int64 // seconds: no time is later than this; nil for no such bound
	SkipScripts bool   // unknown ones are recorded, and no error
	// LayersFrom keeps packages in the layers where these locks have them.
	LayersFrom []*lock.Lock
	Cache      *cache.Cache // of databases; nil for none
	Dir        string       // for temporary files
	// Asks reads the packages of a root, just to find what their files need at run time.
	Asks    func(context.Context, *Root) (Asks, error)
	Observe event.Observer

	lending *input.Lending
}

// Roots builds the root of each step on top of its parent's. It reports the faults of
// all steps except children of a faulty one, which would only repeat them.
func (b *Builder) Roots(ctx context.Context) ([]*Root, error) {
	b.lending = b.lends()
	var roots []*Root
	var errs []error
	made := map[*resolve.Step]*Root{}
	Begin(b.Observe)
	for i, step := range b.Family.Steps {
		parent := made[step.Parent]
		if step.Parent != nil && parent == nil {
			continue
		}
		m, err := b.newRoot(ctx, step, parent, i+1)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			errs = append(errs, fault.Within("image "+step.Def.Name, err))
			continue
		}
		made[step] = m
		roots = append(roots, m)
	}
	return roots, errors.Join(errs...)
}

// Hooks are those that build the root of a step, in their order.
func Hooks() []string { return []string{"install", "configure", "register"} }

// Begin reports that the hooks begin.
func Begin(observe event.Observer) {
	for _, h := range Hooks() {
		observe.Send(event.Event{Hook: h})
	}
}

// newRoot builds the root of a step: it installs packages, adds what no package has,
// and decides what pkg's database holds.
func (b *Builder) newRoot(ctx context.Context, step *resolve.Step, parent *Root, done int) (*Root, error) {
	m := &Root{Built: &Built{Step: step}, Parent: parent, Tree: new(tree.Tree), Generated: map[string][]byte{}, own: map[string]*own.File{}}
	if err := m.stand(ctx); err != nil {
		return nil, err
	}
	for i, do := range []func(context.Context, *Root) error{b.install, b.configure, b.register} {
		b.Observe.Send(event.Event{Hook: Hooks()[i], Name: step.Def.Name, Done: done, Total: len(b.Family.Steps)})
		if err := do(ctx, m); err != nil {
			return nil, err
		}
	}
	return m, b.split(m)
}

// lends returns the packages of the family as origins of files.
func (b *Builder) lends() *input.Lending {
	l := &input.Lending{Input: b.Input, Trusted: b.Family.Trusted, Observe: b.Observe}
	for _, p := range b.Family.Packages() {
		l.Packages = append(l.Packages, b.Packages[p])
	}
	for _, m := range b.Family.Steps {
		if m.Pinned != nil {
			l.Locked = append(l.Locked, m.Pinned.Files...)
		}
	}
	return l
}

// chain returns the root and its ancestors, the lowest first.
func (m *Root) chain() []*Root {
	if m.Parent == nil {
		return []*Root{m}
	}
	return append(m.Parent.chain(), m)
}

// owner returns the package of a node, nil for none.
func (m *Root) owner(n *tree.Node) *input.Package {
	if n.Origin != tree.Packaged {
		return nil
	}
	for at := m; at != nil; at = at.Parent {
		if i, ok := slices.BinarySearchFunc(at.Packages, n.Package, func(f *input.Package, name string) int { return cmp.Compare(f.Name, name) }); ok {
			return at.Packages[i]
		}
	}
	return nil
}

// take gets files for an image that none of its packages installs.
func (b *Builder) take(ctx context.Context, m *Root, t define.Taken, target string) ([]etc.Source, error) {
	by := m.Borrower()
	for i := range m.Plan.Steps {
		for _, p := range m.Plan.Steps[i].Packages {
			by.Packages = append(by.Packages, b.Packages[p.Package])
		}
	}
	present, err := m.lenders(ctx, t)
	if err != nil {
		return nil, err
	}
	by.Packages = append(by.Packages, present...)
	for _, p := range m.Own().Donors {
		by.Packages = append(by.Packages, b.Packages[p.Package])
	}
	taking, err := b.lending.Take(ctx, by, t, target)
	m.unsure(taking.Doubts...)
	m.Taken = append(m.Taken, taking.Taken...)
	return taking.Files, err
}

// register decides what pkg's database of an image holds: all packages of the image
// and its ancestors. The file is written with its layer, whose last file it is.
func (b *Builder) register(ctx context.Context, m *Root) error {
	if noDatabase(m.Step) {
		return nil
	}
	db, name, err := b.database(ctx, m)
	if err != nil {
		return err
	}
	m.Database = db
	if err := m.place(tree.Node{Path: pkgdb.Path, Mode: 0o644, Digest: name}, nil); err != nil {
		return err
	}
	for dir := tree.Parent(pkgdb.Path); dir != "/"; dir = tree.Parent(dir) { // where the database is the first to need them
		m.Tree.SetTime(dir, m.Epoch)
	}
	return nil
}
