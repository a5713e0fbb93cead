// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/orlop/orlop/hooks/cache"
	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/release/closure"
	"github.com/orlop/orlop/release/etc"
)

// fetch inspects every package of the family, donors too, and opens those that the
// cache does not know. It returns all that must be known before the packages are
// unpacked. With headers, it reads those of each package even if its manifest is
// complete.
func fetch(ctx context.Context, cfg Config, family *resolve.Family, headers bool) (map[*catalog.Package]*input.Package, error) {
	all, wanted := family.Packages(), wantedBy(family)
	known := cfg.Cache.Packages(ctx, factNames(family, wanted)...)
	packages := make([]*input.Package, len(all))
	err := ofEach(ctx, cfg, family, all, func(i int) (err error) {
		packages[i], err = look(ctx, cfg, all[i], wanted, known, headers)
		return err
	})
	if err != nil {
		return nil, err
	}
	known.Remember(ctx)
	found := map[*catalog.Package]*input.Package{}
	for i, p := range all {
		found[p] = packages[i]
	}
	return found, nil
}

// ofEach does something with each package of the family, several at once, and joins
// the faults of all.
func ofEach(ctx context.Context, cfg Config, family *resolve.Family, all []*catalog.Package, do func(i int) error) error {
	var mu sync.Mutex
	missed := make([]error, len(all))
	done := 0
	var g errgroup.Group
	g.SetLimit(downloads(cfg, family))
	for i, p := range all {
		g.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			missed[i] = do(i)
			mu.Lock()
			defer mu.Unlock()
			done++
			cfg.Observe.Send(event.Event{Hook: "fetch", Name: p.FullName(), Done: done, Total: len(all)})
			return ctx.Err() // still look at the other packages
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, p := range all {
		if _, unheld := errors.AsType[*input.UnheldError](missed[i]); unheld {
			cfg.Observe.Detail("%s could not be obtained", p.FullName())
		}
	}
	return input.Join(missed)
}

// factNames is the key of the facts from the last build of these images.
func factNames(family *resolve.Family, wanted *input.Wanted) []any {
	names := []any{family.Release.ABI, wanted.Key()}
	for _, m := range family.Steps {
		names = append(names, m.Def.Name)
	}
	return names
}

// look inspects a package: from the cache, else its archive.
func look(ctx context.Context, cfg Config, p *catalog.Package, wanted *input.Wanted, known *cache.Packages, headers bool) (*input.Package, error) {
	if f := known.Look(ctx, p, headers); f != nil {
		noteOdd(cfg, f)
		return f, verify(ctx, cfg.Input, p)
	}
	r, err := cfg.Input.Open(ctx, p, nil)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	f, err := input.Inspect(r, p, wanted, headers)
	if err != nil {
		return nil, err
	}
	known.Note(ctx, f)
	noteOdd(cfg, f)
	return f, nil
}

// verify checks the bytes of a package that is known, without unpacking it.
func verify(ctx context.Context, in input.Input, p *catalog.Package) error {
	if checks, is := in.(interface {
		Verify(context.Context, *catalog.Package) error
	}); is {
		return checks.Verify(ctx, p)
	}
	return nil
}

// downloads is how many packages are opened at once. Those that come over a
// network wait more than they work.
func downloads(cfg Config, family *resolve.Family) int {
	const connections = 6 // to a server at once, as browsers have it
	if slices.ContainsFunc(family.Catalogues, func(c *catalog.Catalogue) bool { return c.Remote }) {
		return max(cfg.Jobs, connections)
	}
	return cfg.Jobs
}

// wantedBy returns the paths whose contents a hook needs.
func wantedBy(family *resolve.Family) *input.Wanted {
	w := &input.Wanted{Files: map[string]bool{}, Folders: []string{etc.CertificateDir + "/"}}
	for _, path := range slices.Concat(etc.Read(), closure.Texts()) {
		if strings.HasSuffix(path, "/") {
			w.Folders = append(w.Folders, path)
		} else {
			w.Files[path] = true
		}
	}
	for _, m := range family.Steps {
		for _, t := range m.Def.Taken() {
			if t.Folder {
				w.Folders = append(w.Folders, t.Path+"/")
			} else {
				w.Files[t.Path] = true
			}
		}
	}
	return w
}

// unlikeError says that a package with a complete manifest has headers that differ
// from it. Another try reads them before anything is installed.
type unlikeError struct{ *catalog.Package }

func (e *unlikeError) Error() string {
	return e.FullName() + ": its headers do not have the owners and modes of its manifest"
}

// noteOdd reports what pkg(8) ignores in a manifest, as orlop does, and where pkg
// installs one thing and registers another.
func noteOdd(cfg Config, f *input.Package) {
	for _, text := range f.Manifest.Skipped {
		cfg.Observe.Notice("%s: ignored in its manifest, as by pkg(8): %s", f.FullName(), text)
	}
	if f.Entries == nil {
		return
	}
	for e := range f.Entries.All() {
		noteUnlike(cfg, f, &e)
	}
}

func noteUnlike(cfg Config, f *input.Package, e *pkgfile.Entry) {
	if !e.Unlike {
		return
	}
	found := fmt.Sprintf("%s:%s, mode %04o", e.Attr.Uname, e.Attr.Gname, e.Attr.Perm)
	if e.Absent {
		cfg.Observe.Notice("%s: %s: is in the manifest, but not in the archive: as with pkg(8) it becomes %s", f.FullName(), e.Path, found)
		return
	}
	cfg.Observe.Notice("%s: %s: is %s in the archive, but not in the manifest: as with pkg(8) the image has the first, its pkg database the second, and verify will report it",
		f.FullName(), e.Path, found)
}
