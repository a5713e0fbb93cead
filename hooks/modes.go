// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"fmt"

	"github.com/orlop/orlop/hooks/script"
	"github.com/orlop/orlop/release/tree"
)

// What chmod(1) in scripts of packages changes. pkg's database has the modes that
// packages have.

// given is a mode that a script has given to a path.
type given struct {
	mode uint32
	by   *fetched
}

// Chmod makes the tree what chmod(1) in a script of a package would. What two
// packages want otherwise has no order that everybody sees.
func (m *member) chmod(by *fetched, c script.Chmod) error {
	path := m.tree.Resolve(c.Path).Path
	for at := m; at != nil; at = at.parent {
		if old, has := at.given[path]; has && old.by != by && old.mode != c.Mode {
			return &tree.ConflictError{Path: path, A: old.by.FullName(), B: by.FullName(),
				Reason: fmt.Sprintf("their scripts give it the modes %04o and %04o", old.mode, c.Mode)}
		}
	}
	if m.given == nil {
		m.given = map[string]given{}
	}
	m.given[path] = given{c.Mode, by}
	m.tree.SetMode(path, c.Mode)
	return nil
}
