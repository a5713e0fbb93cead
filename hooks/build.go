// SPDX-License-Identifier: BSD-2-Clause

// Package hooks builds images: from packages that pkg(8) has published it makes
// archives, next to the other artifacts of a release. Build is the sequence, one line
// a step. Each step is a file of this folder, or a folder in it, and a function from its
// inputs to its results:
//
//	resolve/   plans which packages an image has
//	own        hashes files that no package has
//	fetch      reads manifests and small files of packages
//	root/      puts packages into trees, and adds what no package has
//	closure    checks that an image is complete
//	layers     packs trees into layers
//	image      writes config, manifest and index
//	publish    writes archives and locks, and puts them into place when all are complete
//
// A build of which nothing has changed since an earlier one only checks its packages,
// and goes on with image: see known.go.
//
// Apart from cmd/orlop only this folder imports both pkgdb, which knows pkg(8), and
// release, which knows the artifacts. Nothing of a package is ever executed.
package hooks

import (
	"context"
	"errors"
	"io"

	"github.com/orlop/orlop/hooks/cache"
	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/hooks/root"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/release/oci/layout"
)

// Config is the input of a build. Its results depend on nothing else.
type Config struct {
	resolve.Request
	lock.Settings // ignored if Input is an input.Locks, which has its own
	Output
	Program
	Input input.Input
	Plans []*lock.Plan // what Images must resolve to; nil for anything
	// Resolved is what Resolve returned for this configuration; nil to resolve it.
	Resolved *resolve.Family
	// LayersFrom keeps packages in the layers where these locks have them.
	LayersFrom []*lock.Lock
	Jobs       int
	Cache      *cache.Cache // nil for none
	Observe    event.Observer
}

// Output says where a build writes its results, and in which form.
type Output struct {
	OutDir    string
	Format    layout.Format
	Manifests bool // also write a list of the results: release.ManifestList
	// To gets the archive of the only image, and OutDir nothing: what has been written by
	// an error stays. nil for files.
	To io.Writer
	// Within is that of OutDir in the folder of a larger run, which places everything;
	// nil for a run of its own.
	Within *output.Folder
}

// Program identifies the program that builds an image.
type Program struct {
	Version  string            // of orlop, for the lock
	Versions map[string]string // of the libraries that decide bytes, for the lock
	Maker    string            // sum of the program, for plans; "" for unknown
}

// Build builds images. If it returns an error it has written none, or only a part of the
// archive that goes elsewhere than into a folder.
func Build(ctx context.Context, cfg Config) ([]Result, error) {
	const tries = 10 // more than an image has layers: each try drops a damaged one from the store
	var to *counter
	if cfg.To != nil {
		to = &counter{w: cfg.To}
		cfg.To = to
	}
	for try := 1; ; try++ {
		results, err := withHeaders(func(headers bool) ([]Result, error) { return build(ctx, cfg, headers) })
		if _, damaged := errors.AsType[damagedError](err); !damaged || try == tries || to != nil && to.n > 0 {
			return results, err
		}
	}
}

// withHeaders calls do, which may trust complete manifests. If the headers of a
// package differ from its manifest, it calls do again with the headers of all.
func withHeaders[T any](do func(headers bool) (T, error)) (T, error) {
	made, err := do(false)
	if _, unlike := errors.AsType[*unlikeError](err); unlike {
		return do(true)
	}
	return made, err
}

func build(ctx context.Context, cfg Config, headers bool) ([]Result, error) {
	cfg, out, err := begin(ctx, cfg, cfg.endings()...)
	if err != nil {
		return nil, err
	}
	defer end(ctx, cfg, out)
	family, err := resolveImages(ctx, cfg)
	defer letGo(family)
	if err != nil {
		return nil, err
	}
	own, err := ownerOf(cfg, family, out).begin(ctx)
	defer own.close()
	if err != nil {
		return nil, err
	}
	memo := memoOf(cfg, family, own)
	finished, err := memo.recall(ctx)
	if finished == nil && err == nil {
		finished, err = finish(ctx, memo.listen(cfg), family, own, headers, out)
	}
	defer closeBlobs(finished)
	if err != nil {
		return nil, err
	}
	images, err := describe(cfg, family.Release, finished)
	if err != nil {
		return nil, err
	}
	if err := hook(ctx, cfg, "publish"); err != nil {
		return nil, err
	}
	results, err := publish(ctx, cfg, family, images, out)
	if err == nil {
		memo.keep(ctx, finished)
	}
	return results, err
}

// finish makes all layers, and checks the images. With an error it returns those so far.
func finish(ctx context.Context, cfg Config, family *resolve.Family, own ownFiles, headers bool, out *output.Folder) ([]*Finished, error) {
	roots, err := rootsOf(ctx, cfg, family, own, headers, out)
	if err != nil {
		return nil, err
	}
	if err := hook(ctx, cfg, "layer"); err != nil {
		return nil, err
	}
	if err := checkLinks(ctx, cfg, family, roots, out); err != nil {
		return nil, err
	}
	finished, asks, err := writeLayers(ctx, cfg, family.Release.ABI, roots, out)
	if err == nil {
		err = hook(ctx, cfg, "image")
	}
	if err == nil {
		err = checkClosure(ctx, cfg, family, roots, asks)
	}
	return finished, err
}

// rootsOf fetches, and builds the roots.
func rootsOf(ctx context.Context, cfg Config, family *resolve.Family, own ownFiles, headers bool, out *output.Folder) ([]*root.Root, error) {
	if err := hook(ctx, cfg, "fetch"); err != nil {
		return nil, err
	}
	if err := ownerOf(cfg, family, out).complete(ctx, own); err != nil {
		return nil, err
	}
	packages, err := fetch(ctx, cfg, family, headers || family.Depart())
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b := &root.Builder{Family: family, Packages: packages, Input: cfg.Input, Own: own.sets(), Wanted: wantedBy(family), Settings: cfg.Settings, Epoch: cfg.Epoch, SkipScripts: cfg.SkipScripts,
		LayersFrom: cfg.LayersFrom, Cache: cfg.Cache, Dir: out.Path(""), Observe: cfg.Observe}
	b.Asks = func(ctx context.Context, m *root.Root) (root.Asks, error) {
		return readOne(ctx, cfg, m, out)
	}
	return b.Roots(ctx)
}

// resolveImages reads catalogues, and plans the images.
func resolveImages(ctx context.Context, cfg Config) (*resolve.Family, error) {
	if cfg.Resolved != nil {
		return cfg.Resolved, ctx.Err()
	}
	cats, err := catalogues(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := hook(ctx, cfg, "resolve"); err != nil {
		return nil, err
	}
	family, err := resolve.Resolve(ctx, &cfg.Request, cfg.Input, cats, cfg.Observe)
	if err != nil {
		return family, err
	}
	return family, errors.Join(checkPlans(ctx, cfg, family), checkSplit(cfg, family))
}

func catalogues(ctx context.Context, cfg Config) ([]*catalog.Catalogue, error) {
	if err := hook(ctx, cfg, "catalog"); err != nil {
		return nil, err
	}
	return cfg.Input.Catalogues(ctx)
}

// hook reports that a hook begins, unless the context has ended.
func hook(ctx context.Context, cfg Config, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	cfg.Observe.Send(event.Event{Hook: name})
	return nil
}

// Fetch puts every package of the images into the store, and lists them by name. The
// input must keep what it opens.
func Fetch(ctx context.Context, cfg Config) ([]*catalog.Package, error) {
	cfg.Cache = nil // else known packages would not be opened
	cfg, out, err := begin(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer end(ctx, cfg, out)
	family, err := resolveImages(ctx, cfg)
	defer letGo(family)
	if err == nil {
		if err = hook(ctx, cfg, "fetch"); err == nil {
			_, err = fetch(ctx, cfg, family, false)
		}
	}
	if family != nil {
		for _, m := range family.Steps {
			for _, text := range m.Doubts {
				cfg.Observe.Warn("image %s: unvouched: %s", m.Def.Name, text)
			}
		}
	}
	if err != nil {
		return nil, err
	}
	return family.Packages(), nil
}

// Moved resolves the definitions of locks in today's repositories and lists, for
// each lock, the packages that have moved since.
func Moved(ctx context.Context, cfg Config, locks []*lock.Lock) ([][]lock.Movement, error) {
	cfg, out, err := begin(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer end(ctx, cfg, out)
	cats, err := catalogues(ctx, cfg)
	if err == nil {
		err = hook(ctx, cfg, "resolve")
	}
	if err != nil {
		return nil, err
	}
	return resolve.Moved(ctx, &cfg.Request, input.TreeOf(cfg.Input), cats, locks, cfg.Observe)
}
