// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"context"
	"io"
	"math/bits"
	"sync"
)

// chunk is a piece of the tar file in the pipeline. It is reused, with its
// memory, for another piece.
type chunk struct {
	raw, packed []byte
	done        chan struct{} // gets a value when raw and packed are there

	held   int    // bytes reserved for it at the gate
	from   *Chunk // of a prior layer, for a reused chunk
	unpack bool   // a reused chunk is needed unpacked
}

// memory keeps chunks that have been joined, by capacity, a power of two.
type memory struct {
	full int // bytes of the largest chunks; the gate bounds their number

	mu    sync.Mutex
	free  [bits.UintSize][]*chunk
	small int // bytes of free chunks that are not the largest
}

// get returns an empty chunk with room for size bytes.
func (m *memory) get(size int) *chunk {
	class := bits.Len(uint(max(size, minChunk) - 1))
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.free[class])
	if n == 0 {
		return &chunk{raw: make([]byte, 0, 1<<class), packed: make([]byte, 0, 1<<class/2), done: make(chan struct{}, 1)}
	}
	c := m.free[class][n-1]
	m.free[class] = m.free[class][:n-1]
	if cap(c.raw) < m.full {
		m.small -= cap(c.raw)
	}
	c.raw, c.packed, c.from = c.raw[:0], c.packed[:0], nil
	return c
}

// minChunk is the smallest capacity of a chunk, in bytes.
const minChunk = 4 << 10

// put keeps a chunk for reuse, unless there are many small ones.
func (m *memory) put(c *chunk) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if size := cap(c.raw); size < m.full {
		if m.small+size > 2*m.full {
			return
		}
		m.small += size
	}
	class := bits.Len(uint(cap(c.raw) - 1))
	m.free[class] = append(m.free[class], c)
}

// chunker cuts what a fragment writes into chunks.
type chunker struct {
	*pipeline
	ctx   context.Context
	index int
	cur   *chunk
}

func (w *chunker) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		room, err := w.room()
		if err != nil {
			return n - len(b), err
		}
		k := copy(room, b)
		w.cur.raw = w.cur.raw[:len(w.cur.raw)+k]
		b = b[k:]
	}
	return n, nil
}

// Fill reads straight into the chunks.
func (w *chunker) Fill(r io.Reader) (n int64, err error) {
	for {
		room, err := w.room()
		if err != nil {
			return n, err
		}
		k, err := r.Read(room)
		w.cur.raw = w.cur.raw[:len(w.cur.raw)+k]
		n += int64(k)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// room is the free part of the current chunk, or of a new one if it is full.
func (w *chunker) room() ([]byte, error) {
	size := w.compression.chunkSize()
	if w.cur != nil && len(w.cur.raw) == size {
		if err := w.flush(); err != nil {
			return nil, err
		}
	}
	if w.cur == nil {
		if err := w.begin(); err != nil {
			return nil, err
		}
	}
	return w.cur.raw[len(w.cur.raw):size], nil
}

// begin gets an empty chunk.
func (w *chunker) begin() error {
	if err := w.gate.acquire(w.index, w.compression.chunkSize()); err != nil {
		return err
	}
	w.cur = w.memory.get(w.compression.chunkSize())
	return nil
}

// fit reduces the reservation at the gate to the bytes of a chunk. A chunk less
// than half full is moved to memory of its own size, so that the large one can
// be reused.
func (w *chunker) fit(c *chunk) *chunk {
	size := len(c.raw)
	if c.from != nil {
		size = c.from.Raw
	}
	full := w.compression.chunkSize()
	if size <= full/2 && c.from == nil {
		small := w.memory.get(size)
		small.raw = append(small.raw, c.raw...)
		w.memory.put(c)
		c = small
	}
	c.held = size
	w.gate.release(full - size)
	return c
}

// flush passes the current chunk to a compressor and to the joiner, unless it is
// empty.
func (w *chunker) flush() error {
	c := w.cur
	if c == nil {
		return nil
	}
	w.cur = nil
	if len(c.raw) == 0 && c.from == nil {
		w.gate.release(w.compression.chunkSize())
		w.memory.put(c)
		return nil
	}
	c = w.fit(c)
	select {
	case w.work <- c:
	case <-w.ctx.Done():
		return w.ctx.Err()
	}
	w.parts[w.index].chunks <- c // has room for as many as the gate allows
	return nil
}
