// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"
)

// TestStoredXZ unpacks with another decoder, and with xz(1) where it is.
func TestStoredXZ(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 3, 4, xzChunk - 1, xzChunk, xzChunk + 1, 5*xzChunk + 7} {
		want := bytes.Repeat([]byte("x1"), n)[:n]
		var out bytes.Buffer
		x := newStoredXZ(&out)
		for rest := want; len(rest) > 0; {
			k, err := x.Write(rest[:min(len(rest), 777)])
			if err != nil {
				t.Fatal(err)
			}
			rest = rest[k:]
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := xz.NewReader(bytes.NewReader(out.Bytes()))
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: got %d, %v", n, len(got), err)
		}
		if tool, err := exec.LookPath("xz"); err == nil {
			cmd := exec.Command(tool, "-dc")
			cmd.Stdin = &out
			if got, err := cmd.Output(); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes: xz gives %d, %v", n, len(got), err)
			}
		}
	}
}

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

// TestStoredXZLarge counts beyond 32 bits and reads the sizes in the index.
func TestStoredXZLarge(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("goes through 4 GiB")
	}
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

// failing takes some bytes and then none.
type failing struct{ room int }

var errFull = errors.New("full")

func (w *failing) Write(b []byte) (int, error) {
	if len(b) > w.room {
		return 0, errFull
	}
	w.room -= len(b)
	return len(b), nil
}

// TestStoredXZFull passes on an error of the writer below, wherever it occurs.
func TestStoredXZFull(t *testing.T) {
	t.Parallel()
	for _, room := range []int{0, 12, 30, 3 + xzChunk, 3 + xzChunk + 40} {
		x := newStoredXZ(&failing{room})
		_, err := io.Copy(x, strings.NewReader(strings.Repeat("x", xzChunk+9)))
		if err == nil {
			err = x.Close()
		}
		if !errors.Is(err, errFull) {
			t.Errorf("room for %d: got %v", room, err)
		}
	}
}

func BenchmarkStoredXZ(b *testing.B) {
	blob := make([]byte, 1<<20)
	b.SetBytes(int64(len(blob)))
	x := newStoredXZ(io.Discard)
	for b.Loop() {
		if _, err := x.Write(blob); err != nil {
			b.Fatal(err)
		}
	}
}
