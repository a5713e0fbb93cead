// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"errors"
	"io/fs"
	"syscall"
)

// UnreadError is a file or folder that the user names and that cannot be read:
// by a flag, or, where that is "", as an operand. Whoever finds it, the words are
// the same.
type UnreadError struct {
	Flag, Path string
	Err        error
}

func (e *UnreadError) Error() string { return e.place() + ": " + reason(e.Err).Error() }

// Unwrap returns what the system says.
func (e *UnreadError) Unwrap() error { return e.Err }

// Parts are what, where, found and wanted, for reports.
func (e *UnreadError) Parts() (what, where, found, wanted string) {
	return reason(e.Err).Error(), e.place(), "", ""
}

// Absent reports whether there is nothing of that name.
func (e *UnreadError) Absent() bool {
	return errors.Is(e.Err, fs.ErrNotExist) || errors.Is(e.Err, syscall.ENOTDIR)
}

func (e *UnreadError) place() string {
	if e.Flag == "" {
		return e.Path
	}
	return "--" + e.Flag + ": " + e.Path
}
