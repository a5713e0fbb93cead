// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAccounts(t *testing.T) {
	t.Parallel()
	a, err := ParseAccounts(
		[]byte("# comment\nroot:*:0:0::0:0:Charlie &:/root:/bin/sh\ntoor:*:0:0::0:0::/root:\ngames:*:7:13:Games:/:/x\n+:::::::::\n1001:*:5:5::0:0:::\n"),
		[]byte("wheel:*:0:root\n\ngames:*:13:\n-x\nwheel:*:9:\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"root": 0, "games": 7, "1001": 5, "1002": 1002} {
		if id, ok := a.UID(name); !ok || id != want {
			t.Errorf("user %s: got %d, %t, want %d", name, id, ok, want)
		}
	}
	if id, ok := a.GID("wheel"); !ok || id != 0 {
		t.Errorf("the second wheel counts: %d", id)
	}
	for _, name := range []string{"", "nobody", "-1", "1x", "99999999999"} {
		if id, ok := a.UID(name); ok {
			t.Errorf("user %q: got %d", name, id)
		}
	}
}

// TestNameOf wants the number of an owner to decide, and the first name of a number.
func TestNameOf(t *testing.T) {
	t.Parallel()
	a, err := ParseAccounts([]byte("root:*:0:0::0:0:::\ntoor:*:0:0::0:0:::\nwww:*:80:80::0:0:::\nwww:*:81:80::0:0:::\n"), []byte("wheel:*:0:\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		id         int
		name, want string
	}{
		{0, "root", "root"}, {0, "toor", "toor"}, {0, "", "root"}, {0, "admin", "root"}, {33, "www", "33"}, {80, "www-data", "www"},
		{80, "root", "www"}, {81, "www", "81"}, {1000, "", "1000"}, {1000, "1000", "1000"},
	} {
		if got := a.UserOf(tt.id, tt.name); got != tt.want {
			t.Errorf("user %q with number %d: got %q, want %q", tt.name, tt.id, got, tt.want)
		}
	}
	if got := a.GroupOf(0, "root"); got != "wheel" {
		t.Errorf("group root with number 0: got %q", got)
	}
}

func TestParseAccountsErrors(t *testing.T) {
	t.Parallel()
	_, err := ParseAccounts([]byte("a:b\nroot:*:zero:0::0:0:::\n"), []byte("x:*:1\n"))
	want := "passwd:1: found 2 fields, wanted 10\npasswd:2: name \"root\", id \"zero\": wanted a name and a number below 2^31\ngroup:1: found 3 fields, wanted 4"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestStandard compares the table with FreeBSD's own files.
func TestStandard(t *testing.T) {
	t.Parallel()
	if id, ok := Standard().GID("games"); !ok || id != 13 {
		t.Errorf("games: got %d, %t", id, ok)
	}
	want, err := ParseAccounts(mustRead(t, "testdata/master.passwd"), mustRead(t, "testdata/group"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, Standard(), cmp.AllowUnexported(Accounts{}, ids{})); d != "" {
		t.Errorf("(-FreeBSD +table):\n%s", d)
	}
}

// FuzzParseAccounts wants each account to have a line, the first of its name.
func FuzzParseAccounts(f *testing.F) {
	f.Add("root:*:0:0::0:0::/root:/bin/sh\n", "wheel:*:0:root\n")
	f.Fuzz(func(t *testing.T, passwd, group string) {
		a, err := ParseAccounts([]byte(passwd), []byte(group))
		for _, of := range []struct {
			text string
			ids  ids
			find func(string) (int, bool)
			has  func(int) bool
		}{{passwd, a.users, a.UID, a.HasUID}, {group, a.groups, a.GID, a.HasGID}} {
			for name, id := range of.ids.numbers {
				if got, ok := of.find(name); !ok || got != id || !of.has(id) {
					t.Errorf("%q: got %d, %t, want %d", name, got, ok, id)
				}
				if !slices.ContainsFunc(strings.Split(of.text, "\n"), func(line string) bool {
					f := strings.Split(line, ":")
					n, err := strconv.Atoi(f[min(2, len(f)-1)])
					return f[0] == name && err == nil && n == id
				}) {
					t.Errorf("%q: has no line with %d", name, id)
				}
			}
			if lines := strings.Count(of.text, ":"); err == nil && len(of.ids.numbers) > lines {
				t.Errorf("%d accounts in %q", len(of.ids.numbers), of.text)
			}
		}
	})
}
