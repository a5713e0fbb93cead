// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release"
)

// publish writes an archive and a lock for each wanted member, then renames
// them into the output folder, each lock before its archive.
func (r *run) publish(ctx context.Context) error {
	var names []string
	for _, m := range r.family {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !m.wanted {
			continue
		}
		base := release.ArtifactName(m.def.Name)
		archive, lock := base+r.Format.Extension(), base+".lock.json"
		err := m.image.Write(r.staging.path(archive), r.Format, m.docs, func(i int) (io.ReadCloser, error) { return os.Open(m.blobs[i]) })
		if err == nil {
			err = r.writeLock(m, lock)
		}
		if err != nil {
			return fmt.Errorf("image %s: %w", m.def.Name, err)
		}
		size, err := sizeOf(r.staging.path(archive))
		if err != nil {
			return err
		}
		names = append(names, lock, archive)
		r.results = append(r.results, Result{
			Image: m.def.Name, File: filepath.Join(r.OutDir, archive), Lock: filepath.Join(r.OutDir, lock),
			Digest: m.docs.Digest.String(), Layers: m.layers, Packages: len(m.installed(r)), Size: size,
		})
	}
	if err := r.staging.place(names); err != nil {
		r.results = nil
		return err
	}
	return nil
}

func (r *run) writeLock(m *member, name string) error {
	l := m.plan.Lock(r.catalogues)
	l.Orlop, l.Image, l.Revision, l.Branch = r.Version, m.def.Name, r.release.Revision, r.release.Branch
	l.Schema, l.Compression, l.Squash = int(r.Schema), string(r.Compression), r.Squash
	for _, at := range m.chain() {
		l.Layers = append(l.Layers, solve.LockLayer{Image: at.def.Name, Epoch: at.epoch})
		for _, f := range at.taken {
			l.Files = append(l.Files, solve.LockFile{Path: f.Path, SHA256: f.SHA256, From: f.From})
		}
		l.LeftOut = append(l.LeftOut, at.leftOut...)
		l.SkippedScripts = append(l.SkippedScripts, at.skipped...)
		l.NoAccount = append(l.NoAccount, at.noAccount...)
	}
	known := r.exceptions(m)
	l.KnownMissing, l.KnownDangling = lockExceptions(known.Missing), lockExceptions(known.Dangling)
	text, err := l.Encode()
	if err != nil {
		return err
	}
	f, err := r.staging.create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(text); err != nil {
		return err
	}
	return f.Sync()
}

// sizeOf adds up a file or a folder.
func sizeOf(path string) (int64, error) {
	var size int64
	err := filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
