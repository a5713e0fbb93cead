// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"cmp"
	"context"
	"errors"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb"
)

// begin finds the faults of a configuration, and makes the output folder, if there
// is any output. The endings are the suffixes of an image's files.
func begin(ctx context.Context, cfg Config, endings ...string) (Config, *output.Folder, error) {
	if locks, is := cfg.Input.(*input.Locks); is {
		cfg.Settings = locks.Settings()
	}
	if root, is := cfg.Input.(*input.Root); is {
		own := *root
		own.Schema, cfg.Input = cmp.Or(cfg.Schema, pkgdb.DefaultSchema), &own
	}
	if cfg.Cache != nil {
		cfg.Parents.Notes, cfg.Parents.Blobs = cfg.Cache, cfg.Cache
	}
	if err := errors.Join(Check(ctx, cfg), checkOutputs(cfg, endings)); err != nil {
		return cfg, nil, err
	}
	var out *output.Folder
	if len(endings) > 0 {
		var err error
		if out, err = folderOf(ctx, cfg); err != nil {
			return cfg, nil, err
		}
	}
	if err := checkStore(cfg); err != nil {
		end(ctx, cfg, out)
		return cfg, nil, err
	}
	return cfg, out, nil
}

// letGo closes the images that steps stand on, if they were resolved.
func letGo(family *resolve.Family) { _ = family.Close() }

// end releases what begin opened.
func end(ctx context.Context, cfg Config, out *output.Folder) {
	if out != nil {
		out.Remove()
	}
	if root, is := cfg.Input.(*input.Root); is {
		root.Close()
	}
	cfg.Cache.Close(ctx)
}

// folderOf returns the output folder.
func folderOf(ctx context.Context, cfg Config) (*output.Folder, error) {
	if cfg.Within != nil {
		return cfg.Within, nil
	}
	return output.NewFolder(ctx, cfg.OutDir)
}

// endings are the suffixes of the files that Build writes for each image.
func (o Output) endings() []string { return []string{lock.Ending, o.Format.Extension()} }
