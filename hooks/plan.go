// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/pkgdb/strict"
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
	File  PlanFile
}

// PlanFile is a plan as it stands in a file, so that a later run can tell that
// it comes to the same. It has all that is known before a package is opened.
type PlanFile struct {
	Format       int                    `json:"format"`
	Orlop        string                 `json:"orlop"` // version that wrote it
	Maker        string                 `json:"maker"` // the very program; a build from another is as planned, too
	Image        string                 `json:"image"`
	Revision     string                 `json:"revision"`
	Branch       string                 `json:"branch"`
	ABI          string                 `json:"abi"`
	Epoch        *int64                 `json:"epoch"` // seconds: no time is later; null for no such bound
	Annotations  map[string]string      `json:"annotations"`
	Repositories []solve.LockRepository `json:"repositories"`
	Definitions  []release.Image        `json:"definitions"` // lowest layer first
	Exceptions   release.Exceptions     `json:"exceptions"`  // in addition to theirs
	Files        []solve.LockFile       `json:"files"`       // of the source tree, by their paths there
	Packages     []solve.LockPackage    `json:"packages"`    // in the order of installation
}

// planFormat is that of plans, which only the orlop that wrote them reads: make
// has them between two commands.
const planFormat = 2

// Plan resolves the images and fetches nothing. With an OutDir it leaves their
// plans there; a file that says the same already keeps its time, as make(1)
// likes it.
func Plan(ctx context.Context, cfg Config) (*Resolution, error) {
	var endings []string
	if cfg.OutDir != "" {
		endings = []string{planEnding}
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

func (r *run) planFile(ctx context.Context, m *member) (PlanFile, error) {
	l := solve.NewLock(m.plan, r.catalogues)
	f := PlanFile{Format: planFormat, Orlop: r.Version, Maker: r.Maker, Image: m.def.Name,
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
		text, err := p.File.encode()
		if err != nil {
			return err
		}
		name := release.ArtifactName(p.Image) + planEnding
		if r.saysAlready(name, text) {
			continue
		}
		if err := r.staging.write(ctx, name, text); err != nil {
			return err
		}
		names = append(names, name)
	}
	return r.staging.place(ctx, names)
}

// planEnding is that of the names of plans.
const planEnding = ".plan.json"

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

// encode writes the plan as indented JSON with a newline at its end.
func (f PlanFile) encode() ([]byte, error) {
	text, err := json.MarshalIndent(f, "", "  ")
	return append(text, '\n'), err
}

// ParsePlan reads what Plan wrote. The name is for error messages.
func ParsePlan(name string, text []byte) (*PlanFile, error) {
	f := new(PlanFile)
	err := json.Unmarshal(text, f)
	if err == nil && f.Format != planFormat {
		return nil, &solve.VersionError{Err: fmt.Errorf("%s: its format is %d, wanted %d", name, f.Format, planFormat), Orlop: f.Orlop}
	}
	if err == nil {
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.DisallowUnknownFields()
		err = dec.Decode(f)
	}
	if err == nil {
		err = strict.Check(text, f)
	}
	switch {
	case err != nil:
		return nil, &fault.UsageError{Err: fmt.Errorf("%s: not a plan: %w", name, strict.Explain(text, err))}
	case f.Image == "":
		return nil, &fault.UsageError{Err: fmt.Errorf("%s: it names no image", name)}
	}
	return f, nil
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
		errs = append(errs, fault.Within("image "+m.def.Name, errors.Join(file.compare(r.planned(m.def.Name))...)))
	}
	return errors.Join(errs...)
}

// planned is the plan of an image that Config.Plans has, nil for none.
func (r *run) planned(image string) *PlanFile {
	i := slices.IndexFunc(r.Plans, func(f *PlanFile) bool { return f.Image == image })
	if i < 0 {
		return nil
	}
	return r.Plans[i]
}

// maxShown bounds, in bytes, what is shown whole of two plans.
const maxShown = 400

// compare tells in what a plan is not the wanted one.
func (f PlanFile) compare(want *PlanFile) []error {
	var errs []error
	for _, part := range []struct {
		what      string
		got, want any
	}{
		{"orlop", f.Orlop, want.Orlop},
		{"the release", f.Revision + "-" + f.Branch + " " + f.ABI, want.Revision + "-" + want.Branch + " " + want.ABI},
		{"the epoch", f.Epoch, want.Epoch},
		{"the annotations", f.Annotations, want.Annotations},
		{"the repositories", f.Repositories, want.Repositories},
		{"the definitions", f.Definitions, want.Definitions},
		{"the exceptions", f.Exceptions, want.Exceptions},
		{"the files", f.Files, want.Files},
		{"the packages", f.Packages, want.Packages},
	} {
		changes := jsonChanges(part.want, part.got)
		if found, planned := asJSON(part.got), asJSON(part.want); len(changes) > 0 && len(found)+len(planned) < maxShown {
			errs = append(errs, fault.Contentf("it is not as planned: %s: found %s, planned %s", part.what, found, planned))
			continue
		}
		for _, c := range changes[:min(len(changes), maxLockChanges)] {
			found := strings.TrimPrefix(c.Key+" "+fault.Shown(c.New), " ")
			errs = append(errs, fault.Contentf("it is not as planned: %s: found %s, planned %s", part.what, found, fault.Shown(c.Old)))
		}
		if n := len(changes) - maxLockChanges; n > 0 {
			errs = append(errs, fault.Contentf("it is not as planned: %s: %s", part.what, fault.Counted(n, "more difference")))
		}
	}
	return errs
}

// asJSON is a part of a plan as it stands in its file.
func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // of a type that is not JSON's
	}
	return string(text)
}
