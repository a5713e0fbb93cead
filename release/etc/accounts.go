// SPDX-License-Identifier: BSD-2-Clause

// Package etc holds what FreeBSD's own tools know about the files in /etc:
// accounts, as described in passwd(5) and group(5).
package etc

import (
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

// Accounts are the users and groups of an image by name. The first entry of a
// name counts, as for getpwnam(3).
type Accounts struct {
	users, groups map[string]int
}

// ParseAccounts reads a master.passwd (10 fields) or passwd (7), and a group
// file. NIS lines, which start with + or -, name no account of their own.
func ParseAccounts(passwd, group []byte) (*Accounts, error) {
	a := &Accounts{users: map[string]int{}, groups: map[string]int{}}
	return a, errors.Join(
		parse("passwd", passwd, []int{7, 10}, a.users),
		parse("group", group, []int{4}, a.groups))
}

func parse(file string, text []byte, fields []int, ids map[string]int) error {
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
		if _, known := ids[f[0]]; !known {
			ids[f[0]] = int(id)
		}
	}
	return errors.Join(errs...)
}

// UID returns the number of a user. A numeric name is that number.
func (a *Accounts) UID(name string) (int, bool) { return lookup(a.users, name) }

// GID returns the number of a group. A numeric name is that number.
func (a *Accounts) GID(name string) (int, bool) { return lookup(a.groups, name) }

// HasUID reports whether a number belongs to a user.
func (a *Accounts) HasUID(id int) bool { return has(a.users, id) }

// HasGID reports whether a number belongs to a group.
func (a *Accounts) HasGID(id int) bool { return has(a.groups, id) }

func has(ids map[string]int, id int) bool {
	for _, known := range ids {
		if known == id {
			return true
		}
	}
	return false
}

func lookup(ids map[string]int, name string) (int, bool) {
	if id, ok := ids[name]; ok {
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
	a := &Accounts{users: map[string]int{}, groups: map[string]int{}}
	for _, t := range []struct {
		text string
		ids  map[string]int
	}{{standardUsers, a.users}, {standardGroups, a.groups}} {
		for word := range strings.FieldsSeq(t.text) {
			name, id, _ := strings.Cut(word, "=")
			t.ids[name], _ = strconv.Atoi(id)
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
