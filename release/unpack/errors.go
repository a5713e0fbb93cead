// SPDX-License-Identifier: BSD-2-Clause

package unpack

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"

	"github.com/orlop/orlop/pkgdb/fault"
)

// EntryError is an archive that this version does not put into an image. Its bytes are
// those that are wanted, so it is not wrong, but this is as far as it goes.
type EntryError struct {
	Entry string // its name in the archive, "" for the archive as a whole
	Err   error
}

func (e *EntryError) Error() string {
	if e.Entry == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("entry %q %v", fault.Short(e.Entry), e.Err)
}

// Unwrap returns the cause.
func (e *EntryError) Unwrap() error { return e.Err }

// Failed reports that this version cannot do it.
func (*EntryError) Failed() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *EntryError) Parts() (what, where, found, wanted string) {
	return e.Err.Error(), e.Entry, "", ""
}

// NothingError is an option by which nothing is taken.
type NothingError struct{ Reason string }

func (e *NothingError) Error() string { return e.Reason }

// Unmet reports that the request cannot be met.
func (*NothingError) Unmet() bool { return true }

// broken names the entry for an error, unless the run is to end.
func (a *archive) broken(entry string, err error) error {
	if ended := a.ctx.Err(); ended != nil {
		return ended
	}
	return &EntryError{entry, plainly(err)}
}

// plainly says what the errors of archive/tar mean.
func plainly(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("is cut short")
	case errors.Is(err, tar.ErrHeader):
		return errors.New("has a header that is none of a tar file")
	}
	return err
}

// refuse is an error of an entry.
func refuse(entry, format string, args ...any) error {
	return &EntryError{entry, fmt.Errorf(format, args...)}
}
