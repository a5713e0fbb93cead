// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/cache"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci/layout"
)

// knownPackages are those of two images, with a dependency, a requirement that nothing
// meets, and one that only lends a file.
func knownPackages(change func(list []pkgtest.Package)) []pkgtest.Package {
	list := []pkgtest.Package{
		{Name: "a", Files: []pkgtest.File{{Path: "/etc/a.conf", Body: "a", Config: true}, {Path: "/bin/a", Body: "#!/bin/sh\n"}}},
		{Name: "b", Deps: []string{"dep"}, Files: []pkgtest.File{{Path: "/usr/b", Body: "b", Flags: "schg"}}, Keys: map[string]any{"requires": []string{"word"}}},
		{Name: "dep", Files: []pkgtest.File{{Path: "/usr/dep", Body: "dep"}}},
		{Name: "lender", Files: []pkgtest.File{{Path: "/usr/lent", Body: "lent"}, {Path: "/usr/kept", Body: "kept"}}},
		{Name: "more", Files: []pkgtest.File{{Path: "/usr/more", Body: "more"}}},
	}
	if change != nil {
		change(list)
	}
	return list
}

// knownConfig builds an image on another one.
func knownConfig(t *testing.T, st *store.Store, change func(list []pkgtest.Package)) hooks.Config {
	t.Helper()
	dir := t.TempDir()
	pkgtest.WriteRepo(dir, knownPackages(change)...)
	return hooks.Config{
		Input: &input.Repositories{Repos: []catalog.Repo{{Name: "r", URL: dir}}, Store: st}, Cache: cache.New(st, "this test"),
		Request: resolve.Request{Revision: "15.0", Branch: "RELEASE", Images: []string{"high"}, Exceptions: anything,
			ImageFiles: []string{write(t, "image low { packages = [ a ] }")},
			Custom: &define.Image{Name: "high", Parent: "low", Packages: []string{"b"}, Complete: true, Cmd: []string{"/bin/a"},
				Files: []define.File{{Taken: define.Taken{Path: "/usr/lent", From: []string{"lender"}}, Target: "/etc/lent", Mode: 0o644}}}},
		Settings: lock.Settings{Compression: layer.Gzip}, Output: hooks.Output{Format: layout.Dir, OutDir: t.TempDir()},
		Jobs: 2, Program: hooks.Program{Version: "test", Maker: "this test"},
	}
}

// notesIn lists the notes of a store.
func notesIn(t *testing.T, st *store.Store) []string {
	t.Helper()
	return slices.DeleteFunc(storeFiles(t, st.Dir), func(path string) bool { return !strings.Contains(path, "/notes/") })
}

// onlyKnown builds twice, and removes the notes that the second build did not use. A
// build that knows its own note does without them; any other writes some again.
func onlyKnown(t *testing.T, cfg hooks.Config) []string {
	t.Helper()
	st := repos(cfg).Store
	digestOf(t, cfg)
	used := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	st.Now = func() time.Time { return used }
	digestOf(t, cfg)
	st.Now = nil
	var kept []string
	for _, path := range notesIn(t, st) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.ModTime().Equal(used) {
			kept = append(kept, path)
		} else if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	return kept
}

// outcome is what a build leaves for its user, without the places.
func outcome(t *testing.T, cfg hooks.Config) []any {
	t.Helper()
	cfg.OutDir = t.TempDir()
	results, err := hooks.Build(t.Context(), cfg)
	if err != nil {
		return []any{err.Error()}
	}
	var all []any
	for _, r := range results {
		text := string(read(t, r.Lock))
		r.File, r.Lock = filepath.Base(r.File), filepath.Base(r.Lock)
		all = append(all, r, text)
	}
	return all
}

// without is a build without a store.
func without(cfg hooks.Config) hooks.Config {
	cfg.Cache = nil
	return cfg
}

// TestKnownFields wants somebody to think about each new field of what a build is made
// from: whether it decides a layer and so belongs to the key of a note.
func TestKnownFields(t *testing.T) {
	t.Parallel()
	const in = "in the key"
	const chooses = "decides only the family, which is in the key"
	const documents = "decides only documents, which are made anew"
	const locks = "of a build from a lock, which leaves no note"
	const files = "says where files are, whose sums are in the key"
	for of, fields := range map[reflect.Type]map[string]string{
		reflect.TypeFor[hooks.Config](): {"Request": in, "Settings": in, "Output": "where results go", "Program": "in each key of the cache, or in documents",
			"Input": "must be repositories", "LayersFrom": in, "Plans": "compared before", "Resolved": "is the family", "Jobs": "not in the bytes", "Cache": "has the note", "Observe": "is told the same"},
		reflect.TypeFor[resolve.Request](): {"Images": chooses, "ImageFiles": chooses, "TreeFiles": chooses, "Custom": chooses, "Name": chooses, "Set": chooses, "Copies": files, "ABI": chooses, "Revision": chooses,
			"Branch": chooses, "Exceptions": in, "SkipScripts": in, "Annotations": documents, "Epoch": in, "Files": chooses, "Parents": chooses},
		reflect.TypeFor[resolve.Family](): {"Release": in, "Catalogues": chooses, "Steps": in, "Inherited": in, "Removes": in, "Trusted": locks, "Bases": "those of its steps"},
		reflect.TypeFor[resolve.Step](): {"Def": in, "Folder": files, "Parent": "named by Def", "Renews": locks, "Base": "its digest is in the key", "Wanted": in, "Plan": in, "Lock": locks, "Pinned": locks, "Doubts": locks,
			"Whose": locks, "Unasked": locks, "pins": locks},
		reflect.TypeFor[solve.Plan]():      {"ABI": "that of the release", "Present": "that of the base", "Steps": in, "byName": "made from Steps"},
		reflect.TypeFor[solve.StepPlan]():  {"Name": "that of its step", "Packages": in, "Donors": in, "Missing": in, "Chosen": documents, "Wanted": in},
		reflect.TypeFor[solve.Planned]():   {"Package": in, "Why": documents, "Requested": in},
		reflect.TypeFor[catalog.Package](): {"Summary": in, "Repo": "its name is " + in},
		reflect.TypeFor[input.Repositories](): {"Tree": "must be absent", "Repos": chooses, "Store": "has the note", "InsecureUnsigned": chooses, "ABI": chooses,
			"PublicURL": documents, "Keep": "checks more", "Maker": "names notes on catalogues", "Local": chooses, "locals": chooses, "Observe": "told of the work, not of the images", "trusts": chooses, "sources": chooses, "shared": chooses, "decoders": "not in the bytes"},
	} {
		for i := range of.NumField() {
			if name := of.Field(i).Name; fields[name] == "" {
				t.Errorf("%v.%s: does it decide a layer? If so it belongs to the key of a note", of, name)
			}
			delete(fields, of.Field(i).Name)
		}
		for name := range fields {
			t.Errorf("%v has no field %s", of, name)
		}
	}
}
