// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
)

// Departed is something that an image has not although a package in it says so: a file,
// or a package that another depends on.
type Departed struct {
	Kind, Path string // as a lock has them
	Row        string // what the row of a file says
	Err        error
}

// departedFile is the fault of a file that is not there.
func departedFile(path, row string, err error) error { return &Departed{lock.FileGone, path, row, err} }

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
				gone = append(gone, &Departed{lock.PackageGone, name, "", err})
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
	listed := func(d *Departed) bool {
		return slices.ContainsFunc(l.Layers, func(layer lock.Layer) bool {
			return slices.ContainsFunc(layer.Departures, func(x lock.Departure) bool { return covers(x, d) })
		})
	}
	for _, d := range gone {
		if !listed(d) {
			f.add(d.Err)
		}
	}
	for _, layer := range l.Layers {
		for _, x := range layer.Departures {
			if x.Kind == lock.FileGone && a.Complete() && a.Tree.Lookup(x.Path) != nil {
				f.add(&pkgdb.Fault{Subject: x.Path, Fact: "file", Found: "there", Wanted: "none, as its lock has it"})
			}
		}
	}
	return f
}

// covers reports whether an entry of a lock speaks of what is gone.
func covers(x lock.Departure, d *Departed) bool {
	if x.Kind != d.Kind {
		return false
	}
	if x.Kind == lock.PackageGone {
		return (define.Exception{Pattern: x.Path}).Match(d.Path)
	}
	return x.Path == d.Path && (x.Row == "" || d.Row == "" || x.Row == d.Row)
}
