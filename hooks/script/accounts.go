// SPDX-License-Identifier: BSD-2-Clause

package script

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/orlop/orlop/release/etc"
)

// accountName is a name that pw(8) takes (usr.sbin/pw/pw_user.c: pw_checkname), and
// that no other file has to quote.
var accountName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$`)

// isID reports whether a word is the number of an account.
func isID(word string) bool {
	n, err := strconv.ParseUint(word, 10, 31)
	return err == nil && strconv.FormatUint(n, 10) == word
}

// pw splits a call of pw(8): the command, the account's name, and the options.
func pw(args []string, valued string) (verb, name string, given map[string]string, ok bool) {
	if len(args) > 1 && args[0] == "-R" {
		if args[1] != rootDir {
			return "", "", nil, false
		}
		args = args[2:]
	}
	if len(args) == 0 {
		return "", "", nil, false
	}
	verb, args = args[0], args[1:]
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	given, rest, ok := options(args, "q", valued)
	if other, has := given["n"]; has && name == "" {
		name = other
	}
	return verb, name, given, ok && len(rest) == 0 && accountName.MatchString(name)
}

// callPw is pw(8) where it adds an account that is not there.
func callPw(r *run, args []string, _ map[string]string) bool {
	verb, name, given, ok := pw(args, "nugGLcdshm")
	if !ok {
		return false
	}
	only := func(letters string) bool {
		for letter := range given {
			ok = ok && (letter == "n" || letter == "q" || strings.Contains(letters, letter))
		}
		return ok
	}
	switch verb {
	case "groupadd":
		gid, has := given["g"]
		r.e.Groups = append(r.e.Groups, etc.Group{Name: name, GID: gid})
		return only("g") && r.mayAdd(r.lacks.group, name) && (!has || isID(gid))
	case "useradd":
		u, ok := userOf(name, given)
		r.e.Users = append(r.e.Users, u)
		return ok && only("ugGLcdsh") && r.mayAdd(r.lacks.user, name)
	case "groupmod":
		r.e.Members = append(r.e.Members, etc.Member{Group: name, User: given["m"]})
		return only("m") && accountName.MatchString(given["m"]) && r.mayAdd(r.lacks.member, name+" "+given["m"])
	}
	return false
}

// mayAdd reports whether a condition found exactly that to be absent.
func (r *run) mayAdd(lacks, name string) bool { return r.dead || lacks == name }

// userOf is the user of a useradd. It has no default but for the number, the groups
// and the class.
func userOf(name string, given map[string]string) (etc.User, bool) {
	u := etc.User{Name: name, UID: given["u"], Group: given["g"], Class: given["L"], Gecos: given["c"], Home: given["d"], Shell: given["s"]}
	uid, numbered := given["u"]
	ok := (!numbered || isID(uid)) && (isID(u.Group) || accountName.MatchString(u.Group)) && (u.Class == "" || accountName.MatchString(u.Class))
	if list, has := given["G"]; has {
		u.Groups = strings.Split(list, ",")
		ok = ok && !slices.ContainsFunc(u.Groups, func(g string) bool { return !accountName.MatchString(g) })
	}
	if h, has := given["h"]; has && h != "-" { // no password
		ok = false
	}
	_, described := given["c"]
	return u, ok && described && isField(u.Gecos) && isField(u.Home) && path.IsAbs(u.Home) && isField(u.Shell) && path.IsAbs(u.Shell)
}

// isField reports whether a text can be a field of passwd(5), and nothing in it is
// left for the shell.
func isField(text string) bool {
	return !strings.ContainsAny(text, ":$`\\") && !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f })
}

// isShown reports whether words ask pw(8) for an account, and which.
func isShown(words []string, verb string) (name string, is bool) {
	if k, known := program(words[0]); !known || k.dir != "/usr/sbin/" || path.Base(words[0]) != "pw" {
		return "", false
	}
	got, name, _, ok := pw(words[1:], "n")
	return name, ok && got == verb
}

// findsMember reports whether two commands look for a member of a group. It counts as
// absent.
func (r *run) findsMember(show, grep []string) bool {
	group, ok := isShown(show, "groupshow")
	if !ok || len(grep) != 3 || path.Base(grep[0]) != "grep" || grep[1] != "-qw" || !accountName.MatchString(grep[2]) {
		return false
	}
	r.lacks.member = group + " " + grep[2]
	return true
}
