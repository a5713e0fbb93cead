// SPDX-License-Identifier: BSD-2-Clause

package layout

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
)

// plainXZ reads the plain bytes of a stream that storedXZ wrote at any offset, without
// unpacking it: each chunk but the last has the same size.
type plainXZ struct {
	file io.ReaderAt
	size int64 // of the plain bytes
}

// openStored checks a whole .xz file, with its check and index. It returns nil for
// everything but an undamaged stream of storedXZ: a decoder says what that is, or what
// is wrong with it.
func openStored(file io.ReaderAt, in io.Reader) *plainXZ {
	r := bufio.NewReaderSize(in, 1<<20)
	begin := make([]byte, len(xzBegin()))
	if _, err := io.ReadFull(r, begin); err != nil || !bytes.Equal(begin, xzBegin()) {
		return nil
	}
	p := &plainXZ{file: file}
	size, sum, last := int64(0), uint32(0), false
	chunk := make([]byte, xzChunk)
	for {
		head, err := r.Peek(3)
		if err != nil {
			return nil
		}
		control := head[0]
		if control == 0 {
			break
		}
		n := 1 + int(binary.BigEndian.Uint16(head[1:]))
		if last || (control == 1) != (size == 0) || control > 2 {
			return nil
		}
		last = n < xzChunk
		if _, err := r.Discard(3); err != nil {
			return nil
		}
		if _, err := io.ReadFull(r, chunk[:n]); err != nil {
			return nil
		}
		sum = crc32.Update(sum, crc32.IEEETable, chunk[:n])
		p.size, size = p.size+int64(n), size+3+int64(n)
	}
	end := xzEnd(size, p.size, sum)
	rest, err := io.ReadAll(io.LimitReader(r, int64(len(end))+1))
	if err != nil || !bytes.Equal(rest, end) {
		return nil
	}
	return p
}

// ReadAt reads plain bytes.
func (p *plainXZ) ReadAt(b []byte, at int64) (int, error) {
	n := 0
	for n < len(b) && at < p.size {
		inside := at % xzChunk
		want := min(int64(len(b)-n), xzChunk-inside, p.size-at)
		from := int64(len(xzBegin())) + at/xzChunk*(3+xzChunk) + 3 + inside
		k, err := p.file.ReadAt(b[n:n+int(want)], from)
		n, at = n+k, at+int64(k)
		if err != nil && int64(k) < want {
			return n, err
		}
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}
