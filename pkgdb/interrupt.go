// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"context"
	"fmt"
	"slices"
)

// sortStable sorts as slices.SortStableFunc does, until the context ends.
func sortStable[T any](ctx context.Context, list []T, compare func(a, b T) int) error {
	slices.SortStableFunc(list, until(ctx, compare))
	return ctx.Err()
}

// sortAny sorts as slices.SortFunc does, until the context ends.
func sortAny[T any](ctx context.Context, list []T, compare func(a, b T) int) error {
	slices.SortFunc(list, until(ctx, compare))
	return ctx.Err()
}

// until makes all values equal once the context has ended: nothing else ends a
// sort, and of equal values one is soon done.
func until[T any](ctx context.Context, compare func(a, b T) int) func(a, b T) int {
	n, over := 0, false
	return func(a, b T) int {
		if n++; over || n%256 == 0 && ctx.Err() != nil {
			over = true
			return 0
		}
		return compare(a, b)
	}
}

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
		return append(f.list[:maxFaults:maxFaults], &FormatError{fmt.Errorf("more than %d faults; the others are not told", maxFaults)})
	}
	return f.list
}
