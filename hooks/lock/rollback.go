// SPDX-License-Identifier: BSD-2-Clause

package lock

import (
	"slices"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgver"
)

// RollbackError is a catalogue that is older than the lock's.
type RollbackError struct {
	Repo, Package string
	Found, Wanted string // versions
}

// CheckRollback compares a repository's catalogue of today with the lock's. It is
// older if some package has an older version in it and none a newer one.
func (l *Lock) CheckRollback(c *catalog.Catalogue) error {
	if i := slices.IndexFunc(l.Repositories, func(r Repository) bool { return r.Name == c.Repo.Name }); i < 0 || l.Repositories[i].Catalogue == c.Digest {
		return nil
	}
	newest := map[string]string{}
	for _, p := range c.Packages {
		if v, ok := newest[p.Name]; !ok || pkgver.Compare(p.Version, v) > 0 {
			newest[p.Name] = p.Version
		}
	}
	var older error
	for _, p := range l.Packages {
		v, ok := newest[p.Name]
		if !ok || p.Repository != c.Repo.Name {
			continue
		}
		switch n := pkgver.Compare(v, p.Version); {
		case n > 0:
			return nil
		case n < 0 && older == nil:
			older = &RollbackError{c.Repo.Name, p.Name, v, p.Version}
		}
	}
	return older
}
