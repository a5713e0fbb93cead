// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/store"
)

func TestRebuildFailure(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"failed":        fmt.Errorf("image static: %w", &fs.PathError{Op: "write", Path: "blob", Err: syscall.ENOSPC}),
		"unsupported":   &VersionError{errors.New("another")},
		"input-absent":  &store.AbsentError{What: "p-1", Err: fs.ErrNotExist},
		"input-wrong":   errors.Join(&fs.PathError{Op: "read", Path: "p", Err: syscall.EIO}, &store.SizeError{Subject: "p-1"}),
		"lock-unusable": fault.Usagef("no lock"),
	} {
		if got := rebuildFailure(err); got != want {
			t.Errorf("%v: got %s, want %s", err, got, want)
		}
	}
}
