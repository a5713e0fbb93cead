// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/tree"
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
	r := newRun(cfg, lockEnding)
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
	if err := r.staging.place(ctx, names); err != nil {
		return nil, err
	}
	return made, nil
}

// lockEnding is that of the names of locks.
const lockEnding = ".lock.json"

func lockName(m *member) string { return release.ArtifactName(m.def.Name) + lockEnding }

// writeLock puts the lock of a member into the staging folder, and returns its
// sha256. That of an image which was made from a lock must say the same.
func (r *run) writeLock(ctx context.Context, m *member, name string) (digest string, err error) {
	l, err := r.lock(ctx, m)
	if err != nil {
		return "", err
	}
	if m.locked != nil {
		if err := until.Try(ctx, func() error { return compareLocks(l, *m.locked) }); err != nil {
			return "", err
		}
	}
	text, err := until.Do(ctx, l.Encode)
	if err != nil {
		return "", err
	}
	return hexDigest(text), r.staging.write(ctx, name, text)
}

// writeCatalogues puts the signed catalogues of all wanted members into the
// staging folder, as they came, and returns their names.
func (r *run) writeCatalogues(ctx context.Context) ([]string, error) {
	var names []string
	for _, c := range r.catalogues {
		if c.Sealed == nil || !r.uses(c.Repo) {
			continue
		}
		name := keptName(c.Repo.Name)
		if slices.Contains(names, name) { // two repositories may differ in what no file name has
			name = keptName(c.Repo.Name + "-" + c.Digest[:12])
		}
		if err := r.staging.write(ctx, name, c.Sealed); err != nil {
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

var notInFileNames = regexp.MustCompile(`[^A-Za-z0-9._-]`)

func keptName(repository string) string {
	return release.ArtifactName("catalogue-"+notInFileNames.ReplaceAllString(repository, "_")) + ".pkg"
}

// lock is what a member was made of.
func (r *run) lock(ctx context.Context, m *member) (solve.Lock, error) {
	l := solve.NewLock(m.plan, r.catalogues)
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
			step.Files = append(step.Files, solve.LockFile{Path: f.Path, SHA256: f.SHA256, From: f.From})
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
func (m *member) lockDelta(ctx context.Context, l *solve.LockLayer, d delta) error {
	for _, path := range slices.Sorted(maps.Keys(d.generated)) {
		n := m.tree.Lookup(path)
		g := solve.LockGenerated{Path: path, Mode: fmt.Sprintf("%04o", n.Mode), SHA256: n.Digest, Link: n.Link}
		if path == databasePath {
			db, err := m.database()
			if err != nil {
				return err
			}
			g.SHA256 = hexDigest(db)
		}
		l.Generated = append(l.Generated, g)
	}
	var err error
	l.Directories, err = directoriesDigest(ctx, d.dirs)
	return err
}

// directoriesDigest covers all that a layer says of its directories.
func directoriesDigest(ctx context.Context, dirs []*tree.Node) (string, error) {
	h := sha256.New()
	w := layer.NewWriter(until.Writer(ctx, h))
	for _, n := range dirs {
		if err := w.Entry(n, nil); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// publicURL is the one under which anybody finds a repository: what the user
// says, with pkg's variables for the release, else its own if it is on a network.
// That of a file: URL stays secret.
func (r *run) publicURL(name string, m *member) string {
	if m.locked != nil {
		i := slices.IndexFunc(m.locked.Repositories, func(l solve.LockRepository) bool { return l.Name == name })
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

// compareLocks finds in what an image that was made from a lock came out
// otherwise. Who lent a file, who signed a catalogue and what wrote the lock may
// differ; and so may bytes that were made, of which the image itself tells more.
func compareLocks(got, want solve.Lock) error {
	if len(got.Layers) != len(want.Layers) {
		return fault.Contentf("it does not come out as its lock says: %d layers, wanted %d", len(got.Layers), len(want.Layers))
	}
	got.Format, got.Orlop, got.Versions = want.Format, want.Orlop, want.Versions
	got.Packages = slices.Clone(got.Packages)
	for i := range min(len(got.Packages), len(want.Packages)) {
		got.Packages[i].Path = want.Packages[i].Path // a repository may have moved it
	}
	got.Repositories = slices.Clone(got.Repositories)
	for i := range min(len(got.Repositories), len(want.Repositories)) {
		got.Repositories[i].Signer = want.Repositories[i].Signer
	}
	got.Layers = slices.Clone(got.Layers)
	for i := range got.Layers {
		step := &got.Layers[i]
		step.Generated, step.Directories = want.Layers[i].Generated, want.Layers[i].Directories
		step.Definition = want.Layers[i].Definition // which the member has, with what an elder one does not say
		files := slices.Clone(step.Files)
		for j := range files {
			if j < len(want.Layers[i].Files) {
				files[j].From = want.Layers[i].Files[j].From
			}
		}
		step.Files = files
	}
	changes := jsonChanges(want, got)
	if len(changes) == 0 {
		return nil
	}
	var errs []error
	for _, c := range changes[:min(len(changes), maxLockChanges)] {
		errs = append(errs, fault.Contentf("it does not come out as its lock says: %s is %s, wanted %s", c.Key, fault.Shown(c.New), fault.Shown(c.Old)))
	}
	if n := len(changes) - len(errs); n > 0 {
		errs = append(errs, fault.Contentf("it does not come out as its lock says: %d more differences", n))
	}
	return errors.Join(errs...)
}

// maxLockChanges bounds the differences that are told: where a list has an entry
// more, all after it differ.
const maxLockChanges = 8
