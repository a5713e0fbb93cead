// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"encoding/binary"
	"fmt"
)

// readHash passes every pair of a hash database to visit, bucket by bucket.
// Pairs larger than a page are refused.
func readHash(file []byte, visit func(key, data []byte) error) error {
	if len(file) < hashHeader || binary.BigEndian.Uint32(file) != hashMagic || binary.BigEndian.Uint32(file[4:]) != hashVersion {
		return fmt.Errorf("is not a hash database of version %d", hashVersion)
	}
	field := func(n int) int { return int(binary.BigEndian.Uint32(file[4*n:])) }
	h := &hashDB{bsize: field(3), maxBucket: field(10), order: binary.BigEndian}
	switch field(2) {
	case 1234:
		h.order = binary.LittleEndian
	case 4321:
	default:
		return fmt.Errorf("byte order is %d, wanted 1234 or 4321", field(2))
	}
	if h.bsize < 64 || h.bsize > 1<<16 || h.bsize&(h.bsize-1) != 0 {
		return fmt.Errorf("page size is %d, wanted a power of 2 from 64 to 65536", h.bsize)
	}
	if h.maxBucket > len(file)/h.bsize {
		return fmt.Errorf("has %d buckets in %d pages", h.maxBucket+1, len(file)/h.bsize)
	}
	for i := range h.spares {
		h.spares[i] = field(17 + i)
	}
	for b := range h.maxBucket + 1 {
		n := h.page(b)
		for steps := 0; ; steps++ {
			next, more, err := h.readPage(file, n, visit)
			if err != nil {
				return fmt.Errorf("bucket %d: page %d: %w", b, n, err)
			}
			if !more {
				break
			}
			if steps > len(file)/h.bsize {
				return fmt.Errorf("bucket %d: its pages go in a circle", b)
			}
			n = h.overflow(next)
		}
	}
	return nil
}

// readPage reads one page; next is the overflow page that follows, if any.
func (h *hashDB) readPage(file []byte, number int, visit func(key, data []byte) error) (next uint16, more bool, err error) {
	if number < 0 || number >= len(file)/h.bsize {
		return 0, false, nil // a hole at the end: a bucket that never had a pair
	}
	page := file[number*h.bsize:][:h.bsize]
	word := func(i int) int { return int(h.order.Uint16(page[2*i:])) }
	n := word(0)
	if n%2 != 0 || 2*(n+pageWords) > h.bsize {
		return 0, false, fmt.Errorf("has %d words, wanted an even number that fits", n)
	}
	high := h.bsize
	for i := 1; i < n; i += 2 {
		key, data := word(i), word(i+1)
		if data == overflowLink {
			return uint16(key), true, nil
		}
		if data < 4 {
			return 0, false, fmt.Errorf("has a pair larger than a page, which is not supported")
		}
		if data > key || key > high {
			return 0, false, fmt.Errorf("pair %d is at %d and %d, wanted below %d", i/2, key, data, high)
		}
		if err := visit(page[key:high], page[data:key]); err != nil {
			return 0, false, err
		}
		high = data
	}
	return 0, false, nil
}
