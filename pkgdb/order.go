// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"context"
	"slices"
	"sort"
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
	return append(ends, uint32(r.len())), ctx.Err()
}

// merge makes one run of each two.
func merge(ctx context.Context, from, to, ends []uint32, compare func(a, b int) int) ([]uint32, error) {
	var merged []uint32
	out, begin, next := to[:0], uint32(0), 0
	for pair := range slices.Chunk(ends, 2) {
		a, b := from[begin:pair[0]], from[pair[0]:pair[len(pair)-1]]
		for len(a) > 0 && len(b) > 0 {
			if len(out) >= next {
				if next += look; ctx.Err() != nil {
					return nil, ctx.Err()
				}
			}
			n := lead(a, func(row uint32) bool { return compare(int(row), int(b[0])) <= 0 })
			out, a = append(out, a[:n]...), a[n:]
			if len(a) > 0 {
				n = lead(b, func(row uint32) bool { return compare(int(row), int(a[0])) < 0 })
				out, b = append(out, b[:n]...), b[n:]
			}
		}
		out = append(append(out, a...), b...)
		begin = pair[len(pair)-1]
		merged = append(merged, begin)
	}
	return merged, nil
}

// lead is how many rows at the beginning of a list are first. It looks at few of
// many: packages have whole folders for themselves.
func lead(list []uint32, first func(row uint32) bool) int {
	n, step := 0, 1
	for n < len(list) && first(list[n]) {
		n += step
		if n >= 4 {
			step *= 2
		}
	}
	if n < 4 {
		return n
	}
	begin, end := n-step/2+1, min(n, len(list)) // the last one looked at with success is before begin
	return begin + sort.Search(end-begin, func(i int) bool { return !first(list[begin+i]) })
}
