// SPDX-License-Identifier: BSD-2-Clause

package root

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

// Database is pkg's database of a root. It is written when it is asked for: a layer
// that an earlier build wrote has it already.
type Database struct {
	Image func() (*pkgdb.Image, error)
	Sum   func() (tree.Digest, error) // of the image
}

// database returns the database of a root, a new one or, for a root that pkg filled,
// the normal form of its own, and a name for its bytes: what decides them.
func (b *Builder) database(ctx context.Context, m *Root) (Database, tree.Digest, error) {
	top := len(m.Plan.Steps) - 1
	schema := SchemaOf(b.Settings.Schema, m.Step)
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
	if root, is := b.Input.(*input.Root); is {
		image, err := root.Database(ctx, b.Dir, automatic, m.Wanted, m.Epoch, schema)
		if err != nil {
			return Database{}, tree.Digest{}, err
		}
		sum, err := sumOf(ctx, image)
		return Database{func() (*pkgdb.Image, error) { return image, nil }, func() (tree.Digest, error) { return sum, nil }}, sum, err
	}
	var d Database
	d.Image = sync.OnceValues(func() (*pkgdb.Image, error) {
		if m.Base != nil && m.Base.Whole.Content != nil {
			return m.Base.Add(ctx, b.Dir, b.installed(m), m.Plan.Wanted(), m.Epoch, schema)
		}
		return pkgdb.Write(ctx, b.Dir, b.installed(m), m.Epoch, schema)
	})
	d.Sum = sync.OnceValues(func() (tree.Digest, error) {
		return b.Cache.DatabaseSum(ctx, parts, func() (tree.Digest, error) {
			image, err := d.Image()
			if err != nil {
				return tree.Digest{}, err
			}
			return sumOf(ctx, image)
		})
	})
	return d, tree.DigestOf([]byte(fmt.Sprintln(parts...))), nil
}

// SchemaOf is the schema of an image's pkg database: the one that was asked for, else
// that of the image below.
func SchemaOf(asked pkgdb.Schema, m *resolve.Step) pkgdb.Schema {
	if asked == 0 && m.Base != nil && m.Base.Schema != 0 {
		return m.Base.Schema
	}
	return cmp.Or(asked, pkgdb.DefaultSchema)
}

// sumOf hashes a database.
func sumOf(ctx context.Context, image *pkgdb.Image) (tree.Digest, error) {
	h := sha256.New()
	_, err := io.Copy(h, until.Reader(ctx, image.Reader()))
	return tree.Digest(h.Sum(nil)), err
}

// installed lists the image's packages as its database records them.
func (b *Builder) installed(m *Root) []pkgdb.Installed {
	var list []pkgdb.Installed
	for _, step := range m.Plan.Steps {
		for _, p := range step.Packages {
			f := b.Packages[p.Package]
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
