// SPDX-License-Identifier: BSD-2-Clause

package until

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// countdown is a context that ends when it has been asked so often.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestReaderAndWriter(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	text := bytes.Repeat([]byte("x"), 100<<10)
	n, err := io.Copy(&out, Reader(&countdown{t.Context(), 3}, onlyReader{bytes.NewReader(text)}))
	if !errors.Is(err, context.Canceled) || n == 0 || n == int64(len(text)) {
		t.Errorf("read %d bytes, %v", n, err)
	}
	out.Reset()
	n, err = io.Copy(Writer(&countdown{t.Context(), 1}, onlyWriter{&out}), onlyReader{bytes.NewReader(text)})
	if !errors.Is(err, context.Canceled) || n == 0 || n != int64(out.Len()) {
		t.Errorf("wrote %d bytes of %d, %v", out.Len(), n, err)
	}
}

type onlyReader struct{ io.Reader }

type onlyWriter struct{ io.Writer }

func TestDo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	if n, err := Do(ctx, func() (int, error) { return 7, io.EOF }); n != 7 || err != io.EOF {
		t.Errorf("got %d, %v", n, err)
	}
	never := make(chan int)
	time.AfterFunc(50*time.Millisecond, cancel)
	if n, err := Do(ctx, func() (int, error) { return <-never, nil }); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("got %d, %v", n, err)
	}
	if _, err := Do(ctx, func() (int, error) { t.Error("was called"); return 0, nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestOpenFIFO waits for a writer, and for what that writes, no longer than the
// context.
func TestOpenFIFO(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Open(short, fifo); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("opened: %v", err)
	}
	w, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	short, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	r, err := Open(short, fifo)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.WriteString("text"); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(r); string(text) != "text" || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("read %q, %v", text, err)
	}
}

func TestSort(t *testing.T) {
	t.Parallel()
	list := rand.Perm(10_000)
	if err := Sort(&countdown{t.Context(), 5}, slices.Clone(list), cmp.Compare[int]); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	got, err := Sorted(t.Context(), slices.Values(list))
	if err != nil || len(got) != len(list) || !slices.IsSorted(got) {
		t.Errorf("is not sorted: %v", err)
	}
}

// TestDisk writes a file that takes several syncs, and half of one.
func TestDisk(t *testing.T) {
	t.Parallel()
	for _, asked := range []int{1 << 30, 4} {
		f, err := os.Create(filepath.Join(t.TempDir(), "file"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		text := bytes.Repeat([]byte("0123456789abcdef"), 5*syncAfter/16+1)
		d := NewDisk(&countdown{t.Context(), asked}, f)
		n, err := d.Write(text)
		if err == nil {
			err = d.Finish()
		}
		if asked == 4 {
			if n != 4*syncAfter || !errors.Is(err, context.Canceled) {
				t.Errorf("wrote %d bytes, %v", n, err)
			}
			continue
		}
		if got, no := os.ReadFile(f.Name()); err != nil || no != nil || n != len(text) || !bytes.Equal(got, text) {
			t.Errorf("wrote %d bytes, %v, %v", n, err, no)
		}
	}
}
