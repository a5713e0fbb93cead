// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/hooks/resolve"
)

// LockResult is a lock that was written.
type LockResult struct {
	Image string
	File  string // path of the lock
}

// MakeLocks writes the locks of images, and no image. It finds every fault that Build
// finds before it packs a layer, such as an incomplete image.
func MakeLocks(ctx context.Context, cfg Config) ([]LockResult, error) {
	return withHeaders(func(headers bool) ([]LockResult, error) { return makeLocks(ctx, cfg, headers) })
}

func makeLocks(ctx context.Context, cfg Config, headers bool) ([]LockResult, error) {
	cfg, out, err := begin(ctx, cfg, lock.Ending)
	if err != nil {
		return nil, err
	}
	defer end(ctx, cfg, out)
	family, err := resolveImages(ctx, cfg)
	defer letGo(family)
	if err != nil {
		return nil, err
	}
	return writeLocks(ctx, cfg, family, headers, out)
}

// writeLocks builds the roots, checks the images, and writes their locks.
func writeLocks(ctx context.Context, cfg Config, family *resolve.Family, headers bool, out *output.Folder) ([]LockResult, error) {
	own, err := ownerOf(cfg, family, out).begin(ctx)
	defer own.close()
	if err != nil {
		return nil, err
	}
	roots, err := rootsOf(ctx, cfg, family, own, headers, out)
	if err != nil {
		return nil, err
	}
	if err := hook(ctx, cfg, "image"); err != nil {
		return nil, err
	}
	asks, err := readAll(ctx, cfg, roots, out)
	if err != nil {
		return nil, err
	}
	if err := checkClosure(ctx, cfg, family, roots, asks); err != nil {
		return nil, err
	}
	if err := hook(ctx, cfg, "publish"); err != nil {
		return nil, err
	}
	return publishLocks(ctx, cfg, family, roots, out)
}
