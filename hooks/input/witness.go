// SPDX-License-Identifier: BSD-2-Clause

package input

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
		i, _ := slices.BinarySearchFunc(c.Packages, p.Name, func(q *catalog.Package, name string) int { return strings.Compare(q.Name, name) })
		for ; i < len(c.Packages) && c.Packages[i].Name == p.Name; i++ {
			if q := c.Packages[i]; q.Version == p.Version && q.Sum.Typed() == p.Sum.Typed() && q.Size == p.Size {
				return q
			}
		}
	}
	return nil
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
	w.Believed = append(w.Believed, today)
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
		c, err := catalog.Unseal(ctx, repo, text, keys)
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
		if ctx.Err() == nil && k.digest == digest && w.Exact(digest) == nil {
			try(k.name, readKept(k.dir, k.name))
		}
	}
}

// keptCatalogue is a catalogue next to a lock.
type keptCatalogue struct{ dir, name, digest string }

// keptBeside finds the catalogues next to locks, once for the run: there may be many
// repositories, and the files are untrusted.
func (in *Locks) keptBeside(ctx context.Context) []keptCatalogue {
	if in.kept != nil {
		return in.kept
	}
	in.kept = []keptCatalogue{}
	for _, dir := range slices.Compact(slices.Sorted(slices.Values(in.KeptIn))) {
		for _, name := range keptNames(dir) {
			if ctx.Err() != nil || len(in.kept) == maxKeptCatalogues {
				return in.kept
			}
			text := readKept(dir, name)
			if text == nil {
				continue
			}
			if digest, err := catalog.SealedDigest(ctx, text); err == nil {
				in.kept = append(in.kept, keptCatalogue{dir, name, digest})
			}
		}
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
		if today, err = catalog.Load(ctx, *repo, src, keys); err == nil {
			w.Believed = append(w.Believed, today)
			return
		}
	}
	w.doubt("%v", err)
}

// Bounds for the search next to a lock.
const (
	maxKeptFiles      = 256
	maxKeptBytes      = 64 << 20 // of a catalogue; the one of ports has 10 MB
	maxKeptCatalogues = 16
)

// keptNames lists the files of a folder that may be kept catalogues. Publishing may
// rename them, so a name with "catalogue" only comes first.
func keptNames(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var likely, others []string
	for _, e := range entries {
		switch {
		case !e.Type().IsRegular():
		case strings.Contains(e.Name(), "catalogue"):
			likely = append(likely, e.Name())
		default:
			others = append(others, e.Name())
		}
	}
	names := append(likely, others...)
	return names[:min(len(names), maxKeptFiles)]
}

// readKept returns a file that looks like a signed catalogue, nil for others.
func readKept(dir, name string) []byte {
	f, err := store.OpenRegularFile(filepath.Join(dir, name))
	if err != nil {
		return nil
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() > maxKeptBytes || !catalog.LooksSealed(f) {
		return nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeptBytes))
	if err != nil {
		return nil
	}
	return text
}
