// SPDX-License-Identifier: BSD-2-Clause

package containerfile

import (
	"fmt"
	"strings"
)

// pw translates pw(8): useradd, user add, groupmod and so on.
func (r *runner) pw(c *call) error {
	words := c.args
	if len(words) == 0 {
		return errCommand
	}
	what := words[0].text
	words = words[1:]
	if (what == "user" || what == "group") && len(words) > 0 {
		what, words = what+words[0].text, words[1:]
	}
	takes := "nucdesgGLkbhHNwpxymMiV"
	switch {
	case strings.HasPrefix(what, "user"):
		takes = strings.ReplaceAll(takes, "m", "")
	case !strings.HasPrefix(what, "group"):
		return errCommand
	}
	flags, operands := options(&call{args: words}, takes)
	name := flags["n"]
	if name == "" && len(operands) > 0 {
		name = operands[0].text
	}
	if name == "" || has(flags, "R", "V") {
		return fmt.Errorf("it is not understood whom it speaks of")
	}
	switch what {
	case "useradd", "usermod":
		return r.user(what, name, flags)
	case "groupadd", "groupmod":
		return r.group(name, flags)
	}
	return fmt.Errorf("an image cannot lose an account that its parent has")
}

func (r *runner) user(what, name string, flags map[string]string) error {
	if has(flags, "l", "p", "e") {
		return fmt.Errorf("another name, or a day on which an account ends, has no key")
	}
	if has(flags, "h", "H") && flags["h"] != "-" {
		return fmt.Errorf("a password has no key: it would be in the image for all to read")
	}
	a := find(&r.accounts, name)
	for _, f := range []struct {
		flag string
		into *string
	}{{"u", &a.id}, {"g", &a.group}, {"d", &a.home}, {"s", &a.shell}, {"L", &a.class}, {"c", &a.gecos}} {
		if has(flags, f.flag) {
			*f.into = flags[f.flag]
		}
	}
	if has(flags, "s") && !strings.HasPrefix(a.shell, "/") {
		a.shell = "/bin/" + a.shell
	}
	if groups := flags["G"]; groups != "" {
		a.groups = strings.Split(groups, ",")
	}
	if has(flags, "m") && what == "useradd" {
		if a.home == "" {
			a.home = "/home/" + name
		}
		home := r.mkdir(a.home)
		home.owner, home.group = name, name
		if a.group != "" {
			home.group = a.group
		}
	}
	return nil
}

func (r *runner) group(name string, flags map[string]string) error {
	if has(flags, "l", "d") {
		return fmt.Errorf("another name, or fewer members, has no key")
	}
	g := find(&r.groups, name)
	if has(flags, "g") {
		g.id = flags["g"]
	}
	for _, flag := range []string{"M", "m"} {
		for member := range strings.SplitSeq(flags[flag], ",") {
			if member != "" {
				add(&g.groups, member)
			}
		}
	}
	return nil
}

// find returns an account, which it adds if there is none of the name.
func find(list *[]*account, name string) *account {
	for _, a := range *list {
		if a.name == name {
			return a
		}
	}
	a := &account{name: name}
	*list = append(*list, a)
	return a
}

// adduser reads a line of adduser(8): name:uid:gid:class:change:expire:gecos:home:shell:password.
func (r *runner) adduser(c *call) error {
	if c.input == nil || c.input.why != "" {
		return errCommand
	}
	for line := range strings.Lines(c.input.text) {
		parts := strings.Split(strings.TrimSpace(line), ":")
		if len(parts) < 9 || parts[0] == "" {
			return fmt.Errorf("%q is not a line of adduser", shown(strings.TrimSpace(line)))
		}
		a := find(&r.accounts, parts[0])
		a.id, a.class, a.gecos, a.home, a.shell = parts[1], parts[3], parts[6], parts[7], parts[8]
		if parts[2] != "" {
			find(&r.groups, parts[0]).id = parts[2]
		}
	}
	return nil
}

// sysrc translates lines of rc.conf.
func (r *runner) sysrc(c *call) error {
	flags, operands := options(c, "fR")
	if has(flags, "f", "R", "x") {
		return fmt.Errorf("only /etc/rc.conf has a key, and lines can only be set")
	}
	for _, f := range operands {
		name, text, is := strings.Cut(f.text, "=")
		if !is || name == "" || strings.HasSuffix(name, "+") || strings.HasSuffix(name, "-") {
			return fmt.Errorf("%q is not of the form NAME=VALUE", shown(f.text))
		}
		r.rcConf.set(name, text)
	}
	return nil
}

// service translates service NAME enable.
func (r *runner) service(c *call) error {
	words := c.words()
	if len(words) == 2 && (words[1] == "enable" || words[1] == "disable") {
		r.rcConf.set(strings.ReplaceAll(words[0], "-", "_")+"_enable", map[string]string{"enable": "YES", "disable": "NO"}[words[1]])
		return nil
	}
	return errCommand
}
