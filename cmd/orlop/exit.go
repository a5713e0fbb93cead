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

// Usage reports that the user has to say something else.
func (*troubleError) Usage() bool     { return true }
func (e *troubleError) Unwrap() error { return e.err }

// exitStatus finds the status of an error. Of several faults the gravest
// decides: wrong bytes, absent bytes, an unmet request, anything else.
func exitStatus(err error) int {
	if e, ok := errors.AsType[*signalError](err); ok {
		return e.status()
	}
	return map[fault.Class]int{fault.Wrong: exitWrong, fault.Absent: exitAbsent, fault.Unmet: exitUnresolved,
		fault.Failed: exitFailed, fault.Usage: exitUsage}[fault.ClassOf(err)]
}

// hint is a way out of a fault, "" where there is nothing that often helps.
func hint(err error) string {
	var knows interface{ Hint() string }
	if errors.As(err, &knows) {
		return knows.Hint()
	}
	return ""
}
