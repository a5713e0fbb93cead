// SPDX-License-Identifier: BSD-2-Clause

package family

import (
	"context"
	"errors"
	"path/filepath"
	"slices"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/oci/layout"
)

// Built are the results of a run for several ABIs.
type Built struct {
	Images  []hooks.Result // of one ABI after the other
	Indexes []*Family      // by the name of the image; their sources are closed
}

// Build builds the same images for several ABIs, one ABI after the other, each into a
// folder of its own in dir, and an index of each image. The configurations, in the
// order of their ABIs, differ in nothing but these, their inputs and observers. If it
// returns an error it has written nothing.
func Build(ctx context.Context, dir string, cfgs []hooks.Config, observe event.Observer) (*Built, error) {
	r := &run{dir: dir, cfgs: slices.Clone(cfgs), observe: observe}
	for i, cfg := range r.cfgs {
		r.cfgs[i].OutDir = filepath.Join(dir, Folder(cfg.ABI))
	}
	if err := r.check(ctx); err != nil {
		return nil, err
	}
	var err error
	if r.folder, err = output.NewFolder(ctx, dir); err != nil {
		return nil, err
	}
	defer r.folder.Remove()
	for _, do := range []func(context.Context) error{r.openFolders, r.resolve, r.build, r.index, r.place} {
		if err := do(ctx); err != nil {
			return nil, err
		}
	}
	return &r.Built, nil
}

// Folder is the name of an ABI's folder in the output folder.
func Folder(abi string) string { return release.Release{ABI: abi}.TargetArch() }

// IndexFile is the name of the file of an image's index.
func IndexFile(image string) string {
	return release.ArtifactName(image) + ".index" + layout.Tar.Extension()
}

// run is a run for several ABIs.
type run struct {
	dir     string
	cfgs    []hooks.Config
	observe event.Observer
	folder  *output.Folder
	Built
}

// each calls do for the configuration of each ABI, and names the ABI in its faults.
func (r *run) each(ctx context.Context, do func(cfg *hooks.Config) error) error {
	var errs []error
	for i := range r.cfgs {
		err := do(&r.cfgs[i])
		if ctx.Err() != nil {
			return ctx.Err()
		}
		errs = append(errs, fault.Within(r.cfgs[i].ABI, err))
	}
	return errors.Join(errs...)
}

// check finds the faults that do not depend on repositories. What all ABIs have in
// common is reported once.
func (r *run) check(ctx context.Context) error {
	var found []error
	all := r.each(ctx, func(cfg *hooks.Config) error {
		err := hooks.CheckBuild(ctx, *cfg)
		found = append(found, err)
		return err
	})
	differs := func(err error) bool { return err == nil || err.Error() != found[0].Error() }
	if ctx.Err() == nil && found[0] != nil && !slices.ContainsFunc(found, differs) {
		all = found[0]
	}
	errs := []error{all}
	for _, name := range r.names() {
		target := filepath.Join(r.dir, name)
		errs = append(errs, output.Check(target, target))
	}
	return errors.Join(errs...)
}

// names are those of the files that no ABI has for itself.
func (r *run) names() []string {
	var names []string
	for _, image := range slices.Compact(slices.Sorted(slices.Values(r.cfgs[0].Images))) {
		names = append(names, IndexFile(image))
	}
	if r.cfgs[0].Manifests {
		names = append(names, release.ManifestList())
	}
	return names
}

func (r *run) openFolders(ctx context.Context) error {
	return r.each(ctx, func(cfg *hooks.Config) error {
		var err error
		cfg.Within, err = r.folder.Sub(Folder(cfg.ABI))
		return err
	})
}

// resolve finds out what the images of all ABIs are made from, before any is built.
func (r *run) resolve(ctx context.Context) error {
	err := r.each(ctx, func(cfg *hooks.Config) error {
		var err error
		cfg.Resolved, err = hooks.Resolve(ctx, *cfg)
		return err
	})
	if err != nil {
		return err
	}
	var errs []error
	for i := range r.cfgs[1:] {
		errs = append(errs, contradict(&r.cfgs[0], &r.cfgs[i+1]))
	}
	return errors.Join(errs...)
}

// contradict finds images of two ABIs that will not be one image, as Join would.
func contradict(one, other *hooks.Config) error {
	var errs []error
	for _, m := range one.Resolved.Steps {
		i := slices.IndexFunc(other.Resolved.Steps, func(n *resolve.Step) bool { return n.Def.Name == m.Def.Name })
		if !m.Wanted || i < 0 {
			continue
		}
		a, err := lock.Describe(one.Resolved.Release, m.Def, m.Under(), one.Annotations, 0, nil)
		if err != nil {
			return err
		}
		b, err := lock.Describe(other.Resolved.Release, other.Resolved.Steps[i].Def, other.Resolved.Steps[i].Under(), other.Annotations, 0, nil)
		if err != nil {
			return err
		}
		if err := disagree(a.Annotations, b.Annotations, one.ABI, other.ABI); err != nil {
			errs = append(errs, fault.Within("image "+m.Def.Name, err))
		}
	}
	return errors.Join(errs...)
}

// build builds the images of one ABI after the other. What one has needed is let go
// before the next begins.
func (r *run) build(ctx context.Context) error {
	return r.each(ctx, func(cfg *hooks.Config) error {
		results, err := hooks.Build(ctx, *cfg)
		r.Images = append(r.Images, results...)
		cfg.Resolved, cfg.Input = nil, nil
		return err
	})
}

// index writes the index of each image.
func (r *run) index(ctx context.Context) error {
	r.observe.Send(event.Event{Hook: "index"})
	of := map[string][]hooks.Result{}
	var names []string
	for _, result := range r.Images {
		names = append(names, result.Image)
		of[result.Image] = append(of[result.Image], result)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		f, err := r.join(ctx, name, of[name])
		if err != nil {
			return fault.Within("image "+name, err)
		}
		r.Indexes = append(r.Indexes, f)
	}
	return nil
}

// join writes the index of one image.
func (r *run) join(ctx context.Context, image string, results []hooks.Result) (*Family, error) {
	var members []*Member
	for _, result := range results {
		path, err := filepath.Rel(r.dir, result.File)
		if err != nil {
			return nil, err
		}
		m, err := prepared(ctx, r.folder.Path(path), result.File)
		if m != nil {
			defer m.Ref.Close()
		}
		if err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	families, err := Join(members)
	if err != nil {
		return nil, err
	}
	return families[0], families[0].Write(ctx, r.folder.Stage(IndexFile(image)), layout.Tar)
}

// place writes the list of all digests, and puts everything into place.
func (r *run) place(ctx context.Context) error {
	if r.cfgs[0].Manifests {
		indexes := map[string]string{}
		for _, f := range r.Indexes {
			indexes[f.RefName()] = f.Index.Digest.String()
		}
		if err := r.folder.Write(ctx, release.ManifestList(), hooks.ManifestList(r.Images, indexes)); err != nil {
			return err
		}
	}
	return r.folder.Place(ctx)
}
