// SPDX-License-Identifier: BSD-2-Clause

package pkgfile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/pkgfile"
)

// TestKeys gives each key that libpkg knows a value of each type, and wants those
// to be refused that its table does not have (libpkg/pkg_manifest.c:
// manifest_keys).
func TestKeys(t *testing.T) {
	t.Parallel()
	values := map[string]string{"string": `"single"`, "integer": "7", "number": "1.5", "boolean": "true", "null": "null", "object": "{}", "list": "[]"}
	takes := map[string]string{
		"annotations": "object", "abi": "string", "arch": "string", "categories": "list", "comment": "string", "conflicts": "list",
		"config": "list", "dep_formula": "string", "deps": "object", "desc": "string", "directories": "object", "dirs": "list",
		"files": "object", "flatsize": "integer", "groups": "list", "licenselogic": "string", "licenses": "list", "lua_scripts": "object",
		"maintainer": "string", "messages": "string list", "message": "string list", "name": "string integer", "options": "object",
		"origin": "string", "path": "string", "repopath": "string", "pkgsize": "integer", "prefix": "string", "provides": "list",
		"requires": "list", "scripts": "object", "shlibs": "list", "shlibs_provided": "list", "shlibs_provided_ignore": "list",
		"shlibs_required": "list", "shlibs_required_ignore": "list", "sum": "string", "users": "list", "version": "string integer",
		"vital": "boolean", "www": "string",
		"unheard_of": "string integer number boolean null object list", "Vital": "string integer number boolean null object list",
	}
	for key, types := range takes {
		for name, value := range values {
			var rest []string // of the head, which has some of the keys
			for _, member := range strings.Split(head, ",") {
				if !strings.HasPrefix(member, `"`+key+`":`) {
					rest = append(rest, member)
				}
			}
			text := fmt.Sprintf(`{%s,%q:%s}`, strings.Join(rest, ","), key, value)
			_, err := pkgfile.ParseManifest([]byte(text))
			refused := fmt.Sprintf("manifest: %s: found ", key)
			switch wanted := slices.Contains(strings.Fields(types), name); {
			case wanted && err != nil:
				t.Errorf("%s: %s: got %v", key, name, err)
			case !wanted && (err == nil || !strings.HasPrefix(err.Error(), refused)):
				t.Errorf("%s: %s: got %v, want %s…", key, name, err, refused)
			}
		}
	}
}

// TestParts gives the parts of a manifest values of every form. What pkg(8) 2.8.99
// makes of each, cases of testdata/pkg and scripts/differential.sh show.
func TestParts(t *testing.T) {
	t.Parallel()
	str := func(s string) *string { return &s }
	for _, tt := range []struct {
		rest    string
		field   func(*pkgfile.Manifest) any
		want    any
		skipped []string
	}{
		{`"name":31`, func(m *pkgfile.Manifest) any { return m.Name }, "p", nil}, // the first of a key counts
		{`"vital":true`, func(m *pkgfile.Manifest) any { return m.Vital }, true, nil},
		{`"flatsize":-5`, func(m *pkgfile.Manifest) any { return m.FlatSize }, int64(-5), nil},
		{`"licenselogic":"dual"`, func(m *pkgfile.Manifest) any { return m.LicenseLogic }, "or", nil},
		{`"dep_formula":""`, func(m *pkgfile.Manifest) any { return m.DepFormula }, str(""), nil},
		{`"categories":["b","a","b",1,null,""]`, func(m *pkgfile.Manifest) any { return m.Categories }, []string{"", "a", "b"},
			[]string{"categories: found an integer in the list, wanted a string", "categories: found null in the list, wanted a string"}},
		{`"users":["u",{"x":1}]`, func(m *pkgfile.Manifest) any { return m.Users }, []string{"u"}, nil},
		{`"shlibs":["b",""],"shlibs_required":["a"]`, func(m *pkgfile.Manifest) any { return m.ShlibsRequired }, []string{"a", "b"}, nil},
		{`"config":["/a%20b","/x//y/./z"]`, func(m *pkgfile.Manifest) any { return m.Config }, []string{"/a%20b", "/x/y/z"}, nil},
		{`"options":{"B":true,"A":"x","C":1,"B":false}`, func(m *pkgfile.Manifest) any { return m.Options },
			[]pkgfile.Pair{{Name: "A", Value: "x"}, {Name: "B", Value: "on"}}, []string{"options: C: found an integer, wanted a string or a boolean"}},
		{`"annotations":{"b":"","a":"\u00e9","c":true}`, func(m *pkgfile.Manifest) any { return m.Annotations },
			[]pkgfile.Pair{{Name: "a", Value: "é"}, {Name: "b"}}, []string{"annotations: c: found a boolean, wanted a string"}},
		{`"deps":{"b":{"Origin":"o","version":7},"a":[{"version":"1"},{"origin":"x"},{"origin":"y"}],"c":{"version":"1"},"d":"e"}`,
			func(m *pkgfile.Manifest) any { return m.Deps }, []pkgfile.Dep{{Name: "a", Origin: "x", Version: "1"}, {Name: "b", Origin: "o", Version: "7"}},
			[]string{"deps: c: has no origin, and so is not a dependency to pkg(8)", "deps: d: found a string, wanted an object or a list"}},
		{`"deps":{"a":{"version":"1"},"a":{"origin":"x"}}`, func(m *pkgfile.Manifest) any { return m.Deps },
			[]pkgfile.Dep{{Name: "a", Origin: "x", Version: "1"}}, nil},
		{`"scripts":{"install":"a%25","post-install":"","upgrade":"x","pre-install":1}`, func(m *pkgfile.Manifest) any { return m.Scripts },
			[]pkgfile.Script{{Phase: "install", Text: "a%"}},
			[]string{"scripts: upgrade: is not a phase that pkg(8) knows", "scripts: pre-install: found an integer, wanted a string"}},
		{`"lua_scripts":{"post-install":["a%25",1,"b"],"install":["x"],"pre-install":"y"}`, func(m *pkgfile.Manifest) any { return m.LuaScripts },
			[]pkgfile.Script{{Phase: "post-install", Text: "a%25"}},
			[]string{"lua_scripts: post-install: found an integer in the list, wanted a string; nothing after it counts",
				"lua_scripts: install: is not a phase that pkg(8) knows", "lua_scripts: pre-install: found a string, wanted a list"}},
		{`"message":"old","messages":[{"message":"m","type":"Upgrade","minimum_version":"1","maximum_version":2},{"message":"n","type":"x","minimum_version":"1"}]`,
			func(m *pkgfile.Manifest) any { return m.Messages },
			[]pkgfile.Message{{Text: "old"}, {Text: "m", Type: "upgrade", MinVersion: str("1")}, {Text: "n"}},
			[]string{`messages: type "x": is not one of install, remove and upgrade; the message is always shown`}},
		{`"messages":[{"message":"\ud83d\ude00a\u0000b"}]`, func(m *pkgfile.Manifest) any { return m.Messages },
			[]pkgfile.Message{{Text: "\xed\xa0\xbd\xed\xb8\x80a"}}, nil},
		{`"files":{"/b":{"SUM":"` + sha + `","perm":755,"uname":"u","mtime":"12x","fflags":1.5,"more":{}},"/a%20":"-","//c/./d":"` + sha[2:] + `","/c/d":1,"/e":[]}`,
			func(m *pkgfile.Manifest) any { return listed(m) },
			[]pkgfile.File{{Path: "/a "}, {Path: "/b", Sum: sha, Attr: pkgfile.Attr{Uname: "u", Perm: 0o755}, Time: new(int64(12))}, {Path: "/c/d", Sum: sha[2:]}},
			[]string{"files: /c/d: found an integer, wanted a string or an object", "files: /e: found a list, wanted a string or an object"}},
		{`"files":{"/a":{"perm":"u=rwx,go=rx"},"/b":{"perm":"+x"},"/c":{"perm":"bad"},"/d":{"perm":"0999"},"/%61":"` + sha + `"}`,
			func(m *pkgfile.Manifest) any { return listed(m) },
			[]pkgfile.File{{Path: "/a", Attr: pkgfile.Attr{Perm: 0o755}}, {Path: "/b", Attr: pkgfile.Attr{Perm: 0o111}}, {Path: "/c"}, {Path: "/d"}},
			[]string{`files: perm: "bad" is not a mode`, `files: perm: "0999" is not a mode`, "files: /a: occurs twice; the first counts"}},
		{`"files":{"/b":{"perm":"0644","perm":"0755","Perm":"0600"},"/a":"-","/b":{"perm":"0700"},"/\u0061":5,"/c":{"1":1,"2":1,"3":1,"4":1,"5":1,"6":1,"7":1,"8":1,"9":1,"10":1,"11":1,"12":1,"13":1,"14":1,"15":1,"uname":"u","uname":"v","gname":"g"}}`,
			func(m *pkgfile.Manifest) any { return listed(m) },
			[]pkgfile.File{{Path: "/a"}, {Path: "/b", Attr: pkgfile.Attr{Perm: 0o600}}, {Path: "/c", Attr: pkgfile.Attr{Uname: "u", Gname: "g"}}}, nil},
		{`"directories":{"/":"y","/b/":true,"/a":"n","/c":{"try":true,"perm":"01777","uname":"u","gname":"g"},"/d":null}`,
			func(m *pkgfile.Manifest) any { return m.Dirs },
			[]pkgfile.Dir{{Path: "/a"}, {Path: "/b"}, {Path: "/c", Attr: pkgfile.Attr{Known: true, Uname: "u", Gname: "g", Perm: 0o1777}}},
			[]string{"directories: /: belongs to every package, and so to none", "directories: /d: found null, wanted a string, a boolean or an object"}},
		{`"dirs":["/b",{"/a":{"perm":755}},1]`, func(m *pkgfile.Manifest) any { return m.Dirs },
			[]pkgfile.Dir{{Path: "/a", Attr: pkgfile.Attr{Perm: 0o755}}, {Path: "/b"}}, []string{"dirs: found an integer in the list, wanted a string or an object"}},
	} {
		m := parse(t, ","+tt.rest)
		if d := cmp.Diff(tt.want, tt.field(m)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.rest, d)
		}
		if d := cmp.Diff(tt.skipped, m.Skipped); d != "" {
			t.Errorf("%s: skipped (-want +got):\n%s", tt.rest, d)
		}
	}
}

// TestDesc decodes what pkg has encoded, and leaves any other '%' as it is.
func TestDesc(t *testing.T) {
	t.Parallel()
	text := strings.Replace("{"+head+"}", `"desc":"d"`, `"desc":"100%25 %c3%A9 %zz %4"`, 1)
	m, err := pkgfile.ParseManifest([]byte(text))
	if err != nil || m.Desc != "100% é %zz %4" {
		t.Errorf("got %q, %v", m.Desc, err)
	}
}

// TestArch takes the ABI from the key that older tools write.
func TestArch(t *testing.T) {
	t.Parallel()
	text := strings.Replace("{"+head+"}", `"abi":"FreeBSD:15:amd64","arch":"freebsd:15:x86:64"`, `"arch":"FreeBSD:15:amd64"`, 1)
	m, err := pkgfile.ParseManifest([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if want := parse(t, ""); m.ABI != want.ABI || m.Digest() != want.Digest() {
		t.Errorf("got %s, %s; want %s, %s", m.ABI, m.Digest(), want.ABI, want.Digest())
	}
}
