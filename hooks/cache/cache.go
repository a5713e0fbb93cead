// SPDX-License-Identifier: BSD-2-Clause

// Package cache keeps the results of builds in the store: facts about packages,
// digests of databases, layers, and what whole builds came to. The key of each covers everything
// that decides it. A later build by the same program verifies and reuses them: it
// checks the sum of a known package but does not unpack it. Without a cache a build
// only takes longer.
package cache

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"
	"os"

	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/tree"
)

// Cache is the cache of one program. A nil one has nothing and keeps nothing.
type Cache struct {
	store *store.Store
	maker string
	grown bool
}

// New returns the cache of a program in a store. Maker identifies the program, since
// another one may write other bytes.
func New(st *store.Store, maker string) *Cache {
	if maker == "" || st == nil || !st.Reuses() {
		return nil
	}
	return &Cache{store: st, maker: maker}
}

// Close trims the store if it has grown.
func (c *Cache) Close(ctx context.Context) {
	if c != nil && c.grown {
		c.store.CutBack(ctx)
	}
}

// key returns a key, which begins with the program.
func (c *Cache) key(kind string, parts ...any) string {
	return c.maker + "\n" + kind + "\n" + fmt.Sprintln(parts...)
}

// recall decodes what was kept under a key. Bytes are as they were, since a note may have
// many.
func (c *Cache) recall(ctx context.Context, key string, into any) bool {
	text, err := until.Do(ctx, func() ([]byte, error) { return c.store.Recall(key), nil })
	if bytes, is := into.(*[]byte); is {
		*bytes = text
		return err == nil && text != nil
	}
	return err == nil && text != nil && gob.NewDecoder(until.Reader(ctx, bytes.NewReader(text))).Decode(into) == nil
}

// remember keeps something. A store that cannot be written only makes later builds
// slower.
func (c *Cache) remember(ctx context.Context, key string, what any) {
	if text, is := what.([]byte); is {
		_ = c.store.Remember(ctx, key, text)
		return
	}
	text, err := until.Do(ctx, func() ([]byte, error) {
		var b bytes.Buffer
		if err := gob.NewEncoder(&b).Encode(what); err != nil {
			panic(err) // a type that gob does not know
		}
		return b.Bytes(), nil
	})
	if err == nil {
		_ = c.store.Remember(ctx, key, text)
	}
}

// DatabaseSum returns the digest of the database that parts decide. It calls hash if
// the store does not know it.
func (c *Cache) DatabaseSum(ctx context.Context, parts []any, hash func() (tree.Digest, error)) (tree.Digest, error) {
	if c == nil {
		return hash()
	}
	var sum tree.Digest
	key := c.key("database sum", parts...)
	if c.recall(ctx, key, &sum) {
		return sum, nil
	}
	sum, err := hash()
	if err == nil {
		c.remember(ctx, key, sum)
	}
	return sum, err
}

// Create creates the file of a layer: in the store if that can be written, else by
// other.
func (c *Cache) Create(other func() (*os.File, error)) (*os.File, error) {
	if c != nil {
		if f, err := c.store.Create(); err == nil {
			return f, nil
		}
	}
	return other()
}

// Discard closes a file of Create that is not kept.
func (c *Cache) Discard(f *os.File) {
	if c != nil {
		c.store.Discard(f) // a file of other has no name
	}
	f.Close()
}
