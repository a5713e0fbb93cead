// SPDX-License-Identifier: BSD-2-Clause

package input

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/pkgdb/until"
)

// LocalFile is a package that the user names as a file, and so vouches for.
type LocalFile struct {
	Dir  string // a folder, as an absolute path
	Path string // of the file below it, as a definition names it without ./
}

// local is where the bytes of a local package are.
type local struct {
	src  *store.Source
	path string
}

// readLocals reads the manifests of local packages as a catalogue of their own. Paths
// are what a lock calls those with some sums, nil for their own.
func (in *Repositories) readLocals(ctx context.Context, files []LocalFile, paths map[sum.Sum]string) (*catalog.Catalogue, error) {
	repo := &catalog.Repo{Local: true}
	byName := map[string]*catalog.Package{}
	in.locals = map[sum.Sum]local{}
	var list []*catalog.Package
	var errs []error
	for _, file := range files {
		p, err := in.readLocal(ctx, file, repo)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if path, locked := paths[p.Sum.Typed()]; locked {
			p.Path = path
		}
		switch other := byName[p.Name]; {
		case other == nil:
			byName[p.Name] = p
			list = append(list, p)
		case other.Sum != p.Sum || other.Path != p.Path:
			errs = append(errs, fault.Usagef("the local packages %s and %s are both %s, wanted one of them", other.Path, p.Path, p.Name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return catalog.New(ctx, repo, "", list)
}

// readLocal reads the manifest of a local package, once its sum is known.
func (in *Repositories) readLocal(ctx context.Context, file LocalFile, repo *catalog.Repo) (*catalog.Package, error) {
	src, err := in.Store.Source(file.Dir, "none")
	if err != nil {
		return nil, &fault.UsageError{Err: err}
	}
	f, err := src.Open(ctx, file.Path)
	if absent, is := errors.AsType[*store.AbsentError](err); is {
		return nil, &store.AbsentError{What: "local package " + file.Path, Err: absent.Err}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	size, err := io.Copy(h, until.Reader(ctx, f))
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file.Path, err)
	}
	r, err := pkgfile.NewReader(ctx, in.decoders, f, file.Path)
	if err != nil {
		return nil, err
	}
	p := &catalog.Package{Summary: r.Manifest.Summary(), Repo: repo}
	if err := r.Close(); err != nil {
		return nil, err
	}
	p.Path, p.Sum, p.Size = file.Path, sum.Sum(hex.EncodeToString(h.Sum(nil))), size
	in.locals[p.Sum.Typed()] = local{src, file.Path}
	return p, nil
}

// local finds the file of a local package, and the package as it is there: a lock may
// have another name of it.
func (in *Repositories) local(p *catalog.Package) (*store.Source, *catalog.Package, error) {
	at, given := in.locals[p.Sum.Typed()]
	if !given {
		return nil, nil, &store.AbsentError{What: p.FullName(), Err: fmt.Errorf("the file %s with the sha256 %s is not given; name it with --package", p.Path, p.Sum)}
	}
	there := *p
	there.Path = at.path
	return at.src, &there, nil
}

// openLocal starts reading a local package.
func (in *Repositories) openLocal(ctx context.Context, p *catalog.Package, known *pkgfile.Manifest) (*Reader, error) {
	src, there, err := in.local(p)
	if err != nil {
		return nil, err
	}
	return in.open(ctx, src, there, known, func() (io.ReadCloser, error) { return src.Verified(ctx, ref(there)) })
}

// verifyLocal reads a local package and checks its sum.
func (in *Repositories) verifyLocal(ctx context.Context, p *catalog.Package) error {
	src, there, err := in.local(p)
	if err != nil {
		return err
	}
	return verify(func() (io.ReadCloser, error) { return src.Verified(ctx, ref(there)) })
}

// readLockedLocals finds the local packages of locks among the files that the user
// gives, and below the folders of the user's definitions.
func (in *Locks) readLockedLocals(ctx context.Context) error {
	files := in.Local
	paths := map[sum.Sum]string{}
	for _, l := range in.Locks {
		for _, p := range l.Packages {
			if !p.Local() {
				continue
			}
			paths[sum.Sum(p.Sum).Typed()] = p.Path
			for _, dir := range in.LocalIn {
				file := LocalFile{dir, p.Path}
				if src, err := in.Store.Source(dir, "none"); err == nil {
					if f, err := src.Open(ctx, p.Path); err == nil {
						f.Close()
						files = append(files, file)
					}
				}
			}
		}
	}
	if len(paths) == 0 {
		return nil
	}
	given, err := in.readLocals(ctx, files, paths)
	if err != nil {
		return err
	}
	in.localRepo = &catalog.Repo{Local: true}
	in.catalogues = append(in.catalogues, &catalog.Catalogue{Repo: in.localRepo})
	in.witnesses[in.localRepo] = &Witness{Believed: []*catalog.Catalogue{given}, Reasons: []string{"it is not given; name it with --package"}}
	return nil
}
