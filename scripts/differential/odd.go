// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// odd are the ways in which a manifest or archive may differ from those of today's
// pkg(8). Each may also name a package that is needed.
var odd = []func(r *rand.Rand, p *Package) string{
	anyKey, arch, options, annotations, messages, scripts, luaScripts, dependencies, fileForms, fileForms, fileAttributes,
	directories, config, lists, rareKeys, twice, members, texts, links,
}

// scalars have one value of each type, and odd spellings.
var scalars = []string{`"text"`, `""`, `"on"`, `"0"`, "1", "0", "755", "-1", "1.5", "true", "false", "null", "{}", "[]", `["a"]`, `{"a":"b"}`, `[1,"a"]`, `[["a"]]`, `[{"a":"b"}]`, "12345678901"}

// keys are all keys that libpkg knows (libpkg/pkg_manifest.c), and some that it does
// not.
var keys = strings.Fields(`annotations categories comment config dep_formula deps desc directories dirs files flatsize groups
	licenselogic licenses lua_scripts maintainer messages message name options origin path repopath pkgsize prefix provides requires scripts shlibs
	shlibs_provided shlibs_provided_ignore shlibs_required shlibs_required_ignore sum users version vital www conflict Name unheard_of`)

// anyKey gives any key any value.
func anyKey(r *rand.Rand, p *Package) string {
	key := pick(r, keys...)
	switch key {
	case "path", "repopath", "sum", "pkgsize": // orlop treats faults in these as damage
		return ""
	case "files", "name", "version", "config", "dirs", "origin", "prefix":
		if r.IntN(8) > 0 {
			return ""
		}
	}
	p.set(key, pick(r, scalars...))
	return ""
}

func arch(r *rand.Rand, p *Package) string {
	switch r.IntN(5) {
	case 0:
		p.drop("abi")
		p.set("arch", quote(abi))
	case 1:
		p.drop("arch")
	case 2:
		p.drop("abi")
		p.set("arch", `"FreeBSD:15:*"`)
	case 3:
		p.set("abi", pick(r, `"FreeBSD:15:*"`, `"FreeBSD:*"`, `"*"`, `"freebsd:15:amd64"`, `"FreeBSD:15"`, `"FreeBSD:14:amd64"`))
	case 4:
		p.drop("abi")
	}
	return ""
}

func options(r *rand.Rand, p *Package) string {
	p.drop("options")
	for _, name := range []string{"DOCS", "NLS", "X11"} {
		p.insert("options", name, pick(r, `"on"`, `"off"`, "true", "false", "1", "0", "null", `"yes"`, "1.5", `["on"]`, `"a b"`))
	}
	return ""
}

func annotations(r *rand.Rand, p *Package) string {
	p.drop("annotations")
	for _, name := range []string{"repository", "repo_type", "flavor", "FreeBSD_version", "a b"} {
		if r.IntN(2) == 0 {
			p.insert("annotations", name, pick(r, `"x"`, `"1500000"`, `"binary"`, "1", "true", "null", `""`, `["a"]`))
		}
	}
	return ""
}

func messages(r *rand.Rand, p *Package) string {
	text := func() string {
		return pick(r, `"hello"`, `"  trimmed \n\n"`, `"\ttab"`, `"a\u0007b"`, `"\u0001\u001f\u007f"`, `"caf\u00e9"`, `"two\nlines\n"`, `"quote \" back \\ slash /"`, `""`, `" "`, `"\ud83d\ude00"`, `"$$ ${X} $Y"`, `"\b\f\r"`, `"a\u000b"`)
	}
	if r.IntN(4) == 0 {
		p.set(pick(r, "message", "messages"), text())
		return ""
	}
	var list []string
	for range 1 + r.IntN(3) {
		m := []string{`"message":` + text()}
		add := func(key string, values ...string) {
			if r.IntN(2) == 0 {
				m = append(m, quote(key)+":"+pick(r, values...))
			}
		}
		add("type", `"install"`, `"upgrade"`, `"remove"`, `"INSTALL"`, `"other"`, `""`, "1", "true")
		add("minimum_version", `"0.5"`, `"0.5"`, "1", `""`)
		add("maximum_version", `"0.9"`, `"0.9"`, "2", `""`)
		add("more", `"x"`)
		r.Shuffle(len(m), func(i, j int) { m[i], m[j] = m[j], m[i] })
		list = append(list, "{"+strings.Join(m, ",")+"}")
	}
	if r.IntN(12) == 0 {
		list = append(list, pick(r, "{}", `"text"`, "1", `{"message":1}`))
	}
	p.set(pick(r, "messages", "message"), "["+strings.Join(list, ",")+"]")
	return ""
}

func scripts(r *rand.Rand, p *Package) string {
	p.drop("scripts")
	for _, phase := range []string{"install", "pre-install", "post-install", "deinstall", "pre-deinstall", "post-deinstall", "upgrade", "pre-upgrade", "post-upgrade", "other", "Post-Install"} {
		if r.IntN(4) == 0 {
			p.insert("scripts", phase, pick(r, `"true\n"`, `""`, `"true # 100%25 %41\n"`, `":"`, "1", "true", `["true"]`, `"true # 50% \n"`, `"\n"`))
		}
	}
	return ""
}

func luaScripts(r *rand.Rand, p *Package) string {
	p.drop("lua_scripts")
	for _, phase := range []string{"pre-install", "post-install", "pre-deinstall", "post-deinstall", "install", "other"} {
		if r.IntN(4) == 0 {
			p.insert("lua_scripts", phase, pick(r, `["local a = 1\n"]`, `[]`, `["local a = 1","local b = 2"]`, `["local a = 1",1,"local b = 2"]`, `"local a = 1"`, "1", `[""]`, `["-- 100%25"]`))
		}
	}
	return ""
}

func dependencies(r *rand.Rand, p *Package) string {
	value := pick(r, `{"origin":"misc/dep","version":"1.0"}`, `[{"origin":"misc/dep","version":"1.0"}]`, `{"origin":"misc/dep"}`, `{"origin":"misc/dep","version":1}`,
		`{"version":"1.0"}`, `{"origin":"misc/dep","version":"1.0","more":"x"}`, `{"origin":"misc/dep","version":1.5}`, `{"Origin":"misc/dep","VERSION":"1.0"}`,
		`{"origin":"misc/dep","version":"7.0"}`, `"1.0"`, `[]`, `{}`, `null`, `[{"origin":"misc/dep","version":"1.0"},{"origin":"misc/other","version":"2.0"}]`,
		`{"origin":1,"version":"1.0"}`, `{"origin":"misc/dep","version":""}`, `["x"]`)
	p.drop("deps")
	p.insert("deps", "dep", value)
	return "dep"
}

// paths are paths of files as a manifest may spell them, and as they are.
var paths = [][2]string{
	{"/usr/local/etc/a%20b", "/usr/local/etc/a b"}, {"/usr/local/etc/a b", "/usr/local/etc/a b"}, {"/usr/local/etc/100%25", "/usr/local/etc/100%"},
	{"/usr/local/etc/100%", "/usr/local/etc/100%"}, {"/usr/local/etc/%c3%a9", "/usr/local/etc/é"}, {"/usr/local/etc/%C3%A9", "/usr/local/etc/é"},
	{"/usr/local/etc/é", "/usr/local/etc/é"}, {"/usr/local/etc/5%zz", "/usr/local/etc/5%zz"}, {"/usr/local//etc/./x", "/usr/local//etc/./x"},
	{"/usr/local/etc/%e9", "/usr/local/etc/\xe9"}, {"/usr/local/etc/plain", "/usr/local/etc/plain"}, {"/usr/local/etc/a+b=c", "/usr/local/etc/a+b=c"},
}

func fileForms(r *rand.Rand, p *Package) string {
	path := pick(r, paths...)
	f := File{Path: path[1], Body: "text\n"}
	sum := sumOf(f)
	value := pick(r, quote(sum), quote(strings.TrimPrefix(sum, "1$")), `{"sum":`+quote(sum)+"}", "")
	p.addFile(f, value)
	if path[0] != path[1] {
		p.set("files", strings.Replace(p.get("files"), quote(path[1]), quote(path[0]), 1))
	}
	if r.IntN(3) == 0 {
		p.set("config", encode([]string{pick(r, path[0], path[1])}))
	}
	return ""
}

func fileAttributes(r *rand.Rand, p *Package) string {
	f := File{Path: "/usr/local/bin/x", Body: "text\n", Mode: 0o755, Time: made - 1000}
	if r.IntN(4) == 0 {
		f.Link, f.Body = "../share/x", ""
	}
	parts := []string{`"sum":` + quote(sumOf(f))}
	add := func(key string, values ...string) {
		if r.IntN(4) > 0 {
			parts = append(parts, quote(key)+":"+pick(r, values...))
		}
	}
	add("uname", `"root"`, `"root"`, `"daemon"`, "0", "null")
	add("gname", `"wheel"`, `"wheel"`, `"daemon"`, "0")
	add(pick(r, "perm", "perm", "PERM"), `"0755"`, "755", `"755"`, "644", `"4755"`, `"u=rwx,go=rx"`, `"bad"`, "true", `"0"`, "0", `"00755"`, "888")
	add(pick(r, "mtime", "mtime", "Mtime"), "1749999000", `"1749999000"`, "0", `"x"`, `"12x"`, "true", "1.5", "-1", "1600000000")
	add("fflags", "0", "1.5", "null")
	add("more", `"x"`, "1")
	if f.Link != "" {
		add("symlink_target", quote(f.Link))
	}
	p.addFile(f, "{"+strings.Join(parts, ",")+"}")
	return ""
}

func directories(r *rand.Rand, p *Package) string {
	value := pick(r, `"y"`, "true", "false", `"n"`, `{}`, `{"uname":"root","gname":"wheel","perm":"0750"}`, `{"try":true}`, "1", "null",
		`{"perm":750}`, `{"uname":"root","gname":"wheel","perm":"0750","fflags":0}`, `{"uname":"root"}`)
	path := pick(r, "/usr/local/share/d", "/usr/local/share/d/", "/usr/local/share/d%20e", "/usr/local/share", "/", "/usr/local")
	for _, f := range p.Files {
		if f.Dir {
			return "" // once is enough
		}
	}
	switch real := strings.TrimSuffix(strings.ReplaceAll(path, "%20", " "), "/"); {
	case real == "" || r.IntN(3) == 0 && !strings.HasPrefix(real, "/usr/local/share/d"): // pkg creates it while installing
	default:
		p.Files = append(p.Files, File{Path: real, Dir: true, Mode: 0o750, Uname: "root", Gname: "wheel"})
	}
	p.drop("directories")
	p.insert("directories", path, value)
	if r.IntN(8) == 0 {
		p.set("dirs", pick(r, `["/usr/local/share"]`, `[{"/usr/local/share":{"uname":"root","gname":"wheel","perm":"0755"}}]`, "[1]"))
	}
	return ""
}

func config(r *rand.Rand, p *Package) string {
	f := File{Path: pick(r, "/usr/local/etc/x.conf", "/usr/local/etc/x y.conf"), Body: pick(r, "a = 1\n", "", "b\n")}
	p.addFile(f, "")
	p.set("config", encode(pick(r, []string{f.Path}, []string{f.Path, "/usr/local/etc/none"}, []string{f.Path, f.Path}, []string{}, []string{strings.ReplaceAll(f.Path, " ", "%20")}, []string{"/usr/local//etc/x.conf"})))
	return ""
}

func lists(r *rand.Rand, p *Package) string {
	key := pick(r, "categories", "licenses", "users", "groups", "shlibs", "shlibs_provided", "shlibs_required", "shlibs_provided_ignore", "provides")
	p.set(key, pick(r, `["b","a"]`, `["a","a"]`, `["a",1,true,null,"b"]`, `[{"a":"b"}]`, `[]`, `["é"]`, `["a b"]`, `["b","a","b"]`))
	return ""
}

func rareKeys(r *rand.Rand, p *Package) string {
	switch r.IntN(8) {
	case 0:
		p.set("vital", pick(r, "true", "false", `"true"`, "1"))
	case 1:
		p.set("flatsize", pick(r, "0", "-5", "99999999999", `"10"`, "1.5"))
	case 2:
		p.set("licenselogic", pick(r, `"single"`, `"or"`, `"and"`, `"dual"`, `"multi"`, `"other"`, `""`, "1"))
	case 3:
		p.set("dep_formula", pick(r, `"lib >= 1.0"`, `""`, `"a | b"`))
	case 4:
		p.drop(pick(r, "comment", "desc", "maintainer", "www", "prefix", "licenselogic", "flatsize", "categories"))
	case 5:
		p.set("desc", pick(r, `"100%25 %e9"`, `"%41%zz"`, `"caf\u00e9"`, `"  blanks \n"`, `""`))
	case 7:
		lib := encode([]string{pick(r, "libq.so.1", "libq.so.1:32", "libq.so.1:Linux:32")})
		p.set("shlibs_provided", lib)
		p.set("shlibs_required", lib)
	case 6:
		p.set(pick(r, "comment", "www", "maintainer"), pick(r, `""`, `"$$ $ABI ${ABI}"`, `"a\tb"`, `"\ud83d\ude00"`, `"%41"`, `"a\/b"`))
	}
	return ""
}

// twice writes a key again.
func twice(r *rand.Rand, p *Package) string {
	k := pick(r, p.Keys...)
	if k.Name == "files" {
		return ""
	}
	value := pick(r, k.Value, `"other"`, `["other"]`)
	p.Keys = append(p.Keys, Key{k.Name, value})
	return ""
}

// links gives a file two names, and links to it.
func links(r *rand.Rand, p *Package) string {
	first := File{Path: "/usr/local/bin/a", Body: pick(r, "text\n", ""), Mode: 0o755, Uname: pick(r, "root", "daemon"), Gname: "wheel"}
	second := first
	second.Path, second.Hard = "/usr/local/bin/b", first.Path
	value := func(f File) string {
		sum := sumOf(f)
		return pick(r, "", quote(sum), fmt.Sprintf(`{"sum":%s,"perm":"0755"}`, quote(sum)))
	}
	p.addFile(first, value(first))
	p.addFile(second, value(first))
	link := File{Path: "/usr/local/bin/c", Link: pick(r, "a", "/usr/local/bin/a", "none"), Mode: 0o755}
	if strings.HasPrefix(link.Link, "/") {
		return "" // pkg has its own sums for these
	}
	p.addFile(link, pick(r, quote("-"), quote(sumOf(link)), fmt.Sprintf(`{"sum":%s,"uname":"root","gname":"wheel","perm":"0755","mtime":%d,"symlink_target":%s}`, quote(sumOf(link)), made, quote(link.Link))))
	return ""
}

func members(r *rand.Rand, p *Package) string {
	p.Members = append(p.Members, pick(r, "+MTREE_DIRS", "+DISPLAY", "+DESC", "+COMMENT", "+INSTALL", "+POST_INSTALL", "+ANYTHING"))
	return ""
}

func texts(r *rand.Rand, p *Package) string {
	p.set(pick(r, "comment", "desc", "maintainer", "www"), fmt.Sprintf(`"%s"`, pick(r, "caf\xe9", "ünï", `\u00fc`, "a'b", `\"`, "line\\nline", "\x7f", "tab\\t")))
	return ""
}
