// SPDX-License-Identifier: BSD-2-Clause

package hooks

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

// unheld joins the faults of packages, by name. Those that cannot be had of a
// repository for the same reason, since it is not given or not there at all, are
// one fault.
func (r *run) unheld(missed map[*catalog.Package]error) error {
	type cause struct{ repo, reason string }
	byCause := map[cause]*UnheldError{}
	var errs []error
	for _, p := range r.packages() {
		err := missed[p]
		at := cause{p.Repo.Name, withoutRepository(err)}
		if at.reason == "" {
			errs = append(errs, err)
			continue
		}
		e := byCause[at]
		if e == nil {
			e = &UnheldError{Repo: at.repo, Reason: at.reason, Offline: r.Store.Offline}
			e.Given = slices.ContainsFunc(r.Repos, func(c catalog.Repo) bool { return c.Name == at.repo })
			_, forbidden := errors.AsType[*store.PlaceError](err)
			e.LockURL = forbidden || r.sources[p.Repo] == nil && p.Repo.URL != ""
			byCause[at] = e
			errs = append(errs, e)
		}
		e.Packages = append(e.Packages, p.FullName())
		r.detail("%s could not be had", p.FullName())
	}
	return errors.Join(errs...)
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
