// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSortBy sorts as the standard library does: lists of every length, of few and
// many runs, with many equal values.
func TestSortBy(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		for _, different := range []int{1, 3, 1000} {
			l := &list{width: 1}
			r := &rows{columns: []string{"a"}, from: l}
			for range n {
				r.add(number(int64(random.IntN(different))))
			}
			for begin := 0; begin < n; { // runs of up to n/2
				end := min(n, begin+1+random.IntN(n/2+1))
				slices.SortFunc(l.values[begin:end], compare)
				begin = end
			}
			if random.IntN(2) == 0 { // the rows of a content that was filtered
				if err := r.keep(t.Context(), func(n int) bool { return n%3 > 0 }); err != nil {
					t.Fatal(err)
				}
			}
			var want []uint32
			for n := range r.len() {
				want = append(want, uint32(r.row(n)))
			}
			before := slices.Clone(r.order)
			unsorted := r.order
			slices.SortStableFunc(want, func(a, b uint32) int { return compare(l.values[a], l.values[b]) })
			if err := r.sort(t.Context(), "any"); err != nil {
				t.Fatal(err)
			}
			var got []uint32
			for n := range r.len() {
				got = append(got, uint32(r.row(n)))
			}
			if !slices.Equal(got, want) || !slices.Equal(before, unsorted) {
				t.Fatalf("%d rows of %d values: got %v, want %v", n, different, got, want)
			}
		}
	}
}
