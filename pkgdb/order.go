// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"context"
	"math"
	"slices"
)

// sortBy sorts the rows, which compare takes by their numbers in the source. Equal
// ones stay in their order. Rows that are in order, as those of a database in its
// normal form, cost one look; and those of packages, in order for each of them, a
// few, always at neighbours: the source may have to read them from a disk.
func (r *rows) sortBy(ctx context.Context, compare func(a, b int) int) error {
	ends, err := r.runs(ctx, compare)
	if err != nil || len(ends) == 1 {
		return err
	}
	from, to := make([]uint32, r.len()), make([]uint32, r.len())
	for n := range from {
		from[n] = uint32(r.row(n))
	}
	for len(ends) > 1 {
		if ends, err = merge(ctx, from, to, ends, compare); err != nil {
			return err
		}
		from, to = to, from
	}
	r.order = from
	return nil
}

// look is how many comparisons there are between two looks at the context.
const look = 256

// runs returns where each part that is in order ends.
func (r *rows) runs(ctx context.Context, compare func(a, b int) int) ([]uint32, error) {
	var ends []uint32
	for n := 1; n < r.len(); n++ {
		if n%look == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if compare(r.row(n-1), r.row(n)) > 0 {
			ends = append(ends, uint32(n))
		}
	}
	return append(ends, uint32(min(r.len(), math.MaxUint32))), ctx.Err()
}

// merge makes one run of each two.
func merge(ctx context.Context, from, to, ends []uint32, compare func(a, b int) int) ([]uint32, error) {
	var merged []uint32
	out, begin := to[:0], uint32(0)
	for pair := range slices.Chunk(ends, 2) {
		a, b := from[begin:pair[0]], from[pair[0]:pair[len(pair)-1]]
		for len(a) > 0 && len(b) > 0 {
			if len(out)%look == 0 && ctx.Err() != nil {
				return nil, ctx.Err()
			}
			next := &a
			if compare(int(a[0]), int(b[0])) > 0 {
				next = &b
			}
			out = append(out, (*next)[0])
			*next = (*next)[1:]
		}
		out = append(append(out, a...), b...)
		begin = pair[len(pair)-1]
		merged = append(merged, begin)
	}
	return merged, nil
}
