// SPDX-License-Identifier: BSD-2-Clause

package input

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/store"
)

// Witness is what this run knows of a repository of a lock independently of the
// lock: the catalogues that are signed or that the user gave, and why there are no
// others.
type Witness struct {
	Believed []*catalog.Catalogue
	Reasons  []string
	today    *catalog.Catalogue // what the user's repository has now; nil for none
}

// Exact returns the believed catalogue with a digest, nil for none.
func (w *Witness) Exact(digest string) *catalog.Catalogue {
	i := slices.IndexFunc(w.Believed, func(c *catalog.Catalogue) bool { return c.Digest == digest })
	if i < 0 {
		return nil
	}
	return w.Believed[i]
}

// Lists returns the package of a believed catalogue that is the same as a lock's,
// nil for none.
func (w *Witness) Lists(p *catalog.Package) *catalog.Package {
	for _, c := range w.Believed {
		for _, q := range c.Named(p.Name) {
			if q.Version == p.Version && q.Sum.Typed() == p.Sum.Typed() && q.Size == p.Size {
				return q
			}
		}
	}
	return nil
}

// Newest returns the newest version of a package in a believed catalogue, "" for none.
func (w *Witness) Newest(name string) string {
	newest := ""
	for _, c := range w.Believed {
		for _, p := range c.Named(name) {
			newest = lock.Newer(newest, p.Version)
		}
	}
	return newest
}

func (w *Witness) doubt(format string, args ...any) {
	w.Reasons = append(w.Reasons, fault.OneLine(fmt.Sprintf(format, args...)))
}

// askUser takes a repository of the lock from where the user has it. Its
// catalogue of today must not be older than the lock's.
func (in *Locks) askUser(ctx context.Context, l *lock.Lock, repo *catalog.Repo, users catalog.Repo, w *Witness) error {
	src, today, err := in.load(ctx, users)
	if src != nil {
		in.sources[repo] = src
	}
	if _, absent := errors.AsType[*store.AbsentError](err); absent {
		w.doubt("%v", err)
		if !in.Store.Offline {
			in.Observe.Notice("%s; still looking for the lock's packages", fault.OneLine(err.Error()))
		}
		return nil
	}
	if err != nil {
		return err
	}
	w.Believed, w.today = append(w.Believed, today), today
	return l.CheckRollback(today)
}

// askLock takes a repository from the lock's URL, which must be public unless the
// user trusts the lock's URLs.
func (in *Locks) askLock(repo *catalog.Repo, w *Witness) {
	if repo.URL == "" {
		w.doubt("it is not given, and the lock names no URL of it")
		return
	}
	if strings.HasPrefix(repo.URL, "pkg+") {
		repo.MirrorType = "srv"
	}
	open := in.Store.Guarded
	if in.LockURLs {
		open = in.Store.Source
	}
	src, err := open(repo.URL, repo.MirrorType)
	if err != nil {
		w.doubt("the lock's URL is not used: %v", err)
		return
	}
	in.sources[repo] = src
}

// askAllKept looks for every catalogue that the lock was made from.
func (in *Locks) askAllKept(ctx context.Context, repo catalog.Repo, locked lock.Repository, w *Witness) {
	for _, c := range locked.All() {
		in.askKept(ctx, repo, c.Catalogue, w)
	}
}

// askKept looks for the signed catalogue that the lock was made from, in the store
// and next to the lock. Only its signature makes it trusted.
func (in *Locks) askKept(ctx context.Context, repo catalog.Repo, digest string, w *Witness) {
	if w.Exact(digest) != nil {
		return
	}
	keys, err := in.keys(repo)
	if err != nil {
		w.doubt("%v", err)
		return
	}
	if keys == nil {
		return // the user's configuration needs no signature
	}
	try := func(where string, text []byte) {
		c, err := catalog.Unseal(ctx, repo, text, keys, in.notes())
		if err != nil {
			w.doubt("the catalogue kept in %s: %v", where, err)
		} else if c.Digest == digest {
			w.Believed = append(w.Believed, c)
		}
	}
	if text, err := in.Store.Catalogue(ctx, digest); err == nil {
		try("the store", text)
	}
	for _, k := range in.keptBeside(ctx) {
		if ctx.Err() == nil && k.Digest == digest && w.Exact(digest) == nil {
			try(k.Name, k.Read())
		}
	}
}

// keptBeside finds the catalogues next to locks, once for the run: there may be many
// repositories.
func (in *Locks) keptBeside(ctx context.Context) []Kept {
	if in.kept == nil {
		in.kept = append([]Kept{}, KeptCatalogues(ctx, in.KeptIn)...)
	}
	return in.kept
}

// askToday reads today's catalogue at the lock's URL if nothing else vouches for the
// repository. One of FreeBSD's own keys must have signed it.
func (in *Locks) askToday(ctx context.Context, repo *catalog.Repo, w *Witness) {
	src := in.sources[repo]
	if src == nil || len(w.Believed) > 0 || in.Store.Offline {
		return
	}
	keys, err := in.keys(*repo)
	if err == nil {
		var today *catalog.Catalogue
		if today, err = catalog.Load(ctx, *repo, src, keys, in.notes()); err == nil {
			w.Believed = append(w.Believed, today)
			return
		}
	}
	w.doubt("%v", err)
}
