// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"fmt"

	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/release/tree"
)

// ownerFact is the user or group of a node.
type ownerFact struct {
	kind, fact, name string
	id               int
	lookup           func(name string) (int, bool)
	has              func(id int) bool
}

func (a *Artifact) ownersOf(n *tree.Node) [2]ownerFact {
	return [2]ownerFact{{"user", "uid", n.Uname, n.UID, a.accounts.UID, a.accounts.HasUID}, {"group", "gid", n.Gname, n.GID, a.accounts.GID, a.accounts.HasGID}}
}

// checkOwners compares the numbers of owners with what their names stand for in
// the image's own accounts. orlop writes both, so that in its own images each
// must be right. In others the number alone counts, and one without an account is
// only worth a detail.
func (a *Artifact) checkOwners() []error {
	switch {
	case a.noAccounts:
		return nil
	case a.ownName() == "":
		a.noteOwners()
		return nil
	}
	var errs []error
	for n := range a.Tree.All() {
		if n.Uname == "" || n.Gname == "" {
			errs = append(errs, &ContentError{fmt.Errorf("%s: its owners have numbers without names, and orlop writes both", n.Path)})
		}
		for _, o := range a.ownersOf(n) {
			id, ok := o.lookup(o.name)
			switch {
			case o.name == "":
			case !ok:
				errs = append(errs, &ContentError{fmt.Errorf("%s: its %s %q is not in the image's accounts", n.Path, o.kind, o.name)})
			case id != o.id:
				errs = append(errs, &pkgdb.Fault{Subject: n.Path, Fact: o.fact, Found: fmt.Sprint(o.id), Wanted: fmt.Sprintf("%d, that of the image's %s %s", id, o.kind, o.name)})
			}
		}
	}
	return errs
}

// noteOwners tells of each number without an account one path that has it.
func (a *Artifact) noteOwners() {
	type number struct {
		fact string
		id   int
	}
	paths := map[number]int{} // of those without an account
	known := map[number]bool{}
	var order []number
	first := map[number]string{}
	for n := range a.Tree.All() {
		for _, o := range a.ownersOf(n) {
			k := number{o.fact, o.id}
			if _, asked := known[k]; !asked {
				known[k] = o.has(o.id)
				if !known[k] {
					order, first[k] = append(order, k), n.Path
				}
			}
			if !known[k] {
				paths[k]++
			}
		}
	}
	for _, k := range order {
		text := fmt.Sprintf("%s: %s %d has no account in the image", first[k], k.fact, k.id)
		if paths[k] > 1 {
			text += fmt.Sprintf(", and %d paths more have it", paths[k]-1)
		}
		a.Details = append(a.Details, text)
	}
}
