// SPDX-License-Identifier: BSD-2-Clause

package input

import (
	"cmp"
	"fmt"
	"io/fs"

	"github.com/orlop/orlop/release/define"
)

// AbsentFileError is a file that an image needs and that no origin has.
type AbsentFileError struct {
	Target string // path in the image
	Taken  define.Taken
}

func (e *AbsentFileError) Error() string {
	where := "there is no --srcdir for it"
	if e.Taken.Source != "" {
		where = "a --srcdir with " + e.Taken.Source + " would provide it"
	}
	return fmt.Sprintf("%s: none of the packages %v of the repository has %s; %s", e.Target, e.Taken.From, e.Taken.Path, where)
}

// Unmet reports that the request cannot be met.
func (*AbsentFileError) Unmet() bool { return true }

// Unwrap lets errors.Is find fs.ErrNotExist.
func (e *AbsentFileError) Unwrap() error { return fs.ErrNotExist }

// Parts are what, where, found and wanted, for reports.
func (e *AbsentFileError) Parts() (what, where, found, wanted string) {
	return "none of the packages has it", e.Target, "", e.Taken.Path
}

// LockedFileError is a file in which an image differs from its lock.
type LockedFileError struct{ Path, Found, Wanted string }

func (e *LockedFileError) Error() string {
	if e.Wanted == "" {
		return fmt.Sprintf("%s: found %s, the lock has none", e.Path, e.Found)
	}
	return fmt.Sprintf("%s: found %s, the lock has one with sha256 %s", e.Path, e.Found, e.Wanted)
}

// Absent reports that bytes could not be obtained.
func (*LockedFileError) Absent() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *LockedFileError) Parts() (what, where, found, wanted string) {
	return "file of the lock", e.Path, e.Found, cmp.Or(e.Wanted, "none")
}
