// SPDX-License-Identifier: BSD-2-Clause

package layout

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
)

// storedXZ writes an .xz stream whose LZMA2 chunks store the bytes uncompressed:
// its input is compressed already, so this costs no more than a copy
// (xz-file-format.txt; LZMA2 chunks as in xz's lzma2_decoder.c).
//
// The stream has one block, whose header omits the sizes, since they are only
// known at its end. Its check is CRC32, which every decoder must support and
// which is the cheapest. Each blob inside has its own sha256.
type storedXZ struct {
	w     io.Writer
	buf   []byte // the current chunk, preceded by 3 bytes of its header
	sum   uint32 // CRC32 of the plain bytes
	plain int64  // bytes in
	size  int64  // bytes of compressed data
	begun bool
}

// These constants decide the bytes of a .txz.
const (
	xzCheckCRC32 = 1
	xzChunk      = 64 << 10 // bytes; an LZMA2 chunk has at most this
	xzDictionary = 0        // 4 KiB, the smallest: nothing refers back
)

// xzBlockHeader is 12 bytes: size, no optional fields, the filter LZMA2 with
// one byte of properties, padding and CRC32.
var xzBlockHeader = sealed([]byte{2, 0, 0x21, 1, xzDictionary, 0, 0, 0})

func newStoredXZ(w io.Writer) *storedXZ {
	return &storedXZ{w: w, buf: make([]byte, 3, 3+xzChunk)}
}

// sealed appends the CRC32 of b, as in all headers of xz.
func sealed(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// Write stores bytes.
func (x *storedXZ) Write(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		k := min(len(b)-n, cap(x.buf)-len(x.buf))
		x.buf = append(x.buf, b[n:n+k]...)
		n += k
		if len(x.buf) == cap(x.buf) {
			if err := x.flush(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// begin writes the headers of stream and block.
func (x *storedXZ) begin() error {
	if x.begun {
		return nil
	}
	x.begun = true
	_, err := x.w.Write(xzBegin())
	return err
}

// xzBegin returns the headers of the stream and its only block.
func xzBegin() []byte {
	head := append([]byte("\xfd7zXZ\x00"), 0, xzCheckCRC32)
	head = binary.LittleEndian.AppendUint32(head, crc32.ChecksumIEEE(head[6:8]))
	return append(head, xzBlockHeader...)
}

// flush writes the chunk: a control byte, which resets the dictionary in the
// first one, and its length minus one.
func (x *storedXZ) flush() error {
	if err := x.begin(); err != nil {
		return err
	}
	if x.buf[0] = 2; x.size == 0 {
		x.buf[0] = 1
	}
	stored := x.buf[3:]
	binary.BigEndian.PutUint16(x.buf[1:], uint16(len(stored)-1))
	x.sum = crc32.Update(x.sum, crc32.IEEETable, stored)
	x.plain += int64(len(stored))
	n, err := x.w.Write(x.buf)
	x.size += int64(n)
	x.buf = x.buf[:3]
	return err
}

// Close ends block and stream. It does not close the underlying writer.
func (x *storedXZ) Close() error {
	if len(x.buf) > 3 {
		if err := x.flush(); err != nil {
			return err
		}
	}
	if err := x.begin(); err != nil {
		return err
	}
	_, err := x.w.Write(xzEnd(x.size, x.plain, x.sum))
	return err
}

// xzEnd returns what follows the chunks, which have size bytes for plain ones whose CRC32
// is sum: the padding of the block and its check, the index with its only record, the
// footer.
func xzEnd(size, plain int64, sum uint32) []byte {
	size++ // the end of LZMA2, a zero
	end := make([]byte, 1+(-size&3))
	end = binary.LittleEndian.AppendUint32(end, sum)
	unpadded := int64(len(xzBlockHeader)) + size + 4
	index := bytes.NewBuffer([]byte{0})
	for _, n := range []int64{1, unpadded, plain} {
		index.Write(binary.AppendUvarint(nil, uint64(n)))
	}
	index.Write(make([]byte, -index.Len()&3))
	sealedIndex := sealed(index.Bytes())
	end = append(end, sealedIndex...)
	foot := binary.LittleEndian.AppendUint32(nil, uint32(len(sealedIndex)/4-1))
	foot = append(foot, 0, xzCheckCRC32)
	end = binary.LittleEndian.AppendUint32(end, crc32.ChecksumIEEE(foot))
	return append(append(end, foot...), "YZ"...)
}
