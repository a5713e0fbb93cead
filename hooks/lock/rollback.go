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
	var older error
	for _, p := range l.Packages {
		there := c.Named(p.Name)
		if len(there) == 0 || p.Repository != c.Repo.Name {
			continue
		}
		v := slices.MaxFunc(there, func(a, b *catalog.Package) int { return pkgver.Compare(a.Version, b.Version) }).Version
		switch n := pkgver.Compare(v, p.Version); {
		case n > 0:
			return nil
		case n < 0 && older == nil:
			older = &RollbackError{c.Repo.Name, p.Name, v, p.Version}
		}
	}
	return older
}
