// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
)

// random makes a case. Half of the cases are about the contents of manifests, half
// about the choice of packages.
func random(r *rand.Rand) *Case {
	c := &Case{Repos: []Repo{{Form: pick(r, ByPkg, ByPkg, Data, Data, Lines, OldMeta, NoMeta)}}}
	priorities := pick(r, []int{0, 0}, []int{1, 2}, []int{2, 1}, []int{0, 3})
	override := r.IntN(3) == 0 // this resets the priority
	switch r.IntN(4) {
	case 0:
		c.versions(r)
		priorities = []int{0, 0} // otherwise pkg takes the first version that it finds in a repository
	case 1:
		c.repositories(r, override || priorities[0] == priorities[1])
	default:
		c.oddities(r)
	}
	c.Conf = confs(r, priorities[:len(c.Repos)], override)
	return c
}

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

// confs are configuration files for some repositories. Later ones override.
func confs(r *rand.Rand, priorities []int, override bool) []string {
	texts := []string{""}
	for i, n := range priorities {
		texts[0] += fmt.Sprintf("r%d: { url: \"file://@%d@\", signature_type: \"none\"", i, i)
		if n > 0 {
			texts[0] += fmt.Sprintf(", priority: %d", n)
		}
		texts[0] += pick(r, "", "", ", enabled: yes", ", enabled: true") + " }\n"
	}
	if override {
		name := fmt.Sprintf("r%d", r.IntN(len(priorities)))
		texts = append(texts, name+": { "+pick(r, "enabled: yes", "signature_type: none", "mirror_type: none", "")+" }\n")
	}
	return texts
}

// plainPackage returns a package with nothing odd.
func plainPackage(name, version string) Package {
	p := Package{Relative: "/"}
	for _, k := range [][2]string{{"name", name}, {"origin", "misc/" + name}, {"version", version}, {"comment", "a " + name}, {"desc", "A package."},
		{"maintainer", "ports@example.org"}, {"www", "https://example.org/"}, {"abi", abi}, {"arch", "freebsd:15:x86:64"}, {"prefix", "/usr/local"}, {"licenselogic", "single"}} {
		p.set(k[0], quote(k[1]))
	}
	p.set("flatsize", "10")
	p.set("licenses", `["BSD2CLAUSE"]`)
	p.set("categories", `["misc"]`)
	p.addFile(File{Path: "/usr/local/share/" + name + "/f", Body: name + " " + version + "\n"}, "")
	return p
}

// addFile adds a file to the archive and to the manifest, there with another value
// or in full.
func (p *Package) addFile(f File, value string) {
	if f.Mode == 0 {
		f.Mode = 0o644
	}
	if f.Uname == "" {
		f.Uname, f.Gname = "root", "wheel"
	}
	if value == "" {
		value = fmt.Sprintf(`{"sum":%s,"uname":%s,"gname":%s,"perm":"%04o","mtime":%d}`, quote(sumOf(f)), quote(f.Uname), quote(f.Gname), f.Mode, made)
	}
	p.Files = append(p.Files, f)
	p.insert("files", f.Path, value)
}

func sumOf(f File) string {
	body := f.Body
	if f.Link != "" {
		body = strings.TrimPrefix(f.Link, "/")
	}
	return fmt.Sprintf("1$%x", sha256.Sum256([]byte(body)))
}

// insert adds a member to the object of a key.
func (p *Package) insert(key, name, value string) {
	old := strings.TrimSuffix(p.get(key), "}")
	switch old {
	case "":
		old = "{"
	case "{":
	default:
		old += ","
	}
	p.set(key, old+quote(name)+":"+value+"}")
}

// versions makes a case with several versions of packages.
func (c *Case) versions(r *rand.Rand) {
	names := []string{"app", "lib", "tool", "extra", "base"}[:2+r.IntN(4)]
	found := things{}
	for _, name := range names {
		seen := map[string]bool{}
		for range 1 + r.IntN(3) {
			version := pick(r, "1.0", "1.0", "2.0", "1.0_2", "1.0,1", "1.0.a1", "1.0.p1", "10", "9", "1.0_10")
			if !seen[version] {
				seen[version] = true
				p := plainPackage(name, version)
				p.relations(r, names)
				found.needs(r, &p)
				c.Repos[0].Packages = append(c.Repos[0].Packages, p)
			}
		}
	}
	c.Request = []string{pick(r, "app", "app", "app", "app-1.0", "app-1.0,1", "app-2.0")}
	if r.IntN(4) == 0 {
		c.Request = append(c.Request, pick(r, names[1:]...))
	}
}

// repositories makes a case with packages in one or two repositories.
func (c *Case) repositories(r *rand.Rand, equal bool) {
	if r.IntN(3) > 0 {
		c.Repos = append(c.Repos, Repo{Form: pick(r, ByPkg, Data)})
	}
	names := []string{"app", "lib", "tool", "extra", "base"}[:2+r.IntN(4)]
	found := things{}
	for i := range c.Repos {
		for _, name := range names {
			if r.IntN(6) == 0 && name != "app" {
				continue
			}
			p := plainPackage(name, pick(r, "1.0", "1.0", "2.0", "1.0,1"))
			if i > 0 && (equal || r.IntN(3) > 0) { // other bytes: with equal bytes pkg may name either repository
				p.set("comment", quote(fmt.Sprintf("of repository %d", i)))
			}
			p.relations(r, names)
			if len(c.Repos) == 1 {
				found.needs(r, &p)
			}
			c.Repos[i].Packages = append(c.Repos[i].Packages, p)
		}
	}
	c.Request = []string{"app"}
	if r.IntN(3) == 0 {
		c.Request = append(c.Request, pick(r, names[1:]...))
	}
	if len(c.Repos) == 1 && r.IntN(4) == 0 {
		c.Request = []string{pick(r, "app*", "a*", "*", "[al]*", "app-1*")}
	}
}

// relations gives a package dependencies.
func (p *Package) relations(r *rand.Rand, names []string) {
	if r.IntN(2) == 0 {
		if to := pick(r, names...); to > p.text("name") {
			p.insert("deps", to, fmt.Sprintf(`{"origin":%s,"version":"1.0"}`, quote("misc/"+to)))
		}
	}
	if r.IntN(8) == 0 {
		p.set("dep_formula", pick(r, `"lib >= 1.0"`, `"lib = 2.0, tool > 1 | extra"`, `"nothing"`))
	}
	if r.IntN(12) == 0 {
		p.set("vital", "true")
	}
}

// things are what packages need from each other, and the only package that has each,
// or else "needed by" and the one that must not have it. Of several providers pkg
// takes any, and of several versions the first that it finds, even if another was
// requested.
type things map[string]string

// needs gives a package libraries and capabilities.
func (t things) needs(r *rand.Rand, p *Package) {
	for _, kind := range []struct {
		provided, required string
		what               []string
	}{
		{"shlibs_provided", "shlibs_required", []string{"libx.so.1", "libx.so.2", "liby.so.1", "libx.so.1:32"}},
		{"provides", "requires", []string{"a-thing", "thing=1.0", "php"}},
	} {
		name := p.text("name")
		if what := pick(r, kind.what...); r.IntN(3) == 0 && t[what] == "" && t["needed by "+name] != what {
			t[what] = name
			p.set(kind.provided, encode([]string{what}))
		}
		if what := pick(r, kind.what...); r.IntN(3) == 0 && t[what] != name && (t["needed by "+name] == "" || t["needed by "+name] == what) {
			t["needed by "+name] = what
			p.set(kind.required, encode([]string{what}))
		}
	}
	if r.IntN(8) == 0 {
		p.set(pick(r, "shlibs_required_ignore", "shlibs_provided_ignore"), encode([]string{pick(r, "libx.so.1", "libx.so.2")}))
	}
}

// oddities makes a case of one or two packages in which something is odd.
func (c *Case) oddities(r *rand.Rand) {
	p := plainPackage(pick(r, "app", "app", "py311-a_b", "libc++", "app.d"), pick(r, "1.0", "1.0,1", "2.3_4", "20260101"))
	name := p.text("name")
	c.Request = []string{pick(r, name, name, name+"-"+p.text("version"))}
	var others []Package
	for range 1 + r.IntN(4) {
		if other := pick(r, odd...)(r, &p); other != "" {
			others = append(others, plainPackage(other, "1.0"))
		}
	}
	if p.text("abi") != abi || p.text("arch") == "" {
		c.Repos[0].Form = ByPkg // this puts both into the catalogue
	}
	p.UCL = r.IntN(6) == 0
	p.NoCompact = r.IntN(6) == 0
	if r.IntN(20) == 0 {
		p.Relative = pick(r, "", "./")
	}
	p.Compression = pick(r, "zst", "zst", "xz", "none", "lzma")
	c.Repos[0].Packages = append([]Package{p}, unique(others)...)
}

func unique(list []Package) []Package {
	seen := map[string]bool{}
	var out []Package
	for _, p := range list {
		if name := p.text("name"); !seen[name] {
			seen[name] = true
			out = append(out, p)
		}
	}
	return out
}
