// SPDX-License-Identifier: BSD-2-Clause

package input

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/packing"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/store"
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

	Observe event.Observer

	trusts  map[asked]trust.Trust // nil if no signature is needed
	sources map[*catalog.Repo]*store.Source

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
	c, err := catalog.Load(ctx, repo, src, believed)
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

// asked is what decides which keys a repository needs.
type asked struct {
	repo     catalog.Repo
	insecure bool
	abi      string
}

// trustOf reads the keys of a repository once.
func (in *Repositories) trustOf(repo catalog.Repo, src *store.Source) (trust.Trust, error) {
	by := asked{repo, in.InsecureUnsigned, in.ABI}
	if known, read := in.trusts[by]; read {
		return known, nil
	}
	believed, err := in.trust(repo, src.Remote())
	if err != nil {
		return nil, &fault.UsageError{Err: fmt.Errorf("repository %q: %w", repo.Name, err)}
	}
	in.trusts[by] = believed
	return believed, nil
}

func (in *Repositories) source(repo catalog.Repo) (*store.Source, error) {
	src, err := in.Store.Source(repo.URL, repo.MirrorType)
	if err != nil {
		return nil, &fault.UsageError{Err: fmt.Errorf("repository %q: %w", repo.Name, err)}
	}
	return src, nil
}

// trust returns the keys that must sign a repository, nil for none. A repository on
// this machine may be unsigned; one over a network may not, unless the user says
// so.
func (in *Repositories) trust(repo catalog.Repo, remote bool) (trust.Trust, error) {
	switch repo.Signature {
	case "none":
		if remote && !in.InsecureUnsigned {
			return nil, fmt.Errorf("%s: it comes over a network and signature_type is none; --insecure-unsigned accepts it anyway", repo.Where)
		}
	case "":
		if !remote || in.InsecureUnsigned {
			return nil, nil
		}
	}
	return in.keys(repo)
}

// keys returns the trusted keys of a repository, nil if its configuration says that
// it is unsigned. Without a configuration they are FreeBSD's own.
func (in *Repositories) keys(repo catalog.Repo) (trust.Trust, error) {
	switch repo.Signature {
	case "pubkey":
		return trust.ReadKey(repo.PubKey)
	case "fingerprints":
		return trust.ReadFingerprints(repo.Fingerprints)
	case "none":
		return nil, nil
	}
	names := []string{"pkg"}
	if parts := strings.Split(in.ABI, ":"); len(parts) == 3 {
		names = append(names, "pkgbase-"+parts[1])
	}
	return trust.FreeBSD(names...)
}

// Open starts reading a package. An archive on this machine is not hashed again if
// its manifest is known.
func (in *Repositories) Open(ctx context.Context, p *catalog.Package, known *pkgfile.Manifest) (*Reader, error) {
	src := in.sources[p.Repo]
	r, err := in.open(ctx, src, p, known, func() (io.ReadCloser, error) { return src.Verified(ctx, ref(p)) })
	return r, in.unheld(p, err, false)
}

// Verify reads a package and checks its sum, without unpacking it.
func (in *Repositories) Verify(ctx context.Context, p *catalog.Package) error {
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
