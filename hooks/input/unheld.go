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
	"github.com/orlop/orlop/pkgdb/transport"
)

// UnheldError is a repository whose packages cannot be obtained, all for one reason.
type UnheldError struct {
	Repo     string
	Reason   string
	Packages []string // NAME-VERSION, sorted

	Given   bool // the user gave it
	Offline bool // the network was off limits
	LockURL bool // so was the lock's URL
}

func (e *UnheldError) Error() string {
	what := fmt.Sprintf("%d packages", len(e.Packages))
	if len(e.Packages) == 1 {
		what = e.Packages[0]
	}
	return fmt.Sprintf("repository %q: %s: %s could not be obtained", e.Repo, e.Reason, what)
}

// Absent reports that bytes could not be obtained.
func (*UnheldError) Absent() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *UnheldError) Parts() (what, where, found, wanted string) {
	return e.Reason, fmt.Sprintf("repository %q", e.Repo), "", strings.Join(e.Packages, ", ")
}

// Hint suggests a remedy.
func (e *UnheldError) Hint() string {
	switch {
	case e.LockURL:
		return "give --repo, or --lock-urls to use the lock's"
	case !e.Given:
		return "give --repo"
	case e.Offline:
		return "run orlop fetch first, or omit --offline"
	}
	return ""
}

// unheld turns an error of opening a package into one of its repository, if that is
// the cause.
func (in *Repositories) unheld(p *catalog.Package, err error, unasked bool) error {
	reason := withoutRepository(err)
	if reason == "" {
		return err
	}
	_, forbidden := errors.AsType[*transport.PlaceError](err)
	return &UnheldError{Repo: p.Repo.Name, Reason: reason, Packages: []string{p.FullName()}, Offline: in.Store.Offline,
		Given:   slices.ContainsFunc(in.Repos, func(c catalog.Repo) bool { return c.Name == p.Repo.Name }),
		LockURL: forbidden || unasked}
}

// Join joins the faults of packages. All packages of a repository that cannot be
// obtained for the same reason, as it is not given or not there, are one fault.
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

// withoutRepository says why a package could not be obtained if its repository is
// the cause, else "".
func withoutRepository(err error) string {
	absent, is := errors.AsType[*store.AbsentError](err)
	if !is {
		return ""
	}
	if place, all := strings.CutPrefix(absent.What, "repository "); all {
		return place + ": " + fault.OneLine(absent.Err.Error())
	}
	if absent.NotFound() {
		return "" // the repository may have others
	}
	return fault.OneLine(absent.Err.Error())
}
