// SPDX-License-Identifier: BSD-2-Clause

package input

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/pkgdb/sum"
)

// Today reads the catalogues from which a package of a lock can be brought up to date:
// those of the user's repositories, in their order, then what vouches for the others of
// the lock. Open finds packages of all of them. It is called after Catalogues.
func (in *Locks) Today(ctx context.Context, l *lock.Lock) ([]*catalog.Catalogue, error) {
	var list []*catalog.Catalogue
	var errs []error
	for _, users := range in.Repos {
		c, err := in.todays(ctx, l, users)
		if errs = append(errs, err); err == nil {
			list = append(list, c)
		}
	}
	for _, locked := range l.Repositories {
		if slices.ContainsFunc(in.Repos, func(users catalog.Repo) bool { return users.Name == locked.Name }) {
			continue
		}
		stub := in.Repo(l, locked.Name)
		c := &catalog.Catalogue{Repo: stub, Digest: locked.Catalogue}
		if w := in.witnesses[stub]; len(w.Believed) > 0 {
			c = w.Believed[0]
			in.witnesses[c.Repo], in.sources[c.Repo] = w, in.sources[stub]
		}
		c.PublicURL = locked.URL
		list = append(list, c)
	}
	return list, errors.Join(errs...)
}

// todays returns the catalogue of one of the user's repositories, which the lock may
// not name.
func (in *Locks) todays(ctx context.Context, l *lock.Lock, users catalog.Repo) (*catalog.Catalogue, error) {
	w, src, url := new(Witness), (*store.Source)(nil), ""
	if stub := in.Repo(l, users.Name); stub != nil {
		w, src, url = in.witnesses[stub], in.sources[stub], stub.URL
	}
	c := w.today
	if c == nil {
		var err error
		if src, c, err = in.load(ctx, users); err != nil {
			return nil, err
		}
		w.Believed = append(w.Believed, c)
	}
	c.PublicURL, c.Remote = cmp.Or(in.PublicURL, url), src.Remote()
	if c.PublicURL == "" && c.Remote {
		c.PublicURL = src.PublicURL()
	}
	in.witnesses[c.Repo], in.sources[c.Repo] = w, src
	return c, in.keepCatalogue(ctx, c)
}

// Locked returns a package of a lock as one of a repository of today, and whether a
// catalogue lists it. Of one that none lists it reads the manifest, once its bytes are
// checked.
func (in *Locks) Locked(ctx context.Context, p lock.Package, repo *catalog.Repo) (pkg *catalog.Package, listed bool, err error) {
	pkg = &catalog.Package{Repo: repo, Summary: pkgfile.Summary{Name: p.Name, Version: p.Version, Path: p.Path, Sum: sum.Sum(p.Sum), Size: p.Size}}
	if q := in.witnesses[repo].Lists(pkg); q != nil {
		pkg.Summary = q.Summary
		return pkg, true, nil
	}
	r, err := in.Open(ctx, pkg, nil)
	if err != nil {
		return nil, false, err
	}
	defer r.Close()
	if name := r.Manifest.FullName(); name != pkg.FullName() {
		return nil, false, &pkgfile.DamageError{Package: pkg.FullName(), Err: fault.Contentf("its manifest says %s, the lock %s", name, pkg.FullName())}
	}
	pkg.Summary = r.Manifest.Summary()
	pkg.Path, pkg.Sum, pkg.Size = p.Path, sum.Sum(p.Sum), p.Size
	return pkg, false, nil
}
