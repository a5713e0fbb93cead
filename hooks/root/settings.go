// SPDX-License-Identifier: BSD-2-Clause

package root

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/ucl"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/etc"
	"github.com/orlop/orlop/release/tree"
)

// setAccounts adds and changes accounts as the definition says, after those that scripts
// of packages add.
func (m *Root) setAccounts() error {
	if len(m.Def.Groups)+len(m.Def.Accounts) == 0 {
		return nil
	}
	group, master := m.content(etc.GroupFile), m.content(etc.MasterFile)
	if group == nil || master == nil {
		path := etc.GroupFile
		if group != nil {
			path = etc.MasterFile
		}
		return &NoFileError{"account", path}
	}
	e, err := etc.NewEditor(group, master)
	if err != nil {
		return fault.Content(err)
	}
	own := m.Def.Own
	m.keepNumbers(&own)
	did, err := edited(e, &own)
	if err != nil {
		return err
	}
	m.Facts.Accounts = did
	return errors.Join(m.rewrite(etc.GroupFile, group, e.Group()), m.rewrite(etc.MasterFile, master, e.Master()))
}

// keepNumbers gives accounts without a number the one that they have in the lock which is
// brought up to date.
func (m *Root) keepNumbers(own *define.Own) {
	if m.Renews == nil {
		return
	}
	numbers := map[string]string{} // by "user NAME" or "group NAME"
	for _, l := range m.Renews.Layers {
		for _, text := range l.Accounts {
			if f := strings.Fields(text); l.Image == m.Def.Name && len(f) == 3 {
				numbers[f[0]+" "+f[1]] = f[2]
			}
		}
	}
	own.Groups, own.Accounts = slices.Clone(own.Groups), slices.Clone(own.Accounts)
	for i := range own.Groups {
		g := &own.Groups[i]
		g.GID = cmp.Or(g.GID, numbers["group "+g.Name])
	}
	for i := range own.Accounts {
		u := &own.Accounts[i]
		u.UID = cmp.Or(u.UID, numbers["user "+u.Name])
	}
}

// edited sets the accounts of a definition, and says what changed.
func edited(e *etc.Editor, own *define.Own) ([]string, error) {
	var uids, gids, did []string
	for _, u := range own.Accounts {
		uids = append(uids, u.UID)
	}
	for _, g := range own.Groups {
		gids = append(gids, g.GID)
	}
	e.Reserve(uids, gids)
	for _, g := range own.Groups {
		_, changed, err := e.SetGroup(etc.Group{Name: g.Name, GID: g.GID})
		if err != nil {
			return nil, err
		}
		did = append(did, changed...)
	}
	for _, u := range own.Accounts {
		_, changed, err := e.SetUser(etc.User{Name: u.Name, UID: u.UID, Group: u.Group, Groups: u.Groups, Class: u.Class, Gecos: u.Gecos, Home: u.Home, Shell: u.Shell})
		if err != nil {
			return nil, err
		}
		did = append(did, changed...)
	}
	for _, g := range own.Groups {
		changed, err := e.SetMembers(g.Name, g.Members)
		if err != nil {
			return nil, err
		}
		did = append(did, changed...)
	}
	return did, nil
}

// checkUser requires names in the user of an image to have accounts. The text is USER or
// USER:GROUP, and may have numbers.
func checkUser(text string, accounts *etc.Accounts) error {
	user, group, _ := strings.Cut(text, ":")
	var errs []error
	for _, of := range []struct {
		kind, name string
		lookup     func(string) (int, bool)
	}{{"user", user, accounts.UID}, {"group", group, accounts.GID}} {
		if _, err := strconv.ParseUint(of.name, 10, 32); of.name == "" || err == nil {
			continue
		}
		if _, known := of.lookup(of.name); !known {
			errs = append(errs, &UserError{of.kind, of.name})
		}
	}
	return errors.Join(errs...)
}

// UserError is a name in the user of an image that has no account there: no container
// would start.
type UserError struct{ Kind, Name string }

func (e *UserError) Error() string {
	return fmt.Sprintf("user: %s %q is not in the image's accounts", e.Kind, e.Name)
}

// Unmet reports that the request cannot be met.
func (*UserError) Unmet() bool { return true }

// rewrite gives a file another text. What a package has is a departure then, unless only
// scripts have changed it.
func (m *Root) rewrite(path string, old, text []byte) error {
	if bytes.Equal(old, text) {
		return nil
	}
	n := m.Tree.Lookup(path)
	if err := m.alone(n); err != nil {
		return err
	}
	m.touch(n)
	return m.edit(path, text)
}

// setRC sets lines of rc.conf.
func (b *Builder) setRC(ctx context.Context, m *Root) error {
	if len(m.Def.RCConf) == 0 {
		return nil
	}
	var pairs [][2]string
	for _, p := range m.Def.RCConf {
		pairs = append(pairs, [2]string{p.Key, p.Value})
	}
	n := m.Tree.Lookup(rcConf)
	if n == nil {
		text, err := etc.SetRC(nil, pairs)
		if err != nil {
			return fault.Within("rc-conf", err)
		}
		return m.generate(tree.Node{Path: rcConf, Mode: 0o644}, text)
	}
	old, err := b.textOf(ctx, m, n)
	if err != nil {
		return err
	}
	text, err := etc.SetRC(old, pairs)
	if err != nil {
		return fault.Within("rc-conf", err)
	}
	return m.rewrite(rcConf, old, text)
}

// rcConf is rc.conf(5).
const rcConf = "/etc/rc.conf"

// pkgConf writes the repositories that pkg(8) in the image knows.
func (m *Root) pkgConf() error {
	var errs []error
	for _, c := range m.Def.PkgConf {
		keys := new(ucl.Object)
		for _, p := range c.Keys {
			keys.Members = append(keys.Members, ucl.Member{Key: p.Key, Value: confValue(p.Value)})
		}
		text, err := etc.RepositoryConf(c.Name, keys)
		if err == nil {
			err = m.bringText(tree.Node{Path: "/usr/local/etc/pkg/repos/" + c.Name + ".conf", Mode: 0o644}, text)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// confValue is a value of a configuration of pkg(8), which wants booleans and numbers
// without quotes.
func confValue(text string) ucl.Value {
	switch text {
	case "yes", "true", "on":
		return ucl.Value{Kind: ucl.Bool, Bool: true}
	case "no", "false", "off":
		return ucl.Value{Kind: ucl.Bool}
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return ucl.Value{Kind: ucl.Int, Int: n}
	}
	return ucl.Value{Kind: ucl.String, Text: text}
}
