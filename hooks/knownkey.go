// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/hooks/root"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/define"
)

// keyed is everything that decides the layers of a build from packages, what is found
// out about them, and what is said. The program is part of every key of the cache.
//
// Left out is:
//   - what only chooses, since the key has what was chosen: names, files and flags of a
//     request, the configuration of repositories but for their names;
//   - what only documents say, since they are made anew: annotations, versions, the
//     digests and URLs of catalogues, the paths and sizes of packages, why each was chosen;
//   - how and where the work is done: jobs, store, observer, output;
//   - what only locks have, since a build from them leaves no note.
type keyed struct {
	Release     release.Release
	Settings    lock.Settings
	SkipScripts bool
	Bounded     bool // by Epoch
	Epoch       int64
	Exceptions  define.Exceptions
	Inherited   define.Exceptions
	Steps       []keyedStep // parents first
}

// keyedStep is a step.
type keyedStep struct {
	Wanted     bool
	Definition string // which names the parent
	Removes    []string
	Base       string       // digest of the image that it stands on; "" for none
	Schema     pkgdb.Schema // which is the base's if none is asked for
	Own        []lock.Own   // files of the definition's folder
	Images     []string     // digests of images that it takes trees from
	Plan       []keyedPlan  // of the whole chain, as this step has it
	Parts      []lock.Part  // layers in which its packages stay; nil for none
}

// keyedPlan is what one step of a plan adds.
type keyedPlan struct {
	Packages, Donors []keyedPackage // in the order of installation
	Wanted           []string
	Missing          []solve.Missing
}

// keyedPackage is a package. Whatever else the catalogue says of it decides which
// packages are in the plan; what the image has of it is in the archive.
type keyedPackage struct {
	Sum, Name, Version, ABI string
	Repository              string
	Requested               int // the step, which decides whether it is automatic in an image
}

// buildKey is the key of a build. Texts are quoted, so nothing in them can look like
// another field, and bytes that are no UTF-8 differ.
func buildKey(cfg Config, family *resolve.Family, own ownFiles) string {
	k := keyed{Release: family.Release, Settings: cfg.Settings, SkipScripts: cfg.SkipScripts,
		Exceptions: cfg.Exceptions, Inherited: family.Inherited}
	if cfg.Epoch != nil {
		k.Bounded, k.Epoch = true, *cfg.Epoch
	}
	for _, m := range family.Steps {
		step := keyedStep{Wanted: m.Wanted, Definition: definitionKey(m.Def), Removes: family.Removes[m.Def.Name], Schema: root.SchemaOf(cfg.Schema, m)}
		if m.Def.Layers.Split() {
			step.Parts = lock.PartsOf(cfg.LayersFrom, m.Def.Name, family.Release.ABI)
		}
		step.Own, step.Images = own[m].Recorded(), own[m].digests()
		if m.Base != nil {
			step.Base = m.Base.Lock.Digest
		}
		for i := range m.Plan.Steps {
			p := &m.Plan.Steps[i]
			step.Plan = append(step.Plan, keyedPlan{keyedPackages(p.Packages), keyedPackages(p.Donors), p.Wanted, p.Missing})
		}
		k.Steps = append(k.Steps, step)
	}
	return sum.HexSHA256(fmt.Appendf(nil, "%#v", k))
}

func keyedPackages(list []*solve.Planned) []keyedPackage {
	var keys []keyedPackage
	for _, p := range list {
		keys = append(keys, keyedPackage{string(p.Sum), p.Name, p.Version, p.ABI, p.Repo.Name, p.Requested})
	}
	return keys
}

// definitionKey is a definition as a text. A pointer would be an address in it, with
// which no note is ever found again: those of a definition are followed.
func definitionKey(def define.Image) string {
	var parts []string
	for _, taken := range []*define.Taken{def.Certificates, def.BaseConf} {
		if taken == nil {
			parts = append(parts, "none")
		} else {
			parts = append(parts, fmt.Sprintf("%#v", *taken))
		}
	}
	if def.Only == nil {
		parts = append(parts, "all")
	} else {
		parts = append(parts, fmt.Sprintf("%#v", *def.Only))
	}
	def.Certificates, def.BaseConf, def.Only = nil, nil, nil
	def.Files = slices.Clone(def.Files)
	for i := range def.Files {
		if text := def.Files[i].Content; text != nil {
			parts = append(parts, fmt.Sprintf("file %d: %#v", i, *text))
			def.Files[i].Content = nil
		}
	}
	return strings.Join(append(parts, fmt.Sprintf("%#v", def)), "\n")
}
