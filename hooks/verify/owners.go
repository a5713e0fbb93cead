// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"context"
	"fmt"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
)

// checkOwners compares the numbers of owners with what their names stand for in
// the image's own accounts. orlop writes both, so that in its own images each
// must be right. In others the number alone counts, and one without an account is
// only worth a detail.
func checkOwners(ctx context.Context, a *artifact.Artifact) []error {
	switch {
	case a.NoAccounts:
		return nil
	case a.OwnName() == "":
		noteOwners(ctx, a)
		return nil
	}
	var errs []error
	for n := range a.Tree.Until(ctx) {
		if n.Uname == "" || n.Gname == "" {
			errs = append(errs, fault.Contentf("%s: its owners have numbers without names, and orlop writes both", n.Path))
		}
		for _, o := range []struct {
			kind, fact, name string
			id               int
			lookup           func(string) (int, bool)
		}{{"user", "uid", n.Uname, n.UID, a.Accounts.UID}, {"group", "gid", n.Gname, n.GID, a.Accounts.GID}} {
			id, ok := o.lookup(o.name)
			switch {
			case o.name == "":
			case !ok:
				errs = append(errs, fault.Contentf("%s: its %s %q is not in the image's accounts", n.Path, o.kind, o.name))
			case id != o.id:
				errs = append(errs, &pkgdb.Fault{Subject: n.Path, Fact: o.fact, Found: fmt.Sprint(o.id), Wanted: fmt.Sprintf("%d, that of the image's %s %s", id, o.kind, o.name)})
			}
		}
	}
	return errs
}

// noteOwners tells of each number without an account one path that has it.
func noteOwners(ctx context.Context, a *artifact.Artifact) {
	users, groups := strangers{fact: "uid", has: a.Accounts.HasUID}, strangers{fact: "gid", has: a.Accounts.HasGID}
	for n := range a.Tree.Until(ctx) {
		users.see(n.UID, n.Path)
		groups.see(n.GID, n.Path)
	}
	a.Details = append(append(a.Details, users.text()...), groups.text()...)
}

// strangers are the numbers of owners that have no account.
type strangers struct {
	fact  string
	has   func(id int) bool
	known map[int]*stranger // nil for one with an account
	order []*stranger
}

type stranger struct {
	id    int
	first string // path that has it
	more  int    // paths
}

func (s *strangers) see(id int, path string) {
	who, asked := s.known[id]
	switch {
	case who != nil:
		who.more++
	case !asked:
		if s.known == nil {
			s.known = map[int]*stranger{}
		}
		if s.known[id] = nil; !s.has(id) {
			who = &stranger{id: id, first: path}
			s.known[id], s.order = who, append(s.order, who)
		}
	}
}

func (s *strangers) text() []string {
	var list []string
	for _, who := range s.order {
		text := fmt.Sprintf("%s: %s %d has no account in the image", who.first, s.fact, who.id)
		if who.more > 0 {
			text += fmt.Sprintf(", and %d paths more have it", who.more)
		}
		list = append(list, text)
	}
	return list
}
