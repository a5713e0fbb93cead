// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/pkgdb/trust"
)

// readCatalogues is the hook catalog. It reads Config.Repos and leaves a
// catalogue and a source for each; or what a root that pkg filled says of
// itself; or what locks say.
func (r *run) readCatalogues(ctx context.Context) error {
	switch {
	case r.RootDir != "":
		return r.readStaged(ctx)
	case len(r.Locks) > 0:
		return r.readLocks(ctx)
	}
	r.sources = map[*catalog.Repo]*store.Source{}
	var errs []error
	for _, repo := range r.Repos {
		src, c, err := r.load(ctx, repo)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		r.catalogues = append(r.catalogues, c)
		r.sources[c.Repo] = src
		errs = append(errs, r.keepCatalogue(ctx, c))
	}
	return errors.Join(errs...)
}

// load reads the catalogue of one repository.
func (r *run) load(ctx context.Context, repo catalog.Repo) (*store.Source, *catalog.Catalogue, error) {
	src, err := r.source(repo.Name, repo.URL, repo.MirrorType)
	if err != nil {
		return nil, nil, err
	}
	believed, err := r.trustOf(repo, src)
	if err != nil {
		return nil, nil, err
	}
	c, err := catalog.Load(ctx, repo, src, believed)
	return src, c, err
}

// trustOf reads the keys of a repository once.
func (r *run) trustOf(repo catalog.Repo, src *store.Source) (trust.Trust, error) {
	if known, read := r.trusts[repo.Name]; read {
		return known, nil
	}
	believed, err := r.trust(repo, src.Remote())
	if err != nil {
		return nil, &fault.UsageError{Err: fmt.Errorf("repository %q: %w", repo.Name, err)}
	}
	r.trusts[repo.Name] = believed
	return believed, nil
}

func (r *run) source(name, location, mirror string) (*store.Source, error) {
	src, err := r.Store.Source(location, mirror)
	if err != nil {
		return nil, &fault.UsageError{Err: fmt.Errorf("repository %q: %w", name, err)}
	}
	return src, nil
}

// trust tells whose signature a repository needs, nil for nobody's. One on this
// machine may do without; one that comes over a network may not, unless the
// user says so.
func (r *run) trust(repo catalog.Repo, remote bool) (trust.Trust, error) {
	switch repo.Signature {
	case "none":
		if remote && !r.InsecureUnsigned {
			return nil, fmt.Errorf("%s: it comes over a network and signature_type is none; --insecure-unsigned takes it all the same", repo.Where)
		}
	case "":
		if !remote || r.InsecureUnsigned {
			return nil, nil
		}
	}
	return r.keys(repo)
}

// keys are those to believe for a repository, nil where its configuration says
// that nobody signs it. Without a configuration they are FreeBSD's own.
func (r *run) keys(repo catalog.Repo) (trust.Trust, error) {
	switch repo.Signature {
	case "pubkey":
		return trust.ReadKey(repo.PubKey)
	case "fingerprints":
		return trust.ReadFingerprints(repo.Fingerprints)
	case "none":
		return nil, nil
	}
	names := []string{"pkg"}
	if parts := strings.Split(r.ABI, ":"); len(parts) == 3 {
		names = append(names, "pkgbase-"+parts[1])
	}
	return trust.FreeBSD(names...)
}
