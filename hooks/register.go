// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"sync"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/tree"
)

// register decides what pkg's database of a member holds: all packages of the
// image, its ancestors' included. The file is made when the hook layer asks for
// it, beside the layer that it is the last file of.
func (r *run) register(ctx context.Context, m *member) error {
	name, err := r.database(ctx, m)
	if err != nil {
		return err
	}
	if err := m.place(tree.Node{Path: pkgdb.Path, Mode: 0o644, Digest: name}, nil); err != nil {
		return err
	}
	for dir := tree.Parent(pkgdb.Path); dir != "/"; dir = tree.Parent(dir) { // where the database is the first to need them
		m.tree.SetTime(dir, m.epoch)
	}
	return nil
}

// database leaves how to make the database, new or, of a root which pkg filled,
// in its normal form. It returns a name for its bytes.
func (r *run) database(ctx context.Context, m *member) (string, error) {
	if r.staged != nil {
		db, err := r.staged.database(ctx, m, r.Schema)
		m.database = func() ([]byte, error) { return db, err }
		return sum.HexSHA256(db), err
	}
	parts := []any{r.Schema, m.epoch}
	for _, step := range m.plan.Steps {
		for _, p := range step.Packages {
			parts = append(parts, p.Sum, p.Repo.Name, m.plan.Automatic(p, len(m.plan.Steps)-1))
		}
	}
	key := r.key("database", parts...)
	m.database = sync.OnceValues(func() ([]byte, error) {
		if r.reuses() {
			if db, err := until.Do(ctx, func() ([]byte, error) { return r.Store.Recall(key), nil }); db != nil || err != nil {
				return db, err
			}
		}
		db, err := pkgdb.Write(ctx, m.installed(r), m.epoch, r.Schema)
		if err == nil && r.reuses() {
			_ = r.Store.Remember(ctx, key, db) // a store that cannot be written only makes later runs slower
		}
		return db, err
	})
	return sum.HexSHA256([]byte(key)), nil
}

// installed lists the image's packages as its database records them.
func (m *member) installed(r *run) []pkgdb.Installed {
	var list []pkgdb.Installed
	for _, step := range m.plan.Steps {
		for _, p := range step.Packages {
			f := r.fetched[p.Package]
			list = append(list, pkgdb.Installed{
				Manifest:   f.manifest,
				Automatic:  m.plan.Automatic(p, len(m.plan.Steps)-1),
				Repository: p.Repo.Name,
				Contents:   f.contents,
			})
		}
	}
	return list
}
