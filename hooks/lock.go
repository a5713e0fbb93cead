// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release"
)

// LockResult is a lock that was made.
type LockResult struct {
	Image string
	File  string // path of the lock
}

// MakeLocks writes the locks of images, and no image. It finds all that Build would
// find wrong before it packs a layer, an image that is not complete among it.
func MakeLocks(ctx context.Context, cfg Config) ([]LockResult, error) {
	return withHeaders(func(headers bool) ([]LockResult, error) { return makeLocks(ctx, cfg, headers) })
}

func makeLocks(ctx context.Context, cfg Config, headers bool) ([]LockResult, error) {
	r := newRun(cfg, lock.Ending)
	r.headers = headers
	defer r.end(ctx)
	var made []LockResult
	err := r.perform(ctx, []hook{
		{name: "catalog", do: (*run).readCatalogues},
		{name: "resolve", do: (*run).resolve},
		{name: "fetch", do: (*run).fetch},
		{name: "install", each: (*run).install},
		{name: "configure", each: (*run).configure},
		{name: "register", each: (*run).register},
		{name: "image", do: (*run).completeUnwritten},
		{name: "publish", do: func(r *run, ctx context.Context) error {
			var err error
			made, err = r.publishLocks(ctx)
			return err
		}},
	})
	return made, err
}

// publishLocks writes the lock of each wanted member.
func (r *run) publishLocks(ctx context.Context) ([]LockResult, error) {
	names, err := r.writeCatalogues(ctx)
	if err != nil {
		return nil, err
	}
	var made []LockResult
	for _, m := range r.family {
		if m.wanted {
			name := lockName(m)
			if _, err := r.writeLock(ctx, m, name); err != nil {
				return nil, fault.Within("image "+m.def.Name, err)
			}
			names = append(names, name)
			made = append(made, LockResult{m.def.Name, filepath.Join(r.OutDir, name)})
		}
	}
	if err := r.staging.Place(ctx, names); err != nil {
		return nil, err
	}
	return made, nil
}

func lockName(m *member) string { return release.ArtifactName(m.def.Name) + lock.Ending }

// writeLock puts the lock of a member into the staging folder, and returns its
// sha256. That of an image which was made from a lock must say the same.
func (r *run) writeLock(ctx context.Context, m *member, name string) (digest string, err error) {
	l, err := r.lock(ctx, m)
	if err != nil {
		return "", err
	}
	if m.locked != nil {
		if err := until.Try(ctx, func() error { return lock.Compare(l, *m.locked) }); err != nil {
			return "", err
		}
	}
	text, err := until.Do(ctx, l.Encode)
	if err != nil {
		return "", err
	}
	return sum.HexSHA256(text), r.staging.Write(ctx, name, text)
}

// writeCatalogues puts the signed catalogues of all wanted members into the
// staging folder, as they came, and returns their names.
func (r *run) writeCatalogues(ctx context.Context) ([]string, error) {
	var names []string
	for _, c := range r.catalogues {
		if c.Sealed == nil || !r.uses(c.Repo) {
			continue
		}
		name := lock.CatalogueName(c.Repo.Name)
		if slices.Contains(names, name) { // two repositories may differ in what no file name has
			name = lock.CatalogueName(c.Repo.Name + "-" + c.Digest[:12])
		}
		if err := r.staging.Write(ctx, name, c.Sealed); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// uses reports whether an image that is written has a package of a repository.
func (r *run) uses(repo *catalog.Repo) bool {
	return slices.ContainsFunc(r.family, func(m *member) bool { return m.wanted && m.uses(repo) })
}

// uses reports whether an image, or what it stands on, has a package of a
// repository.
func (m *member) uses(repo *catalog.Repo) bool {
	return slices.ContainsFunc(m.chain(), func(at *member) bool {
		return slices.ContainsFunc(at.step().All(), func(p *solve.Planned) bool { return p.Repo == repo })
	})
}

// lock is what a member was made of.
func (r *run) lock(ctx context.Context, m *member) (lock.Lock, error) {
	l := lock.New(m.plan, r.catalogues)
	l.Orlop, l.Versions, l.Image, l.Revision, l.Branch = r.Version, r.Versions, m.def.Name, r.release.Revision, r.release.Branch
	l.Schema, l.Compression, l.Squash = int(r.Schema), string(r.Compression), r.Squash
	maps.Copy(l.Annotations, r.annotations(m))
	for i := range l.Repositories {
		l.Repositories[i].URL = r.publicURL(l.Repositories[i].Name, m)
	}
	for i, at := range m.chain() {
		step := &l.Layers[i]
		step.Epoch = at.epoch
		for _, f := range at.taken {
			step.Files = append(step.Files, lock.File{Path: f.Path, SHA256: f.SHA256, From: f.From})
		}
		step.LeftOut = append(step.LeftOut, at.leftOut...)
		step.SkippedScripts = append(step.SkippedScripts, at.skipped...)
		step.NoAccount = append(step.NoAccount, at.noAccount...)
		var err error
		if step.Definition, err = json.Marshal(at.def); err != nil {
			return l, err
		}
		if !r.Squash {
			err = at.lockDelta(ctx, step, at.delta(ctx))
		} else if at == m {
			err = at.lockDelta(ctx, step, at.whole(ctx))
		}
		if err != nil {
			return l, err
		}
	}
	known := r.exceptions(m)
	l.KnownMissing, l.KnownDangling = lockExceptions(known.Missing), lockExceptions(known.Dangling)
	return l, nil
}

// lockDelta notes what a layer holds that no package has.
func (m *member) lockDelta(ctx context.Context, l *lock.Layer, d delta) error {
	for _, path := range slices.Sorted(maps.Keys(d.generated)) {
		n := m.tree.Lookup(path)
		g := lock.Generated{Path: path, Mode: fmt.Sprintf("%04o", n.Mode), SHA256: n.Digest, Link: n.Link}
		if path == pkgdb.Path {
			db, err := m.database()
			if err != nil {
				return err
			}
			g.SHA256 = sum.HexSHA256(db)
		}
		l.Generated = append(l.Generated, g)
	}
	var err error
	l.Directories, err = lock.DirectoriesDigest(ctx, d.dirs)
	return err
}

// publicURL is the one under which anybody finds a repository: what the user
// says, with pkg's variables for the release, else its own if it is on a network.
// That of a file: URL stays secret.
func (r *run) publicURL(name string, m *member) string {
	if m.locked != nil {
		i := slices.IndexFunc(m.locked.Repositories, func(l lock.Repository) bool { return l.Name == name })
		return m.locked.Repositories[i].URL
	}
	if r.PublicURL != "" {
		return strings.NewReplacer("${ABI}", r.release.ABI, "${VERSION_MAJOR}", r.release.Major(), "${VERSION_MINOR}", r.release.Minor()).Replace(r.PublicURL)
	}
	for repo, src := range r.sources {
		if repo.Name == name && src.Remote() {
			return src.PublicURL()
		}
	}
	return ""
}
