// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"errors"
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

// statusOf asks an error itself, 0 where it does not know.
func statusOf(err error) int {
	if is, ok := err.(interface{ Failed() bool }); ok && is.Failed() {
		return exitFailed
	}
	if is, ok := err.(interface{ Usage() bool }); ok && is.Usage() {
		return exitUsage
	}
	if is, ok := err.(interface{ Unmet() bool }); ok && is.Unmet() {
		return exitUnresolved
	}
	if is, ok := err.(interface{ Absent() bool }); ok && is.Absent() {
		return exitAbsent
	}
	if is, ok := err.(interface{ Wrong() bool }); ok && is.Wrong() {
		return exitWrong
	}
	return 0
}

// hint is a way out of a fault, "" where there is nothing that often helps.
func hint(err error) string {
	var knows interface{ Hint() string }
	if errors.As(err, &knows) {
		return knows.Hint()
	}
	return ""
}
