// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
)

// The functions here set what a definition says of accounts, which may be there already.
// They are called in this order: Reserve, SetGroup for each group, SetUser for each user,
// SetMembers for each group again. Done twice they change nothing the second time. Each checks all
// that it needs before it changes anything, and says what it changed in words for the lock.

// Reserve keeps numbers from accounts without one: those that others are to get later.
func (e *Editor) Reserve(uids, gids []string) {
	for _, r := range []struct {
		in  *lines
		ids []string
	}{{&e.users, uids}, {&e.groups, gids}} {
		if r.in.reserved == nil {
			r.in.reserved = map[string]bool{}
		}
		for _, id := range r.ids {
			r.in.reserved[plainID(id)] = true
		}
	}
}

// SetGroup adds a group unless it is there, and returns its number. GID is "" for the
// lowest free one from 1001. The number of a group that is there stays: another in GID is
// a *TakenError. A name that pw(8) does not take has the class usage.
func (e *Editor) SetGroup(g Group) (gid string, did []string, err error) {
	if err := checkAccount("group", g.Name, "gid", g.GID); err != nil {
		return "", nil, err
	}
	gid, added, err := e.AddGroup(g)
	if added {
		did = append(did, "group "+g.Name+" "+gid)
	}
	return gid, did, err
}

// SetUser adds a user, or changes the fields that are given of one that is there, and
// returns its number. It makes the user a member of Groups, and takes away no other.
//
// Of a user to add, what is not given is as pw(8) has it: the group of the user's name,
// the home /home/NAME, the shell /bin/sh, the full name "User &", no class. That group is
// added if it is missing, also where Group is the user's name, with the user's number if
// that is free for a group. UID is as GID is for SetGroup. A field that pw(8) does not
// take has the class usage, a group that is missing is a *NoAccountError.
func (e *Editor) SetUser(u User) (uid string, did []string, err error) {
	if err := u.check(); err != nil {
		return "", nil, err
	}
	uid, there, err := e.users.number("user", u.Name, u.UID)
	if err != nil {
		return "", nil, err
	}
	gid, missing, err := e.primary(u, there)
	if err != nil {
		return "", nil, err
	}
	for _, name := range u.Groups {
		if _, known := e.groups.names[name]; !known && !(missing && name == u.Name) {
			return "", nil, &NoAccountError{"group", name, "user " + u.Name}
		}
	}
	var f []string // of the line that is there
	if there {
		if f, err = e.fields(u.Name); err != nil {
			return "", nil, err
		}
	}
	if missing {
		if gid, err = e.ownGroup(u.Name, uid); err != nil {
			return "", nil, err
		}
		did = append(did, "group "+u.Name+" "+gid)
	}
	if there {
		if changed := change(f, u, gid); changed != "" {
			e.users.list[e.users.names[u.Name]] = strings.Join(f, ":")
			did = append(did, "user "+u.Name+" "+uid+": "+changed)
		}
	} else {
		e.users.add(strings.Join([]string{u.Name, "*", uid, gid, u.Class, "0", "0", cmp.Or(u.Gecos, "User &"),
			cmp.Or(u.Home, "/home/"+u.Name), cmp.Or(u.Shell, "/bin/sh")}, ":"))
		did = append(did, "user "+u.Name+" "+uid)
	}
	for _, name := range u.Groups {
		more, err := e.SetMembers(name, []string{u.Name})
		if err != nil {
			return "", nil, err
		}
		did = append(did, more...)
	}
	return uid, did, nil
}

// SetMembers makes users members of a group, and takes away no other.
func (e *Editor) SetMembers(group string, users []string) (did []string, err error) {
	for _, name := range users {
		if _, known := e.users.names[name]; !known {
			return nil, &NoAccountError{"user", name, "group " + group}
		}
	}
	for _, name := range users {
		added, err := e.AddMember(Member{group, name})
		if err != nil {
			return nil, err
		}
		if added {
			did = append(did, "member "+name+" of "+group)
		}
	}
	return did, nil
}

// primary is the number of a user's group, "" where it stays. Missing reports the group of
// the user's name that is to be added.
func (e *Editor) primary(u User, there bool) (gid string, missing bool, err error) {
	switch {
	case u.Group == "" && there:
		return "", false, nil
	case u.Group == "" || u.Group == u.Name:
		if _, known := e.groups.names[u.Name]; !known {
			return "", true, nil
		}
		gid, _ = e.groups.id(u.Name)
		return gid, false, nil
	}
	gid, known := e.groups.id(u.Group)
	if !known {
		return "", false, &NoAccountError{"group", u.Group, "user " + u.Name}
	}
	return gid, false, nil
}

// ownGroup adds the group of a user's name, with the user's number if that is free (pw(8):
// useradd, -g).
func (e *Editor) ownGroup(name, uid string) (gid string, err error) {
	g := Group{Name: name, GID: uid}
	if e.groups.taken(uid) {
		g.GID = ""
	}
	gid, _, err = e.AddGroup(g)
	return gid, err
}

// The fields of a line of master.passwd(5).
const (
	masterFields = 10
	gidField     = 3
	classField   = 4
	gecosField   = 7
	homeField    = 8
	shellField   = 9
)

// fields are those of a user's line.
func (e *Editor) fields(name string) ([]string, error) {
	f := strings.Split(e.users.list[e.users.names[name]], ":")
	if len(f) != masterFields {
		return nil, fault.Contentf("%s: user %s: found %s, wanted %d", MasterFile, name, fault.Counted(len(f), "field"), masterFields)
	}
	return f, nil
}

// change changes the given fields of a user who is there, and says which in words. The
// number of the group is "" where it stays.
func change(f []string, u User, gid string) string {
	var changed []string
	for _, field := range []struct {
		what  string
		at    int
		value string
	}{{"group", gidField, gid}, {"class", classField, u.Class}, {"full name", gecosField, u.Gecos}, {"home", homeField, u.Home}, {"shell", shellField, u.Shell}} {
		old := f[field.at]
		if field.at == gidField {
			old = plainID(old)
		}
		if field.value == "" || field.value == old {
			continue
		}
		f[field.at] = field.value
		changed = append(changed, fmt.Sprintf("%s %s instead of %s", field.what, field.value, cmp.Or(old, "none")))
	}
	return strings.Join(changed, ", ")
}

// Bounds of pw(8) (usr.sbin/pw/pw_user.c: pw_checkname; sys/sys/param.h: MAXLOGNAME).
const (
	maxAccount       = 32 // bytes of a name
	noName           = " ,\t:+&#%$^()!@~*?<>=|\\/\""
	maxID      int64 = 1<<31 - 1 // orlop's own: what a tar file and a number in Go have everywhere
)

// check reports fields that pw(8) does not take, and those that no line can have.
func (u *User) check() error {
	if err := checkAccount("user", u.Name, "uid", u.UID); err != nil {
		return err
	}
	if err := nameFault(u.Class); u.Class != "" && err != nil {
		return fault.Usagef("user %s: class %q %w", u.Name, u.Class, err)
	}
	for _, field := range []struct{ what, value string }{{"full name", u.Gecos}, {"home", u.Home}, {"shell", u.Shell}} {
		if i := strings.IndexFunc(field.value, func(r rune) bool { return r == ':' || r < ' ' || r == 0x7f }); i >= 0 {
			return fault.Usagef("user %s: %s %q has %q, which no account can have", u.Name, field.what, field.value, field.value[i:i+1])
		}
		if field.what != "full name" && field.value != "" && (!path.IsAbs(field.value) || path.Clean(field.value) != field.value) {
			return fault.Usagef("user %s: %s is %q, wanted a clean path that begins with /", u.Name, field.what, field.value)
		}
	}
	return nil
}

// checkAccount reports a name that pw(8) does not take, and what is no number.
func checkAccount(kind, name, what, id string) error {
	err := nameFault(name)
	if err == nil && strings.Trim(name, "0123456789") == "" {
		err = errors.New("is a number, wanted a name")
	}
	if err != nil {
		return fault.Usagef("%s %q %w", kind, name, err)
	}
	if id == "" {
		return nil
	}
	if n, err := strconv.ParseInt(id, 10, 64); err != nil || n < 0 || n > maxID || strconv.FormatInt(n, 10) != id {
		return fault.Usagef("%s %s: %s is %q, wanted a number up to %d", kind, name, what, id, maxID)
	}
	return nil
}

// nameFault says why pw(8) does not take a name. A $ at the end is allowed (for samba).
func nameFault(name string) error {
	switch {
	case name == "":
		return errors.New("is empty, wanted a name")
	case len(name) > maxAccount:
		return fmt.Errorf("has %d bytes, wanted at most %d", len(name), maxAccount)
	case name[0] == '-':
		return errors.New(`begins with "-"`)
	}
	bad := func(r rune) bool { return r < ' ' || r >= 0x7f || slices.Contains([]rune(noName), r) }
	if i := strings.IndexFunc(name, bad); i >= 0 && name[i:] != "$" {
		return fmt.Errorf("has %q, which pw(8) does not take in a name", name[i:i+1])
	}
	return nil
}
