// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"context"
	"maps"
	"slices"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/hooks/root"
)

// Once the images are resolved, everything is known that decides their layers and what
// a build finds out about them. So a build leaves a note of that under a key of all
// these, and the next one of the same needs no tree, no manifest and no list of files:
// it checks the sums of the packages, says what the first one said, and has the layers.
// If anything of the note is missing, it knows nothing.

// memo is the note of a build. A nil one knows nothing and keeps nothing.
type memo struct {
	Config
	family *resolve.Family
	key    string
	heard  recorder // what the build says
	known  bool     // by an earlier build
}

// note is what a build came to. Paths may be any bytes, so it is not JSON.
type note struct {
	Steps []noteStep // in the order of the family
	Said  []said     // to the user
}

// noteStep is what is known of a step.
type noteStep struct {
	root.Facts
	Layers []ownLayer // that it adds; nil for none
}

// memoOf returns the memo of a build, nil for one that leaves no note.
func memoOf(cfg Config, family *resolve.Family, own ownFiles) *memo {
	if cfg.Cache == nil || !onlyPackages(cfg, family, nil) {
		return nil
	}
	return &memo{Config: cfg, family: family, key: buildKey(cfg, family, own), heard: recorder{to: cfg.Observe}}
}

// onlyPackages reports whether nothing decides the layers but the key: whether all
// that is in them, the files that were taken among it, comes from packages whose sums
// are in it. A source tree or a root that pkg(8) filled has no sum. For a build from a
// lock, it also matters who vouches for what, which is asked anew each time.
func onlyPackages(cfg Config, family *resolve.Family, steps []*root.Built) bool {
	if repos, is := cfg.Input.(*input.Repositories); !is || repos.SrcDir != "" {
		return false
	}
	has := map[string]bool{}
	for _, p := range family.Packages() {
		has[p.FullName()] = true
	}
	for _, m := range steps {
		if slices.ContainsFunc(m.Taken, func(t lock.File) bool { return !has[t.From] }) {
			return false
		}
	}
	return true
}

// listen returns the configuration of a build that makes the layers: its notices
// become part of the note.
func (k *memo) listen(cfg Config) Config {
	if k != nil {
		cfg.Observe = k.heard.event
	}
	return cfg
}

// recall returns the images as the note has them, nil if there is none. The packages
// are checked as in any build. An error may come with images.
func (k *memo) recall(ctx context.Context) ([]*Finished, error) {
	var n note
	if k == nil || !k.Cache.Build(ctx, k.key, &n) || len(n.Steps) != len(k.family.Steps) {
		return nil, ctx.Err()
	}
	list := k.restore(&n)
	if k.known = list != nil; !k.known {
		return nil, nil
	}
	if err := k.repeat(ctx, n.Said); err != nil {
		return list, err
	}
	for _, m := range list {
		for i, l := range m.own {
			k.Cache.SetLast(ctx, l.Key, lastName(k.Config, k.family.Release.ABI, m.Step, len(m.own)-1-i)...)
		}
	}
	return list, nil
}

// restore returns the images of a note, nil if a layer is gone.
func (k *memo) restore(n *note) []*Finished {
	var list []*Finished
	made := map[*resolve.Step]*Finished{}
	for i, step := range k.family.Steps {
		m := &Finished{Built: &root.Built{Step: step, Facts: n.Steps[i].Facts}}
		made[step] = m
		if parent := made[step.Parent]; parent != nil {
			m.Below, m.Stack = parent.Built, parent.on()
		}
		if k.Squash {
			m.Stack = Stack{}
		}
		if k.Squash && !step.Wanted {
			continue
		}
		list = append(list, m)
		for _, own := range n.Steps[i].Layers {
			blob := k.Cache.Blob(own.Layer.Layer)
			if blob == nil {
				closeBlobs(list)
				return nil
			}
			m.add(own, blob, true)
		}
	}
	return list
}

// repeat does what is left of the hooks up to the image: it checks the packages, and
// says what the first build said.
func (k *memo) repeat(ctx context.Context, texts []said) error {
	if err := hook(ctx, k.Config, "fetch"); err != nil {
		return err
	}
	all := k.family.Packages()
	if err := ofEach(ctx, k.Config, k.family, all, func(i int) error { return verify(ctx, k.Input, all[i]) }); err != nil {
		return err
	}
	sayAgain(k.Observe, texts, "fetch", "")
	root.Begin(k.Observe)
	for i, step := range k.family.Steps {
		for _, name := range root.Hooks() {
			k.Observe.Send(event.Event{Hook: name, Name: step.Def.Name, Done: i + 1, Total: len(k.family.Steps)})
			sayAgain(k.Observe, texts, name, step.Def.Name)
		}
	}
	for _, name := range []string{"layer", "image"} {
		if err := hook(ctx, k.Config, name); err != nil {
			return err
		}
		sayAgain(k.Observe, texts, name, "")
	}
	return nil
}

// keep leaves the note of a build that has published its images, unless it is there.
func (k *memo) keep(ctx context.Context, list []*Finished) {
	if k == nil || k.known {
		return
	}
	steps, own := map[*resolve.Step]*root.Built{}, map[*resolve.Step]Stack{}
	for _, m := range list {
		own[m.Step] = m.Stack
		for _, at := range m.Lineage() {
			steps[at.Step] = at
		}
	}
	if !onlyPackages(k.Config, k.family, slices.Collect(maps.Values(steps))) {
		return
	}
	n := note{Said: k.heard.said}
	for _, step := range k.family.Steps {
		n.Steps = append(n.Steps, noteStep{steps[step].Facts, own[step].own})
	}
	k.Cache.KeepBuild(ctx, k.key, n)
}
