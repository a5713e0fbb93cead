// SPDX-License-Identifier: BSD-2-Clause

package cache

import (
	"context"
	"os"

	"github.com/orlop/orlop/release/elf"
	"github.com/orlop/orlop/release/layer"
)

// Layer is a layer in the store, and what its files need at run time.
type Layer struct {
	layer.Record
	Asks map[string]Asks // by key of the fragment
}

// Asks is what the files of a package need at run time, by path.
type Asks struct {
	Needs   map[string]elf.Needs // of dynamically linked files; nil where no file was read
	Scripts map[string]string    // first lines of scripts, after #!
}

// LayerKey names the record of a layer, which its fragments decide; "" without a cache.
func (c *Cache) LayerKey(method layer.Compression, fragments []layer.Fragment) string {
	if c == nil {
		return ""
	}
	return c.key("layer", layer.Key(method, fragments))
}

// Layer returns a layer that an earlier build wrote, nil for none. It does not check
// the blob.
func (c *Cache) Layer(ctx context.Context, method layer.Compression, fragments []layer.Fragment) (*Layer, *os.File) {
	if c == nil {
		return nil, nil
	}
	return c.open(ctx, c.LayerKey(method, fragments))
}

func (c *Cache) open(ctx context.Context, key string) (*Layer, *os.File) {
	made := new(Layer)
	if !c.recall(ctx, key, made) {
		return nil, nil
	}
	blob := c.Blob(made.Layer)
	if blob == nil {
		return nil, nil
	}
	return made, blob
}

// Last returns the last layer under a name, with any fragments.
func (c *Cache) Last(ctx context.Context, name ...any) (*Layer, *os.File) {
	var key string
	if c == nil || !c.recall(ctx, c.key("last", name...), &key) {
		return nil, nil
	}
	return c.open(ctx, key)
}

// SetLast records the layer that the next build may reuse parts of, by its key.
func (c *Cache) SetLast(ctx context.Context, key string, name ...any) {
	if c == nil {
		return
	}
	var last string
	lastKey := c.key("last", name...)
	if !c.recall(ctx, lastKey, &last) || last != key {
		c.remember(ctx, lastKey, key)
	}
}

// Keep stores a layer for later builds. The blob is a file of Create.
func (c *Cache) Keep(ctx context.Context, method layer.Compression, fragments []layer.Fragment, made *Layer, blob *os.File) {
	if c == nil {
		return
	}
	if c.store.KeepBlob(blob, made.Digest.Encoded()) != nil { // the file may be from outside the store
		c.store.Discard(blob)
		return
	}
	c.remember(ctx, c.LayerKey(method, fragments), made)
	c.grown = true
}

// Drop removes a layer that is damaged.
func (c *Cache) Drop(made *Layer) { c.store.DropBlob(made.Digest.Encoded()) }

// Check reports whether the blob of a layer is damaged or cannot be read. If so it
// is dropped.
func (c *Cache) Check(ctx context.Context, digest string) (damaged bool) {
	return c != nil && c.store.CheckBlob(ctx, digest)
}
