// SPDX-License-Identifier: BSD-2-Clause

// Package fault has the errors that any package may return, and the words that
// their messages share. An error reports its own exit status through one of
// these methods; cmd/orlop asks for them and knows no types:
//
//	Usage() bool   the command line, a configuration or a definition is wrong
//	Unmet() bool   the request cannot be met
//	Absent() bool  bytes could not be obtained
//	Wrong() bool   bytes exist and are wrong
//	Failed() bool  this version or this machine cannot do it
//
// An error that has none of them is judged by those it wraps, and is a failure
// if it wraps none.
package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// UsageError is a command line, configuration or definition that cannot be carried
// out.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *UsageError) Unwrap() error { return e.Err }

// Usage reports that the user has to change the input.
func (e *UsageError) Usage() bool { return true }

// Usagef makes a UsageError.
func Usagef(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// ContentError is a file whose contents cannot be used.
type ContentError struct{ Err error }

func (e *ContentError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *ContentError) Unwrap() error { return e.Err }

// Wrong reports that the bytes exist and are wrong.
func (e *ContentError) Wrong() bool { return true }

// Content marks an error as a fault in a file's contents.
func Content(err error) error { return &ContentError{err} }

// Contentf makes a ContentError.
func Contentf(format string, args ...any) error { return &ContentError{fmt.Errorf(format, args...)} }

// UnreadError is a file or folder that the user names and that cannot be read:
// named by a flag, or, if that is "", as an operand.
type UnreadError struct {
	Flag, Path string
	Err        error
}

func (e *UnreadError) Error() string { return e.place() + ": " + Reason(e.Err).Error() }

// Unwrap returns the system's error.
func (e *UnreadError) Unwrap() error { return e.Err }

// Parts are what, where, found and wanted, for reports.
func (e *UnreadError) Parts() (what, where, found, wanted string) {
	return Reason(e.Err).Error(), e.place(), "", ""
}

// Usage reports whether a flag names the file.
func (e *UnreadError) Usage() bool { return e.Flag != "" }

// Absent reports whether an operand names a file that does not exist.
func (e *UnreadError) Absent() bool {
	return e.Flag == "" && (errors.Is(e.Err, fs.ErrNotExist) || errors.Is(e.Err, syscall.ENOTDIR))
}

func (e *UnreadError) place() string {
	if e.Flag == "" {
		return e.Path
	}
	return "--" + e.Flag + ": " + e.Path
}

// UnsupportedError is something that may be right but that this version cannot
// handle.
type UnsupportedError struct{ Err error }

func (e *UnsupportedError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *UnsupportedError) Unwrap() error { return e.Err }

// Failed reports that this version cannot do it.
func (*UnsupportedError) Failed() bool { return true }

// Unsupportedf makes an UnsupportedError.
func Unsupportedf(format string, args ...any) error {
	return &UnsupportedError{fmt.Errorf(format, args...)}
}

// Within puts the place before each fault. It returns nil for no error.
func Within(place string, err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, e := range joined.Unwrap() {
			errs = append(errs, Within(place, e))
		}
		return errors.Join(errs...)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	return nil
}

// List returns the faults that are joined in an error, each with the places before it.
func List(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		if err == nil {
			return nil
		}
		return []error{err}
	}
	var list []error
	for _, e := range joined.Unwrap() {
		list = append(list, List(e)...)
	}
	return list
}

// Reason is the system's error without the paths, which the surrounding message
// has.
func Reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	if l, ok := errors.AsType[*os.LinkError](err); ok {
		return l.Err
	}
	return err
}
