// SPDX-License-Identifier: BSD-2-Clause

package input

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/store"
)

// Locks is an input that locks describe. Packages come from the user's repositories,
// else from the locks' URLs, or only from the store.
type Locks struct {
	Repositories // the user's
	Locks        []*lock.Lock
	KeptIn       []string // folders that may have catalogues kept with Locks
	LocalIn      []string // folders of the user's definitions, which may have local packages, as absolute paths
	LockURLs     bool     // use a lock's URLs even if they are http or not public
	// Published returns files of the images of Locks by their sha256. It is called
	// once, for files that no other origin has; it may be nil.
	Published func(digests map[string]bool) (map[string][]byte, error)
	// Streamed passes on files of the images of Locks by their sha256, of any size. It may
	// be nil.
	Streamed func(digests map[string]bool, visit func(digest string, contents io.Reader) error) error

	catalogues []*catalog.Catalogue
	witnesses  map[*catalog.Repo]*Witness
	kept       []Kept
	localRepo  *catalog.Repo // of local packages; nil for none
}

// Settings returns the settings of the images, which are the same for one run.
func (in *Locks) Settings() lock.Settings { return in.Locks[0].Settings() }

// Catalogues returns a catalogue for each repository of the locks. It has no
// packages, only the digest and URL of the catalogue that the lock was made from.
func (in *Locks) Catalogues(ctx context.Context) ([]*catalog.Catalogue, error) {
	in.begin()
	in.catalogues = nil      // of an earlier build
	in.ABI = in.Locks[0].ABI // selects FreeBSD's keys
	in.witnesses = map[*catalog.Repo]*Witness{}
	var errs []error
	for _, l := range in.Locks {
		for _, repo := range l.Repositories {
			errs = append(errs, in.readRepo(ctx, l, repo))
		}
	}
	errs = append(errs, in.readLockedLocals(ctx))
	return in.catalogues, errors.Join(errs...)
}

// readRepo adds the catalogue of a lock instead of today's, the source of its
// packages, and the catalogues that vouch for them.
func (in *Locks) readRepo(ctx context.Context, l *lock.Lock, locked lock.Repository) error {
	for _, c := range in.catalogues {
		if isOf(c, locked) {
			return nil
		}
	}
	repo := &catalog.Repo{Name: locked.Name, URL: locked.URL, MirrorType: "none"}
	stub := &catalog.Catalogue{Repo: repo, Digest: locked.Catalogue, PublicURL: locked.URL}
	for _, e := range locked.Earlier {
		stub.Earlier = append(stub.Earlier, &catalog.Catalogue{Repo: repo, Digest: e.Catalogue})
	}
	in.catalogues = append(in.catalogues, stub)
	w := &Witness{}
	in.witnesses[repo] = w
	i := slices.IndexFunc(in.Repos, func(c catalog.Repo) bool { return c.Name == locked.Name })
	if i >= 0 {
		if err := in.askUser(ctx, l, repo, in.Repos[i], w); err != nil {
			return err
		}
		in.askAllKept(ctx, in.Repos[i], locked, w)
	} else {
		in.askLock(repo, w)
		in.askAllKept(ctx, *repo, locked, w)
		in.askToday(ctx, repo, w)
	}
	for _, of := range append([]*catalog.Catalogue{stub}, stub.Earlier...) {
		if c := w.Exact(of.Digest); c != nil {
			of.Signer, of.Sealed = c.Signer, c.Sealed
			if err := in.keepCatalogue(ctx, c); err != nil {
				return err
			}
		}
	}
	if src := in.sources[repo]; src != nil {
		stub.Remote = src.Remote()
	}
	return ctx.Err()
}

// isOf reports whether a catalogue of Catalogues is the one of a lock's repository.
func isOf(c *catalog.Catalogue, locked lock.Repository) bool {
	return c.Repo.Name == locked.Name && c.Digest == locked.Catalogue &&
		slices.EqualFunc(c.Earlier, locked.Earlier, func(c *catalog.Catalogue, e lock.Earlier) bool { return c.Digest == e.Catalogue })
}

// Witness returns what this run knows of a repository of a lock.
func (in *Locks) Witness(repo *catalog.Repo) *Witness { return in.witnesses[repo] }

// Repo returns the repository of a lock by its name, or that of local packages.
func (in *Locks) Repo(l *lock.Lock, name string) *catalog.Repo {
	if name == "" {
		return in.localRepo
	}
	for _, repo := range l.Repositories {
		for _, c := range in.catalogues {
			if repo.Name == name && isOf(c, repo) {
				return c.Repo
			}
		}
	}
	return nil
}

// Open starts reading a package. The store may still have it when no repository
// does.
func (in *Locks) Open(ctx context.Context, p *catalog.Package, known *pkgfile.Manifest) (*Reader, error) {
	if p.Repo.Local {
		return in.openLocal(ctx, p, known)
	}
	src := in.sources[p.Repo]
	r, err := in.open(ctx, src, p, known, func() (io.ReadCloser, error) { return in.verified(ctx, src, p) })
	return r, in.unheld(p, err, src == nil && p.Repo.URL != "")
}

// Verify reads a package and checks its sum, without unpacking it.
func (in *Locks) Verify(ctx context.Context, p *catalog.Package) error {
	if p.Repo.Local {
		return in.verifyLocal(ctx, p)
	}
	src := in.sources[p.Repo]
	return in.unheld(p, verify(func() (io.ReadCloser, error) { return in.verified(ctx, src, p) }), src == nil && p.Repo.URL != "")
}

// verified opens a package's file at its first byte.
func (in *Locks) verified(ctx context.Context, src *store.Source, p *catalog.Package) (io.ReadCloser, error) {
	if src == nil {
		f, err := in.Store.Stored(ctx, ref(p))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &store.AbsentError{What: p.FullName(), Err: errors.New(strings.TrimPrefix(in.witnesses[p.Repo].Reasons[0], "it is "))} // the first is why there is no source
		}
		return f, err
	}
	f, err := src.Verified(ctx, ref(p))
	if _, absent := errors.AsType[*store.AbsentError](err); absent {
		if g, stored := in.Store.Stored(ctx, ref(p)); stored == nil {
			return g, nil
		}
	}
	return f, err
}
