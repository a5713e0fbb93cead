// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"context"
	"fmt"
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
	f := &faults{ctx, c.shape.foreign(fresh)}
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
	pkgs, err := c.Installed(ctx)
	if err != nil {
		if len(f.list) == 0 {
			f.add(err)
		} // else they are reported already
		return f.all()
	}
	k := checker{f, map[string]bool{}, map[any]any{}}
	t := c.table("packages")
	for _, row := range t.list {
		if !f.next() {
			return f.all()
		}
		k.digests[t.get(row, "name")] = t.get(row, "manifestdigest")
	}
	for _, p := range pkgs {
		k.names[p.Name] = true
	}
	for i := range pkgs {
		k.pkg(&pkgs[i])
	}
	return f.all()
}

// repeated finds texts that occur twice: such a table has no unique index, and
// pkg's queries by text then find either row.
func (c *Content) repeated(f *faults, table, column string) {
	seen := map[any]bool{}
	t := c.table(table)
	for _, row := range t.list {
		if !f.next() {
			return
		}
		text, _ := t.get(row, column).(string)
		if seen[text] {
			f.add(rowErrorf(table, t, row, "occurs twice"))
		}
		seen[text] = true
	}
}

// locks finds what a killed pkg left behind.
func (c *Content) locks(f *faults) {
	t := c.table("pkg_lock")
	if len(t.list) != 1 {
		f.add(&Fault{"pkg_lock", "number of rows", fmt.Sprint(len(t.list)), "1"})
	}
	for _, row := range t.list {
		if !f.next() {
			return
		}
		for i, column := range t.columns {
			if row[i] != int64(0) {
				f.add(&Fault{"pkg_lock", column, value(row[i]), "0, as when no pkg is running"})
			}
		}
	}
	t = c.table("pkg_lock_pid")
	for _, row := range t.list {
		if !f.next() {
			return
		}
		f.add(rowErrorf("pkg_lock_pid", t, row, "a process holds the lock, or was killed"))
	}
}

// marks finds values that pkg gives no meaning.
func (c *Content) marks(f *faults) {
	t := c.table("packages")
	for _, row := range t.list {
		if !f.next() {
			return
		}
		subject, _ := t.get(row, "name").(string)
		for _, column := range []string{"automatic", "locked", "vital"} {
			if v := t.get(row, column); v != int64(0) && v != int64(1) {
				f.add(&Fault{subject, column, value(v), "0 or 1"})
			}
		}
		logic := false
		for _, n := range licenseLogic {
			logic = logic || t.get(row, "licenselogic") == n
		}
		if !logic {
			f.add(&Fault{subject, "licenselogic", value(t.get(row, "licenselogic")), "0, 1, 38 or 124"})
		}
		for _, column := range []string{"time", "flatsize"} {
			if n, ok := t.get(row, column).(int64); !ok || n < 0 {
				f.add(&Fault{subject, column, value(t.get(row, column)), "a number"})
			}
		}
	}
}

// checker looks at packages one by one.
type checker struct {
	*faults
	names   map[string]bool
	digests map[any]any // by name of the package
}

func (k *checker) fault(subject, fact, found, wanted string) {
	k.add(&Fault{subject, fact, found, wanted})
}

func (k *checker) pkg(p *Installed) {
	for _, d := range p.Deps {
		if !k.next() {
			return
		}
		if !k.names[d.Name] {
			k.fault(p.FullName(), "dependency "+d.Name, "absent", "an installed package")
		}
	}
	k.digest(p)
	files := map[string]*pkgfile.File{}
	for _, f := range p.Files.All() {
		if !k.next() {
			return
		}
		files[f.Path] = &f
		subject := p.FullName() + ": " + f.Path
		if _, err := sum.Parse(f.Sum); err != nil && (f.Sum != "" || f.Known) { // pkg before 1.2 recorded none for links
			k.fault(subject, "sum", fmt.Sprintf("%q", f.Sum), "a typed sum")
		}
		k.mode(subject, f.Attr)
		k.path(subject, f.Path)
	}
	for _, d := range p.Dirs {
		if !k.next() {
			return
		}
		k.mode(p.FullName()+": "+d.Path, d.Attr)
		k.path(p.FullName()+": "+d.Path, d.Path)
	}
	k.config(p, files)
}

func (k *checker) path(subject, path string) {
	if !strings.HasPrefix(path, "/") {
		k.fault(subject, "path", fmt.Sprintf("%q", path), "an absolute one")
	}
}

func (k *checker) mode(subject string, a pkgfile.Attr) {
	if a.Perm > 0o7777 {
		k.fault(subject, "mode", fmt.Sprintf("%#o", a.Perm), "at most 07777")
	}
	if a.Known && (a.Uname == "" || a.Gname == "") {
		k.fault(subject, "owner", fmt.Sprintf("%q:%q", a.Uname, a.Gname), "a user and a group")
	}
}

// digest compares the manifest digest with the one computed from the rows: it
// covers name, origin, version, ABI, vital, options, dependencies, libraries,
// users, groups, provides and requires.
func (k *checker) digest(p *Installed) {
	switch found := k.digests[p.Name]; found {
	case p.Digest(), p.DigestWithFiles():
	default:
		k.fault(p.FullName(), "manifest digest", value(found), p.Digest()+", which its rows give")
	}
}

// config compares the texts of configuration files with their sums. Both are as
// packaged, whatever has become of the file on disk.
func (k *checker) config(p *Installed, files map[string]*pkgfile.File) {
	for _, path := range p.Config {
		if !k.next() {
			return
		}
		subject := p.FullName() + ": " + path
		f := files[path]
		text, ok := p.Contents[path]
		if f == nil && ok { // pkg keeps a row for each path that a manifest lists, but text only for a file
			k.fault(subject, "config file", "not a file of the package", "one of its files")
		}
		if f != nil && !ok && f.Known && !f.IsLink {
			k.fault(subject, "configuration text", "absent", "that of the package's file")
		}
		if f == nil || f.Sum == "" {
			continue
		}
		want := sum.Sum(f.Sum)
		if got := sum.Of(want.Kind(), text); ok && got.Typed() != want.Typed() {
			k.fault(subject, "sum of the configuration text", string(got), f.Sum)
		}
	}
}
