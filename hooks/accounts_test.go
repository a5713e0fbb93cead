// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"strings"
	"testing"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/pkgfile/porttest"
)

// TestAccountsAgain has a package of an upper step replace the accounts: those of the
// lower step's scripts are added again, with their numbers.
func TestAccountsAgain(t *testing.T) {
	t.Parallel()
	old := baseOf("wheel:*:0:root\nx:*:1001:\n", "root::0:0::0:0:Charlie &:/root:/bin/sh\n")
	old.Name = "old"
	old.Files = old.Files[:2]
	cfg := portsConfig(t, `image low {
		file "/etc/group" { from = [ old ]; path = /etc/group }
		file "/etc/master.passwd" { from = [ old ]; path = /etc/master.passwd; mode = "0600" }
		packages = [ anon ]
	}
	image x { parent = low; packages = [ base, bnon ]; replaces = [ "/etc/**" ] }`, "x", append(ports(), old)...)
	a := build(t, cfg)["x"]
	compareFile(t, a, "/etc/group", "0644 root:wheel 0:0", baseGroup+"anon:*:1002:\nbnon:*:1001:\n")
}

// TestAccountsTaken has accounts that cannot be added.
func TestAccountsTaken(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, script, group, want string }{
		{"a number of the image", porttest.User("x", "6", "/nonexistent"), baseGroup, "p-1.0: its script adds group x with number 6: the image has group mail with number 6"},
		{"a number of another package", porttest.User("x", "80", "/nonexistent"), baseGroup, "p-1.0: its script adds group x with number 80: the image has group www with number 80, which the script of nginx-1.0 adds"},
		{"a name", porttest.User("www", "81", "/nonexistent"), baseGroup, "p-1.0: its script adds group www with number 81: the image has group www with number 80, which the script of nginx-1.0 adds"},
		{"a user's number", porttest.User("x", "1", "/nonexistent"), "wheel:*:0:\n", "p-1.0: its script adds user x with number 1: the image has user daemon with number 1"},
		{"no group", "PW=pw\n" + porttest.Member("nobody", "root"), baseGroup, "p-1.0: its script adds user root: the image has no group nobody"},
		{"no user", "PW=pw\n" + porttest.Member("wheel", "nobody"), baseGroup, "p-1.0: its script adds group wheel: the image has no user nobody"},
	} {
		pkgs := append(ports()[1:], baseOf(tt.group, baseMaster), porttest.New("p", tt.script, "", nil))
		_, err := hooks.Build(t.Context(), portsConfig(t, "image x { packages = [ base, nginx, p ] }", "x", pkgs...))
		if err == nil || !strings.Contains(err.Error(), tt.want) || fault.ClassOf(err) != fault.Unmet {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
	_, err := hooks.Build(t.Context(), portsConfig(t, "image x { packages = [ nginx ] }", "x", ports()...))
	if want := "nginx-1.0: its script adds accounts to /etc/group, and the image has no such file"; err == nil || !strings.Contains(err.Error(), want) || fault.ClassOf(err) != fault.Unmet {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestAccountsThere has accounts that the image has: they stay as they are.
func TestAccountsThere(t *testing.T) {
	t.Parallel()
	group, master := baseGroup+"www:*:80:\n+:::\n", baseMaster+"www:*:80:1::0:0:Mine:/w:/bin/sh\n+:::::::::\n"
	cfg := portsConfig(t, "image x { packages = [ base, nginx, postgresql ] }", "x", append(ports()[1:], baseOf(group, master))...)
	a := build(t, cfg)["x"]
	compareFile(t, a, "/etc/group", "0644 root:wheel 0:0", baseGroup+"www:*:80:\npostgres:*:770:\n+:::\n")
	compareFile(t, a, "/etc/master.passwd", "0600 root:wheel 0:0",
		baseMaster+"www:*:80:1::0:0:Mine:/w:/bin/sh\npostgres:*:770:770::0:0:The postgres:/var/db/postgres:/usr/sbin/nologin\n+:::::::::\n")
}

// TestHomes has home directories that packages have, too, or that two make.
func TestHomes(t *testing.T) {
	t.Parallel()
	owned := porttest.New("owned", porttest.User("www", "80", "/var/db/www"), "", nil)
	owned.Dirs = []pkgtest.File{{Path: "/var/db/www", Mode: 0o700, Uname: "www", Gname: "daemon"}}
	linked := porttest.New("linked", porttest.User("x", "81", "/home/x"), "", nil, pkgtest.File{Path: "/home", Symlink: "usr/home"})
	linked.Dirs = []pkgtest.File{{Path: "/usr/home", Mode: 0o755}}
	a := build(t, portsConfig(t, "image x { packages = [ base, owned, linked ] }", "x", append(ports(), owned, linked)...))["x"]
	compareNode(t, a, "/var/db/www", "0700 www:daemon 80:1")
	compareNode(t, a, "/usr/home/x", "0755 x:x 81:81")

	other := porttest.New("other", porttest.User("y", "82", "/nonexistent")+porttest.Home("y", "/var/db/postgres"), "", nil)
	_, err := hooks.Build(t.Context(), portsConfig(t, "image x { packages = [ base, other, postgresql ] }", "x", append(ports(), other)...))
	if want := "/var/db/postgres: in both other-1.0 and postgresql-1.0"; err == nil || !strings.Contains(err.Error(), want) || fault.ClassOf(err) != fault.Unmet {
		t.Errorf("got %v, want %s", err, want)
	}
}
