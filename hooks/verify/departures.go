// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/tree"
)

// Departed is something that an image has not, or not so, although a package in it says
// so: a file, or a package that another depends on.
type Departed struct {
	Kind, Path string // as a lock has them
	Row        string // what the row of a file says
	Err        error
	There      *tree.Node // of a file that is not as the row says
	Contents   bool       // its contents are not
}

// departedFile is the fault of a file that is not there.
func departedFile(path, row string, err error) error {
	return &Departed{Kind: lock.FileGone, Path: path, Row: row, Err: err}
}

// changedFile are the faults of a path that is not as a package's row says.
func changedFile(n *tree.Node, row string, faults []error) []error {
	contents := slices.ContainsFunc(faults, func(err error) bool {
		f, is := errors.AsType[*pkgdb.Fault](err)
		return !is || f.Fact == "sum" || f.Fact == "link" || f.Fact == "type"
	})
	var errs []error
	for _, err := range faults {
		errs = append(errs, &Departed{Kind: lock.FileChanged, Path: n.Path, Row: row, Err: err, There: n, Contents: contents})
	}
	return errs
}

func (d *Departed) Error() string { return d.Err.Error() }

// Unwrap returns the fault.
func (d *Departed) Unwrap() error { return d.Err }

// split takes the departures out of some errors.
func split(errs []error) (others []error, gone []*Departed) {
	for _, err := range errs {
		if d, is := errors.AsType[*Departed](err); is {
			gone = append(gone, d)
			continue
		}
		if f, is := errors.AsType[*pkgdb.Fault](err); is {
			if name, is := strings.CutPrefix(f.Fact, "dependency "); is && f.Found == "absent" {
				gone = append(gone, &Departed{Kind: lock.PackageGone, Path: name, Err: err})
				continue
			}
		}
		others = append(others, err)
	}
	return others, gone
}

// departures compares what is gone with the list of a lock: each must be on it, and
// nothing else. Without a lock, allowed says whether that is right.
func departures(a *artifact.Artifact, gone []*Departed, l *lock.Lock, allowed bool) Findings {
	var f Findings
	if l == nil {
		for _, d := range gone {
			if allowed {
				f.Details = append(f.Details, d.Error())
			} else {
				f.add(d.Err)
			}
		}
		if allowed && len(gone) > 0 {
			f.Notes = append(f.Notes, fmt.Sprintf("departs from its pkg database: %s", fault.Counted(len(gone), "fact")))
		}
		return f
	}
	packages, files := lastOf(l)
	for _, d := range gone {
		if x, has := files[d.Path]; !(has && covers(x, d)) && !slices.ContainsFunc(packages, func(x lock.Departure) bool { return covers(x, d) }) {
			f.add(d.Err)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		x := files[path]
		if x.Kind == lock.FileGone && a.Complete() && a.Tree.Lookup(path) != nil {
			f.add(&pkgdb.Fault{Subject: path, Fact: "file", Found: "there", Wanted: "none, as its lock has it"})
		}
		if x.Kind == lock.FileChanged && a.Complete() {
			f.add(changedToo(a, x))
		}
	}
	return f
}

// lastOf returns the departures of a lock: packages, and files by path, of which each step
// may change what the one below it has.
func lastOf(l *lock.Lock) (packages []lock.Departure, files map[string]lock.Departure) {
	files = map[string]lock.Departure{}
	for _, layer := range l.Layers {
		for _, x := range layer.Departures {
			if x.Kind == lock.PackageGone {
				packages = append(packages, x)
			} else {
				files[x.Path] = x
			}
		}
	}
	return packages, files
}

// covers reports whether an entry of a lock speaks of what is gone.
func covers(x lock.Departure, d *Departed) bool {
	if x.Kind != d.Kind {
		return false
	}
	if x.Kind == lock.PackageGone {
		return (define.Exception{Pattern: x.Path}).Match(d.Path)
	}
	if x.Path != d.Path || x.Row != "" && d.Row != "" && x.Row != d.Row {
		return false
	}
	return d.There == nil || x.There != nil && isThere(x.There, d)
}

// isThere reports whether a changed path is what a lock says.
func isThere(want *lock.There, d *Departed) bool {
	n := d.There
	switch {
	case want.Uname != n.Uname || want.Gname != n.Gname:
		return false
	case n.Type == tree.Symlink:
		return want.Link == n.Link
	case want.Mode != fmt.Sprintf("%04o", n.Mode):
		return false
	case want.SHA256 == "":
		return !d.Contents
	}
	return want.SHA256 == n.Digest.String()
}

// changedToo compares what a lock says of changed paths with an image, which may have them
// as the package has.
func changedToo(a *artifact.Artifact, x lock.Departure) error {
	n := a.Tree.Lookup(x.Path)
	if n == nil || x.There == nil || isThere(x.There, &Departed{There: n}) {
		return nil
	}
	return &pkgdb.Fault{Subject: x.Path, Fact: "file", Found: "another", Wanted: "the one that its lock has"}
}
