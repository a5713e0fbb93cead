// SPDX-License-Identifier: BSD-2-Clause

package cache

import (
	"context"
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

// Blob opens a layer that a note of Build names, unchecked; nil if it is gone.
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
