// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sign"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/tree"
)

// Exit statuses.
const (
	exitFailed      = 1   // I/O, disk, input that this version cannot handle
	exitUsage       = 2   // flags, configuration, definitions
	exitUnresolved  = 3   // the request cannot be met
	exitAbsent      = 4   // bytes could not be had
	exitWrong       = 5   // bytes are there and wrong
	exitInterrupted = 130 // SIGINT
	exitTerminated  = 143 // SIGTERM
)

// errDiffer makes a comparison exit as diff(1) does: 1 where there are
// differences. Its troubles are troubleErrors.
var errDiffer = errors.New("different")

// troubleError keeps a comparison from being made: exit status 2.
type troubleError struct{ err error }

func (e *troubleError) Error() string { return e.err.Error() }
func (e *troubleError) Unwrap() error { return e.err }

// usageError is a command line that cannot be carried out.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// exitStatus finds the status of an error. Of several faults the gravest
// decides: wrong bytes, absent bytes, an unmet request, anything else.
func exitStatus(err error) int {
	if e, ok := errors.AsType[*signalError](err); ok {
		return e.status()
	}
	found := map[int]bool{}
	classify(err, found)
	for _, status := range []int{exitWrong, exitAbsent, exitUnresolved, exitFailed} {
		if found[status] {
			return status
		}
	}
	return exitUsage
}

// classify notes the status of each fault in a tree of errors.
func classify(err error, found map[int]bool) {
	if status := statusOf(err); status != 0 {
		found[status] = true
		return
	}
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		for _, each := range e.Unwrap() {
			classify(each, found)
		}
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			classify(inner, found)
			return
		}
		found[exitFailed] = true
	default:
		found[exitFailed] = true
	}
}

// statusOf knows the types of errors that have a status of their own.
func statusOf(err error) int {
	switch e := err.(type) {
	case *hooks.UnreadError:
		switch {
		case e.Flag != "":
			return exitUsage
		case e.Absent():
			return exitAbsent
		}
	case *solve.LockError:
		if _, other := errors.AsType[*solve.VersionError](err); other {
			return exitFailed
		}
		return exitUsage
	case *versionError, *solve.VersionError, *layer.UnsupportedError, *pkgfile.LimitError, *pkgfile.UnsupportedError, *tree.LimitError, *pkgdb.SchemaError:
		return exitFailed
	case *usageError, *troubleError, *release.UsageError, *catalog.ConfError, *solve.ABIError:
		return exitUsage
	case *solve.UnresolvedError, *tree.ConflictError, *hooks.AbsentFileError, *hooks.OwnerError, *oci.PlatformError, *release.OtherImageError:
		return exitUnresolved
	case *store.AbsentError, *oci.AbsentError, *hooks.LockedFileError, *hooks.UnvouchedError, *hooks.UnheldError:
		return exitAbsent
	case *sum.MismatchError, *store.SizeError, *pkgfile.DamageError, *catalog.FormatError,
		*pkgdb.FormatError, *layer.FormatError, *oci.FormatError, *oci.MismatchError, *pkgdb.Fault, *hooks.ContentError, *hooks.IncompleteError, *sign.Error, *solve.RollbackError:
		return exitWrong
	}
	return 0
}

// hint is a way out of a fault, "" where there is nothing that often helps.
func hint(err error) string {
	if e, ok := errors.AsType[*hooks.UnheldError](err); ok {
		switch {
		case e.LockURL:
			return "give --repo, or --lock-urls to use the lock's"
		case !e.Given:
			return "give --repo"
		case e.Offline:
			return "run orlop fetch first, or go without --offline"
		}
	}
	if e, ok := errors.AsType[*store.AbsentError](err); ok && e.NotFound() && emptyFolder.MatchString(e.What) {
		return "the url has an empty folder name; release/Makefile writes one where pkg(8) is not there to tell the ABI: give --repo"
	}
	return ""
}

// emptyFolder finds // behind the scheme of a URL.
var emptyFolder = regexp.MustCompile(`[^:]//|:///.*//`)
