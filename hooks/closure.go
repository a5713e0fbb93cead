// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/hooks/root"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release/closure"
	"github.com/orlop/orlop/release/define"
)

// checkLinks checks, before a package is unpacked into a layer, for what links and
// packages need according to the manifests, and for what small files name. Only if
// something is missing does it read the files, so that all gaps are reported at once.
func checkLinks(ctx context.Context, cfg Config, family *resolve.Family, roots []*root.Root, out *output.Folder) error {
	missing := gaps(ctx, cfg, family, roots, nil, func(_ *root.Root, img *closure.Image) closure.Report { return closure.LinksAndWords(ctx, img) })
	if missing == nil {
		return nil
	}
	found, err := readAll(ctx, cfg, roots, out)
	if err != nil {
		return errors.Join(err, missing)
	}
	return checkClosure(ctx, cfg, family, roots, found)
}

// checkClosure checks every wanted image with a run-time linker. Whatever is missing
// must be an exception; it reports exceptions that no longer apply.
func checkClosure(ctx context.Context, cfg Config, family *resolve.Family, roots []*root.Root, found root.Asks) error {
	used := map[define.Exception]bool{}
	checked := 0
	err := gaps(ctx, cfg, family, roots, found, func(m *root.Root, img *closure.Image) closure.Report {
		checked++
		report := closure.Check(ctx, img)
		if ctx.Err() == nil {
			noteUnused(cfg, "image "+m.Def.Name+": its definition", m.Def.Exceptions, report.Used)
			maps.Copy(used, report.Used)
		}
		return report
	})
	if checked > 0 && ctx.Err() == nil {
		noteUnused(cfg, "--exceptions", cfg.Exceptions, used)
	}
	return err
}

// gaps joins what look finds in each image that must be complete. A child does not
// repeat the gaps of its parent.
func gaps(ctx context.Context, cfg Config, family *resolve.Family, roots []*root.Root, found root.Asks, look func(*root.Root, *closure.Image) closure.Report) error {
	var errs []error
	reported := map[*root.Root]map[string]bool{}
	for _, m := range roots {
		if !m.Wanted || !m.Def.Complete && m.Tree.Lookup(closure.RunTimeLinker) == nil {
			continue
		}
		command, env := lock.Runs(m.Def, m.Under())
		report := look(m, &closure.Image{Tree: m.Tree, Cmd: command, Env: env, Requires: requires(m),
			Known: exceptionsOf(cfg, family, m.Step), Files: m.Files(cfg.Input, found)})
		reported[m] = map[string]bool{}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for _, err := range report.Gaps {
			reported[m][err.Error()] = true
			if !repeats(m, reported, err.Error()) {
				errs = append(errs, fault.Within("image "+m.Def.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// repeats reports whether an ancestor has the same gap.
func repeats(m *root.Root, reported map[*root.Root]map[string]bool, gap string) bool {
	for at := m.Parent; at != nil; at = at.Parent {
		if reported[at][gap] {
			return true
		}
	}
	return false
}

// requires lists the words that no package of the image provides.
func requires(m *root.Root) []closure.Requirement {
	var list []closure.Requirement
	for i := range m.Plan.Steps {
		for _, miss := range m.Plan.Steps[i].Missing {
			if miss.Kind == solve.Require {
				list = append(list, closure.Requirement{What: miss.What, By: miss.By})
			}
		}
	}
	return list
}

// exceptionsOf returns all exceptions that apply to an image.
func exceptionsOf(cfg Config, family *resolve.Family, m *resolve.Step) define.Exceptions {
	if m.Lock != nil {
		return m.Lock.Exceptions()
	}
	all := cfg.Exceptions
	for _, at := range m.Chain() {
		all = all.Join(at.Def.Exceptions)
	}
	if m.Base != nil {
		all = all.JoinNew(m.Base.Lacks)
	}
	all = all.JoinNew(family.Inherited.Without(func(e define.Exception) bool { return !has(m, e) }))
	if m.Renews != nil {
		return m.Renews.Exceptions().JoinNew(all)
	}
	return all
}

// has reports whether an image or an ancestor has the package of an exception.
func has(m *resolve.Step, e define.Exception) bool {
	if slices.ContainsFunc(m.Plan.Present, func(p *solve.Planned) bool { return e.Of(p.Name) }) {
		return true
	}
	return slices.ContainsFunc(m.Plan.Steps, func(s solve.StepPlan) bool {
		return slices.ContainsFunc(s.Packages, func(p *solve.Planned) bool { return e.Of(p.Name) })
	})
}

func noteUnused(cfg Config, where string, e define.Exceptions, used map[define.Exception]bool) {
	for key, x := range e.All() {
		if !used[x] {
			cfg.Observe.Detail("%s: %s %q no longer applies", where, key, x.Pattern)
		}
	}
}
