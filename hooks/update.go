// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"path/filepath"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release"
)

// LockUpdate is a lock that was brought up to date.
type LockUpdate struct {
	LockResult
	Moved   []lock.Movement
	Changed bool // the new lock is another one
}

// UpdateLock brings some packages of a lock up to date, with what they need, and
// nothing else. Its input is an input.Locks of one lock. If nothing has moved,
// the new lock is the same. The definition is the lock's, or the request's if it asks
// for the same packages.
func UpdateLock(ctx context.Context, cfg Config, packages []string) (LockUpdate, error) {
	return withHeaders(func(headers bool) (LockUpdate, error) { return updateLock(ctx, cfg, packages, headers) })
}

func updateLock(ctx context.Context, cfg Config, packages []string, headers bool) (LockUpdate, error) {
	var made LockUpdate
	cfg, out, err := begin(ctx, cfg, lock.Ending)
	if err != nil {
		return made, err
	}
	defer end(ctx, cfg, out)
	renewed, err := renew(ctx, cfg, packages)
	if err != nil {
		return made, err
	}
	defer renewed.Close()
	for _, m := range renewed.Steps {
		for _, text := range m.Doubts {
			cfg.Observe.Warn("image %s: unvouched: %s", m.Def.Name, text)
		}
	}
	made.Moved, made.Changed = renewed.Moved, len(renewed.Moved) > 0 || renewed.Redefined
	if !made.Changed {
		l := cfg.Input.(*input.Locks).Locks[0]
		made.LockResult = LockResult{l.Image, filepath.Join(cfg.OutDir, release.ArtifactName(l.Image)+lock.Ending)}
		text, err := until.Do(ctx, l.Encode)
		if err == nil {
			err = out.Write(ctx, filepath.Base(made.File), text)
		}
		if err == nil {
			err = out.Place(ctx)
		}
		return made, err
	}
	written, err := writeLocks(ctx, cfg, renewed.Family, headers, out)
	if err != nil {
		return made, err
	}
	made.LockResult = written[0]
	return made, nil
}

// renew reads catalogues, and plans the image of a lock again.
func renew(ctx context.Context, cfg Config, packages []string) (*resolve.Renewed, error) {
	if _, err := catalogues(ctx, cfg); err != nil {
		return nil, err
	}
	in := cfg.Input.(*input.Locks)
	today, err := in.Today(ctx, in.Locks[0])
	if err == nil {
		err = hook(ctx, cfg, "resolve")
	}
	if err != nil {
		return nil, err
	}
	return resolve.Update(ctx, &cfg.Request, in, today, packages, cfg.Observe)
}
