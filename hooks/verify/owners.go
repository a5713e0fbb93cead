// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"context"
	"fmt"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
)

// checkOwners compares the numbers of owners with their names in the image's own
// accounts. orlop writes both, so in its images both must be right. In others only
// the number counts, and one without an account is just a detail.
func checkOwners(ctx context.Context, a *artifact.Artifact) Findings {
	switch {
	case a.NoAccounts:
		return Findings{}
	case a.OwnName() == "":
		return Findings{Details: unknownOwners(ctx, a)}
	}
	var f Findings
	own := ownPaths(a)
	for n := range a.Tree.Until(ctx) {
		if own != nil && !own[n.Path] {
			continue
		}
		if n.Uname == "" || n.Gname == "" {
			f.add(fault.Contentf("%s: its owners have numbers without names, and orlop writes both", n.Path))
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
				f.add(fault.Contentf("%s: its %s %q is not in the image's accounts", n.Path, o.kind, o.name))
			case id != o.id:
				f.add(&pkgdb.Fault{Subject: n.Path, Fact: o.fact, Found: fmt.Sprint(o.id), Wanted: fmt.Sprintf("%d, that of the image's %s %s", id, o.kind, o.name)})
			}
		}
	}
	return f
}

// ownPaths are the paths in orlop's layers on those of others; nil if all are orlop's.
func ownPaths(a *artifact.Artifact) map[string]bool {
	if a.Below() == 0 {
		return nil
	}
	paths := map[string]bool{}
	for _, nodes := range a.Layers[a.Below():] {
		for i := range nodes.Len() {
			paths[nodes.Path(i)] = true
		}
	}
	return paths
}

// unknownOwners names, for each number without an account, one path that has it.
func unknownOwners(ctx context.Context, a *artifact.Artifact) []string {
	users, groups := unknownIDs{fact: "uid", has: a.Accounts.HasUID}, unknownIDs{fact: "gid", has: a.Accounts.HasGID}
	for n := range a.Tree.Until(ctx) {
		users.see(n.UID, n.Path)
		groups.see(n.GID, n.Path)
	}
	return append(users.text(), groups.text()...)
}

// unknownIDs are the numbers of owners that have no account.
type unknownIDs struct {
	fact  string
	has   func(id int) bool
	known map[int]*unknownID // nil for one with an account
	order []*unknownID
}

type unknownID struct {
	id    int
	first string // path that has it
	more  int    // paths
}

func (s *unknownIDs) see(id int, path string) {
	who, asked := s.known[id]
	switch {
	case who != nil:
		who.more++
	case !asked:
		if s.known == nil {
			s.known = map[int]*unknownID{}
		}
		if s.known[id] = nil; !s.has(id) {
			who = &unknownID{id: id, first: path}
			s.known[id], s.order = who, append(s.order, who)
		}
	}
}

func (s *unknownIDs) text() []string {
	var list []string
	for _, who := range s.order {
		text := fmt.Sprintf("%s: %s %d has no account in the image", who.first, s.fact, who.id)
		if who.more > 0 {
			text += fmt.Sprintf("; %d other paths have it", who.more)
		}
		list = append(list, text)
	}
	return list
}
