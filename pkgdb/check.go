// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sqlitefile"
	"github.com/orlop/orlop/pkgdb/sum"
)

// Fault is a fact that is not what it should be.
type Fault struct {
	Subject, Fact, Found, Wanted string
}

func (f *Fault) Error() string {
	return fmt.Sprintf("%s: %s is %s, wanted %s", f.Subject, f.Fact, f.Found, f.Wanted)
}

// Wrong reports that the bytes exist and are wrong.
func (*Fault) Wrong() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (f *Fault) Parts() (what, where, found, wanted string) {
	return f.Fact, f.Subject, f.Found, f.Wanted
}

// Check finds what no pkg command would, besides what one does: dangling rows,
// sums and digests that match nothing, leftover locks, missing indexes. It looks
// only at the database; Open has checked its structure. A library or requirement
// that nobody provides is not a fault of the database.
func (c *Content) Check(ctx context.Context) []error {
	fresh, err := c.Schema.fresh()
	if err != nil {
		return []error{err}
	}
	f := &faults{ctx, c, c.shape.foreign(fresh)}
	for _, index := range fresh.indexes {
		if !slices.Contains(c.shape.indexes, index) && !(c.Schema >= 40 && slices.Contains(droppedIndexes, index)) {
			f.add(&sqlitefile.FormatError{Err: fmt.Errorf("index %s is missing, wanted one in schema %d", index, c.Schema)})
		}
	}
	c.orphans(f)
	c.repeated(f, "provides", "provide")
	c.repeated(f, "requires", "require")
	c.locks(f)
	c.marks(f)
	k := checker{&faults{ctx: ctx, c: c}, newReader(ctx, c), map[string]value{}}
	k.all()
	err = c.read(k.reader.err)
	switch {
	case err == nil:
		f.list = append(f.list, k.faults.list...)
	case len(f.list) == 0:
		f.add(err)
	} // else they are reported already
	return f.all()
}

// repeated finds texts that occur twice: such a table has no unique index, and
// pkg's queries by text then find either row.
func (c *Content) repeated(f *faults, table, column string) {
	seen := map[string]bool{}
	t := c.table(table)
	for n := range t.len() {
		if !f.next() {
			return
		}
		v := t.get(n, column)
		if !isText(v) {
			v.Text = ""
		}
		if seen[v.Text] {
			f.add(rowErrorf(table, t, n, "occurs twice"))
		}
		seen[v.Text] = true
	}
}

// locks finds what a killed pkg left behind.
func (c *Content) locks(f *faults) {
	t := c.table("pkg_lock")
	if t.len() != 1 {
		f.add(&Fault{"pkg_lock", "number of rows", fmt.Sprint(t.len()), "1"})
	}
	for n := range t.len() {
		if !f.next() {
			return
		}
		for i, column := range t.columns {
			if v := t.value(n, i); v != number(0) {
				f.add(&Fault{"pkg_lock", column, shown(v), "0, as when no pkg is running"})
			}
		}
	}
	t = c.table("pkg_lock_pid")
	for n := range t.len() {
		if !f.next() {
			return
		}
		f.add(rowErrorf("pkg_lock_pid", t, n, "a process holds the lock, or was killed"))
	}
}

// marks finds values that pkg gives no meaning.
func (c *Content) marks(f *faults) {
	t := c.table("packages")
	for n := range t.len() {
		if !f.next() {
			return
		}
		name := t.get(n, "name")
		if !isText(name) {
			name.Text = ""
		}
		for _, column := range []string{"automatic", "locked", "vital"} {
			if v := t.get(n, column); v != number(0) && v != number(1) {
				f.add(&Fault{name.Text, column, shown(v), "0 or 1"})
			}
		}
		logic := t.get(n, "licenselogic")
		if !isInteger(logic) || !slices.Contains(slices.Collect(maps.Values(licenseLogic)), logic.Number) {
			f.add(&Fault{name.Text, "licenselogic", shown(logic), "0, 1, 38 or 124"})
		}
		for _, column := range []string{"time", "flatsize"} {
			if v := t.get(n, column); !isInteger(v) || v.Number < 0 {
				f.add(&Fault{name.Text, column, shown(v), "a number"})
			}
		}
	}
}

// checker looks at packages one by one.
type checker struct {
	*faults
	reader  *reader
	digests map[string]value // by name of the package
}

func (k *checker) all() {
	k.reader.read()
	t := k.reader.c.table("packages")
	for n := range t.len() {
		if !k.next() || k.reader.err != nil {
			return
		}
		k.digests[t.get(n, "name").Text] = t.get(n, "manifestdigest")
	}
	for _, p := range k.reader.all {
		if !k.next() || k.reader.err != nil {
			return
		}
		k.pkg(p)
	}
}

func (k *checker) fault(subject, fact, found, wanted string) {
	k.add(&Fault{subject, fact, found, wanted})
}

func (k *checker) pkg(p *found) {
	for _, d := range p.Deps {
		if !k.next() {
			return
		}
		if k.reader.by[d.Name] == nil {
			k.fault(p.FullName(), "dependency "+d.Name, "absent", "an installed package")
		}
	}
	k.digest(p)
	config := map[string]pkgfile.File{}
	k.reader.eachFile(p, func(f pkgfile.File) {
		if !k.next() {
			return
		}
		if f.IsConfig {
			config[f.Path] = f
		}
		k.file(p, f)
	})
	for _, d := range p.Dirs {
		if !k.next() {
			return
		}
		k.mode(p, d.Path, d.Attr)
		k.path(p, d.Path)
	}
	k.config(p, config)
}

func (k *checker) file(p *found, f pkgfile.File) {
	if _, err := sum.Parse(f.Sum); err != nil && (f.Sum != "" || f.Known) { // pkg before 1.2 recorded none for links
		k.fault(p.at(f.Path), "sum", fmt.Sprintf("%q", f.Sum), "a typed sum")
	}
	k.mode(p, f.Path, f.Attr)
	k.path(p, f.Path)
}

// at names a path of a package.
func (p *found) at(path string) string { return p.FullName() + ": " + path }

func (k *checker) path(p *found, path string) {
	if !strings.HasPrefix(path, "/") {
		k.fault(p.at(path), "path", fmt.Sprintf("%q", path), "an absolute one")
	}
}

func (k *checker) mode(p *found, path string, a pkgfile.Attr) {
	if a.Perm > 0o7777 {
		k.fault(p.at(path), "mode", fmt.Sprintf("%#o", a.Perm), "at most 07777")
	}
	if a.Known && (a.Uname == "" || a.Gname == "") {
		k.fault(p.at(path), "owner", fmt.Sprintf("%q:%q", a.Uname, a.Gname), "a user and a group")
	}
}

// digest compares the manifest digest with the one computed from the rows: it
// covers name, origin, version, ABI, vital, options, dependencies, libraries,
// users, groups, provides and requires; and, where pkg had them at hand, files.
func (k *checker) digest(p *found) {
	found := k.digests[p.Name]
	if found == text(p.Digest()) {
		return
	}
	with := *p.Manifest
	k.reader.eachFile(p, with.Files.Append)
	if found != text(with.DigestWithFiles()) {
		k.fault(p.FullName(), "manifest digest", shown(found), p.Digest()+", which its rows give")
	}
}

// config compares the texts of configuration files with their sums. Both are as
// packaged, whatever has become of the file on disk.
func (k *checker) config(p *found, files map[string]pkgfile.File) {
	for _, path := range p.Config {
		if !k.next() {
			return
		}
		subject := p.at(path)
		f, is := files[path]
		text, ok := p.Contents[path]
		if !is && ok { // pkg keeps a row for each path that a manifest lists, but text only for a file
			k.fault(subject, "config file", "not a file of the package", "one of its files")
		}
		if is && !ok && f.Known && !f.IsLink {
			k.fault(subject, "configuration text", "absent", "that of the package's file")
		}
		if !is || f.Sum == "" {
			continue
		}
		want := sum.Sum(f.Sum)
		if got := sum.Of(want.Kind(), text); ok && got.Typed() != want.Typed() {
			k.fault(subject, "sum of the configuration text", string(got), f.Sum)
		}
	}
}
