// SPDX-License-Identifier: BSD-2-Clause

package tree

import "slices"

// blockSize is how many values a block has. One slice would be copied again and
// again while it grows, and leave as much garbage.
const blockSize = 1024

// blocks is a long list of values that stay where they are.
type blocks[T any] struct {
	list [][]T
	len  int
}

// add adds a zero value and returns it. Only the first block grows: most lists
// are short.
func (b *blocks[T]) add() *T {
	last := len(b.list) - 1
	switch {
	case last < 0:
		b.list = append(b.list, nil)
		last = 0
	case len(b.list[last]) == blockSize:
		b.list = append(b.list, make([]T, 0, blockSize))
		last++
	}
	var zero T
	b.list[last] = append(b.list[last], zero)
	b.len++
	return &b.list[last][len(b.list[last])-1]
}

// at returns the value with an index.
func (b *blocks[T]) at(i int) *T { return &b.list[i/blockSize][i%blockSize] }

func (b *blocks[T]) clone() blocks[T] {
	c := blocks[T]{len: b.len}
	for _, block := range b.list {
		c.list = append(c.list, slices.Clone(block))
	}
	return c
}
