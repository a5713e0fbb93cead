// SPDX-License-Identifier: BSD-2-Clause

package until

import (
	"cmp"
	"context"
	"iter"
	"slices"
)

// SortStable sorts as slices.SortStableFunc does, until the context ends.
func SortStable[T any](ctx context.Context, list []T, compare func(a, b T) int) error {
	slices.SortStableFunc(list, looking(ctx, compare))
	return ctx.Err()
}

// Sort sorts as slices.SortFunc does, until the context ends.
func Sort[T any](ctx context.Context, list []T, compare func(a, b T) int) error {
	slices.SortFunc(list, looking(ctx, compare))
	return ctx.Err()
}

// Sorted collects values and sorts them as slices.Sorted does.
func Sorted[T cmp.Ordered](ctx context.Context, values iter.Seq[T]) ([]T, error) {
	list := slices.Collect(values)
	return list, Sort(ctx, list, cmp.Compare[T])
}

// looking makes all values equal once the context has ended: nothing else ends a
// sort, and a sort of equal values ends soon.
func looking[T any](ctx context.Context, compare func(a, b T) int) func(a, b T) int {
	n, over := 0, false
	return func(a, b T) int {
		if n++; over || n%256 == 0 && ctx.Err() != nil {
			over = true
			return 0
		}
		return compare(a, b)
	}
}
