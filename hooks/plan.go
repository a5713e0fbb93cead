// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
)

// Resolution is what a request resolves to.
type Resolution struct {
	Release release.Release
	Images  []ImagePlan
}

// ImagePlan is the plan of one image, a step for each of its layers.
type ImagePlan struct {
	Image string
	Plan  *solve.Plan
	File  lock.Plan
}

// Resolve finds out what the images of a build are made from, and fetches nothing.
func Resolve(ctx context.Context, cfg Config) (*resolve.Family, error) {
	cfg, out, err := begin(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer end(ctx, cfg, out)
	return resolveImages(ctx, cfg)
}

// Plan resolves the images and fetches nothing. With an OutDir it writes their plans
// there; a file with the same text keeps its time, for make(1).
func Plan(ctx context.Context, cfg Config) (*Resolution, error) {
	var endings []string
	if cfg.OutDir != "" {
		endings = []string{lock.PlanEnding}
	}
	cfg, out, err := begin(ctx, cfg, endings...)
	if err != nil {
		return nil, err
	}
	defer end(ctx, cfg, out)
	family, err := resolveImages(ctx, cfg)
	defer letGo(family)
	if err != nil {
		return nil, err
	}
	res := &Resolution{Release: family.Release}
	for _, m := range family.Steps {
		if !m.Wanted {
			continue
		}
		file, err := planFile(ctx, cfg, family, m)
		if err != nil {
			return nil, err
		}
		res.Images = append(res.Images, ImagePlan{m.Def.Name, m.Plan, file})
	}
	if out != nil {
		err = publishPlans(ctx, cfg, out, res.Images)
	}
	return res, err
}

func planFile(ctx context.Context, cfg Config, family *resolve.Family, m *resolve.Step) (lock.Plan, error) {
	l, err := lock.New(ctx, m.Plan, family.Catalogues)
	if err != nil {
		return lock.Plan{}, err
	}
	of := family.Release
	f := lock.Plan{Format: lock.PlanFormat, Orlop: cfg.Version, Maker: cfg.Maker, Image: m.Def.Name,
		Revision: of.Revision, Branch: of.Branch, ABI: l.ABI, Epoch: cfg.Epoch,
		Annotations: l.Annotations, Repositories: l.Repositories, Exceptions: cfg.Exceptions, Packages: l.Packages}
	maps.Copy(f.Annotations, cfg.Annotations)
	setURLs(f.Repositories, of, m)
	for _, at := range m.Chain() {
		files, err := sourceFiles(ctx, input.TreeOf(cfg.Input), at.Def)
		if err != nil {
			return f, err
		}
		f.Definitions, f.Files = append(f.Definitions, at.Def), append(f.Files, files...)
	}
	return f, nil
}

// sourceFiles lists the files that an image takes from the source tree, by their
// paths there.
func sourceFiles(ctx context.Context, tree input.Tree, img define.Image) ([]lock.File, error) {
	var list []lock.File
	for _, t := range img.Taken() {
		if !tree.Has(t) {
			continue
		}
		own, err := tree.Files(ctx, t, t.Source)
		if err != nil {
			return nil, err
		}
		for _, f := range own.Files {
			list = append(list, lock.File{Path: f.Path, SHA256: sum.HexSHA256(f.Text), From: own.From})
		}
	}
	return list, nil
}

// publishPlans writes the plans that have changed.
func publishPlans(ctx context.Context, cfg Config, out *output.Folder, plans []ImagePlan) error {
	for _, p := range plans {
		text, err := until.Do(ctx, p.File.Encode)
		if err != nil {
			return err
		}
		name := release.ArtifactName(p.Image) + lock.PlanEnding
		if saysAlready(filepath.Join(cfg.OutDir, name), text) {
			continue
		}
		if err := out.Write(ctx, name, text); err != nil {
			return err
		}
	}
	return out.Place(ctx)
}

// saysAlready reports whether a file already has this text.
func saysAlready(file string, text []byte) bool {
	old, err := store.OpenRegularFile(file)
	if err != nil {
		return false
	}
	defer old.Close()
	found, err := io.ReadAll(io.LimitReader(old, int64(len(text))+1))
	return err == nil && bytes.Equal(found, text)
}

// checkPlans compares the resolved images with their plans, if there are any.
func checkPlans(ctx context.Context, cfg Config, family *resolve.Family) error {
	if cfg.Plans == nil {
		return nil
	}
	var errs []error
	for _, m := range family.Steps {
		if !m.Wanted {
			continue
		}
		file, err := planFile(ctx, cfg, family, m)
		if err != nil {
			return err
		}
		errs = append(errs, fault.Within("image "+m.Def.Name, errors.Join(file.Compare(planned(cfg, m.Def.Name))...)))
	}
	return errors.Join(errs...)
}

// planned returns the plan of an image in Config.Plans, nil for none.
func planned(cfg Config, image string) *lock.Plan {
	i := slices.IndexFunc(cfg.Plans, func(f *lock.Plan) bool { return f.Image == image })
	if i < 0 {
		return nil
	}
	return cfg.Plans[i]
}
