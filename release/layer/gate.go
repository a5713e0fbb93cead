// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"context"
	"sync"
)

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
