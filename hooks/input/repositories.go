// SPDX-License-Identifier: BSD-2-Clause

package input

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/packing"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/pkgdb/trust"
)

// Repositories is an input of pkg(8)'s repositories and a source tree.
type Repositories struct {
	Tree
	Repos []catalog.Repo // in the order of their configuration
	Store *store.Store   // nil for one without network
	// InsecureUnsigned accepts an unsigned repository over a network.
	InsecureUnsigned bool
	ABI              string // selects FreeBSD's own keys; "" for any
	PublicURL        string // of all repositories, with pkg's variables; "" for their own
	Keep             bool   // put packages of this machine's repositories into the store, too
	// Maker identifies the program, for which it keeps in the store what it reads of
	// catalogues; "" to keep nothing.
	Maker string

	Local []LocalFile // packages

	Observe event.Observer

	trusts  map[asked]trust.Trust // nil if no signature is needed
	sources map[*catalog.Repo]*store.Source
	shared  map[asked]*catalog.Catalogue // that several ABIs have; nil for a single one

	locals   map[sum.Sum]local
	decoders *packing.Decoders // of all packages
}

// begin makes the zero value usable.
func (in *Repositories) begin() {
	if in.Store == nil {
		in.Store = new(store.Store)
	}
	if in.sources == nil {
		in.trusts, in.sources, in.decoders = map[asked]trust.Trust{}, map[*catalog.Repo]*store.Source{}, new(packing.Decoders)
	}
}

// For returns the input for another ABI of the same run. What does not depend on the
// ABI is read once for all. Only one of them may be in use at a time.
func (in *Repositories) For(abi string, repos []catalog.Repo, observe event.Observer) *Repositories {
	in.begin()
	if in.shared == nil {
		in.shared = map[asked]*catalog.Catalogue{}
	}
	other := *in
	other.ABI, other.Repos, other.Observe = abi, repos, observe
	return &other
}

// Check finds faults before a repository is read: it reads all keys.
func (in *Repositories) Check() error {
	in.begin()
	var errs []error
	for _, repo := range in.Repos {
		src, err := in.source(repo)
		if err == nil {
			_, err = in.trustOf(repo, src)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// CheckStore checks that the store can be trusted and, unless offline, that its
// folder is a store. Offline, a folder that is no store has nothing.
func (in *Repositories) CheckStore() error {
	in.begin()
	err := in.Store.Check()
	if err == nil && !in.Store.Offline && in.Store.Dir != "" {
		err = in.Store.CheckFolder()
	}
	return err
}

// CheckWritable checks that the store can be written if something has to be
// downloaded.
func (in *Repositories) CheckWritable() error {
	in.begin()
	remote := in.Keep
	for _, repo := range in.Repos {
		src, err := in.source(repo)
		remote = remote || err == nil && src.Remote()
	}
	if !remote || in.Store.Offline {
		return nil
	}
	return in.Store.CheckWritable()
}

// Signed names the repositories whose catalogues are signed according to their
// configuration.
func (in *Repositories) Signed() []string {
	in.begin()
	var names []string
	for _, repo := range in.Repos {
		src, err := in.source(repo)
		if err != nil {
			continue // Check reports it
		}
		if keys, err := in.trustOf(repo, src); err == nil && keys != nil {
			names = append(names, repo.Name)
		}
	}
	return names
}

// Catalogues reads the catalogue of each repository.
func (in *Repositories) Catalogues(ctx context.Context) ([]*catalog.Catalogue, error) {
	in.begin()
	var list []*catalog.Catalogue
	var errs []error
	for _, repo := range in.Repos {
		src, c, err := in.load(ctx, repo)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if c.PublicURL = in.PublicURL; c.PublicURL == "" && src.Remote() {
			c.PublicURL = src.PublicURL()
		}
		c.Remote = src.Remote()
		list = append(list, c)
		in.sources[c.Repo] = src
		errs = append(errs, in.keepCatalogue(ctx, c))
	}
	if len(in.Local) > 0 {
		c, err := in.readLocals(ctx, in.Local, nil)
		list, errs = append(list, c), append(errs, err)
	}
	return list, errors.Join(errs...)
}

// load reads the catalogue of one repository.
func (in *Repositories) load(ctx context.Context, repo catalog.Repo) (*store.Source, *catalog.Catalogue, error) {
	src, err := in.source(repo)
	if err != nil {
		return nil, nil, err
	}
	believed, err := in.trustOf(repo, src)
	if err != nil {
		return nil, nil, err
	}
	if c := in.shared[in.asked(repo)]; c != nil {
		return src, c, nil
	}
	c, err := catalog.Load(ctx, repo, src, believed, in.notes())
	if err == nil && in.shared != nil {
		in.shared[in.asked(repo)] = c
	}
	return src, c, err
}

// keepCatalogue keeps a signed catalogue for runs that have only the lock. If the
// store cannot be written, that is an error only if the run is to fill it.
func (in *Repositories) keepCatalogue(ctx context.Context, c *catalog.Catalogue) error {
	if c.Sealed == nil {
		return nil
	}
	if err := in.Store.KeepCatalogue(ctx, c.Digest, c.Sealed); in.Keep {
		return err
	}
	return nil
}

func (in *Repositories) source(repo catalog.Repo) (*store.Source, error) {
	src, err := in.Store.Source(repo.URL, repo.MirrorType)
	if err != nil {
		return nil, &fault.UsageError{Err: fmt.Errorf("repository %q: %w", repo.Name, err)}
	}
	return src, nil
}

// Open starts reading a package. An archive on this machine is not hashed again if
// its manifest is known.
func (in *Repositories) Open(ctx context.Context, p *catalog.Package, known *pkgfile.Manifest) (*Reader, error) {
	if p.Repo.Local {
		return in.openLocal(ctx, p, known)
	}
	src := in.sources[p.Repo]
	r, err := in.open(ctx, src, p, known, func() (io.ReadCloser, error) { return src.Verified(ctx, ref(p)) })
	return r, in.unheld(p, err, false)
}

// Verify reads a package and checks its sum, without unpacking it.
func (in *Repositories) Verify(ctx context.Context, p *catalog.Package) error {
	if p.Repo.Local {
		return in.verifyLocal(ctx, p)
	}
	return in.unheld(p, verify(func() (io.ReadCloser, error) { return in.sources[p.Repo].Verified(ctx, ref(p)) }), false)
}

func verify(verified func() (io.ReadCloser, error)) error {
	f, err := verified()
	if err != nil {
		return err
	}
	return f.Close()
}

// open reads a package from a source or, if that is not possible, from verified
// bytes.
func (in *Repositories) open(ctx context.Context, src *store.Source, p *catalog.Package, known *pkgfile.Manifest, verified func() (io.ReadCloser, error)) (*Reader, error) {
	if in.Keep && known == nil {
		if err := in.keep(ctx, p, verified); err != nil {
			return nil, err
		}
	}
	if known != nil && src != nil && !src.Remote() {
		if file, err := src.Open(ctx, p.Path); err == nil { // else verified reports the error
			pkg, err := pkgfile.NewReaderOf(ctx, in.decoders, file, known)
			if err != nil {
				file.Close()
				return nil, err
			}
			return readArchive(pkg, file), nil
		}
	}
	f, err := verified()
	if err != nil {
		return nil, err
	}
	pkg, err := pkgfile.NewReader(ctx, in.decoders, f, p.FullName()+": "+p.Path)
	if err != nil {
		f.Close()
		return nil, err
	}
	return readArchive(pkg, f), nil
}

// keep puts a package of a repository on this machine into the store.
func (in *Repositories) keep(ctx context.Context, p *catalog.Package, verified func() (io.ReadCloser, error)) error {
	f, err := verified()
	if err != nil {
		return err
	}
	defer f.Close()
	return in.Store.Keep(ctx, f, ref(p))
}

// ref identifies the bytes of a package.
func ref(p *catalog.Package) store.Ref {
	return store.Ref{Name: p.FullName(), Path: p.Path, Sum: p.Sum, Size: p.Size}
}
