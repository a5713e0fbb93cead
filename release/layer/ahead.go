// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"hash"
	"io"
)

// Sizes of what is read ahead, in bytes and pieces: enough that neither side waits
// for the other at each piece.
const (
	pieceSize  = 256 << 10
	pieceCount = 4
)

// ahead reads and hashes a stream while the caller is busy with what was read
// before: unpacking a layer and looking into it take about the same time.
type ahead struct {
	sum    hash.Hash // of the stream as far as it was read ahead; nil if it is not wanted
	pieces chan piece
	free   chan []byte
	stop   chan struct{}
	ended  chan struct{} // closed when nothing reads the stream any more

	now  piece
	rest []byte // of now
	n    int64  // bytes that the caller has read
}

// piece is some of the stream, and what came after it.
type piece struct {
	data []byte
	err  error
}

func newAhead(r io.Reader, sum hash.Hash) *ahead {
	a := &ahead{sum: sum, pieces: make(chan piece, pieceCount), free: make(chan []byte, pieceCount), stop: make(chan struct{}), ended: make(chan struct{})}
	for range pieceCount {
		a.free <- nil // made when it is needed: most layers are small
	}
	go a.run(r)
	return a
}

func (a *ahead) run(r io.Reader) {
	defer close(a.ended)
	for size := 16 << 10; ; size = min(2*size, pieceSize) {
		var buf []byte
		select {
		case buf = <-a.free:
		case <-a.stop:
			return
		}
		if len(buf) < size {
			buf = make([]byte, size)
		}
		n, err := fill(buf, r)
		if a.sum != nil {
			a.sum.Write(buf[:n])
		}
		a.pieces <- piece{buf[:n], err}
		if err != nil {
			return
		}
	}
}

// fill reads until a buffer is full. Unlike io.ReadFull it leaves the error as it is.
func fill(buf []byte, r io.Reader) (n int, err error) {
	for n < len(buf) && err == nil {
		var more int
		more, err = r.Read(buf[n:])
		n += more
	}
	return n, err
}

// Read reads.
func (a *ahead) Read(b []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.now.err != nil {
			return 0, a.now.err
		}
		if a.now.data != nil {
			a.free <- a.now.data[:cap(a.now.data)]
		}
		a.now = <-a.pieces
		a.rest = a.now.data
	}
	n := copy(b, a.rest)
	a.rest = a.rest[n:]
	a.n += int64(n)
	return n, nil
}

// Close ends reading ahead. The stream is the caller's again.
func (a *ahead) Close() {
	close(a.stop)
	<-a.ended
}
