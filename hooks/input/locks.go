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

// Locks say what is in the images. Packages come from the repositories that the
// user gives, else from where the locks have them; they may be in the store alone.
type Locks struct {
	Repositories // the user's
	Locks        []*lock.Lock
	KeptIn       []string // folders in which catalogues may lie that were kept with Locks
	LockURLs     bool     // a lock's URLs are used even where they are http or not public
	// Published gives files of the images of Locks by their sha256. It is asked
	// once, for what nobody else has; nil asks nobody.
	Published func(digests map[string]bool) (map[string][]byte, error)

	catalogues []*catalog.Catalogue
	witnesses  map[*catalog.Repo]*Witness
	kept       []keptCatalogue
}

// Settings are those of the images, which one run makes alike.
func (in *Locks) Settings() lock.Settings { return in.Locks[0].Settings() }

// Catalogues leaves a catalogue for each repository of the locks: it has no
// packages, but the digest and the URL of the one that the lock was made from.
func (in *Locks) Catalogues(ctx context.Context) ([]*catalog.Catalogue, error) {
	in.begin()
	in.catalogues = nil      // of a build before
	in.ABI = in.Locks[0].ABI // whose keys are FreeBSD's for it
	in.witnesses = map[*catalog.Repo]*Witness{}
	var errs []error
	for _, l := range in.Locks {
		for _, repo := range l.Repositories {
			errs = append(errs, in.readRepo(ctx, l, repo))
		}
	}
	return in.catalogues, errors.Join(errs...)
}

// readRepo leaves the catalogue of a lock instead of that of today,
// a source of its packages, and the catalogues that vouch for them.
func (in *Locks) readRepo(ctx context.Context, l *lock.Lock, locked lock.Repository) error {
	for _, c := range in.catalogues {
		if c.Repo.Name == locked.Name && c.Digest == locked.Catalogue {
			return nil
		}
	}
	repo := &catalog.Repo{Name: locked.Name, URL: locked.URL, MirrorType: "none"}
	stub := &catalog.Catalogue{Repo: repo, Digest: locked.Catalogue, PublicURL: locked.URL}
	in.catalogues = append(in.catalogues, stub)
	w := &Witness{}
	in.witnesses[repo] = w
	i := slices.IndexFunc(in.Repos, func(c catalog.Repo) bool { return c.Name == locked.Name })
	if i >= 0 {
		if err := in.askUser(ctx, l, repo, in.Repos[i], w); err != nil {
			return err
		}
		in.askKept(ctx, in.Repos[i], locked.Catalogue, w)
	} else {
		in.askLock(repo, w)
		in.askKept(ctx, *repo, locked.Catalogue, w)
		in.askToday(ctx, repo, w)
	}
	if c := w.Exact(locked.Catalogue); c != nil {
		stub.Signer, stub.Sealed = c.Signer, c.Sealed
		if err := in.keepCatalogue(ctx, c); err != nil {
			return err
		}
	}
	if src := in.sources[repo]; src != nil {
		stub.Remote = src.Remote()
	}
	return ctx.Err()
}

// Witness is what this run knows of a repository of a lock.
func (in *Locks) Witness(repo *catalog.Repo) *Witness { return in.witnesses[repo] }

// Repo is the repository of a lock by its name.
func (in *Locks) Repo(l *lock.Lock, name string) *catalog.Repo {
	for _, repo := range l.Repositories {
		for _, c := range in.catalogues {
			if repo.Name == name && c.Repo.Name == name && c.Digest == repo.Catalogue {
				return c.Repo
			}
		}
	}
	return nil
}

// Open starts to read a package. It may be in the store when no repository has it
// any more.
func (in *Locks) Open(ctx context.Context, p *catalog.Package, known *pkgfile.Manifest) (*Reader, error) {
	src := in.sources[p.Repo]
	r, err := in.open(ctx, src, p, known, func() (io.ReadCloser, error) { return in.verified(ctx, src, p) })
	return r, in.unheld(p, err, src == nil && p.Repo.URL != "")
}

// Verify reads a package and checks its sum, and unpacks nothing.
func (in *Locks) Verify(ctx context.Context, p *catalog.Package) error {
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
