// SPDX-License-Identifier: BSD-2-Clause

package layout

import (
	"bytes"
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
