// SPDX-License-Identifier: BSD-2-Clause

package family

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/verify"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/oci"
)

// read reads the documents of the images that a reference means, and their locks.
func read(ctx context.Context, ref *artifact.Ref, platform string, near *beside) ([]*Member, error) {
	platforms, err := ref.Platforms(ctx, platform)
	if err != nil {
		return nil, err
	}
	source, err := ref.Open(ctx)
	if err != nil {
		return nil, err
	}
	var members []*Member
	var errs []error
	for _, p := range platforms {
		c, err := oci.Read(ctx, source, p)
		if c == nil || c.Texts.Config == nil {
			errs = append(errs, fault.Within(ref.Name, err))
			continue
		}
		m := &Member{Contents: c, Ref: ref, Source: source}
		members = append(members, m)
		errs = append(errs, fault.Within(ref.Name, errors.Join(err, m.readLock(ctx, len(platforms) > 1, near))))
	}
	return members, errors.Join(errs...)
}

// prepared reads an image that this run has written, and its lock. The name is the one
// for messages.
func prepared(ctx context.Context, path, name string) (*Member, error) {
	ref, err := artifact.Find(ctx, nil, path)
	if err != nil {
		return nil, err
	}
	m := &Member{Ref: ref}
	ref.Name = name
	if m.Source, err = ref.Open(ctx); err != nil {
		return m, err
	}
	if m.Contents, err = oci.Read(ctx, m.Source, ""); err != nil {
		return m, err
	}
	m.Lock, err = verify.ReadLock(verify.LockFile(path))
	return m, err
}

// readLock finds the lock of an image, where it is published or next to it, and
// compares the image's documents with it.
func (m *Member) readLock(ctx context.Context, several bool, near *beside) error {
	var err error
	switch {
	case m.Ref.Remote != nil:
		m.Lock, m.Notes, err = verify.AttachedLock(ctx, m.Ref.Remote.From, m.Contents)
	case several:
		m.Lock = verify.LockAmong(m.Ref.Path(), m.Contents)
	case !m.Ref.File.Piped:
		m.Lock, err = verify.ReadLock(verify.LockFile(m.Ref.Path()))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || m.Lock == nil {
		return err
	}
	if f := verify.Documents(m.Contents, m.Lock.Lock); len(f.Errs) > 0 {
		return f.Err()
	}
	return m.readKept(ctx, near)
}

// readKept finds the signed catalogues that vouch for the lock.
func (m *Member) readKept(ctx context.Context, near *beside) error {
	wanted := func(digest string) bool {
		return slices.ContainsFunc(m.Lock.Repositories, func(r lock.Repository) bool {
			return slices.ContainsFunc(r.All(), func(c lock.Earlier) bool { return c.Signer != "" && c.Catalogue == digest })
		})
	}
	if m.Ref.Remote != nil {
		found, notes, err := m.Ref.Remote.From.Attachments(ctx, m.Descriptor.Digest, maxCatalogue, lock.CatalogueMediaType)
		m.Notes = append(m.Notes, notes...)
		for _, a := range found {
			m.Kept = append(m.Kept, Catalogue{a.Name, a.Text})
		}
		return err
	}
	m.Kept = near.catalogues(ctx, filepath.Dir(m.Lock.File), wanted)
	return ctx.Err()
}

// beside finds signed catalogues beside locks. One that several images have is read
// once, and in memory once.
type beside struct {
	lock    sync.Mutex
	folders map[string][]input.Kept
	texts   map[input.Kept][]byte
}

// catalogues returns those in a folder whose digest is wanted.
func (b *beside) catalogues(ctx context.Context, dir string, wanted func(digest string) bool) []Catalogue {
	b.lock.Lock()
	defer b.lock.Unlock()
	if b.folders == nil {
		b.folders, b.texts = map[string][]input.Kept{}, map[input.Kept][]byte{}
	}
	there, known := b.folders[dir]
	if !known {
		there = input.KeptCatalogues(ctx, []string{dir})
		b.folders[dir] = there
	}
	var list []Catalogue
	for _, k := range there {
		if !wanted(k.Digest) {
			continue
		}
		if b.texts[k] == nil {
			b.texts[k] = k.Read()
		}
		if text := b.texts[k]; text != nil {
			list = append(list, Catalogue{k.Name, text})
		}
	}
	return list
}

// maxCatalogue bounds a catalogue, in bytes; that of ports has 10 MB.
const maxCatalogue = 64 << 20

// Definition returns the definition of the image, from its lock.
func (m *Member) Definition() (define.Image, bool) {
	if m.Lock == nil || len(m.Lock.Layers) == 0 {
		return define.Image{}, false
	}
	def, err := lock.Definition(m.Lock.Lock, len(m.Lock.Layers)-1)
	return def, err == nil
}

// LockName is the name of the lock's file where it is attached.
func (m *Member) LockName() string { return release.ArtifactName(m.Image()) + lock.Ending }
