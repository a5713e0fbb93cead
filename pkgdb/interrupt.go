// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"context"
	"fmt"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// maxFaults bounds what is reported for a database in which every row is wrong.
const maxFaults = 10_000

// faults collects what is wrong with rows of a content.
type faults struct {
	ctx  context.Context
	c    *Content
	list []error
}

func (f *faults) add(err error) { f.list = append(f.list, err) }

// next reports, before each row, whether to check it.
func (f *faults) next() bool { return len(f.list) <= maxFaults && f.ctx.Err() == nil }

// all are the faults; once the context has ended, its error is the only one, and so
// is one of reading.
func (f *faults) all() []error {
	switch {
	case f.ctx.Err() != nil:
		return []error{f.ctx.Err()}
	case f.c.read(nil) != nil:
		return []error{f.c.read(nil)}
	case len(f.list) > maxFaults:
		return append(f.list[:maxFaults:maxFaults], &sqlitefile.FormatError{Err: fmt.Errorf("more than %d faults; the others are not reported", maxFaults)})
	}
	return f.list
}
