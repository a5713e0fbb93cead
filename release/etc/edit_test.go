// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	oldGroup  = "wheel:*:0:root\n# NAME:*:1:\nmail:*:06:\nstaff:x:20:root,,toor\n+:::\nlate:*:1002:\n"
	oldMaster = "root::0:0::0:0:Charlie &:/root:/bin/sh\nx:*:1001:1::0:0:X:/:/bin/sh\n"
)

// TestEditor adds accounts one after the other.
func TestEditor(t *testing.T) {
	t.Parallel()
	e, err := NewEditor([]byte(oldGroup), []byte(oldMaster))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	say := func(id string, added bool, err error) {
		got = append(got, strings.TrimSpace(fmt.Sprint(id, " ", added, " ", err)))
	}
	say(e.AddGroup(Group{"a", "80"}))
	say(e.AddGroup(Group{"any", ""}))
	say(e.AddGroup(Group{"more", ""}))
	say(e.AddGroup(Group{"a", "80"}))
	say(e.AddGroup(Group{"mail", "6"}))
	say(e.AddGroup(Group{"wheel", ""}))
	say(e.AddGroup(Group{"b", "6"}))
	say(e.AddGroup(Group{"a", "81"}))
	say(e.AddUser(User{Name: "u", UID: "5", Group: "80", Groups: []string{"staff", "mail"}, Class: "daemon", Gecos: "U & Co", Home: "/u", Shell: "/bin/sh"}))
	say(e.AddUser(User{Name: "any", Group: "any", Home: "/", Shell: "/x"}))
	say(e.AddUser(User{Name: "v", UID: "5", Group: "0"}))
	say(e.AddUser(User{Name: "w", UID: "6", Group: "none"}))
	for _, m := range []Member{{"staff", "root"}, {"a", "u"}, {"none", "u"}, {"a", "none"}} {
		added, err := e.AddMember(m)
		say("", added, err)
	}
	want := []string{
		"80 true <nil>", "1001 true <nil>", "1002 true <nil>", "80 false <nil>", "6 false <nil>", "0 false <nil>",
		"false group b with number 6: the image has group mail with number 6", "false group a with number 81: the image has group a with number 80",
		"5 true <nil>", "1002 true <nil>", "false user v with number 5: the image has user u with number 5", "false user w: the image has no group none",
		"false <nil>", "true <nil>", "false user u: the image has no group none", "false group a: the image has no user none",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	group := "wheel:*:0:root\n# NAME:*:1:\nmail:*:06:u\nstaff:x:20:root,toor,u\na:*:80:u\nany:*:1001:\nmore:*:1002:\n+:::\nlate:*:1002:\n"
	master := oldMaster + "u:*:5:80:daemon:0:0:U & Co:/u:/bin/sh\nany:*:1002:1001::0:0::/:/x\n"
	if d := cmp.Diff(group, string(e.Group())) + cmp.Diff(master, string(e.Master())); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestEditorOfNone(t *testing.T) {
	t.Parallel()
	if _, err := NewEditor(nil, []byte("x")); err == nil {
		t.Error("a line without fields is read")
	}
	e, err := NewEditor(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := e.AddGroup(Group{Name: "a"}); err != nil || string(e.Group()) != "a:*:1001:\n" || e.Master() != nil {
		t.Errorf("got %q, %q, %v", e.Group(), e.Master(), err)
	}
}

func TestAddShell(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		old, new string
		added    bool
	}{{"", "/s\n", true}, {"/a\n", "/a\n/s\n", true}, {"/a", "/a\n/s\n", true}, {"/s\n/a\n", "/s\n/a\n", false}, {"/s2\n", "/s2\n/s\n", true}} {
		if text, added := AddShell([]byte(tt.old), "/s"); string(text) != tt.new || added != tt.added {
			t.Errorf("%q: got %q, %t", tt.old, text, added)
		}
	}
}

// TestUndo takes back what may have been added: first all of it, then less.
func TestUndo(t *testing.T) {
	t.Parallel()
	added := func(line string) bool { return strings.HasPrefix(line, "new") }
	undo := func(line string) string { return strings.TrimSuffix(line, ",new") }
	for text, want := range map[string][]string{
		"":                           {""},
		"a\nb\n":                     {"a\nb\n"},
		"a\nnew1\nnew2\n":            {"a\n", "a\nnew1\n", "a\nnew1\nnew2\n"},
		"new1\na,new\nnew2\n+\nnew3": {"new1\na\n+\nnew3\n", "new1\na\nnew2\n+\nnew3\n"},
	} {
		var got []string
		for _, text := range Undo([]byte(text), added, undo) {
			got = append(got, string(text))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if n := len(Undo([]byte(strings.Repeat("new\n", 1000)), added, nil)); n != maxUndone {
		t.Errorf("got %d texts, want %d", n, maxUndone)
	}
}

// FuzzEditor wants accounts of files that pw(8) can read to be there after they were
// added, and taken back to give what was before.
func FuzzEditor(f *testing.F) {
	f.Add(oldGroup, oldMaster)
	f.Fuzz(func(t *testing.T, group, master string) {
		e, err := NewEditor([]byte(group), []byte(master))
		if err != nil {
			return
		}
		gid, added, err := e.AddGroup(Group{Name: "g"})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := e.AddUser(User{Name: "u", Group: "g", Home: "/", Shell: "/"}); err != nil {
			t.Fatal(err)
		}
		a, err := ParseAccounts(e.Master(), e.Group())
		if err != nil {
			t.Fatal(err)
		}
		if n, has := a.GID("g"); !has || fmt.Sprint(n) != gid {
			t.Errorf("group has number %d, want %s", n, gid)
		}
		before := Undo(e.Group(), func(line string) bool { return added && line == "g:*:"+gid+":" }, nil)
		if !slices.ContainsFunc(before, func(text []byte) bool { return string(text) == group || string(text) == group+"\n" }) {
			t.Errorf("%q: taken back, it is %q", group, before)
		}
	})
}
