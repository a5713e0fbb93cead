// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/tree"
)

// database is pkg's database of a root. It is written when it is asked for: a layer
// that an earlier build wrote has it already.
type database struct {
	image func() (*pkgdb.Image, error)
	sum   func() (tree.Digest, error) // of the image
}

// database returns the database of a root, a new one or, for a root that pkg filled,
// the normal form of its own, and a name for its bytes: what decides them.
func (r *rooter) database(ctx context.Context, m *Root) (database, tree.Digest, error) {
	top := len(m.Plan.Steps) - 1
	schema := schemaOf(r.Config, m.Step)
	parts, automatic := []any{schema, m.Epoch}, map[string]bool{}
	if m.Base != nil {
		parts = append(parts, m.Base.Lock.Digest, slices.Sorted(maps.Keys(m.Plan.Wanted())))
	}
	for _, step := range m.Plan.Steps {
		for _, p := range step.Packages {
			automatic[p.Name] = m.Plan.Automatic(p, top)
			parts = append(parts, p.Sum, p.Repo.Name, automatic[p.Name])
		}
	}
	if root, is := r.Input.(*input.Root); is {
		image, err := root.Database(ctx, r.dir, automatic, m.Wanted, m.Epoch, schema)
		if err != nil {
			return database{}, tree.Digest{}, err
		}
		sum, err := sumOf(ctx, image)
		return database{func() (*pkgdb.Image, error) { return image, nil }, func() (tree.Digest, error) { return sum, nil }}, sum, err
	}
	var d database
	d.image = sync.OnceValues(func() (*pkgdb.Image, error) {
		if m.Base != nil && m.Base.Whole.Content != nil {
			return m.Base.Add(ctx, r.dir, r.installed(m), m.Plan.Wanted(), m.Epoch, schema)
		}
		return pkgdb.Write(ctx, r.dir, r.installed(m), m.Epoch, schema)
	})
	d.sum = sync.OnceValues(func() (tree.Digest, error) {
		return r.Cache.DatabaseSum(ctx, parts, func() (tree.Digest, error) {
			image, err := d.image()
			if err != nil {
				return tree.Digest{}, err
			}
			return sumOf(ctx, image)
		})
	})
	return d, tree.DigestOf([]byte(fmt.Sprintln(parts...))), nil
}

// schemaOf is the schema of an image's pkg database: the one that was asked for, else
// that of the image below.
func schemaOf(cfg Config, m *resolve.Step) pkgdb.Schema {
	if cfg.Schema == 0 && m.Base != nil && m.Base.Schema != 0 {
		return m.Base.Schema
	}
	return cmp.Or(cfg.Schema, pkgdb.DefaultSchema)
}

// sumOf hashes a database.
func sumOf(ctx context.Context, image *pkgdb.Image) (tree.Digest, error) {
	h := sha256.New()
	_, err := io.Copy(h, until.Reader(ctx, image.Reader()))
	return tree.Digest(h.Sum(nil)), err
}

// installed lists the image's packages as its database records them.
func (r *rooter) installed(m *Root) []pkgdb.Installed {
	var list []pkgdb.Installed
	for _, step := range m.Plan.Steps {
		for _, p := range step.Packages {
			f := r.packages[p.Package]
			list = append(list, pkgdb.Installed{
				Manifest:   f.Manifest,
				Automatic:  m.Plan.Automatic(p, len(m.Plan.Steps)-1),
				Repository: p.Repo.Name,
				Contents:   f.Contents,
			})
		}
	}
	return list
}
