// SPDX-License-Identifier: BSD-2-Clause

package root

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/release/etc"
	"github.com/orlop/orlop/release/tree"
)

// account is what a script of a package adds to the accounts: one of these.
type account struct {
	by     *input.Package
	group  *etc.Group
	user   *etc.User
	member *etc.Member
}

// accounts adds the accounts of all packages of the step, groups first, in the order of
// the packages' names. If a package of the step has replaced the files, it adds those
// of lower steps again, with the numbers that they have there.
func (m *Root) accounts() error {
	var all []account
	for _, at := range m.chain() {
		all = append(all, at.added...)
	}
	lower := len(all)
	all = append(all, m.asked()...)
	if len(all) == 0 {
		return nil
	}
	group, master := m.content(etc.GroupFile), m.content(etc.MasterFile)
	if group == nil || master == nil {
		return m.withoutAccounts(all, group)
	}
	e, err := etc.NewEditor(group, master)
	if err != nil {
		return nil // owners reports it
	}
	var errs []error
	for i := range all {
		errs = append(errs, m.addAccount(e, all[:i], &all[i], i < lower))
	}
	for _, f := range []struct {
		path     string
		old, new []byte
	}{{etc.GroupFile, group, e.Group()}, {etc.MasterFile, master, e.Master()}} {
		if !bytes.Equal(f.old, f.new) {
			errs = append(errs, m.edit(f.path, f.new))
		}
	}
	return errors.Join(errs...)
}

// asked lists what the step's scripts add.
func (m *Root) asked() []account {
	var groups, users, members []account
	for _, s := range m.scripts {
		for i := range s.effects.Groups {
			groups = append(groups, account{by: s.by, group: &s.effects.Groups[i]})
		}
		for i := range s.effects.Users {
			users = append(users, account{by: s.by, user: &s.effects.Users[i]})
		}
		for i := range s.effects.Members {
			members = append(members, account{by: s.by, member: &s.effects.Members[i]})
		}
	}
	return append(append(groups, users...), members...)
}

// addAccount adds one account, unless it is there, and records that.
func (m *Root) addAccount(e *etc.Editor, before []account, a *account, again bool) error {
	var id, what, name string
	var added bool
	var err error
	own := *a
	switch {
	case a.group != nil:
		id, added, err = e.AddGroup(*a.group)
		what, name, own.group = "group", a.group.Name, &etc.Group{Name: a.group.Name, GID: id}
	case a.user != nil:
		id, added, err = e.AddUser(*a.user)
		user := *a.user
		user.UID = id
		what, name, own.user = "user", user.Name, &user
	default:
		added, err = e.AddMember(*a.member)
		what, name, id = "member", a.member.User, "of "+a.member.Group
	}
	if err != nil {
		return &AccountError{a.by.FullName(), err, madeBy(before, err)}
	}
	if again {
		return nil
	}
	text := what + " " + name + " " + id
	if !added {
		text += ", which was there"
	} else {
		m.added = append(m.added, own)
	}
	m.did(a.by, "%s", text)
	if a.user != nil && added {
		for _, group := range a.user.Groups {
			m.did(a.by, "member %s of %s", a.user.Name, group)
		}
	}
	return nil
}

// madeBy returns the package whose script added the account that another cannot have
// beside it, "" for none.
func madeBy(before []account, err error) string {
	taken, is := errors.AsType[*etc.TakenError](err)
	if !is {
		return ""
	}
	for _, a := range before {
		if taken.Kind == "group" && a.group != nil && a.group.Name == taken.Other || taken.Kind == "user" && a.user != nil && a.user.Name == taken.Other {
			return a.by.FullName()
		}
	}
	return ""
}

// withoutAccounts is the error of an image that lacks the files.
func (m *Root) withoutAccounts(all []account, group []byte) error {
	path := etc.GroupFile
	if group != nil {
		path = etc.MasterFile
	}
	return &AccountError{By: all[0].by.FullName(), Err: fmt.Errorf("accounts to %s, and the image has no such file: install FreeBSD-runtime, or set a parent that has it", path)}
}

// AccountError is an account of a package's script that cannot be added.
type AccountError struct {
	By  string // the package
	Err error
	Of  string // the package whose script adds the other account; "" where it is the image's own
}

func (e *AccountError) Error() string {
	text := e.By + ": its script adds " + e.Err.Error()
	if e.Of != "" {
		text += ", which the script of " + e.Of + " adds"
	}
	return text
}

// Unmet reports that the request cannot be met.
func (*AccountError) Unmet() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *AccountError) Parts() (what, where, found, wanted string) {
	return "its script adds " + e.Err.Error(), e.By, cmp.Or(e.Of, "the image"), ""
}

// edit replaces the text of a file. If it is a package's, only pkg's database still has
// that one. It stays where it is, with owner and mode.
func (m *Root) edit(path string, text []byte) error {
	n := *m.Tree.Lookup(path)
	if n.Type != tree.File {
		return &tree.ConflictError{Path: path, A: n.Owner(), B: "a script", Reason: "the second edits a file, the first has a " + n.Type.String()}
	}
	if other := m.otherName(path); other != "" {
		return &tree.ConflictError{Path: path, A: n.Owner(), B: "a script", Reason: "the second edits it, and in the first it is also " + other}
	}
	n.Origin, n.Package, n.Time, n.Size, n.Digest = tree.Generated, "", m.Epoch, int64(len(text)), tree.DigestOf(text)
	m.Tree.Replace(n)
	m.Generated[path] = text
	delete(m.own, path)
	return nil
}
