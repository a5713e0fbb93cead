// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release/closure"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/shebang"
	"github.com/orlop/orlop/release/tree"
)

// checkLinks checks, before a package is unpacked into a layer, for what links and
// packages need according to the manifests, and for what small files name. Only if
// something is missing does it read the files, so that all gaps are reported at once.
func checkLinks(ctx context.Context, cfg Config, family *resolve.Family, roots []*Root, out *output.Folder) error {
	missing := gaps(ctx, cfg, family, roots, nil, func(_ *Root, img *closure.Image) closure.Report { return closure.LinksAndWords(ctx, img) })
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
func checkClosure(ctx context.Context, cfg Config, family *resolve.Family, roots []*Root, found asks) error {
	used := map[define.Exception]bool{}
	checked := 0
	err := gaps(ctx, cfg, family, roots, found, func(m *Root, img *closure.Image) closure.Report {
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
func gaps(ctx context.Context, cfg Config, family *resolve.Family, roots []*Root, found asks, look func(*Root, *closure.Image) closure.Report) error {
	var errs []error
	reported := map[*Root]map[string]bool{}
	for _, m := range roots {
		if !m.Wanted || !m.Def.Complete && m.Tree.Lookup(closure.RunTimeLinker) == nil {
			continue
		}
		command, env := lock.Runs(m.Def, m.Under())
		report := look(m, &closure.Image{Tree: m.Tree, Cmd: command, Env: env, Requires: m.requires(),
			Known: exceptionsOf(cfg, family, m.Step), Files: &rootFiles{m, cfg.Input, found}})
		reported[m] = map[string]bool{}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for _, err := range report.Gaps {
			reported[m][err.Error()] = true
			if !slices.ContainsFunc(m.chain(), func(at *Root) bool { return at != m && reported[at][err.Error()] }) {
				errs = append(errs, fault.Within("image "+m.Def.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// requires lists the words that no package of the image provides.
func (m *Root) requires() []closure.Requirement {
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

// rootFiles gives access to the files of a root.
type rootFiles struct {
	root *Root
	in   input.Input
	asks asks
}

// Owner returns the package of a node, and its full name for messages.
func (r *rootFiles) Owner(n *tree.Node) (pkg, by string) {
	if f := r.root.owner(n); f != nil {
		return f.Name, f.FullName()
	}
	if n.Origin == tree.Packaged {
		if p := r.root.Plan.Lookup(n.Package); p != nil {
			return p.Name, p.FullName()
		}
	}
	return "", n.Owner()
}

// Asks returns what a file needs at run time, if its package was read.
func (r *rootFiles) Asks(n *tree.Node) closure.Asks {
	f := r.root.owner(n)
	if f == nil && r.root.onBase(n) {
		return r.root.Base.Whole.Asks(n)
	}
	if f == nil {
		return closure.Asks{Script: shebang.Of(r.root.content(n.Path))}
	}
	found := closure.Asks{Script: r.asks[f].Scripts[n.Path]}
	if needs, ok := r.asks[f].Needs[n.Path]; ok {
		found.Needs = &needs
	}
	return found
}

// Texts returns the contents of files, which are usually in memory. Those of targets of
// links are not, so it reads their packages again.
func (r *rootFiles) Texts(ctx context.Context, nodes []*tree.Node) (map[string][]byte, error) {
	texts, missing, below := map[string][]byte{}, map[*input.Package]map[string]bool{}, map[string]bool{}
	for _, n := range nodes {
		texts[n.Path] = r.root.content(n.Path)
		below[n.Path] = texts[n.Path] == nil && r.root.onBase(n)
		if f := r.root.owner(n); f != nil && texts[n.Path] == nil {
			if missing[f] == nil {
				missing[f] = map[string]bool{}
			}
			missing[f][n.Path] = true
		}
	}
	if maps.DeleteFunc(below, func(_ string, is bool) bool { return !is }); len(below) > 0 {
		found, err := r.root.Base.Whole.ReadFiles(ctx, below)
		if err != nil {
			return texts, err
		}
		maps.Copy(texts, found)
	}
	for f, paths := range missing {
		found, err := readAgain(ctx, r.in, f, paths, false)
		if err != nil {
			return texts, err
		}
		for path := range paths {
			texts[path] = found.Contents[path]
		}
	}
	return texts, nil
}

// readAgain reads some files of a package, with headers all of its headers.
func readAgain(ctx context.Context, in input.Input, f *input.Package, paths map[string]bool, headers bool) (*input.Package, error) {
	r, err := reopen(ctx, in, f)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	again, err := input.Inspect(r, f.Package, &input.Wanted{Files: paths}, headers)
	return again, err
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
