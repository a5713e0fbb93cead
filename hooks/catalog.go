// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"errors"
	"fmt"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/store"
)

// readCatalogues is the hook catalog. It reads Config.Repos and leaves a
// catalogue and a source for each; or what a root that pkg filled says of itself.
func (r *run) readCatalogues(ctx context.Context) error {
	if r.RootDir != "" {
		return r.readStaged()
	}
	r.sources = map[*catalog.Repo]*store.Source{}
	var errs []error
	for _, repo := range r.Repos {
		src, err := store.NewSource(repo.URL)
		if err != nil {
			errs = append(errs, fmt.Errorf("repository %q: %w", repo.Name, err))
			continue
		}
		c, err := catalog.Load(ctx, repo, src)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		r.catalogues = append(r.catalogues, c)
		r.sources[c.Repo] = src
	}
	return errors.Join(errs...)
}
