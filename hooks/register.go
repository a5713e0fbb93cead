// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/release/tree"
)

// databasePath is where pkg looks for its database.
const databasePath = "/var/db/pkg/local.sqlite"

// register writes pkg's database of a member: all packages of the image, its
// ancestors' included. It leaves the database among the generated files.
func (r *run) register(m *member) error {
	db, err := r.database(m)
	if err != nil {
		return err
	}
	if err := m.generate(tree.Node{Path: databasePath, Mode: 0o644}, db); err != nil {
		return err
	}
	for dir := tree.Parent(databasePath); dir != "/"; dir = tree.Parent(dir) { // where the database is the first to need them
		m.tree.SetTime(dir, m.epoch)
	}
	return nil
}

// database is new, or that of a root which pkg filled in its normal form.
func (r *run) database(m *member) ([]byte, error) {
	if r.staged != nil {
		return r.staged.database(m, r.Schema)
	}
	if !r.reuses() {
		return pkgdb.Write(m.installed(r), m.epoch, r.Schema)
	}
	parts := []any{r.Schema, m.epoch}
	for _, step := range m.plan.Steps {
		for _, p := range step.Packages {
			parts = append(parts, p.Sum, p.Repo.Name, m.plan.Automatic(p, len(m.plan.Steps)-1))
		}
	}
	key := r.key("database", parts...)
	if db := r.Store.Recall(key); db != nil {
		return db, nil
	}
	db, err := pkgdb.Write(m.installed(r), m.epoch, r.Schema)
	if err == nil {
		_ = r.Store.Remember(key, db)
	}
	return db, err
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
