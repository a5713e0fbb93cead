// SPDX-License-Identifier: BSD-2-Clause

// Package hooks makes images: it takes packages that pkg(8) has published to
// archives beside the other artifacts of a release. Build is the sequence, a line a
// step, and each step a file of this folder, a function from what it needs to what
// it leaves:
//
//	fetch      reads manifests and small files of packages
//	install    puts packages into trees
//	configure  adds directories and files that no package brings, and owners
//	generate   adds what FreeBSD's programs would make
//	root       does these three, and says what pkg's database holds
//	closure    finds an image complete
//	layers     packs trees into layers
//	image      makes configuration, manifest and index
//	publish    writes archives and locks, and puts them into place when all are complete
//
// Below cmd/orlop it is the only place where the world of pkg(8), pkgdb, and the
// world of artifacts, release, meet. Nothing of a package is ever executed.
package hooks

import (
	"cmp"
	"context"
	"errors"

	"github.com/orlop/orlop/hooks/cache"
	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/release/oci/layout"
)

// Config is what a build is made from. What it makes depends on nothing else.
type Config struct {
	resolve.Request
	lock.Settings // where Input are locks, these have their own
	Output
	Program
	Input   input.Input
	Plans   []*lock.Plan // what Images must come to; nil for anything
	Jobs    int
	Cache   *cache.Cache // nil for none
	Observe event.Observer
}

// Output is where a build leaves what it makes, and in which form.
type Output struct {
	OutDir    string
	Format    layout.Format
	Manifests bool // leaves a list of what was made there, too: release.ManifestList
}

// Program is who makes an image.
type Program struct {
	Version  string            // of orlop, for the lock
	Versions map[string]string // of the libraries that decide bytes, for the lock
	Maker    string            // the very program, for plans; "" for unknown
}

// Build makes images. When it returns an error it has written none.
func Build(ctx context.Context, cfg Config) ([]Result, error) {
	const tries = 10 // more than an image has layers: each leaves one less in the store that is damaged
	for try := 1; ; try++ {
		results, err := withHeaders(func(headers bool) ([]Result, error) { return build(ctx, cfg, headers) })
		if _, damaged := errors.AsType[damagedError](err); !damaged || try == tries {
			return results, err
		}
	}
}

// withHeaders does something that goes by manifests alone, as far as they tell all,
// and does it again with the headers of all packages if one of them is unlike.
func withHeaders[T any](do func(headers bool) (T, error)) (T, error) {
	made, err := do(false)
	if _, unlike := errors.AsType[*unlikeError](err); unlike {
		return do(true)
	}
	return made, err
}

func build(ctx context.Context, cfg Config, headers bool) ([]Result, error) {
	cfg, out, err := begin(ctx, cfg, lock.Ending, cfg.Format.Extension())
	if err != nil {
		return nil, err
	}
	defer end(ctx, cfg, out)
	family, roots, err := rootsOf(ctx, cfg, headers)
	if err != nil {
		return nil, err
	}
	if err := hook(ctx, cfg, "layer"); err != nil {
		return nil, err
	}
	if err := checkLinks(ctx, cfg, family, roots, out); err != nil {
		return nil, err
	}
	layered, asks, err := writeLayers(ctx, cfg, family.Release.ABI, roots, out)
	defer closeBlobs(layered)
	if err != nil {
		return nil, err
	}
	if err := hook(ctx, cfg, "image"); err != nil {
		return nil, err
	}
	if err := checkClosure(ctx, cfg, family, roots, asks); err != nil {
		return nil, err
	}
	images, err := describe(cfg, family.Release, layered)
	if err != nil {
		return nil, err
	}
	if err := hook(ctx, cfg, "publish"); err != nil {
		return nil, err
	}
	return publish(ctx, cfg, family, images, out)
}

// rootsOf resolves, fetches, and makes the roots.
func rootsOf(ctx context.Context, cfg Config, headers bool) (*resolve.Family, []*Root, error) {
	family, err := resolveImages(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	if err := hook(ctx, cfg, "fetch"); err != nil {
		return nil, nil, err
	}
	packages, err := fetch(ctx, cfg, family, headers)
	if err != nil {
		return nil, nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	roots, err := newRoots(ctx, cfg, family, packages)
	return family, roots, err
}

// resolveImages reads catalogues, and plans the images.
func resolveImages(ctx context.Context, cfg Config) (*resolve.Family, error) {
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
	return family, checkPlans(ctx, cfg, family)
}

func catalogues(ctx context.Context, cfg Config) ([]*catalog.Catalogue, error) {
	if err := hook(ctx, cfg, "catalog"); err != nil {
		return nil, err
	}
	return cfg.Input.Catalogues(ctx)
}

// hook tells that one begins, unless the context has ended.
func hook(ctx context.Context, cfg Config, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	cfg.Observe.Send(event.Event{Hook: name})
	return nil
}

// begin finds what is wrong with a configuration, and makes the folder for what is
// written, if any. The endings are those of the names of what an image leaves.
func begin(ctx context.Context, cfg Config, endings ...string) (Config, *output.Folder, error) {
	if locks, is := cfg.Input.(*input.Locks); is {
		cfg.Settings = locks.Settings()
	}
	cfg.Schema = cmp.Or(cfg.Schema, pkgdb.DefaultSchema)
	if root, is := cfg.Input.(*input.Root); is {
		own := *root
		own.Schema, cfg.Input = cfg.Schema, &own
	}
	if err := errors.Join(Check(ctx, cfg), checkOutputs(cfg, endings)); err != nil {
		return cfg, nil, err
	}
	var out *output.Folder
	if len(endings) > 0 {
		var err error
		if out, err = output.NewFolder(ctx, cfg.OutDir); err != nil {
			return cfg, nil, err
		}
	}
	if err := checkStore(cfg); err != nil {
		end(ctx, cfg, out)
		return cfg, nil, err
	}
	return cfg, out, nil
}

// end gives back what begin has taken.
func end(ctx context.Context, cfg Config, out *output.Folder) {
	if out != nil {
		out.Remove()
	}
	if root, is := cfg.Input.(*input.Root); is {
		root.Close()
	}
	cfg.Cache.Close(ctx)
}

// LockResult is a lock that was made.
type LockResult struct {
	Image string
	File  string // path of the lock
}

// MakeLocks writes the locks of images, and no image. It finds all that Build would
// find wrong before it packs a layer, an image that is not complete among it.
func MakeLocks(ctx context.Context, cfg Config) ([]LockResult, error) {
	return withHeaders(func(headers bool) ([]LockResult, error) { return makeLocks(ctx, cfg, headers) })
}

func makeLocks(ctx context.Context, cfg Config, headers bool) ([]LockResult, error) {
	cfg, out, err := begin(ctx, cfg, lock.Ending)
	if err != nil {
		return nil, err
	}
	defer end(ctx, cfg, out)
	family, roots, err := rootsOf(ctx, cfg, headers)
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

// Fetch gets every package of the images into the store, and lists them by name.
// The input has to keep what it opens.
func Fetch(ctx context.Context, cfg Config) ([]*catalog.Package, error) {
	cfg.Cache = nil // or what it knows would not be opened
	cfg, out, err := begin(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer end(ctx, cfg, out)
	family, err := resolveImages(ctx, cfg)
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

// Moved resolves the definitions of locks in the repositories as they are today,
// and lists for each lock what packages have moved since.
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
