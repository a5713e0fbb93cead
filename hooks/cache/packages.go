// SPDX-License-Identifier: BSD-2-Clause

package cache

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/until"
)

// Packages is what an earlier build found out about the packages of these images.
// All are in one note, which is much cheaper than a note each. Here they stay as
// they are in it, since a build has hundreds of thousands of files: each package is
// read when somebody asks for it.
type Packages struct {
	cache *Cache
	key   string
	known map[string][]byte // by factKey, what pack wrote

	mu    sync.Mutex
	found map[string][]byte // of this build
	fresh bool              // at least one is new
}

// Packages recalls the packages of images, whose names and wanted files are parts.
func (c *Cache) Packages(ctx context.Context, parts ...any) *Packages {
	all := &Packages{cache: c, found: map[string][]byte{}}
	if c != nil {
		all.key = c.key("packed facts", parts...)
		note, err := until.Do(ctx, func() ([]byte, error) { return c.store.Recall(all.key), nil })
		if err == nil {
			all.known = unjoin(note)
		}
	}
	return all
}

func factKey(p *catalog.Package) string { return fmt.Sprintln(p.Sum, p.FullName(), p.ABI) }

// Look returns a package that an earlier build inspected, nil for none. With headers,
// its entries must be known.
func (all *Packages) Look(ctx context.Context, p *catalog.Package, headers bool) *input.Package {
	key := factKey(p)
	k := all.known[key]
	if k == nil || headers && !hasHeaders(k) {
		return nil
	}
	f, err := until.Do(ctx, func() (*input.Package, error) { return unpack(k, p) })
	if err != nil {
		return nil
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	all.found[key] = k
	return f
}

// Note records what this build found out about a package.
func (all *Packages) Note(ctx context.Context, f *input.Package) {
	if all.cache == nil {
		return
	}
	k, err := until.Do(ctx, func() ([]byte, error) { return pack(f), nil })
	if err != nil {
		return
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	all.found[factKey(f.Package)], all.fresh = k, true
}

// Remember stores all for later builds, if any is new, and forgets it.
func (all *Packages) Remember(ctx context.Context) {
	if all.fresh {
		_ = all.cache.store.Remember(ctx, all.key, join(all.found)...)
	}
	all.known, all.found = nil, nil
}

// join makes one note of packages, in parts: the key of each, and what is found.
func join(found map[string][]byte) (parts [][]byte) {
	for _, key := range slices.Sorted(maps.Keys(found)) {
		head := appendText(nil, []byte(key))
		head = binary.AppendUvarint(head, uint64(len(found[key])))
		parts = append(parts, head, found[key])
	}
	return parts
}

// unjoin is the opposite of join. The store has checked that nothing is damaged.
func unjoin(note []byte) map[string][]byte {
	known := map[string][]byte{}
	for len(note) > 0 {
		key, rest, ok := cutText(note)
		k, rest, too := cutText(rest)
		if !ok || !too || len(k) == 0 {
			return nil
		}
		known[string(key)], note = k, rest
	}
	return known
}
