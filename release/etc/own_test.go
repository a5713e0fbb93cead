// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/fault"
)

const (
	ownGroups = "wheel:*:0:root\nwww:*:80:\nstaff:*:20:root,www\ntaken:*:1001:\napp2:*:9:\n+:::\n"
	ownMaster = "root:$6$x:0:0::0:0:Charlie &:/root:/bin/sh\nwww:*:80:80::0:99:World Wide Web Owner:/nonexistent:/usr/sbin/nologin\n"
)

func newOwn(t *testing.T) *Editor {
	t.Helper()
	e, err := NewEditor([]byte(ownGroups), []byte(ownMaster))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestSet adds and changes accounts, and does nothing when it is done again.
func TestSet(t *testing.T) {
	t.Parallel()
	groups := []Group{{"data", ""}, {"fixed", "2000"}, {"www", "80"}, {"wheel", ""}}
	users := []User{
		{Name: "web"},
		{Name: "app", UID: "1001", Group: "data", Groups: []string{"www", "app2"}, Home: "/srv/app", Shell: "/usr/local/bin/bash", Class: "daemon", Gecos: "Äpp, 1 & 2"},
		{Name: "number", Group: "20"},
		{Name: "own", Group: "own", Groups: []string{"own"}},
		{Name: "samba$", UID: "3000"},
		{Name: "taken"},
		{Name: "www", UID: "80", Group: "staff", Groups: []string{"staff", "data"}, Home: "/usr/local/www", Shell: "/bin/sh", Class: "web", Gecos: "Web"},
		{Name: "root", Shell: "/bin/csh"},
	}
	e := newOwn(t)
	e.Reserve([]string{"1001", "3000"}, []string{"2000", "1003"})
	run := func() (did, ids []string) {
		t.Helper()
		say := func(id string, more []string, err error) {
			t.Helper()
			if err != nil {
				t.Error(err)
			}
			did, ids = append(did, more...), append(ids, id)
		}
		for _, g := range groups {
			say(e.SetGroup(g))
		}
		for _, u := range users {
			say(e.SetUser(u))
		}
		more, err := e.SetMembers("data", []string{"web", "www"})
		say("", more, err)
		return did, ids
	}
	did, ids := run()
	if d := cmp.Diff([]string{
		"group data 1002", "group fixed 2000",
		"group web 1004", "user web 1002",
		"user app 1001", "member app of www", "member app of app2",
		"user number 1003",
		"group own 1005", "user own 1004", "member own of own",
		"group samba$ 3000", "user samba$ 3000",
		"user taken 1005",
		"user www 80: group 20 instead of 80, class web instead of none, full name Web instead of World Wide Web Owner, " +
			"home /usr/local/www instead of /nonexistent, shell /bin/sh instead of /usr/sbin/nologin",
		"member www of data",
		"user root 0: shell /bin/csh instead of /bin/sh",
		"member web of data",
	}, did); d != "" {
		t.Errorf("did (-want +got)\n%s", d)
	}
	if d := cmp.Diff(strings.Fields("1002 2000 80 0 1002 1001 1003 1004 3000 1005 80 0"), ids[:len(ids)-1]); d != "" {
		t.Errorf("numbers (-want +got)\n%s", d)
	}
	const group = "wheel:*:0:root\nwww:*:80:app\nstaff:*:20:root,www\ntaken:*:1001:\napp2:*:9:app\ndata:*:1002:www,web\nfixed:*:2000:\n" +
		"web:*:1004:\nown:*:1005:own\nsamba$:*:3000:\n+:::\n"
	const master = "root:$6$x:0:0::0:0:Charlie &:/root:/bin/csh\nwww:*:80:20:web:0:99:Web:/usr/local/www:/bin/sh\n" +
		"web:*:1002:1004::0:0:User &:/home/web:/bin/sh\napp:*:1001:1002:daemon:0:0:Äpp, 1 & 2:/srv/app:/usr/local/bin/bash\n" +
		"number:*:1003:20::0:0:User &:/home/number:/bin/sh\nown:*:1004:1005::0:0:User &:/home/own:/bin/sh\n" +
		"samba$:*:3000:3000::0:0:User &:/home/samba$:/bin/sh\ntaken:*:1005:1001::0:0:User &:/home/taken:/bin/sh\n"
	if d := cmp.Diff(group, string(e.Group())) + cmp.Diff(master, string(e.Master())); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	did, again := run()
	if d := cmp.Diff(ids, again); d != "" || len(did) > 0 {
		t.Errorf("done again, it did %q (-first +again)\n%s", did, d)
	}
	if d := cmp.Diff(group, string(e.Group())) + cmp.Diff(master, string(e.Master())); d != "" {
		t.Errorf("done again (-want +got)\n%s", d)
	}
	if _, err := MakePasswords(MasterFile, e.Master()); err != nil {
		t.Error(err)
	}
}

// TestSetErrors leaves both files as they are.
func TestSetErrors(t *testing.T) {
	t.Parallel()
	group := func(g Group) func(*Editor) error {
		return func(e *Editor) error { _, _, err := e.SetGroup(g); return err }
	}
	user := func(u User) func(*Editor) error {
		return func(e *Editor) error { _, _, err := e.SetUser(u); return err }
	}
	members := func(group string, users ...string) func(*Editor) error {
		return func(e *Editor) error { _, err := e.SetMembers(group, users); return err }
	}
	for want, set := range map[string]func(*Editor) error{
		"group data with number 80: the image has group www with number 80":      group(Group{"data", "80"}),
		"group www with number 81: the image has group www with number 80":       group(Group{"www", "81"}),
		"user web with number 80: the image has user www with number 80":         user(User{Name: "web", UID: "80"}),
		"user www with number 81: the image has user www with number 80":         user(User{Name: "www", UID: "81", Shell: "/x"}),
		"user web: the image has no group none":                                  user(User{Name: "web", Group: "none"}),
		"user www: the image has no group none":                                  user(User{Name: "www", Group: "none", Shell: "/x"}),
		"user web: the image has no group other":                                 user(User{Name: "web", Groups: []string{"www", "other"}}),
		"group www: the image has no user none":                                  members("www", "root", "none"),
		"user www: the image has no group none, of it":                           members("none", "www"),
		`group "" is empty, wanted a name`:                                       group(Group{}),
		`group "-x" begins with "-"`:                                             group(Group{Name: "-x"}),
		`group "a:b" has ":", which pw(8) does not take in a name`:               group(Group{Name: "a:b"}),
		`group "a\nb" has "\n", which pw(8) does not take in a name`:             group(Group{Name: "a\nb"}),
		`user "ä" has "\xc3", which pw(8) does not take in a name`:               user(User{Name: "ä"}),
		`user "a$b" has "$", which pw(8) does not take in a name`:                user(User{Name: "a$b"}),
		`user "1005" is a number, wanted a name`:                                 user(User{Name: "1005"}),
		`user "` + strings.Repeat("x", 33) + `" has 33 bytes, wanted at most 32`: user(User{Name: strings.Repeat("x", 33)}),
		`user web: uid is "x", wanted a number up to 2147483647`:                 user(User{Name: "web", UID: "x"}),
		`user web: uid is "-1", wanted a number up to 2147483647`:                user(User{Name: "web", UID: "-1"}),
		`user web: uid is "07", wanted a number up to 2147483647`:                user(User{Name: "web", UID: "07"}),
		`group web: gid is "2147483648", wanted a number up to 2147483647`:       group(Group{"web", "2147483648"}),
		`user web: class "a b" has " ", which pw(8) does not take in a name`:     user(User{Name: "web", Class: "a b"}),
		`user web: full name "a:b" has ":", which no account can have`:           user(User{Name: "web", Gecos: "a:b"}),
		`user web: home "/a\nb" has "\n", which no account can have`:             user(User{Name: "web", Home: "/a\nb"}),
		`user web: home is "a", wanted a clean path that begins with /`:          user(User{Name: "web", Home: "a"}),
		`user web: shell is "/bin/../x", wanted a clean path that begins with /`: user(User{Name: "web", Shell: "/bin/../x"}),
	} {
		want, _, _ = strings.Cut(want, ", of it")
		class := fault.Unmet
		if strings.Contains(want, "wanted") || strings.Contains(want, `"`) {
			class = fault.Usage
		}
		e := newOwn(t)
		if err := set(e); err == nil || err.Error() != want || fault.ClassOf(err) != class {
			t.Errorf("got %v\nwant %s", err, want)
		}
		if d := cmp.Diff(ownGroups, string(e.Group())) + cmp.Diff(ownMaster, string(e.Master())); d != "" {
			t.Errorf("%s: (-want +got)\n%s", want, d)
		}
	}
	e, err := NewEditor(nil, []byte("x:*:1:1::/:/x\n")) // a passwd, not a master.passwd
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := e.SetUser(User{Name: "x", Group: "x", Shell: "/y"}); err == nil || fault.ClassOf(err) != fault.Wrong ||
		err.Error() != MasterFile+": user x: found 7 fields, wanted 10" || e.Group() != nil {
		t.Errorf("got %v", err)
	}
}

// FuzzSet wants an account that could be set to be there as it is wanted, nothing else of
// the files to be another, and a second time to do nothing.
func FuzzSet(f *testing.F) {
	f.Fuzz(func(t *testing.T, group, master, name, uid, gecos, home string) {
		e, err := NewEditor([]byte(group), []byte(master))
		if err != nil {
			return
		}
		u := User{Name: name, UID: uid, Gecos: gecos, Home: home, Groups: []string{"g"}}
		if _, _, err := e.SetGroup(Group{Name: "g"}); err != nil {
			t.Fatal(err)
		}
		before := string(e.Group()) + string(e.Master())
		id, _, err := e.SetUser(u)
		if err != nil {
			if d := cmp.Diff(before, string(e.Group())+string(e.Master())); d != "" {
				t.Errorf("%v, and changed (-before +after)\n%s", err, d)
			}
			return
		}
		a, err := ParseAccounts(e.Master(), e.Group())
		if err != nil {
			t.Fatal(err)
		}
		if n, has := a.UID(name); !has || uid != "" && id != uid || n < 0 {
			t.Errorf("%q has number %d, want %s", name, n, uid)
		}
		line := strings.Split(e.users.list[e.users.names[name]], ":")
		if gecos != "" && line[7] != gecos || home != "" && line[8] != home {
			t.Errorf("set %q and %q: %q", gecos, home, line)
		}
		after := string(e.Group()) + string(e.Master())
		if again, did, err := e.SetUser(u); again != id || len(did) > 0 || err != nil || after != string(e.Group())+string(e.Master()) {
			t.Errorf("again: %s, did %q, %v", again, did, err)
		}
		if lines := strings.Count(after, "\n") - strings.Count(before, "\n"); lines < 0 || lines > 2 || slices.Contains(e.users.list, "\n") {
			t.Errorf("added %d lines", lines)
		}
	})
}
