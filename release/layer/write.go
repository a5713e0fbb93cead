// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
)

// Fragment writes one part of a layer. Fragments run side by side.
type Fragment func(ctx context.Context, w *Writer) error

// chunk is a piece of the tar file on its way.
type chunk struct {
	raw    []byte
	packed chan []byte // gets the compressed bytes once
}

// part is what one fragment has made so far.
type part struct {
	chunks chan *chunk // closed at the end
	err    error       // set before chunks is closed
}

// Write makes a layer of fragments, in their order, with at most jobs of them
// and as many compressors at work. At most 3·jobs+2 chunks exist at any time.
func Write(ctx context.Context, out io.Writer, c Compression, jobs int, fragments []Fragment) (Layer, error) {
	ctx, cancel := context.WithCancel(ctx)
	p := &pipeline{compression: c, gate: newGate(ctx, 3*jobs+2, jobs+1), work: make(chan *chunk)}
	fragments = append(fragments[:len(fragments):len(fragments)], endOfArchive)
	for range fragments {
		p.parts = append(p.parts, &part{chunks: make(chan *chunk, 3*jobs+2)})
	}
	g, ctx := errgroup.WithContext(ctx)
	for range jobs {
		g.Go(func() error { return p.compress(ctx) })
	}
	g.Go(func() error {
		defer close(p.work)
		return p.produce(ctx, jobs, fragments)
	})
	l, err := p.join(ctx, out)
	if err != nil {
		cancel() // so that nobody waits for the joiner
	}
	if wait := g.Wait(); wait != nil && (err == nil || errors.Is(err, context.Canceled)) {
		err = wait
	}
	cancel()
	return l, err
}

// endOfArchive is the last fragment.
func endOfArchive(_ context.Context, w *Writer) error { return w.Close() }

type pipeline struct {
	compression Compression
	gate        *gate
	work        chan *chunk
	parts       []*part
}

// produce runs the fragments, started in order.
func (p *pipeline) produce(ctx context.Context, jobs int, fragments []Fragment) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(jobs)
	for i, f := range fragments {
		g.Go(func() error {
			part := p.parts[i]
			defer close(part.chunks)
			w := &chunker{pipeline: p, ctx: ctx, index: i}
			if part.err = f(ctx, &Writer{out: w}); part.err == nil {
				part.err = w.flush()
			}
			return part.err
		})
	}
	return g.Wait()
}

// compress takes chunks from any fragment until there are no more.
func (p *pipeline) compress(ctx context.Context) error {
	pack, err := p.compression.newPacker()
	if err != nil {
		return err
	}
	for c := range p.work {
		packed, err := pack(c.raw)
		if err != nil {
			return err
		}
		c.packed <- packed
	}
	return ctx.Err()
}

// join hashes and writes the chunks in order.
func (p *pipeline) join(ctx context.Context, out io.Writer) (Layer, error) {
	l := Layer{MediaType: p.compression.MediaType()}
	diffID, blob := sha256.New(), sha256.New()
	both := io.MultiWriter(out, blob)
	for _, part := range p.parts {
		for {
			var c *chunk
			select {
			case c = <-part.chunks:
			case <-ctx.Done():
				return l, ctx.Err()
			}
			if c == nil {
				break
			}
			diffID.Write(c.raw) // while a compressor is busy with it
			l.TarSize += int64(len(c.raw))
			select {
			case packed := <-c.packed:
				l.Size += int64(len(packed))
				if _, err := both.Write(packed); err != nil {
					return l, err
				}
			case <-ctx.Done():
				return l, ctx.Err()
			}
			p.gate.release()
		}
		if part.err != nil {
			return l, part.err
		}
		p.gate.advance()
	}
	l.DiffID, l.Digest = digest.NewDigest(digest.SHA256, diffID), digest.NewDigest(digest.SHA256, blob)
	return l, nil
}

// chunker cuts what a fragment writes into chunks.
type chunker struct {
	*pipeline
	ctx   context.Context
	index int
	buf   []byte
}

func (w *chunker) Write(b []byte) (int, error) {
	n := len(b)
	size := w.compression.chunkSize()
	for len(b) > 0 {
		if w.buf == nil {
			if err := w.gate.acquire(w.index); err != nil {
				return 0, err
			}
			w.buf = make([]byte, 0, min(size, 64<<10))
		}
		k := min(len(b), size-len(w.buf))
		w.buf = append(w.buf, b[:k]...)
		b = b[k:]
		if len(w.buf) == size {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

// flush hands the current chunk to a compressor and to the joiner.
func (w *chunker) flush() error {
	if w.buf == nil {
		return nil
	}
	c := &chunk{raw: w.buf, packed: make(chan []byte, 1)}
	w.buf = nil
	select {
	case w.work <- c:
	case <-w.ctx.Done():
		return w.ctx.Err()
	}
	w.parts[w.index].chunks <- c // has room for as many as the gate lets through
	return nil
}
