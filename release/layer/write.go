// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"context"
	"crypto/sha256"
	"encoding"
	"errors"
	"hash"
	"io"
	"sync"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/orlop/orlop/release/tarfile"
)

// Fragment is one part of a layer. Fragments are written in parallel.
type Fragment struct {
	Key   string // names what decides its bytes; "" for one that is never reused
	Write func(ctx context.Context, w *tarfile.Writer) error
}

// part is what one fragment has made so far.
type part struct {
	chunks chan *chunk // closed at the end
	err    error       // set before chunks is closed
}

// Write makes a layer of fragments, in their order, with at most jobs of them
// and as many compressors at work. The bytes of 2·jobs+1 chunks are in the
// pipeline at any time, besides compressed ones. Fragments of a prior layer,
// which may be nil, are copied from there; if its bytes have changed, the error
// is a DamageError.
func Write(ctx context.Context, out io.Writer, c Compression, jobs int, fragments []Fragment, prior *Prior) (*Record, error) {
	ctx, cancel := context.WithCancel(ctx)
	fragments = append(fragments[:len(fragments):len(fragments)], endOfArchive)
	inFlight := 2*jobs + 1
	p := &pipeline{compression: c, fragments: fragments, reuse: newReuse(prior, fragments), work: make(chan *chunk, jobs), memory: memory{full: c.chunkSize()}}
	p.gate = newGate(ctx, inFlight*c.chunkSize(), (jobs+1)*c.chunkSize())
	for range fragments {
		p.parts = append(p.parts, &part{chunks: make(chan *chunk, inFlight+1)}) // only the last of a fragment is not full
	}
	g, ctx := errgroup.WithContext(ctx)
	for range jobs {
		g.Go(func() error { return p.compress(ctx) })
	}
	var failed error // it may make the rest fail, even earlier
	g.Go(func() error {
		defer close(p.work)
		failed = p.produce(ctx, jobs)
		return failed
	})
	if prior != nil {
		g.Go(func() error { return prior.check(ctx) })
	}
	rec, err := p.join(ctx, out)
	if err != nil {
		cancel() // so that nobody waits for the joiner
	}
	wait := g.Wait()
	if failed != nil && !errors.Is(failed, context.Canceled) {
		wait = failed
	}
	if wait != nil && (err == nil || errors.Is(err, context.Canceled)) {
		err = wait
	}
	cancel()
	return rec, err
}

// endOfArchive is the last fragment.
var endOfArchive = Fragment{Key: "end", Write: func(_ context.Context, w *tarfile.Writer) error { return w.Close() }}

type pipeline struct {
	compression Compression
	fragments   []Fragment
	reuse       *reuse
	gate        *gate
	work        chan *chunk
	memory      memory
	parts       []*part
}

// produce runs the fragments, started in order.
func (p *pipeline) produce(ctx context.Context, jobs int) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(jobs)
	for i, f := range p.fragments {
		g.Go(func() error {
			part := p.parts[i]
			defer close(part.chunks)
			if from, ok := p.reuse.at[f.Key]; ok {
				part.err = p.stored(ctx, i, from)
				return part.err
			}
			w := &chunker{pipeline: p, ctx: ctx, index: i}
			if part.err = f.Write(ctx, tarfile.NewWriter(w)); part.err == nil {
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
	unpack, err := p.compression.newUnpacker()
	if err != nil {
		return err
	}
	for c := range p.work {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if c.from != nil {
			err = p.restore(c, unpack)
		} else {
			c.packed, err = pack(c.packed[:0], c.raw)
		}
		if err != nil {
			return err
		}
		c.done <- struct{}{}
	}
	return ctx.Err()
}

// join hashes and writes the chunks in order.
func (p *pipeline) join(ctx context.Context, out io.Writer) (*Record, error) {
	j := &joiner{Record: Record{Layer: Layer{MediaType: p.compression.MediaType()}}, diffID: p.reuse.diffID, blob: sha256.New()}
	j.out = io.MultiWriter(out, j.blob)
	for i, part := range p.parts {
		made := Made{Key: p.fragments[i].Key}
		for {
			var c *chunk
			select {
			case c = <-part.chunks:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			if c == nil {
				break
			}
			entry, err := j.add(ctx, c)
			if err != nil {
				return nil, err
			}
			made.Chunks = append(made.Chunks, entry)
			p.gate.release(c.held)
			p.memory.put(c)
		}
		if part.err != nil {
			return nil, part.err
		}
		var err error
		if made.DiffID, err = j.state(p.reuse, i); err != nil {
			return nil, err
		}
		j.Fragments = append(j.Fragments, made)
		p.gate.advance()
	}
	j.DiffID, j.Digest = digest.NewDigest(digest.SHA256, j.diffID), digest.NewDigest(digest.SHA256, j.blob)
	return &j.Record, nil
}

// joiner is a layer as far as it is written.
type joiner struct {
	Record
	out          io.Writer
	diffID, blob hash.Hash
}

// add writes the next chunk.
func (j *joiner) add(ctx context.Context, c *chunk) (Chunk, error) {
	if c.from == nil {
		j.diffID.Write(c.raw) // while a compressor is busy with it
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		return Chunk{}, ctx.Err()
	}
	entry := Chunk{len(c.raw), len(c.packed)}
	if c.from != nil {
		entry = *c.from
		if c.unpack {
			j.diffID.Write(c.raw)
		}
	}
	j.TarSize += int64(entry.Raw)
	j.Size += int64(entry.Packed)
	_, err := j.out.Write(c.packed)
	return entry, err
}

// state is that of the tar file's hash after a fragment.
func (j *joiner) state(r *reuse, i int) ([]byte, error) {
	if i < r.known {
		return r.prior.Fragments[i].DiffID, nil
	}
	return j.diffID.(encoding.BinaryMarshaler).MarshalBinary()
}

// gate bounds the bytes of tar in the pipeline. The fragment whose chunks are
// joined next, the head, may use all of them; the others leave it a reserve, or
// they could fill the memory while the head waits for a chunk.
type gate struct {
	ctx     context.Context
	mu      sync.Mutex
	changed *sync.Cond
	free    int
	reserve int
	head    int
}

func newGate(ctx context.Context, bytes, reserve int) *gate {
	g := &gate{ctx: ctx, free: bytes, reserve: reserve}
	g.changed = sync.NewCond(&g.mu)
	context.AfterFunc(ctx, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.changed.Broadcast()
	})
	return g
}

// acquire waits until the fragment may use that many more bytes.
func (g *gate) acquire(fragment, bytes int) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.ctx.Err() == nil {
		if g.free >= g.reserve+bytes || fragment == g.head && g.free >= bytes {
			g.free -= bytes
			return nil
		}
		g.changed.Wait()
	}
	return g.ctx.Err()
}

// release returns bytes.
func (g *gate) release(bytes int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.free += bytes
	g.changed.Broadcast()
}

// advance makes the next fragment the head.
func (g *gate) advance() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.head++
	g.changed.Broadcast()
}
