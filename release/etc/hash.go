// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// hashDB builds a database of Berkeley DB 1.85's hash method, with which
// FreeBSD's libc reads password and other databases (lib/libc/db/hash). Its
// bytes are the same as FreeBSD's, except for free space: where libc leaves
// earlier contents of its buffers, here there are zeros. Pairs larger than a
// page and more than one page of overflow bits are refused; no file in /etc
// needs them.
type hashDB struct {
	order     binary.ByteOrder // of pages; the header is always big-endian
	bsize     int              // bytes of a page
	ffactor   int              // pairs a bucket
	nkeys     int
	maxBucket int
	highMask  int
	lowMask   int
	ovflPoint int
	lastFreed int
	spares    [32]int
	bitmaps   [32]uint16
	bits      []uint32   // overflow pages in use
	buckets   [][]*hpage // the page of each, and its overflow pages
}

// hpage is a page: its pairs in the order in which they were added.
type hpage struct {
	pairs   []hpair
	addr    uint16 // of an overflow page
	linked  bool   // another one follows
	written bool
}

type hpair struct{ key, data []byte }

// These constants decide the bytes of every database (lib/libc/db/hash/hash.h).
const (
	hashMagic    = 0x061561
	hashVersion  = 2
	hashHeader   = 260
	defFFactor   = 65536 // none was requested: the first full page sets it
	minFFactor   = 4
	pageWords    = 3 // a page has these words and two for each pair
	pairWords    = 2
	splitShift   = 11
	splitMask    = 1<<splitShift - 1
	overflowLink = 0
)

// newHash makes an empty database. An ffactor of 0 means libc's own choice.
func newHash(order binary.ByteOrder, bsize, ffactor, nelem int) *hashDB {
	h := &hashDB{order: order, bsize: bsize, ffactor: ffactor, lastFreed: 2}
	if h.ffactor == 0 {
		h.ffactor = defFFactor
	}
	l2 := log2up(max((max(nelem, 1)-1)/h.ffactor+1, 2))
	n := 1 << l2
	h.maxBucket, h.lowMask, h.highMask = n-1, n-1, 2*n-1
	h.spares[l2], h.spares[l2+1], h.ovflPoint = l2+1, l2+1, l2
	h.bitmaps[0] = uint16(l2<<splitShift + 1)
	h.bits = make([]uint32, bsize/4)
	words := (l2 + 1 + 31) / 32
	for i := range h.bits {
		if i >= words {
			h.bits[i] = ^uint32(0)
		}
	}
	h.bits[words-1] = ^uint32(0)<<((l2+1)&31) | 1
	h.buckets = make([][]*hpage, n)
	for i := range h.buckets {
		h.buckets[i] = []*hpage{{}}
	}
	return h
}

// log2up is the smallest i with 1<<i >= n.
func log2up(n int) int { return bits.Len(uint(n - 1)) }

// hash4 is the hash function (lib/libc/db/hash/hash_func.c).
func hash4(key []byte) uint32 {
	var h uint32
	for _, c := range key {
		h = h*33 + uint32(c)
	}
	return h
}

func (h *hashDB) bucket(key []byte) int {
	b := int(hash4(key)) & h.highMask
	if b > h.maxBucket {
		b &= h.lowMask
	}
	return b
}

// free is the free space of a page, in bytes.
func (h *hashDB) free(p *hpage) int {
	free := h.bsize - 2*pageWords
	for _, pair := range p.pairs {
		free -= 2*pairWords + len(pair.key) + len(pair.data)
	}
	if p.linked {
		free -= 2 * pairWords
	}
	return free
}

// fits leaves room for the link to an overflow page.
func (h *hashDB) fits(p *hpage, pair hpair) bool {
	return 2*pairWords+len(pair.key)+len(pair.data)+2*pairWords <= h.free(p)
}

// maxPair is the size of the largest pair, in bytes.
func (h *hashDB) maxPair() int { return h.bsize - 2*pageWords - 4*pairWords }

// put adds a pair, unless its key exists: then nothing changes, and it reports
// false (R_NOOVERWRITE).
func (h *hashDB) put(key, data []byte) (bool, error) {
	pair := hpair{bytes.Clone(key), bytes.Clone(data)}
	if n := len(key) + len(data); n > h.maxPair() {
		return false, fmt.Errorf("has a record of %d bytes, wanted at most %d", n, h.maxPair())
	}
	b := h.bucket(key)
	chain := h.buckets[b]
	for _, p := range chain {
		for _, have := range p.pairs {
			if bytes.Equal(have.key, key) {
				return false, nil
			}
		}
	}
	grown, err := h.add(b, pair)
	if err != nil {
		return false, err
	}
	h.nkeys++
	if grown || h.nkeys/(h.maxBucket+1) > h.ffactor {
		return true, h.expand()
	}
	return true, nil
}

// add appends a pair to a bucket and reports whether that needed a new page.
func (h *hashDB) add(b int, pair hpair) (grown bool, err error) {
	chain := h.buckets[b]
	last := chain[len(chain)-1]
	if !h.fits(last, pair) {
		if h.ffactor == defFFactor {
			h.ffactor = max(len(last.pairs), minFFactor)
		}
		addr, err := h.allocate()
		if err != nil {
			return false, err
		}
		last.linked, last.written = true, true
		last = &hpage{addr: addr}
		h.buckets[b] = append(chain, last)
		grown = true
	}
	last.pairs, last.written = append(last.pairs, pair), true
	return grown, nil
}

// allocate takes an overflow page: the first freed one, else a new one at the
// current split point (hash_page.c: overflow_page).
func (h *hashDB) allocate() (uint16, error) {
	limit := h.spares[h.ovflPoint]
	for i := h.lastFreed / 32; i*32 < limit; i++ {
		if clear := bits.TrailingZeros32(^h.bits[i]); clear < 32 && i*32+clear < limit {
			bit := i*32 + clear
			h.bits[i] |= 1 << clear
			if bit+1 >= h.lastFreed {
				h.lastFreed = bit
			}
			point := 0
			for h.spares[point] < bit+1 {
				point++
			}
			number := bit + 1
			if point > 0 {
				number -= h.spares[point-1]
			}
			return uint16(point<<splitShift + number), nil
		}
	}
	h.lastFreed = limit // its bit is already set, like all beyond the limit
	h.spares[h.ovflPoint]++
	number := h.spares[h.ovflPoint] - h.spares[h.ovflPoint-1]
	if number > splitMask || limit >= 8*h.bsize-1 {
		return 0, fmt.Errorf("has more than %d records of one hash, or too many overflow pages", limit)
	}
	return uint16(h.ovflPoint<<splitShift + number), nil
}

// release frees an overflow page.
func (h *hashDB) release(addr uint16) {
	point := int(addr >> splitShift)
	bit := int(addr&splitMask) - 1
	if point > 0 {
		bit += h.spares[point-1]
	}
	h.bits[bit/32] &^= 1 << (bit % 32)
	h.lastFreed = min(h.lastFreed, bit)
}

// expand splits one bucket (hash.c: __expand_table).
func (h *hashDB) expand() error {
	h.maxBucket++
	now := h.maxBucket
	old := now & h.lowMask
	if point := log2up(now + 1); point > h.ovflPoint {
		h.spares[point] = h.spares[h.ovflPoint]
		h.ovflPoint = point
	}
	if now > h.highMask {
		h.lowMask = h.highMask
		h.highMask = now | h.lowMask
	}
	h.buckets = append(h.buckets, []*hpage{{written: true}})
	chain := h.buckets[old]
	first := chain[0]
	pairs := first.pairs
	first.pairs, first.linked, first.written = nil, false, true
	h.buckets[old] = chain[:1:1]
	for i := 0; ; i++ {
		for _, pair := range pairs {
			if _, err := h.add(h.bucket(pair.key), pair); err != nil {
				return err
			}
		}
		if i > 0 {
			h.release(chain[i].addr)
		}
		if i+1 >= len(chain) {
			return nil
		}
		pairs = chain[i+1].pairs
	}
}

// headerPages is the number of pages before the first bucket.
func (h *hashDB) headerPages() int { return (512-1)/h.bsize + 1 }

// page is the number of a bucket's page in the file.
func (h *hashDB) page(bucket int) int {
	n := bucket + h.headerPages()
	if bucket > 0 {
		n += h.spares[log2up(bucket+1)-1]
	}
	return n
}

// overflow is the number of an overflow page in the file.
func (h *hashDB) overflow(addr uint16) int {
	return h.page(1<<(addr>>splitShift)-1) + int(addr&splitMask)
}

// bytes is the file. Buckets that never had a pair are zeros.
func (h *hashDB) bytes() []byte {
	pages := map[int][]byte{0: nil}
	last := 0
	set := func(n int, text []byte) {
		pages[n] = text
		last = max(last, n)
	}
	for b, chain := range h.buckets {
		for i, p := range chain {
			switch {
			case i > 0:
				set(h.overflow(p.addr), h.encodePage(chain, i))
			case p.written:
				set(h.page(b), h.encodePage(chain, i))
			}
		}
	}
	bitmap := make([]byte, h.bsize)
	for i, word := range h.bits {
		h.order.PutUint32(bitmap[4*i:], word)
	}
	set(h.overflow(h.bitmaps[0]), bitmap)
	file := make([]byte, (last+1)*h.bsize)
	for n, text := range pages {
		copy(file[n*h.bsize:], text)
	}
	copy(file, h.encodeHeader())
	return file
}

func (h *hashDB) encodePage(chain []*hpage, i int) []byte {
	p := chain[i]
	text := make([]byte, h.bsize)
	words := []int{0}
	low := h.bsize
	for _, pair := range p.pairs {
		low -= len(pair.key)
		copy(text[low:], pair.key)
		words = append(words, low)
		low -= len(pair.data)
		copy(text[low:], pair.data)
		words = append(words, low)
	}
	if p.linked {
		words = append(words, int(chain[i+1].addr), overflowLink)
	}
	words[0] = len(words) - 1
	words = append(words, low-2*(words[0]+pageWords), low)
	for i, w := range words {
		h.order.PutUint16(text[2*i:], uint16(w))
	}
	return text
}

func (h *hashDB) encodeHeader() []byte {
	lorder := 4321
	if h.order == binary.LittleEndian {
		lorder = 1234
	}
	var b []byte
	for _, v := range []int{
		hashMagic, hashVersion, lorder, h.bsize, bits.Len(uint(h.bsize)) - 1, 256 /* dsize */, 256 /* ssize */, 8, /* sshift */
		h.ovflPoint, h.lastFreed, h.maxBucket, h.highMask, h.lowMask, h.ffactor, h.nkeys, h.headerPages(),
		int(hash4([]byte("%$sniglet^&\x00"))),
	} {
		b = binary.BigEndian.AppendUint32(b, uint32(v))
	}
	for _, v := range h.spares {
		b = binary.BigEndian.AppendUint32(b, uint32(v))
	}
	for _, v := range h.bitmaps {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return b
}
