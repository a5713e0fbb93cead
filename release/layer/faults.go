// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/orlop/orlop/pkgdb/fault"
)

// FormatError is a layer that breaks its format or is unsafe to extract.
type FormatError struct {
	Path  string // of the entry, "" for the layer as a whole
	Err   error
	Shown bool // the entry still counts; otherwise it was skipped
}

func (e *FormatError) Error() string {
	if e.Path == "" {
		return e.Err.Error()
	}
	return e.Path + ": " + e.Err.Error()
}

// Wrong reports that the bytes exist and are wrong.
func (*FormatError) Wrong() bool { return true }

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// Parts are what, where, found and wanted, for reports.
func (e *FormatError) Parts() (what, where, found, wanted string) {
	return e.Err.Error(), e.Path, "", ""
}

// Blameless reports whether an error is not the fault of what is read: a disk
// could not be read, this version cannot judge the content, or a signal came.
func Blameless(err error) bool {
	_, disk := errors.AsType[*fs.PathError](err)
	_, unsupported := errors.AsType[*fault.UnsupportedError](err)
	return disk || unsupported || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// faulty blames the layer for an error.
func faulty(path string, err error) error {
	if Blameless(err) {
		return err
	}
	return &FormatError{Path: path, Err: err}
}

// maxFaults bounds what is reported about the entries of one layer.
const maxFaults = 10_000

// faults are those of the entries of a layer.
type faults struct {
	list []error
	more int // not in the list
}

func (f *faults) add(path string, shown bool, err error) {
	if len(f.list) == maxFaults {
		f.more++
		return
	}
	if _, unsupported := errors.AsType[*fault.UnsupportedError](err); unsupported {
		f.list = append(f.list, &fault.UnsupportedError{Err: fmt.Errorf("%s: %w", path, err)})
		return
	}
	f.list = append(f.list, &FormatError{path, err, shown})
}

// err joins them with other errors.
func (f *faults) err(others ...error) error {
	list := append(f.list[:len(f.list):len(f.list)], others...)
	if f.more > 0 {
		list = append(list, &FormatError{Err: fmt.Errorf("has faults in %d more entries", f.more)})
	}
	return errors.Join(list...)
}
