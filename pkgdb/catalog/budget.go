// SPDX-License-Identifier: BSD-2-Clause

package catalog

import (
	"context"
	"fmt"
	"io"

	"github.com/orlop/orlop/pkgdb/packing"
	"github.com/orlop/orlop/pkgdb/until"
)

// Bounds of what one pass over an archive unpacks, headers and padding included.
// Nobody vouches for the archive yet, and it may be small.
const (
	maxUnpacked = 1 << 30  // bytes; PKG_REPO_MAX_TEMP_SIZE of libpkg/pkg_repo.c
	maxRatio    = 200      // bytes for each packed one; the catalogue of FreeBSD's ports has about 10
	freeOfRatio = 16 << 20 // bytes for which the ratio does not matter: small texts compress very well
)

// budget reads an archive unpacked, up to these bounds.
type budget struct {
	packed *counter
	plain  io.ReadCloser
	in     io.Reader // plain, until the context ends: a decoder can run for long without reading more input
	out    int64     // bytes unpacked
}

func newBudget(ctx context.Context, archive io.Reader) (*budget, error) {
	packed := &counter{r: until.Reader(ctx, archive)}
	plain, err := packing.NewReader(packed)
	if err != nil {
		return nil, err
	}
	return &budget{packed: packed, plain: plain, in: until.Reader(ctx, plain)}, nil
}

// Read reads, and counts what it has unpacked.
func (b *budget) Read(p []byte) (int, error) {
	n, err := b.in.Read(p)
	b.out += int64(n)
	switch {
	case b.out > maxUnpacked:
		return 0, fmt.Errorf("unpacks to more than %d bytes", maxUnpacked)
	case b.out > freeOfRatio && b.out/maxRatio > b.packed.n:
		return 0, fmt.Errorf("unpacks to more than %d times its size: found %d bytes from %d", maxRatio, b.out, b.packed.n)
	}
	return n, err
}

// Close releases the decoder.
func (b *budget) Close() error { return b.plain.Close() }

// counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
