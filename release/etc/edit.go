// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Group is a group that a script adds with pw(8).
type Group struct {
	Name string
	GID  string // "" for the lowest free one
}

// User is a user that a script adds with pw(8).
type User struct {
	Name, UID    string // UID is "" for the lowest free one
	Group        string // the primary one: a number, or a name
	Groups       []string
	Class, Gecos string
	Home, Shell  string
}

// Member is a user that a script adds to a group.
type Member struct{ Group, User string }

// lowestID is the first number that pw(8) gives to an account without one
// (pw.conf(5): minuid, mingid; the number itself is in use for many users).
const lowestID = 1001

// TakenError is an account that cannot be added: another has its name or number.
type TakenError struct {
	Kind     string // "user" or "group"
	Name, ID string // of the account to add; ID is "" for any
	Other    string // the name of the other
	OtherID  string
}

func (e *TakenError) Error() string {
	return fmt.Sprintf("%s %s with number %s: the image has %s %s with number %s", e.Kind, e.Name, e.ID, e.Kind, e.Other, e.OtherID)
}

// Unmet reports that the request cannot be met.
func (*TakenError) Unmet() bool { return true }

// NoAccountError is a user or group that an account to add needs.
type NoAccountError struct {
	Kind, Name string // what is missing: "user" or "group"
	By         string // the account that needs it
}

func (e *NoAccountError) Error() string {
	return fmt.Sprintf("%s: the image has no %s %s", e.By, e.Kind, e.Name)
}

// Unmet reports that the request cannot be met.
func (*NoAccountError) Unmet() bool { return true }

// Editor adds accounts to the texts of /etc/group and /etc/master.passwd as pw(8)
// does: a line comes before the first one of NIS, else at the end. Its lines decide
// bytes (lib/libutil/gr_util.c: gr_make, pw_util.c: pw_make).
type Editor struct {
	groups, users lines
}

// NewEditor reads both files.
func NewEditor(group, master []byte) (*Editor, error) {
	if _, err := ParseAccounts(master, group); err != nil {
		return nil, err
	}
	return &Editor{newLines(string(group)), newLines(string(master))}, nil
}

// Group is the text of /etc/group.
func (e *Editor) Group() []byte { return joinLines(e.groups.list, e.groups.nis) }

// Master is the text of /etc/master.passwd.
func (e *Editor) Master() []byte { return joinLines(e.users.list, e.users.nis) }

// AddGroup adds a group unless it is there, and returns its number.
func (e *Editor) AddGroup(g Group) (gid string, added bool, err error) {
	gid, there, err := e.groups.number("group", g.Name, g.GID)
	if err != nil || there {
		return gid, false, err
	}
	e.groups.add(strings.Join([]string{g.Name, "*", gid, ""}, ":"))
	return gid, true, nil
}

// AddUser adds a user unless it is there, and returns its number.
func (e *Editor) AddUser(u User) (uid string, added bool, err error) {
	uid, there, err := e.users.number("user", u.Name, u.UID)
	if err != nil || there {
		return uid, false, err
	}
	gid, has := e.groups.id(u.Group)
	if !has {
		return "", false, &NoAccountError{"group", u.Group, "user " + u.Name}
	}
	e.users.add(strings.Join([]string{u.Name, "*", uid, gid, u.Class, "0", "0", u.Gecos, u.Home, u.Shell}, ":"))
	for _, name := range u.Groups {
		if _, err := e.AddMember(Member{name, u.Name}); err != nil {
			return uid, true, err
		}
	}
	return uid, true, nil
}

// AddMember adds a user to a group unless it is in it.
func (e *Editor) AddMember(m Member) (added bool, err error) {
	if _, has := e.users.names[m.User]; !has {
		return false, &NoAccountError{"user", m.User, "group " + m.Group}
	}
	at, has := e.groups.names[m.Group]
	if !has {
		return false, &NoAccountError{"group", m.Group, "user " + m.User}
	}
	f := strings.Split(e.groups.list[at], ":")
	members := slices.DeleteFunc(strings.Split(f[3], ","), func(name string) bool { return name == "" })
	if slices.Contains(members, m.User) {
		return false, nil
	}
	f[3] = strings.Join(append(members, m.User), ",")
	e.groups.list[at] = strings.Join(f, ":")
	return true, nil
}

// lines are those of an accounts file.
type lines struct {
	list  []string       // those before the first of NIS
	nis   []string       // from that on
	names map[string]int // index in list of the first line with a name
	ids   map[string]string
	next  int // no lower number of an account without one is free

	reserved map[string]bool // numbers that no account without one gets
}

func newLines(text string) lines {
	l := lines{names: map[string]int{}, ids: map[string]string{}, next: lowestID}
	own, nis := splitLines(text)
	for _, line := range own {
		l.add(line)
	}
	l.nis = nis
	return l
}

// splitLines splits a text into the lines before the first of NIS, and the rest.
func splitLines(text string) (own, nis []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); len(nis) > 0 || strings.HasPrefix(line, "+") {
			nis = append(nis, line)
		} else {
			own = append(own, line)
		}
	}
	return own, nis
}

// add adds a line before those of NIS.
func (l *lines) add(line string) {
	l.list = append(l.list, line)
	if trimmed := strings.TrimLeft(line, " \t"); trimmed == "" || strings.ContainsRune("#+-", rune(trimmed[0])) {
		return
	}
	f := strings.Split(line, ":")
	if _, has := l.names[f[0]]; !has {
		l.names[f[0]] = len(l.list) - 1
	}
	if _, has := l.ids[plainID(f[2])]; !has {
		l.ids[plainID(f[2])] = f[0]
	}
}

// plainID is a number without leading zeros.
func plainID(id string) string {
	n, err := strconv.ParseUint(id, 10, 32)
	if err != nil {
		return id
	}
	return strconv.FormatUint(n, 10)
}

// number decides the number of an account to add: the one that is asked for, else the
// lowest free one. It reports whether the account is there already.
func (l *lines) number(kind, name, id string) (number string, there bool, err error) {
	if at, has := l.names[name]; has {
		found := plainID(strings.Split(l.list[at], ":")[2])
		if id != "" && plainID(id) != found {
			return "", false, &TakenError{kind, name, id, name, found}
		}
		return found, true, nil
	}
	if id != "" {
		id = plainID(id)
		if other, has := l.ids[id]; has {
			return "", false, &TakenError{kind, name, id, other, id}
		}
		return id, false, nil
	}
	for l.taken(strconv.Itoa(l.next)) {
		l.next++
	}
	return strconv.Itoa(l.next), false, nil
}

// taken reports whether an account without a number cannot have this one.
func (l *lines) taken(id string) bool { return l.ids[id] != "" || l.reserved[id] }

// id finds the number of an account by its name or number.
func (l *lines) id(name string) (string, bool) {
	if at, has := l.names[name]; has {
		return plainID(strings.Split(l.list[at], ":")[2]), true
	}
	_, has := l.ids[plainID(name)]
	return plainID(name), has
}

func joinLines(own, nis []string) []byte {
	var b []byte
	for _, line := range slices.Concat(own, nis) {
		b = append(append(b, line...), '\n')
	}
	return b
}

// AddShell adds a path to the text of /etc/shells unless it has it.
func AddShell(shells []byte, path string) (text []byte, added bool) {
	for line := range strings.Lines(string(shells)) {
		if strings.TrimSuffix(line, "\n") == path {
			return shells, false
		}
	}
	if len(shells) > 0 && shells[len(shells)-1] != '\n' {
		shells = append(slices.Clip(shells), '\n')
	}
	return append(slices.Clip(shells), path+"\n"...), true
}

// maxUndone bounds how many texts Undo returns. Usually the first is the right one: all
// lines at the end that can be of scripts are.
const maxUndone = 16

// Undo returns what a file may have been before scripts added lines to it, at its end or
// before those of NIS. Added reports whether a line can be one of these; undo, if it is not
// nil, is what a line was that a script changed.
func Undo(text []byte, added func(line string) bool, undo func(line string) string) [][]byte {
	own, nis := splitLines(string(text))
	least := len(own)
	for least > 0 && added(own[least-1]) {
		least--
	}
	if undo != nil {
		for i := range own {
			own[i] = undo(own[i])
		}
	}
	var texts [][]byte
	for n := least; n <= len(own) && len(texts) < maxUndone; n++ {
		texts = append(texts, joinLines(own[:n], nis))
	}
	return texts
}
