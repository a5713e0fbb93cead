// SPDX-License-Identifier: BSD-2-Clause

package catalog

import (
	"context"
	"iter"
	"sync"
)

// offers are the packages of a catalogue, each of which is read when somebody asks
// for it, and then stays the same.
type offers struct {
	*table
	mu   sync.Mutex
	read []*Package // by place in the table; nil for not yet
}

func newOffers(t *table) *offers { return &offers{table: t, read: make([]*Package, t.entries.len())} }

// New makes a catalogue of packages that do not come from an archive.
func New(ctx context.Context, repo *Repo, digest string, packages []*Package) (*Catalogue, error) {
	var p packer
	for _, one := range packages {
		p.add(&one.Summary)
	}
	t, order, err := p.table(ctx)
	if err != nil {
		return nil, err
	}
	c := &Catalogue{Repo: repo, Digest: digest, offers: newOffers(t)}
	for i, old := range order {
		c.offers.read[i] = packages[old]
	}
	return c, nil
}

// Len is how many packages the catalogue has.
func (c *Catalogue) Len() int {
	if c.offers == nil {
		return 0
	}
	return c.entries.len()
}

// at returns a package by its place.
func (c *Catalogue) at(i int) *Package {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.read[i] == nil {
		c.read[i] = &Package{Summary: c.summary(i), Repo: c.Repo}
	}
	return c.read[i]
}

// All are the packages by name, then version text.
func (c *Catalogue) All() iter.Seq[*Package] {
	return func(yield func(*Package) bool) {
		for i := range c.Len() {
			if !yield(c.at(i)) {
				return
			}
		}
	}
}

// Names are the names of packages, in order.
func (c *Catalogue) Names() iter.Seq[string] {
	return func(yield func(string) bool) {
		before := ""
		for i := range c.Len() {
			if name := c.name(i); string(name) != before {
				before = string(name)
				if !yield(before) {
					return
				}
			}
		}
	}
}

// Named returns the packages of a name, by version text.
func (c *Catalogue) Named(name string) []*Package {
	if c.Len() == 0 {
		return nil
	}
	var list []*Package
	from, to := c.named(name)
	for i := from; i < to; i++ {
		list = append(list, c.at(i))
	}
	return list
}

// WithShlib returns the packages that provide a shared library, in the order of All.
func (c *Catalogue) WithShlib(name string) []*Package { return c.with(shlibs, name) }

// WithProvided returns the packages that have a text among their provides.
func (c *Catalogue) WithProvided(what string) []*Package { return c.with(provides, what) }

func (c *Catalogue) with(kind int, what string) []*Package {
	if c.Len() == 0 {
		return nil
	}
	var list []*Package
	for _, i := range c.offering(kind, what) {
		list = append(list, c.at(i))
	}
	return list
}

// ABIs are those that packages have, each once, in no order.
func (c *Catalogue) ABIs() []string {
	if c.Len() == 0 {
		return nil
	}
	var list []string
	for i := range len(c.abis) / 4 {
		list = append(list, string(c.texts.at(int(numberAt(c.abis, i)))))
	}
	return list
}
