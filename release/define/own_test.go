// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/fault"
)

// read reads the image i that has the keys, and its JSON form again.
func read(t *testing.T, text string) (Image, error) {
	t.Helper()
	all := Images{}
	if err := all.Read("x", []byte(text), Target{Revision: "15.0", ABI: "FreeBSD:15:aarch64"}); err != nil {
		return Image{}, err
	}
	img := all["i"]
	written, err := json.Marshal(img)
	var again Image
	if err == nil {
		err = json.Unmarshal(written, &again)
	}
	if diff := cmp.Diff(img, again); diff != "" || err != nil {
		t.Errorf("%s: as JSON: %v (-want +got):\n%s", text, err, diff)
	}
	if errs := img.Check(); errs != nil {
		t.Errorf("%s: Check finds %v", text, errs)
	}
	return img, nil
}

// own is an image of nothing but what a change gives it.
func own(change func(*Image)) Image {
	img := Image{Name: "i", Parent: "p"}
	change(&img)
	return img
}

const (
	sha   = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	value = "a\n${HOME} $$ 84\n"
)

// TestOwn reads each key for what an image has of its own.
func TestOwn(t *testing.T) {
	t.Parallel()
	content := value
	empty := ""
	www := Owned{Owner: "www", Group: "wheel"}
	for text, want := range map[string]func(*Image){
		`file /f { local = ./x/y; owner = www; group = wheel; mode = "4755" }`: func(i *Image) {
			i.Files = []File{{Target: "/f", Local: "x/y", Owner: "www", Group: "wheel", Mode: 0o4755}}
		},
		`file { /f { local = y } "/g" { from = p; path = /h; owner = www } }`: func(i *Image) {
			i.Files = []File{{Target: "/f", Local: "y"}, {Taken: Taken{Path: "/h", From: []string{"p"}}, Target: "/g", Mode: 0o644, Owner: "www"}}
		},
		"file /f { content = <<EOT\na\n${HOME} $$ ${php}\nEOT\n}": func(i *Image) { i.Files = []File{{Target: "/f", Content: &content, Mode: 0o644}} },
		`file /f { content = "" }`:                                func(i *Image) { i.Files = []File{{Target: "/f", Content: &empty, Mode: 0o644}} },
		`tree / { local = .; exclude = [ "**/.DS_Store", "*.o" ]; modes { "usr/local/bin/**" = "0755"; "[a-z]?" = "1777" }; owner = www; group = wheel }`: func(i *Image) {
			i.Trees = []Tree{{Target: "/", Local: ".", Exclude: []string{"**/.DS_Store", "*.o"}, Modes: []Pair{{"usr/local/bin/**", "0755"}, {"[a-z]?", "1777"}}, Owned: www}}
		},
		`tree /x { image = "docker://h/n@sha256:` + sha + `"; path = /usr; platform = "freebsd/arm/v7" }`: func(i *Image) {
			i.Trees = []Tree{{Target: "/x", Image: "docker://h/n@sha256:" + sha, Path: "/usr", Platform: "freebsd/arm/v7"}}
		},
		`dir /b { owner = www; group = wheel; mode = 0750 }; dir /a { }`: func(i *Image) {
			i.Dirs = []Dir{{"/b", Owned{"www", "wheel", 0o750}}, {"/a", Owned{}}}
		},
		`link { /b = "../x"; /a = y }`: func(i *Image) { i.Links = []Pair{{"/b", "../x"}, {"/a", "y"}} },
		`attributes "/www/**" { owner = www }; attributes "/**" { mode = "0444" }`: func(i *Image) {
			i.Attributes = []Attributes{{"/www/**", Owned{Owner: "www"}}, {"/**", Owned{Mode: 0o444}}}
		},
		`account web { uid = 1005; group = web; groups = [ www, mail ]; home = /home/web; shell = /bin/sh; class = daemon; gecos = "Wéb, of us" }; account "samba$" { }`: func(i *Image) {
			i.Accounts = []Account{{"web", "1005", "web", []string{"www", "mail"}, "/home/web", "/bin/sh", "daemon", "Wéb, of us"}, {Name: "samba$"}}
		},
		`group data { gid = 4294967293; members = web }`: func(i *Image) { i.Groups = []Group{{"data", "4294967293", []string{"web"}}} },
		`edit /p.ini { append = "a = b"; set { memory = 256M; a = "" }; comment = [ '^zend_\d' ]; replace { "OLD ${php}" = NEW; b = '${c}' }; times = 2; sign = ";" }`: func(i *Image) {
			i.Edits = []Edit{{"/p.ini", []Pair{{"OLD 84", "NEW"}, {"b", "${c}"}}, []string{`^zend_\d`}, []Pair{{"memory", "256M"}, {"a", ""}}, []string{"a = b"}, 2, ";"}}
		},
		"edit /p.ini { append = <<EOT\na\nb\nEOT\n}": func(i *Image) { i.Edits = []Edit{{Path: "/p.ini", Append: []string{"a", "b"}}} },
		`archive { url = "https://x/${ARCH}.tar.xz"; sha256 = "` + sha + `"; strip = 1; include = "bin/**"; to = /usr/local; modes { "bin/*" = 755 }; owner = www; group = wheel }`: func(i *Image) {
			i.Archives = []Archive{{"https://x/aarch64.tar.xz", sha, 1, []string{"bin/**"}, "/usr/local", []Pair{{"bin/*", "755"}}, www}}
		},
		`archive [ { url = "https://a"; sha256 = "` + sha + `"; to = / }, { url = "https://b"; sha256 = "` + sha + `"; to = / } ]; archive { url = "https://c"; sha256 = "` + sha + `"; to = /}`: func(i *Image) {
			for _, name := range []string{"a", "b", "c"} {
				i.Archives = append(i.Archives, Archive{URL: "https://" + name, SHA256: sha, To: "/"})
			}
		},
		`rc-conf { sshd_enable = YES; a = "x y" }; when ">=15" { rc-conf { b = 1 } }; when "<15" { rc-conf { c = 1 } }`: func(i *Image) {
			i.RCConf = []Pair{{"sshd_enable", "YES"}, {"a", "x y"}, {"b", "1"}}
		},
		`pkg-conf "local" { url = 'pkg+https://x/${ABI}'; enabled = yes; PRIORITY = 5 }; pkg-conf FreeBSD { enabled = no }`: func(i *Image) {
			i.PkgConf = []PkgConf{{"local", []Pair{{"url", "pkg+https://x/${ABI}"}, {"enabled", "yes"}, {"PRIORITY", "5"}}}, {"FreeBSD", []Pair{{"enabled", "no"}}}}
		},
		`assert { php84 = "8.4.*" }`: func(i *Image) { i.Assert = []Pair{{"php84", "8.4.*"}} },
		`env = [ "A=${version:nginx}", "B=${php}", 'C=${php}', "D=${ABI} $VERSION_MAJOR $$ x" ]; version = "${version:nginx}"`: func(i *Image) {
			i.Env, i.Version = []string{"A=${version:nginx}", "B=84", "C=${php}", "D=FreeBSD:15:aarch64 15 $ x"}, "${version:nginx}"
		},
		`labels { "${php}" = "${php}${php}"; "$php" = "$php" }`:  func(i *Image) { i.Labels = map[string]string{"84": "8484", "$php": "$php"} },
		`file "/${php}" { local = "x-${php}-${VERSION_MAJOR}" }`: func(i *Image) { i.Files = []File{{Target: "/84", Local: "x-84-15"}} },
		`title = "${recursive}"`:                                 func(i *Image) { i.Title = "${php}" },
	} {
		got, err := read(t, `variables { php = 84; recursive = "${php}" }; image i { parent = p; `+text+` }`)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if diff := cmp.Diff(own(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// TestOwnRefused finds what none of the keys can say, and where it stands.
func TestOwnRefused(t *testing.T) {
	t.Parallel()
	archive := `archive { url = "https://x"; sha256 = "` + sha + `"; to = /x; `
	for text, want := range map[string]string{
		`fiel /f { local = x }`:                          `fiel: x:2: key is not known, wanted one of a definition, such as packages or parent; did you mean file?`,
		`file /f { locl = x }`:                           `file: /f: x:2: key "locl" is not known, wanted one of content, from, group, local, mode, optional, owner, path, source; did you mean local?`,
		`file /f { }`:                                    `file: /f: x:2: has no origin, wanted local, content, from or source`,
		`file /f { path = /g }`:                          `has no origin`,
		`file /f { local = x; content = y }`:             `file: /f: x:2: has several origins`,
		`file /f { local = x; path = /y }`:               `has several origins`,
		`file /f { content = x; from = y }`:              `has several origins`,
		`file /f { local = x; optional = yes }`:          `optional: the definition has the file itself`,
		`file /f { local = "/etc/x" }`:                   `local: x:2: "/etc/x" is outside of the definition's folder`,
		`file /f { local = "../x" }`:                     `"../x" is outside of the definition's folder`,
		`file /f { local = "a/../b" }`:                   `"a/../b" is not a clean path`,
		`file /f { local = "./" }`:                       `"./" is not a clean path`,
		`file /f { local = "a\u0000" }`:                  `is not a clean path`,
		`file /f { local = x; mode = "u+w" }`:            `mode: x:2: mode "u+w" is not octal, as in 0644`,
		`file /f { local = x; mode = "17777" }`:          `mode "17777" is not octal`,
		`file /f { local = x; mode = "0" }`:              `mode 0 lets nobody do anything`,
		`file /f { local = x; owner = "a b" }`:           `owner: found "a b", wanted a name`,
		`file f { local = x }`:                           `file: f: x:2: path: "f": path is not absolute`,
		`file "/a/../b" { local = x }`:                   `path has the component ..`,
		`file /f { content = [ a ] }`:                    `content: x:2: found a list, wanted a string`,
		"file /f { local = x }\nfile /f { local = y }":   `file: /f: x:3: is given twice, first in line 2`,
		"file /f { local = x }\ndir /f { }":              `dir: /f: x:3: is given twice, first in line 2`,
		"dir /f { }\nlink { /f = x }":                    `link: /f: x:3: is given twice, first in line 2`,
		"dir /f { }\nwhen 15 {\ndir /f { } }":            `dir: /f: x:4: is given twice, first in line 2`,
		"edit /f { append = x }\nedit /f { append = x }": `edit: /f: x:3: is given twice, first in line 2`,
		`tree / { }`: `tree: /: x:2: wanted one of local and image`,
		`tree / { local = x; image = "docker://y" }`:            `wanted one of local and image`,
		`tree / { local = x; path = /y }`:                       `path and platform are of an image`,
		`tree / { image = static }`:                             `image: found "static", wanted a reference`,
		`tree / { image = "docker://y"; path = y }`:             `path: "y": path is not absolute`,
		`tree / { image = "docker://y"; platform = x }`:         `platform: found "x", wanted one as in freebsd/amd64`,
		`tree / { local = x; mode = 0755 }`:                     `key "mode" is not known, wanted one of exclude, group, image, local, modes, owner, path, platform; did you mean modes?`,
		`tree / { local = x; exclude = "/a" }`:                  `exclude: found "/a", wanted a relative path`,
		`tree / { local = x; exclude = "a/../b" }`:              `exclude: found "a/../b"`,
		`tree / { local = x; exclude = "a**" }`:                 `exclude: found "a**"`,
		`tree / { local = x; exclude = "[" }`:                   `exclude: found "["`,
		`tree / { local = x; modes { "a" = "4755" } }`:          `modes: a: found "4755", wanted setuid and setgid for single paths only`,
		`tree / { local = x; modes { "a" = x } }`:               `modes: a: found "x", wanted an octal mode`,
		`tree / { local = x; modes { a = 755; a = 644 } }`:      `modes: a: x:2: is given twice, first in line 2`,
		`dir /f { mdoe = 0755 }`:                                `key "mdoe" is not known, wanted one of group, mode, owner; did you mean mode?`,
		`dir /f { mode = 0 }`:                                   `mode 0 lets nobody do anything`,
		`dir f { }`:                                             `path is not absolute`,
		`link { /f = "" }`:                                      `link: /f: x:2: found the target ""`,
		`link { / = x }`:                                        `the root of an image is a folder`,
		`link { f = x }`:                                        `path is not absolute`,
		`attributes /f { }`:                                     `attributes: /f: x:2: sets nothing, wanted owner, group or mode`,
		`attributes "x/**" { owner = a }`:                       `path is not absolute`,
		`attributes "/[" { owner = a }`:                         `syntax error in pattern`,
		`account "a b" { }`:                                     `account: a b: x:2: name: found "a b", wanted a name`,
		`account "-a" { }`:                                      `name: found "-a"`,
		`account a234567890123456789012345678901234 { }`:        `wanted a name of at most 32 letters`,
		"account a { }\naccount a { }":                          `account: a: x:3: is given twice, first in line 2`,
		`account a { uid = -1 }`:                                `uid: found "-1", wanted a number up to 4294967293`,
		`account a { uid = 4294967294 }`:                        `uid: found "4294967294"`,
		`account a { uid = "007" }`:                             `uid: found "007"`,
		`account a { gid = 5 }`:                                 `key "gid" is not known, wanted one of class, gecos, group, groups, home, shell, uid; did you mean uid?`,
		`account a { home = x }`:                                `home: "x": path is not absolute`,
		`account a { home = "/a:b" }`:                           `home: found "/a:b", wanted no colon`,
		`account a { shell = "/bin/../sh" }`:                    `shell: "/bin/../sh": path has the component ..`,
		`account a { gecos = "a:b" }`:                           `gecos: found "a:b", wanted no colon`,
		`account a { gecos = "a\nb" }`:                          `gecos: found "a\nb"`,
		`account a { class = "a b" }`:                           `class: found "a b"`,
		`account a { groups = [ b, b ] }`:                       `groups: has "b" twice`,
		`account a { group = "a:b" }`:                           `group: found "a:b"`,
		`group a { gid = x }`:                                   `group: a: x:2: gid: found "x"`,
		`group a { member = x }`:                                `did you mean members?`,
		`group a { members = [ "," ] }`:                         `members: found ","`,
		"group a { }\ngroup a { }":                              `is given twice`,
		`edit /f { }`:                                           `edit: /f: x:2: changes nothing, wanted replace, comment, set or append`,
		`edit /f { relpace { a = b } }`:                         `did you mean replace?`,
		`edit /f { comment = "(" }`:                             `comment: error parsing regexp`,
		`edit /f { set { a = "b\nc" } }`:                        `set: found "a", wanted a name and a value within a line`,
		`edit /f { set { a = b; a = c } }`:                      `set: a: x:2: is given twice, first in line 2`,
		`edit /f { append = x; times = 0 }`:                     `times: x:2: found 0, wanted 1 to`,
		`archive { }`:                                           `archive: x:2: url: found "", wanted one that begins with https://`,
		`archive { url = "http://x" }`:                          `url: found "http://x"`,
		`archive { url = "https://x"; sha256 = abc }`:           `sha256: found "abc", wanted 64 hexadecimal digits`,
		archive + `strip = 0 }`:                                 `strip: x:2: found 0, wanted 1 to 512`,
		archive + `include = "../x" }`:                          `include: found "../x"`,
		archive + `dest = /x }`:                                 `key "dest" is not known`,
		`archive { url = "https://x"; sha256 = "` + sha + `" }`: `has no to, wanted a folder of the image`,
		`rc-conf { "a-b" = x }`:                                 `rc-conf: a-b: x:2: found "a-b", wanted a variable of sh(1)`,
		`rc-conf { a = "x\ny" }`:                                `wanted no control character`,
		"rc-conf { a = x }\nrc-conf { a = y }":                  `rc-conf: a: x:3: is given twice, first in line 2`,
		`pkg-conf "../x" { enabled = no }`:                      `pkg-conf: ../x: x:2: found the name "../x"`,
		`pkg-conf x { }`:                                        `says nothing, wanted url, or enabled = no`,
		`pkg-conf x { urll = y }`:                               `key "urll" is not known, wanted one of enabled, fingerprints, ip_version, mirror_type, priority, pubkey, signature_type, url; did you mean url?`,
		`assert { a = "[" }`:                                    `assert: a: x:2: found the version "["`,
		`assert { "a b" = 1 }`:                                  `found "a b", wanted the name of a package`,
		`known-missing { a { reson = x } }`:                     `did you mean reason?`,
		`layers { at-mots = 2 }`:                                `did you mean at-most?`,
		`title = "${phhp}"`:                                     `x:2: variable ${phhp} is not known; did you mean ${php}?; single quotes keep a text as it is`,
		`env = "A=${HOME}"`:                                     `variable ${HOME} is not known`,
		`labels { "${x}" = y }`:                                 `key "${x}": variable ${x} is not known`,
		`packages = "${version:nginx}"`:                         `${version:nginx}: the version of nginx is known only when the image is planned`,
		`without { "${version:nginx}" = x }`:                    `the version of nginx is known only when`,
		`labels { "${version:nginx}" = x }`:                     `the version of nginx is known only when`,
		`tags = "${version:nginx}"`:                             `the version of nginx is known only when`,
		`env = 'A=${version:nginx}'`:                            `a version of a package in single quotes cannot be kept as it is`,
		`env = "A=${dollar}{version:nginx}"`:                    `the value of a variable becomes part of a version of a package`,
		`env = "A=${version:${nothing}}"`:                       `variable ${nothing} is not known`,
		`env = "A=${version:${dollar}}"`:                        `found ${version:$}, wanted the name of a package in it`,
		`when "<15" { title = "${x}" }`:                         `variable ${x} is not known`,
	} {
		_, err := read(t, `variables { php = 84; dollar = "$" }; image i { parent = p`+"\n"+text+` }`)
		if usage, _ := errors.AsType[*fault.UsageError](err); usage == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// TestVariablesRefused finds what a file cannot declare.
func TestVariablesRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`variabels { a = b }`:                      `x:1: key "variabels" is not known, wanted image or variables; did you mean variables?`,
		`variables { a = [ b ] }`:                  `variables: a: x:1: found a list, wanted a string`,
		`variables { "a b" = c }`:                  `variables: a b: x:1: wanted a name of letters, digits, _ and -`,
		`variables { ABI = c }`:                    `variables: ABI: x:1: this variable has its value already`,
		"variables { a = b }\nvariables { a = c }": `variables: a: x:2: is declared twice, first in line 1`,
		`image "${ARCH}" { parent = p }`:           `variable ${ARCH} is not known`,
	} {
		for _, read := range []func() error{
			func() error { return Images{}.Read("x", []byte(text), Target{Revision: "15.0"}) },
			func() error { _, err := Defines("x", []byte(text), Target{Revision: "0.0"}); return err },
			func() error { _, err := Sources("x", []byte(text), Target{Revision: "0.0"}); return err },
		} {
			err := read()
			if usage, _ := errors.AsType[*fault.UsageError](err); usage == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %s", text, err, want)
			}
		}
	}
	err := CheckSet(map[string]string{"a": "1", "phh": "2", "z": "3"}, []string{"php", "a"})
	want := "--set phh: no definition declares this variable; did you mean php?\n--set z: no definition declares this variable"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestEarly reads what a run has to know before the ABI is.
func TestEarly(t *testing.T) {
	t.Parallel()
	const text = `image "php${php}" { parent = "docker://h/${ARCH}"; packages = [ "./x-${php}.pkg", "y-${ABI}" ]; repositories = [ "r${php}" ]; env = "${UNKNOWN}" }
variables { php = 84 }`
	target := Target{Revision: "0.0", Set: map[string]string{"php": "85", "other": "x"}}
	names, err := Defines("x", []byte(text), target)
	if diff := cmp.Diff([]string{"php85"}, names); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	target.Name = "web"
	got, err := Sources("x", []byte(text), target)
	want := map[string]Source{"web": {Parent: "docker://h/${ARCH}", Repositories: []string{"r85"}, Files: []string{"x-85.pkg"}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if names, err := Variables("x", []byte(text)); err != nil || len(names) != 1 || names[0] != "php" {
		t.Errorf("got the variables %q, %v", names, err)
	}
	_, err = Sources("x", []byte(`image a { packages = "./${ARCH}.pkg" }`), target)
	if err == nil || !strings.Contains(err.Error(), "the ABI is not known when files are read; give --abi") {
		t.Errorf("got %v", err)
	}
	all := Images{}
	err = all.Read("x", []byte(`image i { parent = p; tags = "${ARCH}"; tree / { image = "./x"; platform = "freebsd/${ARCH}" } }`), Target{Revision: "15.0"})
	if err != nil {
		t.Errorf("without an ABI: %v", err)
	}
}

// TestTwoOrders gives the keys of an image in another order, and gets the same image:
// only within a list or a section does the order of the text count.
func TestTwoOrders(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("testdata", "every-key.ucl"))
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(string(text), "image i {\n")
	keys := strings.Split(strings.TrimSuffix(strings.TrimSpace(body), "}"), "\n\n")
	var turned []string
	for _, key := range keys {
		turned = append([]string{strings.TrimSpace(key)}, turned...)
	}
	one, err := read(t, string(text))
	if err != nil {
		t.Fatal(err)
	}
	other, err := read(t, "image i {\n"+strings.Join(turned, "\n")+"\n}\n"+head)
	if diff := cmp.Diff(one, other); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	d := &definer{}
	for key := range d.readers() {
		if !strings.Contains(body, "\t"+key+" ") {
			t.Errorf("the file lacks the key %s", key)
		}
	}
}

// TestWithVersions replaces versions wherever they may stand, and leaves the image that
// was read as it was.
func TestWithVersions(t *testing.T) {
	t.Parallel()
	const text = `image i { parent = p; env = "A=${version:n}"; labels { l = "${version:n}" }; annotations { "org.x" = "${version:n}" }
		cmd = [ x, "${version:n}" ]; entrypoint = [ y, "${version:n}" ]; version = "${version:n}"; file /f { content = "${version:n}${version:}${x}" }
		edit /e { replace { a = "${version:n}" }; set { b = "${version:n}" }; append = "${version:n}" } }`
	img, err := read(t, text)
	if err != nil {
		t.Fatal(err)
	}
	before, err := json.Marshal(img)
	if err != nil {
		t.Fatal(err)
	}
	got, err := img.WithVersions(func(pkg string) (string, bool) { return "1.2", pkg == "n" })
	if err != nil {
		t.Fatal(err)
	}
	after, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.ReplaceAll(string(before), "${version:n}", "1.2"); string(after) != want || strings.Count(want, "1.2") != 10 {
		t.Errorf("got %s, want %s", after, want)
	}
	if again, err := json.Marshal(img); err != nil || string(again) != string(before) {
		t.Errorf("the image has changed to %s, %v", again, err)
	}
	_, err = img.WithVersions(func(string) (string, bool) { return "", false })
	if want := "${version:n}: found no such package in the image, wanted one of its packages"; err == nil || err.Error() != want || fault.ClassOf(err) != fault.Unmet {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestCheckVersions compares the versions of packages with those wanted.
func TestCheckVersions(t *testing.T) {
	t.Parallel()
	o := Own{Assert: []Pair{{"a", "8.4.*"}, {"b", "1.?_1,1"}, {"c", "8.4.*"}, {"d", "*"}}}
	has := map[string]string{"a": "8.4.12_1", "b": "1.2_1,1", "c": "8.40"}
	errs := o.CheckVersions(func(pkg string) (string, bool) { v, is := has[pkg]; return v, is })
	want := "assert c: found 8.40, wanted version 8.4.*\nassert d: found no such package in the image, wanted version *"
	if err := errors.Join(errs...); err == nil || err.Error() != want || fault.ClassOf(err) != fault.Unmet {
		t.Errorf("got %v, want %s", err, want)
	}
}
