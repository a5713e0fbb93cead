// SPDX-License-Identifier: BSD-2-Clause

package lock_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release/define"
)

// definition is the text of one in a lock.
func definition(t *testing.T, def define.Image) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(def)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// twoLayers is a lock of an image app on one that is called low.
func twoLayers(t *testing.T) *lock.Lock {
	t.Helper()
	return &lock.Lock{
		Format: lock.Format, Bytes: lock.ByteFormat, Orlop: "0.1", Versions: map[string]string{"zstd": "1"},
		Image: "app", Revision: "15.0", Branch: "RELEASE", ABI: "FreeBSD:15:amd64", Schema: 42, Compression: "gzip",
		Annotations: map[string]string{"org.example.run": "1"},
		Layers: []lock.Layer{
			{Image: "low", Epoch: 1_000, Definition: definition(t, define.Image{Name: "low", Packages: []string{"a"}}),
				Files: []lock.File{{Path: "/etc/f", SHA256: "f1", From: "lender-1"}}, Directories: "d1"},
			{Image: "app", Epoch: 2_000, Definition: definition(t, define.Image{Name: "app", Parent: "low", Packages: []string{"b"}, Cmd: []string{"/bin/app"},
				Env: []string{"A=1"}, Labels: map[string]string{"l": "2"}, Tags: []string{"1.2"}}), Directories: "d2",
				Generated: []lock.Generated{{Path: "/etc/passwd", Mode: "0644", SHA256: "g"}}},
		},
		Repositories: []lock.Repository{{Name: "base", URL: "https://pkg.example.org/base", Catalogue: strings.Repeat("c", 64), Signer: "key"}},
		Packages: []lock.Package{
			{Name: "a", Version: "1", Sum: "s1", Size: 1, Path: "All/a.pkg", Repository: "base", Layer: "low", Requested: "low"},
			{Name: "b", Version: "2", Sum: "s2", Size: 2, Path: "All/b.pkg", Repository: "base", Layer: "app", Requested: "app"},
		},
	}
}

// TestNew makes the part of a lock that a plan knows: packages in their order with
// donors after them, and the repositories that are used, sorted, with what anybody
// finds them by.
func TestNew(t *testing.T) {
	t.Parallel()
	repos := []*catalog.Repo{{Name: "ports"}, {Name: "base"}, {Name: "unused"}}
	pkg := func(name string, repo, requested int, kind solve.Kind) *solve.Planned {
		return &solve.Planned{Requested: requested, Why: solve.Reason{Kind: kind}, Package: &catalog.Package{Repo: repos[repo],
			Summary: pkgfile.Summary{Name: name, Version: "1", Path: name + ".pkg", Sum: "s", Size: 5}}}
	}
	p := &solve.Plan{ABI: "FreeBSD:15:amd64", Steps: []solve.StepPlan{
		{Name: "low", Packages: []*solve.Planned{pkg("z", 0, 0, solve.Request), pkg("a", 1, -1, solve.Dependency)}, Donors: []*solve.Planned{pkg("d", 1, -1, solve.Donor)},
			Chosen: []string{"z | y: z"}},
		{Name: "app", Packages: []*solve.Planned{pkg("b", 1, 7, solve.Request)}, Missing: []solve.Missing{{Kind: solve.Shlib, What: "l.so", By: []string{"b"}}}},
	}}
	l, err := lock.New(t.Context(), p, []*catalog.Catalogue{
		{Repo: repos[0], PublicURL: "https://ports", Digest: "p", Signer: "k"}, {Repo: repos[1], Digest: "b"}, {Repo: repos[2], Digest: "u"}})
	if err != nil {
		t.Fatal(err)
	}
	entry := func(name, repo, layer, requested string, donor bool) lock.Package {
		return lock.Package{Name: name, Version: "1", Sum: "s", Size: 5, Path: name + ".pkg", Repository: repo, Layer: layer, Requested: requested, Donor: donor}
	}
	if diff := cmp.Diff([]lock.Package{entry("z", "ports", "low", "low", false), entry("a", "base", "low", "", false), entry("d", "base", "low", "", true),
		entry("b", "base", "app", "", false)}, l.Packages); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]lock.Repository{{Name: "base", Catalogue: "b"}, {Name: "ports", URL: "https://ports", Catalogue: "p", Signer: "k"}}, l.Repositories); diff != "" {
		t.Errorf("repositories (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"z | y: z"}, l.Layers[0].Alternatives); diff != "" {
		t.Errorf("alternatives (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]lock.Missing{{Kind: "shlib", What: "l.so", By: []string{"b"}}}, l.Layers[1].Missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	if l.Format != lock.Format || l.Bytes != lock.ByteFormat || l.ABI != p.ABI || !l.HasGenerated() {
		t.Errorf("got format %d, %d, ABI %s", l.Format, l.Bytes, l.ABI)
	}
	text, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	// What there is none of is an empty list: whoever reads it has a list.
	for _, line := range strings.Split(string(text), "\n") {
		if strings.Contains(line, "null") && !strings.Contains(line, `"definition"`) {
			t.Errorf("got %s, want no null", line)
		}
	}
	if !strings.HasSuffix(string(text), "}\n") {
		t.Errorf("got an end of %q, want a newline", text[len(text)-2:])
	}
}

// TestSameOrder makes equal locks of repositories of one name, whatever their order.
func TestSameOrder(t *testing.T) {
	t.Parallel()
	a, b := &catalog.Repo{Name: "x"}, &catalog.Repo{Name: "x"}
	plan := &solve.Plan{Steps: []solve.StepPlan{{Name: "low", Packages: []*solve.Planned{{Package: &catalog.Package{Repo: a}}, {Package: &catalog.Package{Repo: b}}}}}}
	cats := []*catalog.Catalogue{{Repo: a, Digest: "2"}, {Repo: b, Digest: "1"}}
	one, err := lock.New(t.Context(), plan, cats)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(cats)
	other, err := lock.New(t.Context(), plan, cats)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(one.Repositories, other.Repositories); diff != "" {
		t.Errorf("in the other order (-one +other):\n%s", diff)
	}
}

// TestCompare finds what came out otherwise than a lock says, and passes over what
// may differ: who lent a file or signed a catalogue, who wrote the lock, where a
// package lies, and what was made.
func TestCompare(t *testing.T) {
	t.Parallel()
	const what = "differs from its lock: "
	for name, tt := range map[string]struct {
		change func(l *lock.Lock)
		want   string
	}{
		"nothing": {func(*lock.Lock) {}, ""},
		"the writer": {func(l *lock.Lock) {
			l.Format, l.Orlop, l.Versions = 1, "0.2", map[string]string{"zstd": "2"}
		}, ""},
		"who signed":     {func(l *lock.Lock) { l.Repositories[0].Signer = "" }, ""},
		"who lent":       {func(l *lock.Lock) { l.Layers[0].Files[0].From = "srcdir" }, ""},
		"a path":         {func(l *lock.Lock) { l.Packages[1].Path = "All/Hashed/b.pkg" }, ""},
		"what was made":  {func(l *lock.Lock) { l.Layers[1].Generated[0].SHA256, l.Layers[0].Directories = "x", "y" }, ""},
		"the definition": {func(l *lock.Lock) { l.Layers[1].Definition = json.RawMessage(`{}`) }, ""},
		"a file":         {func(l *lock.Lock) { l.Layers[0].Files[0].SHA256 = "f2" }, what + `layers.0.files.0.sha256 is "f2", wanted "f1"`},
		"a version":      {func(l *lock.Lock) { l.Packages[1].Version = "3" }, what + `packages.1.version is "3", wanted "2"`},
		"a catalogue":    {func(l *lock.Lock) { l.Repositories[0].Catalogue = "d" }, what + `repositories.0.catalogue is "d", wanted "` + strings.Repeat("c", 64) + `"`},
		"the epoch":      {func(l *lock.Lock) { l.Layers[1].Epoch = 3 }, what + "layers.1.epoch is 3, wanted 2000"},
		"an annotation":  {func(l *lock.Lock) { delete(l.Annotations, "org.example.run") }, what + `annotations.org.example.run is absent, wanted "1"`},
		"the layers":     {func(l *lock.Lock) { l.Layers = l.Layers[:1] }, what + "found 1 layers, wanted 2"},
		"a package less": {func(l *lock.Lock) { l.Packages = l.Packages[:0] }, what + `packages.0.donor is absent`},
		"a file more":    {func(l *lock.Lock) { l.Layers[0].Files = append(l.Layers[0].Files, lock.File{Path: "/x"}) }, what + `layers.0.files.1.from is ""`},
	} {
		got := twoLayers(t)
		tt.change(got)
		want := twoLayers(t)
		err := lock.Compare(*got, *want)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
		if diff := cmp.Diff(twoLayers(t), want); diff != "" {
			t.Errorf("%s: the wanted lock is changed:\n%s", name, diff)
		}
	}
}

// TestCompareBounds tells some of many differences, and how many more there are.
func TestCompareBounds(t *testing.T) {
	t.Parallel()
	got, want := twoLayers(t), twoLayers(t)
	got.Packages = nil // two packages of nine values each
	err := lock.Compare(*got, *want)
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != lock.MaxLockChanges+1 || lines[lock.MaxLockChanges] != "differs from its lock: 11 more differences" {
		t.Errorf("got %d lines, the last %s", len(lines), lines[len(lines)-1])
	}
	if wrong, is := err.(interface{ Unwrap() []error }).Unwrap()[0].(interface{ Wrong() bool }); !is || !wrong.Wrong() {
		t.Errorf("got %T, want an error of wrong bytes", err)
	}
}

// TestCompareLeavesBoth changes neither of the locks that it compares.
func TestCompareLeavesBoth(t *testing.T) {
	t.Parallel()
	got, want := twoLayers(t), twoLayers(t)
	got.Packages[0].Path, got.Repositories[0].Signer, got.Layers[0].Files[0].From, got.Layers[1].Directories = "p", "s", "f", "d"
	before, err := got.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Compare(*got, *want); err != nil {
		t.Error(err)
	}
	if after, err := got.Encode(); err != nil || string(before) != string(after) {
		t.Errorf("got %s, want %s", after, before)
	}
}

// TestMovements pairs the packages of a lock with those of today.
func TestMovements(t *testing.T) {
	t.Parallel()
	pkg := func(name, version, sum, layer string, donor bool) lock.Package {
		return lock.Package{Name: name, Version: version, Sum: sum, Layer: layer, Donor: donor}
	}
	l := &lock.Lock{Image: "app", Layers: []lock.Layer{{Image: "low", SkippedScripts: []lock.Script{{Package: "up-1.9", Phase: "post-install"}, {Package: "gone-1"}}}, {Image: "app"}}, Packages: []lock.Package{
		pkg("same", "1", "s", "low", false), pkg("up", "1.9", "s", "low", false), pkg("down", "1.10", "s", "low", false),
		pkg("rebuilt", "1", "s", "low", false), pkg("gone", "1", "s", "low", false), pkg("moves", "1", "s", "low", false),
		pkg("spelt", "1.0", "s", "app", false), pkg("lent", "1", "s", "app", true), pkg("both", "1", "s", "app", true), pkg("both", "1", "s", "app", false),
	}}
	now := []lock.Package{
		pkg("same", "1", "s", "low", false), pkg("up", "1.10", "s2", "low", false), pkg("down", "1.9", "s2", "low", false),
		pkg("rebuilt", "1", "s2", "low", false), pkg("moves", "1", "s", "app", false), pkg("new", "1", "s", "app", false),
		pkg("spelt", "1.00", "s", "app", false), pkg("skipped", "1", "s", "app", true), pkg("both", "2", "s2", "app", true), pkg("both", "2", "s2", "app", false),
	}
	var got []string
	for _, m := range lock.Movements(l, now, func(p lock.Package) bool { return p.Name == "skipped" }) {
		line := strings.Join([]string{m.Image, m.Layer, m.Package, m.Change, m.Old, m.New, m.OldSum, m.NewSum}, " ")
		if m.Donor {
			line += " donor"
		}
		for _, phase := range m.Skipped {
			line += " without " + phase
		}
		got = append(got, line)
	}
	want := []string{
		"app low down down 1.10 1.9 s s2", "app low gone removed 1  s ", "app low moves removed 1  s ", "app low rebuilt rebuilt 1 1 s s2", "app low up up 1.9 1.10 s s2 without post-install",
		"app app both up 1 2 s s2", "app app both up 1 2 s s2 donor", "app app lent removed 1  s  donor", "app app moves added  1  s", "app app new added  1  s",
		"app app spelt rebuilt 1.0 1.00 s s",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("movements (-want +got):\n%s", diff)
	}
}

// TestSkipOld asks skip of what is new only: what is gone is reported.
func TestSkipOld(t *testing.T) {
	t.Parallel()
	l := &lock.Lock{Layers: []lock.Layer{{Image: "x"}}, Packages: []lock.Package{{Name: "a", Version: "1", Layer: "x"}}}
	if got := lock.Movements(l, nil, func(lock.Package) bool { return true }); len(got) != 1 || got[0].Change != "removed" {
		t.Errorf("got %v, want one that is removed", got)
	}
}
