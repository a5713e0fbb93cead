// SPDX-License-Identifier: BSD-2-Clause

package pkgfile_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/pkgfile"
)

const head = `"name":"p","origin":"o/p","version":"1","prefix":"/","abi":"FreeBSD:15:amd64","arch":"freebsd:15:x86:64",` +
	`"comment":"c","desc":"d","maintainer":"m","www":"w"`

func parse(t *testing.T, rest string) *pkgfile.Manifest {
	t.Helper()
	m, err := pkgfile.ParseManifest([]byte("{" + head + rest + "}"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const sha = "1$36a9412c21cd20b0c5a29c08cc8d657b6eca1ea04175d461d63060e3d86caa8f"

// listed are the files of a manifest.
func listed(m *pkgfile.Manifest) []pkgfile.File {
	var list []pkgfile.File
	for _, f := range m.Files.All() {
		list = append(list, f)
	}
	return list
}

// The three ways in which releases of pkg have written an entry.
func TestParseManifestFiles(t *testing.T) {
	t.Parallel()
	m := parse(t, `,"files":{
		"/z":"`+sha+`",
		"/na%c3%afve 100%25":{"sum":"`+sha+`","uname":"root","gname":"wheel","perm":"04555","fflags":131072,"mtime":5},
		"/l":{"sum":"`+sha+`","uname":"u","gname":"g","perm":"0755","symlink_target":"x","fflags":"schg,uarch"}
	},"directories":{"/d/":{"uname":"a","gname":"b","perm":"01777"},"/old":"y"},"config":["/z"]`)
	schg, both, five := uint32(0x20000), uint32(0x20800), int64(5)
	want := []pkgfile.File{
		{Path: "/l", Sum: sha, Attr: pkgfile.Attr{Known: true, Uname: "u", Gname: "g", Perm: 0o755}, Flags: &both, Link: "x", IsLink: true},
		{Path: "/na\u00efve 100%", Sum: sha, Attr: pkgfile.Attr{Known: true, Uname: "root", Gname: "wheel", Perm: 0o4555}, Flags: &schg, Time: &five},
		{Path: "/z", Sum: sha, IsConfig: true},
	}
	if d := cmp.Diff(want, listed(m)); d != "" {
		t.Errorf("files (-want +got):\n%s", d)
	}
	wantDirs := []pkgfile.Dir{{Path: "/d", Attr: pkgfile.Attr{Known: true, Uname: "a", Gname: "b", Perm: 0o1777}}, {Path: "/old"}}
	if d := cmp.Diff(wantDirs, m.Dirs); d != "" {
		t.Errorf("directories (-want +got):\n%s", d)
	}
}

func TestParseManifestUCL(t *testing.T) {
	t.Parallel()
	m, err := pkgfile.ParseManifest([]byte("name = p\norigin: o/p\nversion = \"1.10\"\nprefix = /usr/local\nabi = \"FreeBSD:15:*\"\ncomment = c; maintainer = m; www = w\ndesc = <<EOD\ntwo\nlines\nEOD\n;deps { q { origin = x, version = \"2\" } }\nfiles { /f { sum = \"" + sha + "\", perm = 0755 } }\noptions { A = on }\n"))
	if err != nil {
		t.Fatal(err)
	}
	if m.Files.At(0).Perm != 0o755 || m.Options[0].Value != "on" {
		t.Errorf("got %+v", m)
	}
	if m.Version != "1.10" || m.Desc != "two\nlines" || len(m.Deps) != 1 || m.Deps[0] != (pkgfile.Dep{Name: "q", Origin: "x", Version: "2"}) {
		t.Errorf("got %+v", m)
	}
}

func TestParseManifestErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{`{"name":"p"}`, "manifest: origin is missing"},
		{`{"name":"p","origin":"","comment":"","version":"1","desc":"","maintainer":"","www":"","prefix":"/","abi":"x"}`, "manifest: origin is missing"},
		{strings.Replace(`{`+head+`}`, `"www":"w"`, `"WWW":"w"`, 1), "manifest: www is missing"},
		{strings.NewReplacer(`"abi":`, `"ABI":`, `"arch":`, `"ARCH":`).Replace(`{` + head + `}`), "manifest: abi is missing"},
		{`{` + head + `,"files":{"/a":"1$00"}}`, "manifest: files: /a: sum"},
		{`{` + head + `,"files":{"/a":"1$00","":1}}`, "manifest: files: found an empty key"},
		{`{` + head + `,"files":{"/a":"1$00","\u0000":1}}`, "manifest: files: found an empty key"},
		{`{` + head + `,"files":{"/a":{"fflags":"bogus","":1}}}`, "manifest: files: /a: found an empty key"},
		{`{` + head + `,"files":{"/b":"1$00","/a":"1$01"}}`, "manifest: files: /b: sum"},
		{`{` + head + `,"files":{"/a":{"sum":"` + sha + `","fflags":"bogus"}}}`, `file flag "bogus" is not known`},
		{`{` + head + `,"licenselogic":"xor"}`, `manifest: licenselogic: "xor"`},
		{`{` + head + `,"flatsize":"big"}`, "manifest: flatsize: found a string, wanted an integer"},
		{`{"name":1.5}`, "manifest: name: found a number, wanted a string or an integer"},
		{`{` + head + `,"options":{"A":""}}`, "manifest: options: A: found an empty string, wanted on or off"},
		{`{` + head + `,"provides":[""]}`, "manifest: provides: found an empty string in the list"},
		{`{` + head + `,"config":["/a","/a"]}`, "manifest: config: /a occurs twice"},
		{`{` + head + `,"config":["a"]}`, "manifest: config: a: path is not absolute"},
		{`{` + head + `,"messages":["m"]}`, "manifest: messages: found a string in the list, wanted an object"},
		{`{` + head + `,"messages":[{"message":1}]}`, `manifest: messages: found an object without a string "message"`},
		{`{` + head + `,"":1}`, "manifest: found an empty key"},
		{"{\"name\":\"\xff\"," + head[11:] + "}", `manifest: name: "\xff" is not UTF-8`},
		{`[]`, "manifest: found a list, wanted an object"},
	} {
		if _, err := pkgfile.ParseManifest([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.text, err, tt.want)
		}
	}
}

// TestNames takes what pkg takes, and no name that a message could not show.
func TestNames(t *testing.T) {
	t.Parallel()
	read := func(name, version string) [2]error {
		text := fmt.Sprintf(`{"name":%s,"origin":"o/p","version":%s,"prefix":"/","abi":"FreeBSD:15:amd64","repopath":"a b","comment":"","desc":"","maintainer":"","www":""}`, quote(name), quote(version))
		_, whole := pkgfile.ParseManifest([]byte(text))
		_, line := pkgfile.ParseSummary([]byte(text))
		return [2]error{whole, line}
	}
	for _, name := range []string{"FreeBSD-runtime", "libstdc++_stldoc_4.2.2", "p5-CPAN-Meta-YAML", "a@b", "é", "a,b~c=d:e$(f)'\"*"} {
		if errs := read(name, "1.0_1,2"); errs[0] != nil || errs[1] != nil {
			t.Errorf("%q: got %v", name, errs)
		}
	}
	for bad, want := range map[string]string{
		"a\n":      "has the control character U+000A",
		"\x1b[31m": "has the control character U+001B",
		"\x7f":     "has the control character U+007F",
		"\u009b":   "has the control character U+009B",
		"a\u202eb": "has the control character U+202E",
		"a\u2066b": "has the control character U+2066",
		"a\u200fb": "has the control character U+200F",
		"a\u061cb": "has the control character U+061C",
		"a\u200bb": "has the control character U+200B",
		"a\u2028b": "has the control character U+2028",
		"a b":      "has white space",
		"a\u00a0b": "has white space",
		"../a":     "has a slash",
	} {
		for _, tt := range []struct {
			key  string
			errs [2]error
		}{{"name", read(bad, "1")}, {"version", read("p", bad)}} {
			for _, err := range tt.errs {
				if want := fmt.Sprintf("manifest: %s: %q %s", tt.key, bad, want); err == nil || !strings.HasSuffix(err.Error(), want) {
					t.Errorf("got %v, want %s", err, want)
				}
			}
		}
	}
	for _, rest := range []string{`"origin":"o\u001b/p"`, `"abi":"F\u001b"`, `"deps":{"q\u001b":{"origin":"o","version":"1"}}`, `"provides":["\u001b"]`} {
		text := `{"name":"p","version":"1","prefix":"/",` + rest
		for key, value := range map[string]string{"origin": "o/p", "abi": "FreeBSD:15:amd64"} {
			if !strings.HasPrefix(rest, `"`+key) {
				text += `,"` + key + `":"` + value + `"`
			}
		}
		if _, err := pkgfile.ParseSummary([]byte(text + "}")); err == nil || !strings.Contains(err.Error(), "has the control character U+001B") {
			t.Errorf("%s: got %v", rest, err)
		}
	}
}

func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// The vector was computed for the same package by pkg 2.8.99.
func TestDigest(t *testing.T) {
	t.Parallel()
	m := pkgfile.Manifest{Name: "FreeBSD-clibs", Origin: "base/FreeBSD-clibs", Version: "15.0p1", ABI: "FreeBSD:15:amd64", ShlibsProvided: []string{"libfoo.so.7"}}
	const want = "2$2$urz6stiucnusjyyjurp1errywp39x3ch5jspxjb3a7fmy5n5fpee75ra5w9k96gottxb9yac3e5dc8joaua5w33jy3xct1hrxyrs75n"
	if got := m.Digest(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestMessagesJSON(t *testing.T) {
	t.Parallel()
	half := "0.5"
	got := pkgfile.MessagesJSON([]pkgfile.Message{
		{Text: " a \"b\"\\\n\x01\v\x7f/é\n\n", Type: "install"}, {Text: "c", Type: "upgrade", MinVersion: &half, MaxVersion: new(string)}, {Text: " \t"},
	})
	want := `[{"message":"a \"b\"\\\n\uFFFD\u000B\uFFFD/é","type":"install"},{"message":"c","type":"upgrade","maximum_version":"","minimum_version":"0.5"},{"message":""}]`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := pkgfile.MessagesJSON(nil); got != "" {
		t.Errorf("none: got %q, want nothing", got)
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for names, want := range map[string]uint32{"": 0, "none": 0, "schg": 0x20000, "schg,uarch": 0x20800, "nodump": 1, "simmutable": 0x20000} {
		if got, err := pkgfile.ParseFlags(names); err != nil || got != want {
			t.Errorf("%q: got %#x, %v, want %#x", names, got, err, want)
		}
	}
	if got := pkgfile.FormatFlags(0x20800 | 1); got != "schg,uarch,nodump" {
		t.Errorf("got %q", got)
	}
	if _, err := pkgfile.ParseFlags("schg,none,such"); err == nil {
		t.Error("an unknown flag was accepted")
	}
}

func FuzzParseManifest(f *testing.F) {
	for _, rest := range []string{
		`,"files":{"/a":"` + sha + `","/b%20":{"sum":"` + sha + `","perm":"u=rwx","mtime":"5"},"/c":"-"},"config":["/a"]`,
		`,"messages":[{"message":"m","type":"upgrade","minimum_version":"1"}],"message":"\ud83d\u0000"`,
		`,"scripts":{"install":"x%20","upgrade":1},"lua_scripts":{"post-install":["a",1]}`,
		`,"options":{"A":true,"A":1},"annotations":{"a":"b"},"deps":{"b":[{"origin":"o"},{}],"c":{"version":7}}`,
		`,"directories":{"/":"y","/d/":true,"/e":{"perm":755}},"dirs":["/f",{"/g":{}}],"users":["u",{}],"shlibs":["",1]`,
	} {
		f.Add([]byte(`{` + head + rest + `}`))
	}
	f.Add([]byte("name = p\norigin = o/p\nversion = 1\nprefix = /\nabi = x; comment = c; desc = <<E\nd\nE\nmaintainer = m, www = w\noptions { A = on }"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := pkgfile.ParseManifest(text)
		if err != nil {
			return
		}
		if m.Name == "" || m.ABI == "" {
			t.Error("a manifest without name or ABI was accepted")
		}
		for i, file := range m.Files.All() {
			if i > 0 && file.Path <= m.Files.Path(i-1) {
				t.Errorf("files %q and before are not in order", file.Path)
			}
		}
		for i, dir := range m.Dirs {
			if i > 0 && dir.Path <= m.Dirs[i-1].Path {
				t.Errorf("directories %q and before are not in order", dir.Path)
			}
		}
		for _, s := range m.Scripts {
			if s.Text == "" || strings.Contains(s.Phase, "upgrade") {
				t.Errorf("script %+v was kept", s)
			}
		}
		again, err := pkgfile.ParseManifest(text)
		if d := cmp.Diff(m, again); err != nil || d != "" || m.Digest() != again.Digest() {
			t.Errorf("the second time: %v (-want +got):\n%s", err, d)
		}
		if !json.Valid(text) {
			return // of a catalogue, which has JSON only
		}
		if s, err := pkgfile.ParseSummary(text); err == nil { // which passes over what is not of its keys
			s.Path, s.Sum, s.Size = "", "", 0
			if d := cmp.Diff(m.Summary(), s); d != "" {
				t.Errorf("the summary (-want +got):\n%s", d)
			}
		}
	})
}
