// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/etc"
	"github.com/orlop/orlop/release/tree"
)

// Root is the future root file system of an image, and what was found out while
// building it. After newRoot nothing changes it but describeLayers.
type Root struct {
	*Built
	Parent    *Root      // nil for none
	under     *tree.Tree // of Parent, or of the image that the step stands on; nil for none
	Tree      *tree.Tree
	Packages  []*input.Package  // of this step, by name
	Generated map[string][]byte // of this step, by path; nil for the database
	database  database
	Newest    *int64 // seconds: the last file time of this and all lower steps; nil if no package has one

	scripts []pending        // of this step
	given   map[string]given // modes by scripts of this step, by path
	added   []account        // by scripts of this step
	copies  map[string]bool  // paths that scripts of this step copied samples to
	parts   []part           // layers of packages below the step's last one; nil for none
	gone    []string         // paths of the image below that this step takes away
	departed
}

// rooter builds roots.
type rooter struct {
	Config
	family   *resolve.Family
	packages map[*catalog.Package]*input.Package
	lending  *input.Lending
	dir      string                   // for temporary files
	scratch  func() (*os.File, error) // makes a file without a name
}

// newRoots builds the root of each step on top of its parent's. It reports the faults
// of all steps except children of a faulty one, which would only repeat them.
func newRoots(ctx context.Context, cfg Config, family *resolve.Family, packages map[*catalog.Package]*input.Package, out *output.Folder) ([]*Root, error) {
	r := &rooter{cfg, family, packages, lendingOf(cfg, family, packages), out.Path(""), out.Scratch}
	var roots []*Root
	var errs []error
	made := map[*resolve.Step]*Root{}
	beginRoots(cfg)
	for i, step := range family.Steps {
		parent := made[step.Parent]
		if step.Parent != nil && parent == nil {
			continue
		}
		m, err := r.newRoot(ctx, step, parent, i+1)
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

// rootHooks are those that newRoot runs for each step.
var rootHooks = []string{"install", "configure", "register"}

func beginRoots(cfg Config) {
	for _, h := range rootHooks {
		cfg.Observe.Send(event.Event{Hook: h})
	}
}

// newRoot builds the root of a step: it installs packages, adds what no package has,
// and decides what pkg's database holds.
func (r *rooter) newRoot(ctx context.Context, step *resolve.Step, parent *Root, done int) (*Root, error) {
	m := &Root{Built: &Built{Step: step}, Parent: parent, Tree: new(tree.Tree), Generated: map[string][]byte{}}
	if err := m.stand(ctx); err != nil {
		return nil, err
	}
	for i, do := range []func(context.Context, *Root) error{r.install, r.configure, r.register} {
		r.Observe.Send(event.Event{Hook: rootHooks[i], Name: step.Def.Name, Done: done, Total: len(r.family.Steps)})
		err := do(ctx, m)
		if err == nil && rootHooks[i] == "configure" {
			err = r.depart(ctx, m)
		}
		if err != nil {
			return nil, err
		}
	}
	return m, r.split(m)
}

// lendingOf returns the packages of a build as origins of files.
func lendingOf(cfg Config, family *resolve.Family, packages map[*catalog.Package]*input.Package) *input.Lending {
	l := &input.Lending{Input: cfg.Input, Trusted: family.Trusted, Observe: cfg.Observe}
	for _, p := range family.Packages() {
		l.Packages = append(l.Packages, packages[p])
	}
	for _, m := range family.Steps {
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
func (r *rooter) take(ctx context.Context, m *Root, t define.Taken, target string) ([]etc.Source, error) {
	by := m.Borrower()
	for i := range m.Plan.Steps {
		for _, p := range m.Plan.Steps[i].Packages {
			by.Packages = append(by.Packages, r.packages[p.Package])
		}
	}
	present, err := m.lenders(ctx, t)
	if err != nil {
		return nil, err
	}
	by.Packages = append(by.Packages, present...)
	for _, p := range m.Own().Donors {
		by.Packages = append(by.Packages, r.packages[p.Package])
	}
	taking, err := r.lending.Take(ctx, by, t, target)
	m.unsure(taking.Doubts...)
	m.Taken = append(m.Taken, taking.Taken...)
	return taking.Files, err
}

// register decides what pkg's database of an image holds: all packages of the image
// and its ancestors. The file is written with its layer, whose last file it is.
func (r *rooter) register(ctx context.Context, m *Root) error {
	if noDatabase(m.Step) {
		return nil
	}
	db, name, err := r.database(ctx, m)
	if err != nil {
		return err
	}
	m.database = db
	if err := m.place(tree.Node{Path: pkgdb.Path, Mode: 0o644, Digest: name}, nil); err != nil {
		return err
	}
	for dir := tree.Parent(pkgdb.Path); dir != "/"; dir = tree.Parent(dir) { // where the database is the first to need them
		m.Tree.SetTime(dir, m.Epoch)
	}
	return nil
}
