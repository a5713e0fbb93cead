// SPDX-License-Identifier: BSD-2-Clause

package cache

import (
	"context"
	"io"
	"os"

	"github.com/orlop/orlop/release/layer"
)

// Build recalls what an earlier build noted under a key, which covers everything that
// decides it, and reports whether there is such a note.
func (c *Cache) Build(ctx context.Context, key string, into any) bool {
	return c != nil && c.recall(ctx, c.key("build", key), into)
}

// KeepBuild notes what a build came to.
func (c *Cache) KeepBuild(ctx context.Context, key string, what any) {
	if c != nil {
		c.remember(ctx, c.key("build", key), what)
		c.grown = true
	}
}

// Fetch keeps what fill writes as the blob of a layer, which it must be, and returns a
// file that has it. It is one of other where the store cannot be written.
func (c *Cache) Fetch(l layer.Layer, other func() (*os.File, error), fill func(io.Writer) error) (*os.File, error) {
	f, err := c.Create(other)
	if err != nil {
		return nil, err
	}
	if err := fill(f); err != nil {
		c.Discard(f)
		return nil, err
	}
	if c.store.KeepBlob(f, l.Digest.Encoded()) != nil { // the file may be from outside the store
		c.store.Discard(f)
	}
	c.grown = true
	return f, nil
}

// Blob opens a layer that a note of Build names, or that was fetched, unchecked; nil if
// it is gone.
func (c *Cache) Blob(l layer.Layer) *os.File {
	if l.Digest.Validate() != nil {
		return nil
	}
	blob, err := c.store.OpenBlob(l.Digest.Encoded())
	if err != nil {
		return nil
	}
	return blob
}
