// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package layout

import (
	"encoding/binary"
	"testing"
)

// tail keeps the last bytes and counts all.
type tail struct {
	last []byte
	n    int64
}

func (w *tail) Write(b []byte) (int, error) {
	w.n += int64(len(b))
	w.last = append(w.last, b[max(0, len(b)-64):]...)
	w.last = w.last[max(0, len(w.last)-64):]
	return len(b), nil
}

// TestStoredXZLarge goes through 4 GiB, so that it counts beyond 32 bits, and
// reads the sizes in the index.
func TestStoredXZLarge(t *testing.T) {
	t.Parallel()
	const chunks = 1<<16 + 1
	var out tail
	x := newStoredXZ(&out)
	for range chunks {
		if _, err := x.Write(make([]byte, xzChunk)); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	foot := out.last[len(out.last)-12:]
	size := 4 * (1 + int(binary.LittleEndian.Uint32(foot[4:])))
	index := out.last[len(out.last)-12-size:]
	var got [3]uint64
	at := 1
	for i := range got {
		n, k := binary.Uvarint(index[at:])
		got[i], at = n, at+k
	}
	data := int64(chunks*(3+xzChunk) + 1)
	want := [3]uint64{1, uint64(12 + data + 4), chunks * xzChunk}
	if got != want {
		t.Errorf("records, unpadded and plain size are %d, wanted %d", got, want)
	}
	if whole := 12 + 12 + (data+3)&^3 + 4 + int64(size) + 12; out.n != whole {
		t.Errorf("wrote %d bytes, wanted %d", out.n, whole)
	}
}
