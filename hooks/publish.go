// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"cmp"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/hooks/root"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/oci"
	"github.com/orlop/orlop/release/oci/layout"
)

// Result is an image that was built.
type Result struct {
	Image    string
	Name     string // in the archive
	File     string // path of the archive
	Lock     string // path of the lock
	LockSum  string // its sha256
	Digest   string // of the manifest, sha256:…
	Layers   []oci.Layer
	Packages int
	Size     int64 // bytes of the archive
	// FromArtifact has the paths of files that only input.Locks.Published had.
	FromArtifact []string
	Catalogues   []string // names of the signed catalogues next to the lock
	// Doubts are what only the lock vouches for.
	Doubts      []string
	Definitions []resolve.LayerDefinition // of an image from a lock
}

// publish writes an archive and a lock for each image, then renames them into the
// output folder: the catalogues that vouch for them first, each lock before its
// archive, the list of all last.
func publish(ctx context.Context, cfg Config, family *resolve.Family, images []*Image, out *output.Folder) ([]Result, error) {
	docs := &documents{cfg, family, out}
	catalogues, err := docs.writeCatalogues(ctx)
	if err != nil {
		return nil, err
	}
	var results []Result
	for _, m := range images {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r, err := publishImage(ctx, docs, m)
		if err != nil {
			return nil, fault.Within("image "+m.Def.Name, blame(ctx, cfg, m, err))
		}
		r.Catalogues = catalogues
		results = append(results, r)
	}
	if cfg.To != nil {
		return results, nil // what is staged goes away
	}
	if cfg.Manifests {
		err = out.Write(ctx, release.ManifestList(), ManifestList(results, nil))
	}
	if err == nil {
		err = out.Place(ctx)
	}
	if err != nil {
		return nil, err
	}
	return results, nil
}

// ManifestList is the list of the digests of images, and of indexes by their names,
// and then of locks.
func ManifestList(results []Result, indexes map[string]string) []byte {
	line := func(name, digest string) string {
		return release.ManifestLine(name, strings.TrimPrefix(digest, "sha256:")) + "\n"
	}
	var manifests, locks []string
	for _, r := range results {
		manifests, locks = append(manifests, line(r.Name, r.Digest)), append(locks, line(release.LockLine(r.Name), r.LockSum))
	}
	for name, digest := range indexes {
		manifests = append(manifests, line(name, digest))
	}
	slices.Sort(manifests)
	slices.Sort(locks)
	return []byte(strings.Join(slices.Concat(manifests, locks), ""))
}

// publishImage writes the lock and the archive of an image.
func publishImage(ctx context.Context, docs *documents, m *Image) (Result, error) {
	sum, err := docs.writeLock(ctx, m.Built)
	if err != nil {
		return Result{}, err
	}
	archive := release.ArtifactName(m.Def.Name) + docs.Format.Extension()
	size, err := docs.writeArchive(ctx, archive, m)
	if err != nil {
		return Result{}, err
	}
	packages := 0
	for i := range m.Plan.Steps {
		packages += len(m.Plan.Steps[i].Packages)
	}
	return Result{
		Image: m.Def.Name, Name: m.Name, File: filepath.Join(docs.OutDir, archive), Lock: filepath.Join(docs.OutDir, lockName(m.Built)), LockSum: sum,
		Digest: m.Documents.Digest.String(), Layers: m.Finished.Layers, Packages: packages, Size: size,
		FromArtifact: m.TakenFromArtifact(), Doubts: m.AllDoubts(), Definitions: m.DefinedBy(),
	}, nil
}

// writeArchive stages the archive of an image, or writes it elsewhere, and returns its
// size.
func (r *documents) writeArchive(ctx context.Context, name string, m *Image) (size int64, err error) {
	open := func(i int) (io.ReadCloser, error) { return m.blob(ctx, i) }
	if r.To != nil {
		to := &counter{w: r.To}
		err = layout.Stream(ctx, to, r.Format, &m.Image, m.Documents, open)
		return to.n, err
	}
	path := r.out.Stage(name)
	if err = layout.Write(ctx, path, r.Format, &m.Image, m.Documents, open); err != nil {
		return 0, err
	}
	return output.SizeOf(path)
}

// counter counts bytes.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// publishLocks writes the lock of each wanted image.
func publishLocks(ctx context.Context, cfg Config, family *resolve.Family, roots []*root.Root, out *output.Folder) ([]LockResult, error) {
	docs := &documents{cfg, family, out}
	if _, err := docs.writeCatalogues(ctx); err != nil {
		return nil, err
	}
	var made []LockResult
	for _, m := range roots {
		if deltas := m.Deltas(ctx, cfg.Squash); deltas != nil {
			if err := cmp.Or(ctx.Err(), m.Describe(ctx, deltas)); err != nil {
				return nil, fault.Within("image "+m.Def.Name, err)
			}
		}
		if !m.Wanted {
			continue
		}
		if _, err := docs.writeLock(ctx, m.Built); err != nil {
			return nil, fault.Within("image "+m.Def.Name, err)
		}
		made = append(made, LockResult{m.Def.Name, filepath.Join(cfg.OutDir, lockName(m.Built))})
	}
	if err := out.Place(ctx); err != nil {
		return nil, err
	}
	return made, nil
}

// damagedError says that a layer of the store was damaged. It has been dropped, so
// another try rebuilds it.
type damagedError struct{ error }

// blame returns the error of copying an image's layers. It is a damagedError if a
// layer of an earlier build is damaged or cannot be read.
func blame(ctx context.Context, cfg Config, m *Image, err error) error {
	earlier := slices.Clone(m.earlier)
	if m.Image.Base != nil {
		for _, l := range m.Image.Base.Layers {
			earlier = append(earlier, oci.Layer{Layer: l})
		}
	}
	for _, l := range earlier {
		if cfg.Cache.Check(ctx, l.Digest.Encoded()) {
			err = damagedError{err}
		}
	}
	return err
}

// blob opens a layer of an image, or of the one that it stands on.
func (m *Image) blob(ctx context.Context, i int) (io.ReadCloser, error) {
	below := 0
	if m.Image.Base != nil {
		below = len(m.Image.Base.Layers)
	}
	if i < below {
		return m.Step.Base.Blob(ctx, i)
	}
	return section(m.blobs[i-below])
}

// section reads an open blob from its start, while others may read it, too.
func section(f *os.File) (io.ReadCloser, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return io.NopCloser(io.NewSectionReader(f, 0, info.Size())), nil
}
