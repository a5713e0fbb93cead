// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"errors"
	"fmt"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/etc"
)

// owners gives every node its numeric ids. What the parent has keeps the ids
// that it has there.
func (r *run) owners(ctx context.Context, m *member) error {
	accounts, err := etc.In(m.content)
	if err != nil {
		return fault.Content(err)
	}
	r.noteAccounts(m, accounts)
	var errs []error
	for n := range m.tree.Until(ctx) {
		if old := m.inherited(n.Path); old != nil && old.Uname == n.Uname && old.Gname == n.Gname {
			m.tree.SetOwner(n.Path, old.UID, old.GID)
			continue
		}
		uid, ok := accounts.UID(n.Uname)
		if !ok {
			errs = append(errs, &OwnerError{n.Owner(), n.Path, "user", n.Uname})
		}
		gid, ok := accounts.GID(n.Gname)
		if !ok {
			errs = append(errs, &OwnerError{n.Owner(), n.Path, "group", n.Gname})
		}
		m.tree.SetOwner(n.Path, uid, gid)
	}
	return errors.Join(errs...)
}

// noteAccounts tells the users and groups that packages need and the image does
// not have. pkg only records them.
func (r *run) noteAccounts(m *member, accounts *etc.Accounts) {
	for _, f := range m.packages {
		for _, kind := range []struct {
			name   string
			needed []string
			lookup func(string) (int, bool)
		}{{"user", f.manifest.Users, accounts.UID}, {"group", f.manifest.Groups, accounts.GID}} {
			for _, name := range kind.needed {
				if _, ok := kind.lookup(name); !ok {
					m.noAccount = append(m.noAccount, f.FullName()+": "+kind.name+" "+name)
					r.notice("image %s: %s: its %s %q is not in the image", m.def.Name, f.FullName(), kind.name, name)
				}
			}
		}
	}
}

// OwnerError is an owner that the image's accounts lack.
type OwnerError struct {
	By, Path   string // who brings the path
	Kind, Name string // "user" or "group", and which
}

func (e *OwnerError) Error() string {
	return fmt.Sprintf("%s: %s: %s %q is not in the image's accounts", e.By, e.Path, e.Kind, e.Name)
}

// Unmet reports that the request cannot be met.
func (*OwnerError) Unmet() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *OwnerError) Parts() (what, where, found, wanted string) {
	return "is not in the image's accounts", e.By + ": " + e.Path, "", e.Kind + " " + e.Name
}

// Lacks tells which account is missing, and who wants it.
func (e *OwnerError) Lacks() (what, by string) { return e.Kind + " " + e.Name, e.By + ": " + e.Path }
