// SPDX-License-Identifier: BSD-2-Clause

package layout

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"testing/iotest"
)

// stored is what storedXZ makes of n bytes.
func stored(t testing.TB, n int) (plain, packed []byte) {
	t.Helper()
	for i := range n {
		plain = append(plain, byte(i*i>>8))
	}
	var out bytes.Buffer
	x := newStoredXZ(&out)
	if _, err := x.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	return plain, out.Bytes()
}

// TestPlainXZ reads a stored stream in place, at any offset.
func TestPlainXZ(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, xzChunk - 1, xzChunk, xzChunk + 1, 3*xzChunk + 5} {
		plain, packed := stored(t, n)
		p := openStored(bytes.NewReader(packed), iotest.OneByteReader(bytes.NewReader(packed)))
		if p == nil || p.size != int64(n) {
			t.Fatalf("%d bytes: got %+v", n, p)
		}
		if err := iotest.TestReader(io.NewSectionReader(p, 0, p.size), plain); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// TestPlainXZRefuses leaves everything else to a decoder: each byte that differs, each
// end that comes too early, and anything behind the end.
func TestPlainXZRefuses(t *testing.T) {
	t.Parallel()
	_, packed := stored(t, xzChunk+300)
	for i := range packed {
		if i > 100 && i < len(packed)-400 && i%997 > 0 {
			continue // in the middle of a chunk
		}
		damaged := bytes.Clone(packed)
		damaged[i] ^= 4
		if openStored(bytes.NewReader(damaged), bytes.NewReader(damaged)) != nil {
			t.Errorf("byte %d differs: read in place", i)
		}
		if openStored(bytes.NewReader(packed[:i]), bytes.NewReader(packed[:i])) != nil {
			t.Errorf("%d bytes: read in place", i)
		}
	}
	longer := append(bytes.Clone(packed), 0, 0, 0, 0)
	if openStored(bytes.NewReader(longer), bytes.NewReader(longer)) != nil {
		t.Error("with padding: read in place")
	}
}

// FuzzPlainXZ never reads in place what a decoder reads otherwise.
func FuzzPlainXZ(f *testing.F) {
	_, packed := stored(f, 100)
	f.Add(packed)
	f.Fuzz(func(t *testing.T, text []byte) {
		p := openStored(bytes.NewReader(text), bytes.NewReader(text))
		if p == nil {
			return
		}
		plain, err := io.ReadAll(io.NewSectionReader(p, 0, p.size))
		var again bytes.Buffer
		x := newStoredXZ(&again)
		_, _ = x.Write(plain)
		if err != nil || x.Close() != nil || !bytes.Equal(again.Bytes(), text) {
			t.Errorf("%v: is not what is written for these %d bytes", err, len(plain))
		}
	})
}

// BenchmarkPlainXZ opens an archive in place; the cost of a byte does not grow.
func BenchmarkPlainXZ(b *testing.B) {
	for _, n := range []int{1 << 20, 16 << 20} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			_, packed := stored(b, n)
			b.SetBytes(int64(n))
			for b.Loop() {
				if openStored(bytes.NewReader(packed), bytes.NewReader(packed)) == nil {
					b.Fatal("not read in place")
				}
			}
		})
	}
}
