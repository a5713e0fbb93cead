// SPDX-License-Identifier: BSD-2-Clause

// Package until does a run's long input and output: it reads, sorts and writes
// until a context ends, and no longer. A signal has to end a run promptly at any
// point, so whatever may take a tenth of a second uses this package or checks
// its context itself.
package until

import (
	"context"
	"io"
	"os"
)

// Reader reads from r. It is for both sides of a decoder: a few packed bytes may
// unpack to many, and many to none.
func Reader(ctx context.Context, r io.Reader) io.Reader { return reader{ctx, r} }

type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}

// Writer writes to w.
func Writer(ctx context.Context, w io.Writer) io.Writer { return writer{ctx, w} }

type writer struct {
	ctx context.Context
	w   io.Writer
}

func (w writer) Write(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.w.Write(b)
}

// Do calls something that cannot be interrupted: opening a FIFO, or parsing a
// text without side effects. It is abandoned when the context ends.
func Do[T any](ctx context.Context, call func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	done := make(chan result, 1)
	go func() {
		value, err := call()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// Try is Do for a call that returns only an error.
func Try(ctx context.Context, call func() error) error {
	_, err := Do(ctx, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

// Open opens a file that the user names, which may be a FIFO or a terminal,
// whose other end may never write.
func Open(ctx context.Context, path string) (io.ReadCloser, error) {
	f, err := Do(ctx, func() (*os.File, error) { return os.Open(path) })
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{Input(ctx, f), f}, nil
}

// Input reads an open file that may block.
func Input(ctx context.Context, f *os.File) io.Reader {
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		return reader{ctx, f}
	}
	return waiting{ctx, f}
}

// waiting reads what may block.
type waiting struct {
	ctx context.Context
	r   io.Reader
}

func (w waiting) Read(b []byte) (int, error) {
	piece, err := Do(w.ctx, func() ([]byte, error) {
		own := make([]byte, min(len(b), 64<<10)) // b is the caller's again once this read is abandoned
		n, err := w.r.Read(own)
		return own[:n], err
	})
	return copy(b, piece), err
}
