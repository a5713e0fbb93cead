// SPDX-License-Identifier: BSD-2-Clause

// Package xz reads .xz files (xz(1); "The .xz File Format", 1.2.1) in bounded
// memory, for untrusted input. The module underneath allocates a dictionary for
// each block, as large as its header says: 4 GiB for a file of 100 bytes, and
// again for every 20 bytes more. So this package reads the container, and the
// module only LZMA2.
package xz

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

// maxDict bounds the dictionary of a block, in bytes. By default xz(1) writes at
// most 64 MiB.
const maxDict = 128 << 20

// Bounds of dictionaries. An encoder begins a block only after several times its
// dictionary's size, unless told to waste memory.
const (
	freeDicts = 256 << 20 // bytes of all dictionaries, whatever they hold
	dictRatio = 16        // further bytes for each byte unpacked
)

// Reader reads streams of blocks.
type Reader struct {
	r        counted
	inStream bool
	check    byte // kind of checksum
	block    *block
	records  []record // of the stream's blocks
	dicts    int64    // bytes of all dictionaries so far
	out      int64    // bytes unpacked so far
	err      error
}

// record is the index's entry for a block.
type record struct{ packed, plain uint64 }

// block is the one being read.
type block struct {
	*lzma.Reader2
	header        int64  // its length
	start         int64  // where its contents begin
	packed, plain uint64 // sizes, if in the header
	sized         [2]bool
	hash          hash.Hash
	out           int64
}

// counted counts the bytes taken from a reader.
type counted struct {
	*bufio.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

func (c *counted) ReadByte() (byte, error) {
	b, err := c.Reader.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

// NewReader reads the header of a file.
func NewReader(r io.Reader) (*Reader, error) {
	z := &Reader{r: counted{Reader: bufio.NewReader(r)}}
	return z, z.stream()
}

// Read reads. The checksum of a block is checked at its end.
func (z *Reader) Read(p []byte) (n int, err error) {
	for n == 0 && z.err == nil && len(p) > 0 {
		if z.block == nil {
			z.err = z.next()
			continue
		}
		n, err = z.block.Read(p)
		z.block.hash.Write(p[:n])
		z.block.out += int64(n)
		z.out += int64(n)
		if err == io.EOF {
			if err = io.ErrUnexpectedEOF; z.block.EOS() {
				err = z.end()
			}
			z.block = nil
		}
		z.err = err
	}
	return n, z.err
}

// full reads all of p; an earlier end is an error.
func (z *Reader) full(p []byte) error {
	_, err := io.ReadFull(&z.r, p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// next advances to the contents of the next block, or to the end of the file.
func (z *Reader) next() error {
	if !z.inStream {
		return z.stream()
	}
	size, err := z.r.ReadByte()
	if err != nil {
		return unexpected(err)
	}
	if size == 0 {
		z.inStream = false
		return z.index()
	}
	return z.begin(size)
}

// stream reads a stream header, and the padding before it. If there is none left
// it returns io.EOF.
func (z *Reader) stream() error {
	head := make([]byte, 12)
	for {
		if _, err := io.ReadFull(&z.r, head[:4]); err != nil {
			return err
		}
		if !bytes.Equal(head[:4], make([]byte, 4)) {
			break
		}
	}
	if err := z.full(head[4:]); err != nil {
		return err
	}
	if string(head[:6]) != "\xfd7zXZ\x00" {
		return fmt.Errorf("%q is not a stream header", head[:6])
	}
	if binary.LittleEndian.Uint32(head[8:]) != crc32.ChecksumIEEE(head[6:8]) {
		return errors.New("the stream header has the wrong checksum")
	}
	z.inStream, z.check, z.records = true, head[7], nil
	if head[6] != 0 || z.newHash() == nil {
		return fmt.Errorf("checksums of type %#x are not supported", head[6:8])
	}
	return nil
}

// newHash returns the hash for a block's checksum, nil if unknown.
func (z *Reader) newHash() hash.Hash {
	switch z.check {
	case 0:
		return noHash{crc32.NewIEEE()}
	case 1:
		return crc32.NewIEEE()
	case 4:
		return crc64.New(crcTable)
	case 10:
		return sha256.New()
	}
	return nil
}

var crcTable = crc64.MakeTable(crc64.ECMA)

// noHash is the hash of a block without a checksum.
type noHash struct{ hash.Hash }

func (noHash) Size() int           { return 0 }
func (noHash) Sum(b []byte) []byte { return b }

// begin reads a block header.
func (z *Reader) begin(size byte) error {
	head := make([]byte, (int(size)+1)*4)
	head[0] = size
	if err := z.full(head[1:]); err != nil {
		return err
	}
	end := len(head) - 4
	if binary.LittleEndian.Uint32(head[end:]) != crc32.ChecksumIEEE(head[:end]) {
		return errors.New("the block header has the wrong checksum")
	}
	b := &block{header: int64(len(head)), start: z.r.n, hash: z.newHash()}
	flags, r := head[1], bytes.NewReader(head[2:end])
	for i, size := range []*uint64{&b.packed, &b.plain} {
		if flags&(0x40<<i) == 0 {
			continue
		}
		b.sized[i] = true
		var err error
		if *size, err = binary.ReadUvarint(r); err != nil {
			return fmt.Errorf("the block header: %w", unexpected(err))
		}
	}
	filter := make([]byte, 3)
	if _, err := io.ReadFull(r, filter); err != nil {
		return fmt.Errorf("the block header: %w", unexpected(err))
	}
	if flags&0x3f != 0 || filter[0] != 0x21 || filter[1] != 1 {
		return errors.New("a block has filters other than LZMA2, which are not supported")
	}
	rest := head[end-r.Len() : end]
	if len(bytes.Trim(rest, "\x00")) > 0 {
		return errors.New("the block header has more than its filter")
	}
	return z.open(b, filter[2])
}

// open makes the reader of a block, with its dictionary.
func (z *Reader) open(b *block, code byte) error {
	dict, err := lzma.DecodeDictCap(code)
	if err != nil {
		return fmt.Errorf("%w", err)
	}
	if dict > maxDict {
		return fmt.Errorf("a block needs a dictionary of %d bytes, wanted at most %d", dict, maxDict)
	}
	if z.dicts += dict; z.dicts > freeDicts+dictRatio*z.out {
		return fmt.Errorf("%d blocks need dictionaries of %d bytes for %d bytes of contents", len(z.records)+1, z.dicts, z.out)
	}
	z.block = b
	b.Reader2, err = lzma.Reader2Config{DictCap: max(int(dict), lzma.MinDictCap)}.NewReader2(&z.r)
	return err
}

// end checks what follows a block's contents.
func (z *Reader) end() error {
	b := z.block
	packed := z.r.n - b.start
	padding := make([]byte, (4-packed%4)%4)
	if err := z.full(padding); err != nil {
		return err
	}
	if len(bytes.Trim(padding, "\x00")) > 0 {
		return errors.New("the padding of a block is not zero")
	}
	sum := make([]byte, b.hash.Size())
	if err := z.full(sum); err != nil {
		return err
	}
	found := b.hash.Sum(nil)
	if z.check == 1 || z.check == 4 { // stored in the other byte order
		for i, j := 0, len(found)-1; i < j; i, j = i+1, j-1 {
			found[i], found[j] = found[j], found[i]
		}
	}
	if !bytes.Equal(found, sum) {
		return errors.New("the checksum of a block is wrong")
	}
	if b.sized[0] && b.packed != uint64(packed) || b.sized[1] && b.plain != uint64(b.out) {
		return errors.New("the size of a block differs from its header")
	}
	z.records = append(z.records, record{uint64(b.header + packed + int64(len(sum))), uint64(b.out)})
	return nil
}

// summed reads bytes of the index and hashes them.
type summed struct {
	*counted
	hash.Hash32
}

func (s summed) ReadByte() (byte, error) {
	b, err := s.counted.ReadByte()
	if err == nil {
		s.Hash32.Write([]byte{b})
	}
	return b, err
}

// index compares the blocks with the index, and reads the stream footer.
func (z *Reader) index() error {
	start := z.r.n - 1
	s := summed{&z.r, crc32.NewIEEE()}
	s.Hash32.Write([]byte{0})
	n, err := binary.ReadUvarint(s)
	if err == nil && n != uint64(len(z.records)) {
		err = fmt.Errorf("the index has %d blocks, found %d", n, len(z.records))
	}
	for i := 0; i < len(z.records) && err == nil; i++ {
		var r record
		if r.packed, err = binary.ReadUvarint(s); err == nil {
			r.plain, err = binary.ReadUvarint(s)
		}
		if err == nil && r != z.records[i] {
			err = fmt.Errorf("the index has block %d as %d bytes of %d, found %d of %d", i+1, r.packed, r.plain, z.records[i].packed, z.records[i].plain)
		}
	}
	for err == nil && (z.r.n-start)%4 != 0 {
		var b byte
		if b, err = s.ReadByte(); err == nil && b != 0 {
			err = errors.New("the padding of the index is not zero")
		}
	}
	if err != nil {
		return unexpected(err)
	}
	size := z.r.n - start + 4
	foot := make([]byte, 16)
	if err := z.full(foot); err != nil {
		return err
	}
	switch {
	case binary.LittleEndian.Uint32(foot) != s.Sum32():
		return errors.New("the index has the wrong checksum")
	case binary.LittleEndian.Uint32(foot[4:]) != crc32.ChecksumIEEE(foot[8:14]) || string(foot[14:]) != "YZ":
		return errors.New("the stream footer has the wrong checksum")
	case (int64(binary.LittleEndian.Uint32(foot[8:]))+1)*4 != size || foot[12] != 0 || foot[13] != z.check:
		return errors.New("the stream footer does not match its index and header")
	}
	return nil
}

// unexpected turns a premature end of file into an error.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
