// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/hooks/root"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/oci"
)

// Image is a complete image that is not yet in an archive.
type Image struct {
	*Finished
	oci.Image
	Documents oci.Documents
}

// describe builds config, manifest and index of every wanted image.
func describe(cfg Config, of release.Release, finished []*Finished) ([]*Image, error) {
	var list []*Image
	for _, m := range finished {
		if !m.Wanted {
			continue
		}
		image, err := lock.Describe(of, m.Def, m.Under(), annotations(cfg, m.Step), m.Epoch, m.Layers)
		if err != nil {
			return nil, err
		}
		list = append(list, &Image{m, image, image.Documents()})
	}
	return list, nil
}

// annotations returns those that the lock or else the run gives an image.
func annotations(cfg Config, m *resolve.Step) map[string]string {
	switch {
	case m.Lock != nil:
		return m.Lock.Annotations
	case m.Renews != nil:
		return m.Renews.Annotations
	}
	return cfg.Annotations
}

// documents writes the locks of images, and the files next to them.
type documents struct {
	Config
	family *resolve.Family
	out    *output.Folder
}

// writeLock stages the lock of an image, and returns its sha256. If the image was
// built from a lock, both must say the same.
func (r *documents) writeLock(ctx context.Context, m *root.Built) (digest string, err error) {
	l, err := r.lock(ctx, m)
	if err != nil {
		return "", err
	}
	if m.Lock != nil {
		if err := until.Try(ctx, func() error { return lock.Compare(l, *m.Lock) }); err != nil {
			return "", err
		}
	}
	text, err := until.Do(ctx, l.Encode)
	if err != nil {
		return "", err
	}
	return sum.HexSHA256(text), r.out.Write(ctx, lockName(m), text)
}

func lockName(m *root.Built) string { return release.ArtifactName(m.Def.Name) + lock.Ending }

// writeCatalogues stages the signed catalogues of all wanted images, unchanged, and
// returns their names.
func (r *documents) writeCatalogues(ctx context.Context) ([]string, error) {
	var names []string
	done := map[string]bool{} // by digest: two locks may name the same
	write := func(c *catalog.Catalogue, name string) error {
		if c.Sealed == nil || done[c.Digest] {
			return nil
		}
		done[c.Digest] = true
		if slices.Contains(names, name) { // two repositories may differ only in characters that a file name lacks
			name = lock.EarlierName(c.Repo.Name, c.Digest)
		}
		names = append(names, name)
		return r.out.Write(ctx, name, c.Sealed)
	}
	for _, c := range r.family.Catalogues {
		if !r.family.Uses(c.Repo) {
			continue
		}
		err := write(c, lock.CatalogueName(c.Repo.Name))
		for _, e := range c.Earlier {
			err = cmp.Or(err, write(e, lock.EarlierName(c.Repo.Name, e.Digest)))
		}
		if err != nil {
			return nil, err
		}
	}
	return names, nil
}

// lock returns the lock of an image.
func (r *documents) lock(ctx context.Context, m *root.Built) (lock.Lock, error) {
	l, err := lock.New(ctx, m.Plan, r.family.Catalogues)
	if err != nil {
		return l, err
	}
	l.Orlop, l.Versions, l.Image, l.Revision, l.Branch = r.Version, r.Versions, m.Def.Name, r.family.Release.Revision, r.family.Release.Branch
	l.Parent = m.Under()
	l.Schema, l.Compression, l.Squash = int(root.SchemaOf(r.Schema, m.Step)), string(r.Compression), r.Squash
	maps.Copy(l.Annotations, annotations(r.Config, m.Step))
	setURLs(l.Repositories, r.family.Release, m.Step)
	for i, at := range m.Lineage() {
		step := &l.Layers[i]
		step.Epoch = at.Epoch
		step.Files = append(step.Files, at.Taken...)
		step.Own = at.Brought
		step.LeftOut = append(step.LeftOut, at.LeftOut...)
		step.SkippedScripts = append(step.SkippedScripts, at.Skipped...)
		step.Scripts, step.Accounts = at.Scripts, at.Facts.Accounts
		step.NoAccount = append(step.NoAccount, at.NoAccount...)
		step.Departures = append(step.Departures, at.Departures...)
		if step.Definition, err = json.Marshal(at.Def); err != nil {
			return l, err
		}
		if !r.Squash || at == m { // only its own layer is in the image
			step.Generated, step.Directories, step.Parts = append(step.Generated, at.Added...), at.Directories, at.Parts
		}
	}
	l.Except(exceptionsOf(r.Config, r.family, m.Step))
	return l, nil
}

// setURLs sets the public URLs of repositories: those of the lock that an image is
// built from, else those of the catalogues, for the release.
func setURLs(repos []lock.Repository, of release.Release, m *resolve.Step) {
	for i := range repos {
		repo := &repos[i]
		repo.URL = of.Expand(repo.URL)
		if m.Lock == nil {
			continue
		}
		at := slices.IndexFunc(m.Lock.Repositories, func(l lock.Repository) bool { return l.Name == repo.Name })
		repo.URL = m.Lock.Repositories[at].URL
	}
}
