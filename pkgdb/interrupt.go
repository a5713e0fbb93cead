// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"context"
	"fmt"

	"github.com/orlop/orlop/pkgdb/sqlitefile"
)

// maxFaults bounds what is told of a database in which every row is wrong.
const maxFaults = 10_000

// faults gathers what is wrong with rows.
type faults struct {
	ctx  context.Context
	list []error
}

func (f *faults) add(err error) { f.list = append(f.list, err) }

// next tells, before each row, whether it need be looked at.
func (f *faults) next() bool { return len(f.list) <= maxFaults && f.ctx.Err() == nil }

// all are the faults; where the context has ended, it is the only one.
func (f *faults) all() []error {
	switch {
	case f.ctx.Err() != nil:
		return []error{f.ctx.Err()}
	case len(f.list) > maxFaults:
		return append(f.list[:maxFaults:maxFaults], &sqlitefile.FormatError{Err: fmt.Errorf("more than %d faults; the others are not told", maxFaults)})
	}
	return f.list
}
