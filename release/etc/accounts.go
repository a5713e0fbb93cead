// SPDX-License-Identifier: BSD-2-Clause

// Package etc holds what FreeBSD's own tools know about the files in /etc:
// accounts, as described in passwd(5) and group(5).
package etc

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// In reads an image's own passwd and group. An image without them uses FreeBSD's
// standard accounts, never the host's.
func In(content func(path string) []byte) (*Accounts, error) {
	passwd := content("/etc/master.passwd")
	if passwd == nil {
		passwd = content("/etc/passwd")
	}
	group := content("/etc/group")
	if passwd == nil || group == nil {
		return Standard(), nil
	}
	return ParseAccounts(passwd, group)
}

// Accounts are the users and groups of an image. The first entry of a name or number
// counts, as for getpwnam(3) and getpwuid(3).
type Accounts struct {
	users, groups ids
}

// ids are the numbers of names, and the first name of each number.
type ids struct {
	numbers map[string]int
	names   map[int]string
}

func newAccounts() *Accounts {
	return &Accounts{users: ids{map[string]int{}, map[int]string{}}, groups: ids{map[string]int{}, map[int]string{}}}
}

// add adds an entry of a file.
func (i *ids) add(name string, id int) {
	if _, known := i.numbers[name]; known {
		return
	}
	i.numbers[name] = id
	if _, known := i.names[id]; !known {
		i.names[id] = name
	}
}

// ParseAccounts reads a master.passwd (10 fields) or passwd (7), and a group
// file. NIS lines, which start with + or -, name no account of their own.
func ParseAccounts(passwd, group []byte) (*Accounts, error) {
	a := newAccounts()
	return a, errors.Join(
		parse("passwd", passwd, []int{7, 10}, &a.users),
		parse("group", group, []int{4}, &a.groups))
}

func parse(file string, text []byte, fields []int, into *ids) error {
	var errs []error
	line := 0
	for s := range strings.Lines(string(text)) {
		line++
		s = strings.TrimRight(s, "\n")
		if trimmed := strings.TrimLeft(s, " \t"); trimmed == "" || strings.ContainsRune("#+-", rune(trimmed[0])) {
			continue
		}
		f := strings.Split(s, ":")
		if len(f) != fields[0] && len(f) != fields[len(fields)-1] {
			errs = append(errs, fmt.Errorf("%s:%d: found %d fields, wanted %d", file, line, len(f), fields[len(fields)-1]))
			continue
		}
		id, err := strconv.ParseUint(f[2], 10, 31)
		if err != nil || f[0] == "" {
			errs = append(errs, fmt.Errorf("%s:%d: name %q, id %q: wanted a name and a number below 2^31", file, line, f[0], f[2]))
			continue
		}
		into.add(f[0], int(id))
	}
	return errors.Join(errs...)
}

// UID returns the number of a user. A numeric name is that number.
func (a *Accounts) UID(name string) (int, bool) { return a.users.lookup(name) }

// GID returns the number of a group. A numeric name is that number.
func (a *Accounts) GID(name string) (int, bool) { return a.groups.lookup(name) }

// HasUID reports whether a number belongs to a user.
func (a *Accounts) HasUID(id int) bool { return a.users.names[id] != "" }

// HasGID reports whether a number belongs to a group.
func (a *Accounts) HasGID(id int) bool { return a.groups.names[id] != "" }

// UserOf returns the name that stands for a number where a file says that it belongs to
// the user name: that name if it has the number here, else the name of the number here,
// else the number.
func (a *Accounts) UserOf(id int, name string) string { return a.users.nameOf(id, name) }

// GroupOf does for a group what UserOf does for a user.
func (a *Accounts) GroupOf(id int, name string) string { return a.groups.nameOf(id, name) }

func (i *ids) nameOf(id int, name string) string {
	if found, ok := i.lookup(name); ok && found == id {
		return name
	}
	return cmp.Or(i.names[id], strconv.Itoa(id))
}

func (i *ids) lookup(name string) (int, bool) {
	if id, ok := i.numbers[name]; ok {
		return id, true
	}
	if name == "" || strings.Trim(name, "0123456789") != "" {
		return 0, false
	}
	id, err := strconv.ParseUint(name, 10, 31)
	return int(id), err == nil
}

// Standard returns the accounts that FreeBSD installs (etc/master.passwd and
// etc/group of its source tree), for images without accounts of their own.
func Standard() *Accounts {
	a := newAccounts()
	for _, t := range []struct {
		text string
		into *ids
	}{{standardUsers, &a.users}, {standardGroups, &a.groups}} {
		for word := range strings.FieldsSeq(t.text) {
			name, id, _ := strings.Cut(word, "=")
			number, _ := strconv.Atoi(id)
			t.into.add(name, number)
		}
	}
	return a
}

const (
	standardUsers = `
		root=0 toor=0 daemon=1 operator=2 bin=3 tty=4 kmem=5 games=7 news=8 man=9 sshd=22 smmsp=25
		mailnull=26 bind=53 unbound=59 proxy=62 _pflogd=64 _dhcp=65 uucp=66 pop=68 auditdistd=78 www=80
		ntpd=123 _ypldap=160 hast=845 tests=977 nobody=65534`
	standardGroups = `
		wheel=0 daemon=1 kmem=2 sys=3 tty=4 operator=5 mail=6 bin=7 news=8 man=9 games=13 ftp=14 staff=20
		sshd=22 smmsp=25 mailnull=26 guest=31 video=44 realtime=47 idletime=48 bind=53 unbound=59 proxy=62
		authpf=63 _pflogd=64 _dhcp=65 uucp=66 dialer=68 network=69 audit=77 www=80 u2f=116 ntpd=123
		_ypldap=160 hast=845 tests=977 vmm=978 nogroup=65533 nobody=65534`
)
