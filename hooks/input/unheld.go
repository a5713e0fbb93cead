// SPDX-License-Identifier: BSD-2-Clause

package input

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/store"
)

// UnheldError is a repository from which packages cannot be had, all for one
// reason.
type UnheldError struct {
	Repo     string
	Reason   string
	Packages []string // NAME-VERSION, sorted

	Given   bool // the user said where it is
	Offline bool // the network was not to be asked
	LockURL bool // the lock names a URL that was not to be asked
}

func (e *UnheldError) Error() string {
	what := fmt.Sprintf("%d packages", len(e.Packages))
	if len(e.Packages) == 1 {
		what = e.Packages[0]
	}
	return fmt.Sprintf("repository %q: %s: %s could not be had", e.Repo, e.Reason, what)
}

// Absent reports that bytes could not be had.
func (*UnheldError) Absent() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *UnheldError) Parts() (what, where, found, wanted string) {
	return e.Reason, fmt.Sprintf("repository %q", e.Repo), "", strings.Join(e.Packages, ", ")
}

// Hint is a way out.
func (e *UnheldError) Hint() string {
	switch {
	case e.LockURL:
		return "give --repo, or --lock-urls to use the lock's"
	case !e.Given:
		return "give --repo"
	case e.Offline:
		return "run orlop fetch first, or go without --offline"
	}
	return ""
}

// unheld makes the error of opening a package one of the repository as a whole, if
// it is.
func (in *Repositories) unheld(p *catalog.Package, err error, unasked bool) error {
	reason := withoutRepository(err)
	if reason == "" {
		return err
	}
	_, forbidden := errors.AsType[*store.PlaceError](err)
	return &UnheldError{Repo: p.Repo.Name, Reason: reason, Packages: []string{p.FullName()}, Offline: in.Store.Offline,
		Given:   slices.ContainsFunc(in.Repos, func(c catalog.Repo) bool { return c.Name == p.Repo.Name }),
		LockURL: forbidden || unasked}
}

// Join joins the faults of packages. Those that cannot be had of a repository for
// the same reason, since it is not given or not there at all, are one fault.
func Join(errs []error) error {
	type cause struct{ repo, reason string }
	byCause := map[cause]*UnheldError{}
	var list []error
	for _, err := range errs {
		one, is := errors.AsType[*UnheldError](err)
		if !is {
			list = append(list, err)
			continue
		}
		at := cause{one.Repo, one.Reason}
		if e := byCause[at]; e != nil {
			e.Packages = append(e.Packages, one.Packages...)
			continue
		}
		all := *one
		byCause[at] = &all
		list = append(list, &all)
	}
	return errors.Join(list...)
}

// withoutRepository is why a package could not be had where that is a fault of
// the repository as a whole, else "".
func withoutRepository(err error) string {
	absent, is := errors.AsType[*store.AbsentError](err)
	if !is {
		return ""
	}
	if place, whole := strings.CutPrefix(absent.What, "repository "); whole {
		return place + ": " + fault.OneLine(absent.Err.Error())
	}
	if absent.NotFound() {
		return "" // it may have others
	}
	return fault.OneLine(absent.Err.Error())
}
