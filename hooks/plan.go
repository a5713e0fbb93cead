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

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release"
)

// Resolution is what a request comes to.
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

// Plan resolves the images and fetches nothing. With an OutDir it leaves their
// plans there; a file that says the same already keeps its time, as make(1)
// likes it.
func Plan(ctx context.Context, cfg Config) (*Resolution, error) {
	var endings []string
	if cfg.OutDir != "" {
		endings = []string{lock.PlanEnding}
	}
	r := newRun(cfg, endings...)
	defer r.end(ctx)
	err := r.perform(ctx, []hook{{name: "catalog", do: (*run).readCatalogues}, {name: "resolve", do: (*run).resolve}})
	if err != nil {
		return nil, err
	}
	res := &Resolution{Release: r.release}
	for _, m := range r.family {
		if !m.wanted {
			continue
		}
		file, err := r.planFile(ctx, m)
		if err != nil {
			return nil, err
		}
		res.Images = append(res.Images, ImagePlan{m.def.Name, m.plan, file})
	}
	if cfg.OutDir != "" {
		err = r.publishPlans(ctx, res.Images)
	}
	return res, err
}

func (r *run) planFile(ctx context.Context, m *member) (lock.Plan, error) {
	l := lock.New(m.plan, r.catalogues)
	f := lock.Plan{Format: lock.PlanFormat, Orlop: r.Version, Maker: r.Maker, Image: m.def.Name,
		Revision: r.release.Revision, Branch: r.release.Branch, ABI: l.ABI, Epoch: r.Epoch,
		Annotations: l.Annotations, Repositories: l.Repositories, Exceptions: r.Exceptions, Packages: l.Packages}
	maps.Copy(f.Annotations, r.Annotations)
	for i := range f.Repositories {
		f.Repositories[i].URL = r.publicURL(f.Repositories[i].Name, m)
	}
	for _, at := range m.chain() {
		files, err := r.sourceFiles(ctx, at.def)
		if err != nil {
			return f, err
		}
		f.Definitions, f.Files = append(f.Definitions, at.def), append(f.Files, files...)
	}
	return f, nil
}

// publishPlans writes the plans that say something new.
func (r *run) publishPlans(ctx context.Context, plans []ImagePlan) error {
	var names []string
	for _, p := range plans {
		text, err := p.File.Encode()
		if err != nil {
			return err
		}
		name := release.ArtifactName(p.Image) + lock.PlanEnding
		if r.saysAlready(name, text) {
			continue
		}
		if err := r.staging.Write(ctx, name, text); err != nil {
			return err
		}
		names = append(names, name)
	}
	return r.staging.Place(ctx, names)
}

// saysAlready reports whether a file of the output folder has this very text.
func (r *run) saysAlready(name string, text []byte) bool {
	old, err := store.OpenRegularFile(filepath.Join(r.OutDir, name))
	if err != nil {
		return false
	}
	defer old.Close()
	found, err := io.ReadAll(io.LimitReader(old, int64(len(text))+1))
	return err == nil && bytes.Equal(found, text)
}

// checkPlans compares what the images come to with their plans, where there
// are any.
func (r *run) checkPlans(ctx context.Context) error {
	if r.Plans == nil {
		return nil
	}
	var errs []error
	for _, m := range r.family {
		if !m.wanted {
			continue
		}
		file, err := r.planFile(ctx, m)
		if err != nil {
			return err
		}
		errs = append(errs, fault.Within("image "+m.def.Name, errors.Join(file.Compare(r.planned(m.def.Name))...)))
	}
	return errors.Join(errs...)
}

// planned is the plan of an image that Config.Plans has, nil for none.
func (r *run) planned(image string) *lock.Plan {
	i := slices.IndexFunc(r.Plans, func(f *lock.Plan) bool { return f.Image == image })
	if i < 0 {
		return nil
	}
	return r.Plans[i]
}
