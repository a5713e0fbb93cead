// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/spelling"
	"github.com/orlop/orlop/release/tree"
)

// check finds what cannot be right in own files and accounts.
func (o *Own) check() []error {
	var errs []error
	add := func(what string, faults []error) {
		for _, err := range faults {
			errs = append(errs, fault.Within(what, err))
		}
	}
	for _, t := range o.Trees {
		add("tree "+t.Target, t.check())
	}
	for _, a := range o.Archives {
		add("archive "+a.URL, a.check())
	}
	for _, d := range o.Dirs {
		add("dir "+d.Path, d.check())
	}
	for _, l := range o.Links {
		add("link "+l.Key, checkLink(l))
	}
	for _, a := range o.Attributes {
		add("attributes "+a.Pattern, a.check())
	}
	for _, e := range o.Edits {
		add("edit "+e.Path, e.check())
	}
	for _, a := range o.Accounts {
		add("account "+a.Name, a.check())
	}
	for _, g := range o.Groups {
		add("group "+g.Name, g.check())
	}
	for _, p := range o.RCConf {
		add("rc-conf "+p.Key, checkRCConf(p))
	}
	for _, c := range o.PkgConf {
		add("pkg-conf "+c.Name, c.check())
	}
	for _, p := range o.Assert {
		add("assert "+p.Key, checkAssert(p))
	}
	return errs
}

// Given reports whether the definition or its folder has the file.
func (f *File) Given() bool { return f.Local != "" || f.Content != nil }

// check finds what cannot be right in a file.
func (f *File) check() []error {
	var errs faults
	taken := f.Source != "" || len(f.From) > 0
	switch {
	case !f.Given() && !taken:
		errs.addf("has no origin, wanted local, content, from or source")
	case f.Local != "" && f.Content != nil, f.Given() && (taken || f.Path != ""):
		errs.addf("has several origins, wanted one: local, content, or from, path and source")
	case f.Given() && f.Optional:
		errs.addf("optional: the definition has the file itself")
	}
	if f.Local != "" {
		errs.add("local", checkLocal(f.Local))
	}
	errs.add("path", tree.CheckPath(f.Target))
	errs.owned(Owned{f.Owner, f.Group, f.Mode})
	return errs
}

func (t *Tree) check() []error {
	var errs faults
	errs.add("path", tree.CheckPath(t.Target))
	switch {
	case (t.Local == "") == (t.Image == ""):
		errs.addf("wanted one of local and image")
	case t.Local != "" && (t.Path != "" || t.Platform != ""):
		errs.addf("path and platform are of an image, and it has none")
	case t.Image != "" && !IsReference(t.Image):
		errs.addf("image: found %q, wanted a reference, as docker://HOST/NAME@DIGEST or a path is", t.Image)
	}
	if t.Local != "" {
		errs.add("local", checkLocal(t.Local))
	}
	if t.Path != "" {
		errs.add("path", tree.CheckPath(t.Path))
	}
	if t.Platform != "" && !platformForm.MatchString(t.Platform) {
		errs.addf("platform: found %q, wanted one as in freebsd/amd64", t.Platform)
	}
	errs.patterns("exclude", t.Exclude)
	errs.modes(t.Modes)
	errs.owned(t.Owned)
	return errs
}

func (a *Archive) check() []error {
	var errs faults
	if !strings.HasPrefix(a.URL, "https://") {
		errs.addf("url: found %q, wanted one that begins with https://", a.URL)
	}
	if !sha256Form.MatchString(a.SHA256) {
		errs.addf("sha256: found %q, wanted 64 hexadecimal digits", a.SHA256)
	}
	if a.Strip < 0 || a.Strip > maxStrip {
		errs.addf("strip: found %d, wanted 1 to %d", a.Strip, maxStrip)
	}
	if a.To == "" {
		errs.addf("has no to, wanted a folder of the image")
	} else {
		errs.add("to", tree.CheckPath(a.To))
	}
	errs.patterns("include", a.Include)
	errs.modes(a.Modes)
	errs.owned(a.Owned)
	return errs
}

func (d *Dir) check() []error {
	var errs faults
	errs.add("path", tree.CheckPath(d.Path))
	errs.owned(d.Owned)
	return errs
}

func checkLink(l Pair) []error {
	var errs faults
	errs.add("path", tree.CheckPath(l.Key))
	if l.Key == "/" {
		errs.addf("the root of an image is a folder")
	}
	if l.Value == "" || strings.ContainsRune(l.Value, 0) {
		errs.addf("found the target %q, wanted a path", l.Value)
	}
	return errs
}

func (a *Attributes) check() []error {
	var errs faults
	if a.Pattern != "/**" {
		errs.add("path", tree.CheckPath(strings.TrimSuffix(a.Pattern, "/**")))
	}
	if _, err := path.Match(a.Pattern, ""); err != nil {
		errs.addf("%w", err)
	}
	if a.Owned == (Owned{}) {
		errs.addf("sets nothing, wanted owner, group or mode")
	}
	errs.owned(a.Owned)
	return errs
}

func (e *Edit) check() []error {
	var errs faults
	errs.add("path", tree.CheckPath(e.Path))
	if len(e.Replace)+len(e.Comment)+len(e.Set)+len(e.Append) == 0 {
		errs.addf("changes nothing, wanted replace, comment, set or append")
	}
	for _, p := range e.Replace {
		if p.Key == "" {
			errs.addf("replace: found an empty text, wanted one to look for")
		}
	}
	for _, expr := range e.Comment {
		if _, err := regexp.Compile(expr); err != nil {
			errs.addf("comment: %w", err)
		}
	}
	for _, p := range e.Set {
		if strings.TrimSpace(p.Key) == "" || strings.ContainsAny(p.Key+p.Value, "\n\x00") {
			errs.addf("set: found %q, wanted a name and a value within a line", p.Key)
		}
	}
	for _, line := range e.Append {
		if strings.ContainsAny(line, "\n\x00") {
			errs.addf("append: found %q, wanted lines", line)
		}
	}
	if e.Times < 0 || e.Times > maxTimes {
		errs.addf("times: found %d, wanted 1 to %d", e.Times, maxTimes)
	}
	return errs
}

func (a *Account) check() []error {
	var errs faults
	errs.name("name", a.Name)
	errs.id("uid", a.UID)
	if a.Group != "" {
		errs.name("group", a.Group)
	}
	errs.names("groups", a.Groups)
	errs.place("home", a.Home)
	errs.place("shell", a.Shell)
	if a.Class != "" && !classForm.MatchString(a.Class) {
		errs.addf("class: found %q, wanted the name of a login class", a.Class)
	}
	errs.field("gecos", a.Gecos)
	return errs
}

func (g *Group) check() []error {
	var errs faults
	errs.name("name", g.Name)
	errs.id("gid", g.GID)
	errs.names("members", g.Members)
	return errs
}

func checkRCConf(p Pair) []error {
	var errs faults
	if !shellName.MatchString(p.Key) {
		errs.addf("found %q, wanted a variable of sh(1)", p.Key)
	}
	if strings.ContainsFunc(p.Value, unicode.IsControl) {
		errs.addf("found %q, wanted no control character", p.Value)
	}
	return errs
}

// pkgKeys are the keys of a repository (pkg.conf(5); libpkg/pkg_config.c: add_repo), in
// small letters; pkg(8) takes capitals, too.
var pkgKeys = []string{"enabled", "fingerprints", "ip_version", "mirror_type", "priority", "pubkey", "signature_type", "url"}

func (c *PkgConf) check() []error {
	var errs faults
	if !confForm.MatchString(c.Name) {
		errs.addf("found the name %q, wanted letters, digits, _ . and -", c.Name)
	}
	if len(c.Keys) == 0 {
		errs.addf("says nothing, wanted url, or enabled = no")
	}
	for _, k := range c.Keys {
		if !slices.Contains(pkgKeys, strings.ToLower(k.Key)) {
			errs.addf("key %q is not known, wanted one of %s%s", k.Key, strings.Join(pkgKeys, ", "), spelling.Hint(k.Key, pkgKeys...))
		}
		if strings.ContainsFunc(k.Value, unicode.IsControl) {
			errs.addf("%s: found %q, wanted no control character", k.Key, k.Value)
		}
	}
	return errs
}

func checkAssert(p Pair) []error {
	var errs faults
	if !packageForm.MatchString(p.Key) {
		errs.addf("found %q, wanted the name of a package", p.Key)
	}
	if _, err := path.Match(p.Value, ""); err != nil || p.Value == "" {
		errs.addf("found the version %q, wanted a pattern, as in 8.4.*", p.Value)
	}
	return errs
}
