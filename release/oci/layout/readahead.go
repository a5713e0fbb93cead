// SPDX-License-Identifier: BSD-2-Clause

package layout

import (
	"context"
	"io"
)

// ahead reads in its own goroutine, so that a blob is hashed while earlier bytes
// are written.
type ahead struct {
	full    chan piece
	free    chan []byte
	stop    chan struct{}
	stopped chan struct{}
	cur     piece
	rest    []byte // of cur
}

type piece struct {
	bytes []byte
	err   error // after these bytes
}

// readAhead starts to read, until the context ends. After Close nothing reads from
// r any more.
func readAhead(ctx context.Context, r io.Reader) *ahead {
	const pieces, size = 3, 256 << 10
	a := &ahead{full: make(chan piece, pieces+1), free: make(chan []byte, pieces), stop: make(chan struct{}), stopped: make(chan struct{})}
	for range pieces {
		a.free <- make([]byte, size)
	}
	go a.run(ctx, r)
	return a
}

func (a *ahead) run(ctx context.Context, r io.Reader) {
	defer close(a.stopped)
	for {
		select {
		case b := <-a.free:
			n, err := r.Read(b[:cap(b)])
			a.full <- piece{b[:n], err} // has room for all pieces, and for an end
			if err != nil {
				return
			}
		case <-ctx.Done():
			a.full <- piece{err: ctx.Err()}
			return
		case <-a.stop:
			return
		}
	}
}

// Read returns what has been read, and the error where it occurred.
func (a *ahead) Read(b []byte) (int, error) {
	if len(a.rest) == 0 {
		if a.cur.err != nil {
			return 0, a.cur.err
		}
		if a.cur.bytes != nil {
			a.free <- a.cur.bytes
		}
		a.cur = <-a.full
		a.rest = a.cur.bytes
	}
	n := copy(b, a.rest)
	a.rest = a.rest[n:]
	if len(a.rest) == 0 {
		return n, a.cur.err
	}
	return n, nil
}

// Close ends the reading.
func (a *ahead) Close() {
	close(a.stop)
	<-a.stopped
}
