// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package hooks_test

import (
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/cache"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci/layout"
)

// variant is a change to a build.
type variant struct {
	packages func(list []pkgtest.Package)
	config   func(cfg *hooks.Config)
	resolved func(f *resolve.Family)
}

// apply makes the configuration of a variant.
func (v variant) apply(t *testing.T, st *store.Store) hooks.Config {
	t.Helper()
	cfg := knownConfig(t, st, v.packages)
	if v.config != nil {
		v.config(&cfg)
	}
	if v.resolved != nil {
		family, err := hooks.Resolve(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		v.resolved(family)
		cfg.Resolved = family
	}
	return cfg
}

// TestKnownKey changes each thing that decides a build: it is another build then,
// which knows nothing of the first. It also changes what decides no layer: then the
// build is known. In both cases, all is as without a store.
func TestKnownKey(t *testing.T) {
	t.Parallel()
	epoch := func(n int64) *int64 { return &n }
	file := func(list []pkgtest.Package, i int) *pkgtest.File { return &list[i].Files[0] }
	conf := func(do func(*hooks.Config)) variant { return variant{config: do} }
	def := func(do func(*define.Image)) variant {
		return conf(func(c *hooks.Config) { d := *c.Custom; do(&d); c.Custom = &d })
	}
	pkgs := func(do func([]pkgtest.Package)) variant { return variant{packages: do} }
	family := func(do func(*resolve.Family)) variant { return variant{resolved: do} }
	others := map[string]variant{
		"revision":        conf(func(c *hooks.Config) { c.Revision = "15.1" }),
		"branch":          conf(func(c *hooks.Config) { c.Branch = "STABLE" }),
		"schema":          conf(func(c *hooks.Config) { c.Schema = 36 }),
		"compression":     conf(func(c *hooks.Config) { c.Compression = layer.Zstd }),
		"squash":          conf(func(c *hooks.Config) { c.Squash = true }),
		"epoch":           conf(func(c *hooks.Config) { c.Epoch = epoch(1_000_000_000) }),
		"epoch of none":   conf(func(c *hooks.Config) { c.Epoch = epoch(0) }),
		"unknown scripts": conf(func(c *hooks.Config) { c.SkipScripts = true }),
		"exceptions":      conf(func(c *hooks.Config) { c.Exceptions = define.Exceptions{} }),
		"order of exceptions": conf(func(c *hooks.Config) {
			c.Exceptions.Missing = append([]define.Exception{{Pattern: "x"}}, c.Exceptions.Missing...)
		}),
		"also the parent":      conf(func(c *hooks.Config) { c.Images = []string{"high", "low"} }),
		"another program":      conf(func(c *hooks.Config) { c.Cache = cache.New(repos(*c).Store, "another") }),
		"name of a repository": conf(func(c *hooks.Config) { repos(*c).Repos[0].Name = "other" }),
		"definition of parent": conf(func(c *hooks.Config) { c.ImageFiles = []string{write(t, "image low { packages = [ a, dep ] }")} }),
		"more packages":        def(func(d *define.Image) { d.Packages = []string{"b", "more"} }),
		"automatic":            def(func(d *define.Image) { d.Packages = []string{"b", "dep"} }),
		"layers":               def(func(d *define.Image) { d.Layers.AtMost = 3 }),
		"title":                def(func(d *define.Image) { d.Title = "x" }),
		"mode of a file":       def(func(d *define.Image) { d.Files = []define.File{d.Files[0]}; d.Files[0].Mode = 0o600 }),
		"target of a file":     def(func(d *define.Image) { d.Files = []define.File{d.Files[0]}; d.Files[0].Target = "/etc/other" }),
		"no file":              def(func(d *define.Image) { d.Files = nil }),
		"exceptions of its own": def(func(d *define.Image) {
			d.Exceptions.Missing = []define.Exception{{Pattern: "unused", Reason: "none"}}
		}),
		"configuration of pkg": def(func(d *define.Image) { d.BaseConf = &define.Taken{Path: "/usr/kept", From: []string{"lender"}} }),
		"certificates": def(func(d *define.Image) {
			d.Certificates = &define.Taken{Path: "/usr/share/certs", From: []string{"lender"}}
		}),
		"os-release":         def(func(d *define.Image) { d.OSRelease = true }),
		"incomplete":         def(func(d *define.Image) { d.Complete = false }),
		"bytes of a package": pkgs(func(l []pkgtest.Package) { file(l, 0).Body = "A" }),
		"bytes of a dependency": pkgs(func(l []pkgtest.Package) {
			file(l, 2).Body = "DEP"
		}),
		"bytes of a lender":     pkgs(func(l []pkgtest.Package) { file(l, 3).Body = "LENT" }),
		"also in the lender":    pkgs(func(l []pkgtest.Package) { l[3].Files[1].Body = "KEPT" }),
		"version":               pkgs(func(l []pkgtest.Package) { l[0].Version = "2.0" }),
		"what nothing provides": pkgs(func(l []pkgtest.Package) { l[1].Keys["requires"] = []string{"other"} }),
		"a new requirement, without new bytes": pkgs(func(l []pkgtest.Package) {
			l[0].Catalogue = func(m map[string]any) { m["requires"] = []string{"other"} }
		}),
		"removes":   family(func(f *resolve.Family) { f.Removes = map[string][]string{"high": {"/not/there"}} }),
		"inherited": family(func(f *resolve.Family) { f.Inherited.Dangling = []define.Exception{{Pattern: "/x", Package: "a"}} }),
		"what only a lower plan says": family(func(f *resolve.Family) {
			f.Steps[1].Plan.Steps[0].Packages[0].Requested = -1
		}),
	}
	same := map[string]variant{
		"nothing":                {},
		"jobs":                   conf(func(c *hooks.Config) { c.Jobs = 1 }),
		"format":                 conf(func(c *hooks.Config) { c.Format = layout.Tar }),
		"list":                   conf(func(c *hooks.Config) { c.Manifests = true }),
		"annotations":            conf(func(c *hooks.Config) { c.Annotations = map[string]string{"org.example.x": "y"} }),
		"version of the program": conf(func(c *hooks.Config) { c.Version, c.Versions = "2", map[string]string{"lib": "1"} }),
		"named again":            conf(func(c *hooks.Config) { c.Images = []string{"high", "high"} }),
		"another file with the same definition": conf(func(c *hooks.Config) {
			c.ImageFiles = []string{write(t, "image low { packages = [ a ] }\nimage unused { packages = [ dep ] }")}
		}),
		"more in the repository": pkgs(func(l []pkgtest.Package) { file(l, 4).Body = "MORE" }),
	}
	st := &store.Store{Dir: t.TempDir() + "/store"}
	kept := onlyKnown(t, knownConfig(t, st, nil))
	for _, want := range []bool{true, false} {
		for name, v := range map[bool]map[string]variant{true: same, false: others}[want] {
			got, wanted := outcome(t, v.apply(t, st)), outcome(t, without(v.apply(t, nil)))
			if diff := cmp.Diff(wanted, got); diff != "" {
				t.Errorf("%s: (-without a store +with one)\n%s", name, diff)
			}
			fresh := slices.DeleteFunc(notesIn(t, st), func(path string) bool { return slices.Contains(kept, path) })
			if known := len(fresh) == 0; known != want {
				t.Errorf("%s: known %v, wanted %v", name, known, want)
			}
			for _, path := range fresh {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}
