// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"errors"

	"github.com/orlop/orlop/pkgdb/fault"
)

// Exit statuses.
const (
	exitFailed      = 1   // I/O, disk, input that this version cannot handle
	exitUsage       = 2   // flags, configuration, definitions
	exitUnresolved  = 3   // the request cannot be met
	exitAbsent      = 4   // bytes are not available
	exitWrong       = 5   // bytes are there and wrong
	exitInterrupted = 130 // SIGINT
	exitTerminated  = 143 // SIGTERM
)

// errDiffer makes a comparison exit as diff(1) does: 1 if there are differences.
// Errors of a comparison are troubleErrors.
var errDiffer = errors.New("different")

// troubleError is an error that prevents a comparison: exit status 2.
type troubleError struct{ err error }

func (e *troubleError) Error() string { return e.err.Error() }

// Usage reports that the user has to call the command in another way.
func (*troubleError) Usage() bool     { return true }
func (e *troubleError) Unwrap() error { return e.err }

// exitStatus returns the status of an error. Of several faults the worst decides:
// wrong bytes, absent bytes, an unmet request, anything else.
func exitStatus(err error) int {
	if e, ok := errors.AsType[*signalError](err); ok {
		return e.status()
	}
	return map[fault.Class]int{fault.Wrong: exitWrong, fault.Absent: exitAbsent, fault.Unmet: exitUnresolved,
		fault.Failed: exitFailed, fault.Usage: exitUsage}[fault.ClassOf(err)]
}

// hint returns the next step after a fault, "" if there is none that often helps.
func hint(err error) string {
	var knows interface{ Hint() string }
	if errors.As(err, &knows) {
		return knows.Hint()
	}
	return ""
}
