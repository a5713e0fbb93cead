// SPDX-License-Identifier: BSD-2-Clause

package resolve_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release/define"
)

// run is a run from a lock, before it begins.
type run struct {
	*resolve.Request
	in   *input.Locks
	l    *lock.Lock
	told []string // warnings
}

// repo makes a repository of packages, "NAME-VERSION DEPENDENCY…" each.
func repo(t *testing.T, name string, pkgs ...string) catalog.Repo {
	t.Helper()
	r := catalog.Repo{Name: name, URL: t.TempDir(), MirrorType: "none"}
	fill(r, pkgs...)
	return r
}

// fill makes the repository anew.
func fill(r catalog.Repo, pkgs ...string) {
	var list []pkgtest.Package
	for _, text := range pkgs {
		words := strings.Fields(text)
		at := strings.LastIndex(words[0], "-")
		p := pkgtest.Package{Name: words[0][:at], Version: words[0][at+1:], Keys: map[string]any{}}
		deps := map[string]any{}
		for _, dep := range words[1:] {
			if strings.HasPrefix(dep, "lib") {
				p.Keys["shlibs_required"] = []string{dep}
			} else {
				deps[dep] = map[string]string{"origin": "test/" + dep, "version": "1"}
			}
		}
		p.Keys["deps"] = deps
		list = append(list, p)
	}
	pkgtest.WriteRepo(r.URL, list...)
}

// lockOf is the lock of an image of a family.
func lockOf(t *testing.T, f *resolve.Family, image string) *lock.Lock {
	t.Helper()
	top := f.Steps[slices.IndexFunc(f.Steps, func(m *resolve.Step) bool { return m.Def.Name == image })]
	l, err := lock.New(t.Context(), top.Plan, f.Catalogues)
	if err != nil {
		t.Fatal(err)
	}
	l.Image, l.Revision, l.Branch = image, f.Release.Revision, f.Release.Branch
	for i, m := range top.Chain() {
		text, err := json.Marshal(m.Def)
		if err != nil {
			t.Fatal(err)
		}
		l.Layers[i].Definition = text
	}
	return &l
}

// lockedRun resolves images out of repositories and makes a run from their lock,
// with all that they were made from at hand.
func lockedRun(t *testing.T, text, image string, repos ...catalog.Repo) *run {
	t.Helper()
	in := &input.Repositories{Repos: repos, Store: new(store.Store)}
	cats, err := in.Catalogues(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	req := &resolve.Request{Images: []string{image}}
	if text != "" {
		req.ImageFiles = definitions(t, text)
	}
	family, err := resolve.Resolve(t.Context(), req, in, cats, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &run{Request: req, l: lockOf(t, family, image)}
	r.in = &input.Locks{Repositories: input.Repositories{Repos: repos}, Locks: []*lock.Lock{r.l}}
	return r
}

// resolve does so from the lock.
func (r *run) resolve(t *testing.T) (*resolve.Family, error) {
	t.Helper()
	cats, err := r.in.Catalogues(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return resolve.Resolve(t.Context(), r.Request, r.in, cats, func(e event.Event) { r.told = append(r.told, e.Notice) })
}

// layers are two images, of which the upper one has a dependency.
const layers = `image low { packages = [ a ] }
image app { parent = low; packages = [ b, "x | c" ]; file "/f" { from = [ lender, other ]; optional = yes } }`

// TestVouched doubts nothing of an image that comes out of the user's definitions
// and repositories.
func TestVouched(t *testing.T) {
	t.Parallel()
	r := lockedRun(t, layers, "app", repo(t, "base", "FreeBSD-runtime-15.0p1", "a-1", "b-1 d", "c-1", "d-1 liba.so", "lender-1"))
	family, err := r.resolve(t)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"low: a-1", "app: c-1 d-1 b-1 | lender-1 wanted"}, steps(family)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	app := family.Steps[1]
	if doubts := app.AllDoubts(); len(doubts) > 0 {
		t.Errorf("got the doubts %q, want none", doubts)
	}
	if diff := cmp.Diff([]resolve.LayerDefinition{{Layer: "low", Definition: "yours"}, {Layer: "app", Definition: "yours"}}, app.DefinedBy()); diff != "" {
		t.Errorf("whose (-want +got):\n%s", diff)
	}
	for _, p := range family.Packages() {
		if !family.Trusted[p] || p.ABI != "FreeBSD:15:amd64" {
			t.Errorf("%s: got trusted %v, ABI %q", p.FullName(), family.Trusted[p], p.ABI)
		}
	}
	if !app.DefinedWell() || app.Lock != r.l || app.Pinned != &r.l.Layers[1] || family.Steps[0].Pinned != &r.l.Layers[0] {
		t.Errorf("got %+v", app)
	}
	if len(r.told) > 0 {
		t.Errorf("told %q", r.told)
	}
}

// TestDoubts tells what nobody but the lock vouches for, each thing that can be so.
func TestDoubts(t *testing.T) {
	t.Parallel()
	const notDefined = " differs from what the definition of image app resolves to: "
	for name, tt := range map[string]struct {
		change func(t *testing.T, r *run)
		want   []string
		told   []string
	}{
		"no definition": {func(_ *testing.T, r *run) { r.ImageFiles = nil }, []string{
			`the definition of image low is the lock's: packages ["a"]; --image-file gives your own`,
			`the definition of image app is the lock's: files [{"path":"/f","from":["lender","other"],"source":"","folder":false,"target":"/f","mode":420,"optional":true}], packages ["b","x | c"], parent "low"; --image-file gives your own`,
		}, nil},
		"another definition": {func(t *testing.T, r *run) {
			r.ImageFiles = definitions(t, "image low { packages = [ a ]; cmd = [ sh ] }\nimage app { parent = low; packages = [ b, \"x | c\" ]; file \"/f\" { from = [ lender, other ]; optional = yes } }")
		}, []string{
			`the definition of image low is not yours: cmd is null, wanted absent`, `the definition of image low is not yours: cmd.0 is absent, wanted "sh"`,
		}, nil},
		"no repository": {func(_ *testing.T, r *run) { r.in.Repos = nil }, []string{
			`repository "base", a-1: it is not given, and the lock names no URL of it`,
			`repository "base", c-1, d-1, b-1, lender-1: it is not given, and the lock names no URL of it`,
		}, nil},
		"a newer repository": {func(_ *testing.T, r *run) {
			fill(r.in.Repos[0], "FreeBSD-runtime-15.0p1", "a-2", "b-1 d", "c-1", "d-1 liba.so", "lender-1")
		}, []string{`repository "base", a-1: its catalogue has none of this version, size and sum`}, nil},
		"a newer one beside it": {func(_ *testing.T, r *run) {
			fill(r.in.Repos[0], "FreeBSD-runtime-15.0p1", "a-1", "a-2", "b-1 d", "c-1", "d-1 liba.so", "lender-1")
		}, []string{"package a" + notDefined + "found 1 in layer low, requested by low, wanted 2 in layer low, requested by low"}, nil},
		"a mark": {func(_ *testing.T, r *run) { r.l.Packages[0].Requested = "" },
			[]string{"package a" + notDefined + "found 1 in layer low, automatic, wanted 1 in layer low, requested by low"}, nil},
		"another layer": {func(_ *testing.T, r *run) { r.l.Packages[2].Layer = "low" },
			[]string{"package d" + notDefined + "found 1 in layer low, automatic, wanted 1 in layer app, automatic"}, nil},
		"a package less": {func(_ *testing.T, r *run) { r.l.Packages = slices.Delete(r.l.Packages, 2, 3) },
			[]string{"package d" + notDefined + "found none, wanted 1 in layer app, automatic"}, nil},
		"a choice": {func(_ *testing.T, r *run) { r.l.Layers[1].Alternatives = []string{"x | c: x"} },
			[]string{"choice of alternatives in layer app" + notDefined + "found x | c: x, wanted x | c: c"}, nil},
		"what is missing": {func(_ *testing.T, r *run) { r.l.Layers[1].Missing = nil },
			[]string{"list of what nothing provides in layer app" + notDefined + "found none, wanted liba.so (shlib) for d"}, nil},
		"a stranger that lends": {func(_ *testing.T, r *run) { donor(r.l).Name, donor(r.l).Version = "c", "1" }, []string{
			`repository "base", c-1: its catalogue has none of this version, size and sum`,
		}, nil},
		"one that is no donor": {func(t *testing.T, r *run) {
			c := r.l.Packages[1]
			donor(r.l).Name, donor(r.l).Sum, donor(r.l).Size, donor(r.l).Path = c.Name, c.Sum, c.Size, c.Path
		}, []string{"package c-1 lends files to image app, whose definition does not name it"}, nil},
		"an older donor": {func(_ *testing.T, r *run) {
			fill(r.in.Repos[0], "FreeBSD-runtime-15.0p1", "a-1", "b-1 d", "c-1", "d-1 liba.so", "lender-1", "lender-2")
		}, []string{"package lender-1 lends files to image app, and is not the one that the catalogue offers"}, nil},
		"a donor that was not asked": {func(_ *testing.T, r *run) {
			r.l.Packages = r.l.Packages[:4]
			r.l.Layers[1].LeftOut = []string{"/f"}
		}, []string{"/f of image app has another origin, or is left out, but its lock skips package lender, which may have it"}, nil},
		"a patch level": {func(_ *testing.T, r *run) { r.l.Branch = "RELEASE-p9" },
			[]string{"image app calls itself 15.0-RELEASE-p9, but FreeBSD-runtime 15.0p1 is of 15.0-RELEASE-p1; --branch confirms the release"}, nil},
		"the user's patch level": {func(_ *testing.T, r *run) { r.l.Branch, r.Branch = "RELEASE-p9", "RELEASE-p9" }, nil, nil},
		"the user's release":     {func(_ *testing.T, r *run) { r.l.Branch, r.Branch, r.Revision = "RELEASE-p9", "RELEASE-p9", "15.0" }, nil, nil},
		"another of the user's": {func(_ *testing.T, r *run) { r.l.Branch, r.Branch = "RELEASE-p9", "RELEASE-p8" },
			[]string{"image app calls itself 15.0-RELEASE-p9, but FreeBSD-runtime 15.0p1 is of 15.0-RELEASE-p1; --branch confirms the release"}, nil},
		"an annotation": {func(_ *testing.T, r *run) { r.l.Annotations["k"] = "v" },
			[]string{`annotation k of image app is "v", which only its lock says; --annotation gives your own value`}, nil},
		"the user's annotation": {func(_ *testing.T, r *run) { r.l.Annotations["k"], r.Annotations = "v", map[string]string{"k": "v"} }, nil, nil},
		"no annotation": {func(_ *testing.T, r *run) { r.Annotations = map[string]string{"k": "v"} },
			[]string{`annotation k of image app is absent, wanted "v"`}, nil},
		"where the source is": {func(_ *testing.T, r *run) { r.l.Annotations["org.opencontainers.image.revision"] = "abc" }, nil,
			[]string{`image app: only its lock says that org.opencontainers.image.revision is "abc"; --annotation compares it with your own value`}},
		"another source": {func(_ *testing.T, r *run) {
			r.l.Annotations["org.opencontainers.image.revision"], r.Annotations = "abc", map[string]string{"org.opencontainers.image.revision": "def"}
		}, []string{`annotation org.opencontainers.image.revision of image app is "abc", which only its lock says; --annotation gives your own value`}, nil},
		"what cannot be resolved": {func(t *testing.T, r *run) {
			fill(r.in.Repos[0], "FreeBSD-runtime-15.0p1", "a-1", "b-1 d", "c-1", "d-1 liba.so", "lender-1")
			change(t, r.l, 1, func(def *define.Image) { def.Packages = append(def.Packages, "gone") })
		}, []string{`the definition of image app is not yours: packages.2 is "gone", wanted absent`, "the lock of image app cannot be resolved again: "}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := lockedRun(t, layers, "app", repo(t, "base", "FreeBSD-runtime-15.0p1", "a-1", "b-1 d", "c-1", "d-1 liba.so", "lender-1"))
			tt.change(t, r)
			family, err := r.resolve(t)
			if err != nil {
				t.Fatal(err)
			}
			got := family.Steps[1].AllDoubts()
			for i, want := range tt.want {
				if strings.HasSuffix(want, ": ") && i < len(got) && strings.HasPrefix(got[i], want) {
					got[i] = want // what the solver says is its own business
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("doubts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.told, r.told); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
		})
	}
}

// donor is the lock's only one.
func donor(l *lock.Lock) *lock.Package { return &l.Packages[4] }

// change changes a definition in a lock.
func change(t *testing.T, l *lock.Lock, layer int, do func(*define.Image)) {
	t.Helper()
	def, err := lock.Definition(l, layer)
	if err != nil {
		t.Fatal(err)
	}
	do(&def)
	if l.Layers[layer].Definition, err = json.Marshal(def); err != nil {
		t.Fatal(err)
	}
}

// TestWhose tells whose the definitions are, and which of them are of somebody whom
// the user trusts.
func TestWhose(t *testing.T) {
	t.Parallel()
	r := lockedRun(t, layers, "app", repo(t, "base", "FreeBSD-runtime-15.0p1", "a-1", "b-1", "c-1", "lender-1"))
	r.ImageFiles = definitions(t, `image app { parent = low; packages = [ b ] }`)
	family, err := r.resolve(t)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]resolve.LayerDefinition{{Layer: "low", Definition: "the lock's"}, {Layer: "app", Definition: "not yours"}}, family.Steps[1].DefinedBy()); diff != "" {
		t.Errorf("whose (-want +got):\n%s", diff)
	}
	for _, m := range family.Steps {
		if m.DefinedWell() {
			t.Errorf("image %s is defined well", m.Def.Name)
		}
	}
}

// TestFreeBSDs knows FreeBSD's own definitions without being given any, and which
// files they may lack.
func TestFreeBSDs(t *testing.T) {
	t.Parallel()
	r := lockedRun(t, "", "static", repo(t, "base", "FreeBSD-runtime-15.0", "FreeBSD-zoneinfo-15.0", "FreeBSD-mtree-15.0", "FreeBSD-pkg-bootstrap-15.0", "FreeBSD-caroot-15.0"))
	family, err := r.resolve(t)
	if err != nil {
		t.Fatal(err)
	}
	static := family.Steps[0]
	if len(static.AllDoubts()) > 0 || static.Whose != "FreeBSD's" || !static.DefinedWell() {
		t.Errorf("got %q, whose %s", static.AllDoubts(), static.Whose)
	}
	by := static.Borrower()
	for target, want := range map[string]bool{"/etc/termcap.small": true, "/etc/group": false, "/usr/share/keys/pkgbase-15": false, "/none": false} {
		if got := by.MayLack(target); got != want {
			t.Errorf("%s: got that it may lack %v, want %v", target, got, want)
		}
	}
	if by.Image != "static" || by.Locked != &r.l.Layers[0] {
		t.Errorf("got %+v", by)
	}
	change(t, r.l, 0, func(def *define.Image) { def.Title = "other" })
	if family, err = r.resolve(t); err != nil {
		t.Fatal(err)
	}
	static = family.Steps[0]
	if want := []string{`the definition of image static is not FreeBSD's: title is "other", wanted "FreeBSD static"`}; !slices.Equal(static.AllDoubts(), want) || static.DefinedWell() || static.Borrower().MayLack("/etc/termcap.small") {
		t.Errorf("got %q, whose %s, want %q", static.AllDoubts(), static.Whose, want)
	}
}

// TestSnapshot believes a lock's branch of packages that do not tell it, unless that
// is one that no snapshot is of.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	for branch, want := range map[string][]string{
		"STABLE": nil, "CURRENT": nil,
		"RELEASE": {"image x calls itself 15.0-RELEASE, which FreeBSD-runtime 15.snap1 does not say; --branch confirms the release"},
		"RC1":     {"image x calls itself 15.0-RC1, which FreeBSD-runtime 15.snap1 does not say; --branch confirms the release"},
	} {
		r := lockedRun(t, "image x { packages = [ a ] }", "x", repo(t, "base", "a-1", "FreeBSD-runtime-15.snap1"))
		r.l.Revision, r.l.Branch = "15.0", branch
		family, err := r.resolve(t)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, family.Steps[0].AllDoubts()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", branch, diff)
		}
	}
}

// TestLockFaults refuses locks that contradict what there is, themselves or one
// another.
func TestLockFaults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(t *testing.T, r *run)
		want   string
		usage  bool
	}{
		"another release": {func(_ *testing.T, r *run) { r.l.Revision = "15.1" }, "lock of app: revision 15.1 was asked for, FreeBSD-runtime 15.0p1 is 15.0", true},
		"no release":      {func(_ *testing.T, r *run) { r.l.Branch = "" }, "revision is \"15.0\" and branch \"\"", true},
		"a definition":    {func(_ *testing.T, r *run) { r.l.Layers[0].Definition = json.RawMessage(`{}`) }, "lock of app: layer low: ", true},
		"a release that it needs": {func(t *testing.T, r *run) {
			r.l.Revision, r.l.Branch = "15", ""
			change(t, r.l, 1, func(def *define.Image) { def.OSRelease = true })
		}, "lock of app: revision is 15 and branch none, wanted both for image app", true},
		"another lock": {func(t *testing.T, r *run) {
			other := *r.l
			other.Layers, other.Packages, other.Image = slices.Clone(r.l.Layers[:1]), slices.Clone(r.l.Packages[:1]), "low"
			other.Packages[0].Requested = ""
			r.in.Locks = append(r.in.Locks, &other)
		}, "the locks of app and low disagree about the layer low", true},
		"a file of definitions": {func(_ *testing.T, r *run) { r.ImageFiles = []string{"/none"} }, "--image-file: /none: ", true},
	} {
		r := lockedRun(t, layers, "app", repo(t, "base", "FreeBSD-runtime-15.0p1", "a-1", "b-1", "c-1", "lender-1"))
		tt.change(t, r)
		_, err := r.resolve(t)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
		_, usage := errors.AsType[*fault.UsageError](err)
		_, unread := errors.AsType[*fault.UnreadError](err)
		if (usage || unread) != tt.usage {
			t.Errorf("%s: got %T, want an error of usage: %v", name, err, tt.usage)
		}
	}
}

// TestSharedLayer has one step for a layer of which two locks say the same.
func TestSharedLayer(t *testing.T) {
	t.Parallel()
	r := lockedRun(t, layers, "app", repo(t, "base", "FreeBSD-runtime-15.0p1", "a-1", "b-1", "c-1", "lender-1"))
	low := *r.l
	low.Layers, low.Packages, low.Image = r.l.Layers[:1], r.l.Packages[:1], "low"
	r.in.Locks = append(r.in.Locks, &low)
	family, err := r.resolve(t)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"low: a-1 wanted", "app: b-1 c-1 | lender-1 wanted"}, steps(family)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if family.Steps[0].Lock != &low || family.Steps[1].Lock != r.l || len(family.Steps[1].AllDoubts()) > 0 {
		t.Errorf("got %+v", family.Steps)
	}
}

// TestTwoRepositories resolves a lock again in the order of the user's
// configuration, and says of which repository a package is not.
func TestTwoRepositories(t *testing.T) {
	t.Parallel()
	first, second := repo(t, "first", "FreeBSD-runtime-15.0p1", "a-1"), repo(t, "second", "b-1")
	r := lockedRun(t, "image x { packages = [ a, b ] }", "x", first, second)
	family, err := r.resolve(t)
	if err != nil || len(family.Steps[0].AllDoubts()) > 0 {
		t.Fatalf("got %v, %q", err, family.Steps[0].AllDoubts())
	}
	fill(second, "b-1", "a-2")
	if family, err = r.resolve(t); err != nil {
		t.Fatal(err)
	}
	want := []string{`package a differs from what the definition of image x resolves to: found 1 of repository "first" in layer x, requested by x, wanted 2 of repository "second" in layer x, requested by x`}
	if diff := cmp.Diff(want, family.Steps[0].AllDoubts()); diff != "" {
		t.Errorf("doubts (-want +got):\n%s", diff)
	}
}

// TestOfferedFirst doubts a package of which another repository offers the same first.
func TestOfferedFirst(t *testing.T) {
	t.Parallel()
	first, second := repo(t, "first", "FreeBSD-runtime-15.0p1", "a-1"), repo(t, "second", "b-1")
	r := lockedRun(t, "image x { packages = [ a, b ] }", "x", first, second)
	fill(first, "FreeBSD-runtime-15.0p1", "a-1", "b-1")
	family, err := r.resolve(t)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`package b differs from what the definition of image x resolves to: found 1 of repository "second" in layer x, requested by x, wanted 1 of repository "first" in layer x, requested by x`,
		"package b-1 of image x is not the one that the catalogue offers first",
	}
	if diff := cmp.Diff(want, family.Steps[0].AllDoubts()); diff != "" {
		t.Errorf("doubts (-want +got):\n%s", diff)
	}
	for _, p := range family.Packages() {
		if family.Trusted[p] != (p.Name == "a") {
			t.Errorf("%s: got trusted %v", p.FullName(), family.Trusted[p])
		}
	}
}

// TestUnasked notes which packages might have lent a file and were not asked: they
// are to be had, and the image neither installs nor borrows from them.
func TestUnasked(t *testing.T) {
	t.Parallel()
	text := `image x { packages = [ a ]; file "/f" { from = [ a, gone, lender, late ] } }`
	base := repo(t, "base", "FreeBSD-runtime-15.0p1", "a-1", "lender-1")
	r := lockedRun(t, text, "x", base)
	fill(base, "FreeBSD-runtime-15.0p1", "a-1", "lender-1", "late-1")
	family, err := r.resolve(t)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]bool{"a": false, "gone": false, "lender": false, "late": true}, family.Steps[0].Unasked); diff != "" {
		t.Errorf("unasked (-want +got):\n%s", diff)
	}
}

// TestUnvouchedError is one of bytes that could not be obtained from anybody trusted.
func TestUnvouchedError(t *testing.T) {
	t.Parallel()
	err := &resolve.UnvouchedError{What: "x"}
	if err.Error() != "unvouched: x" || !err.Absent() {
		t.Errorf("got %v", err)
	}
}

// TestMoved lists what packages have moved since locks were made, in the
// repositories as they are today.
func TestMoved(t *testing.T) {
	t.Parallel()
	text := `image low { packages = [ a ] }
image app { parent = low; packages = [ b ]; file "/f" { from = [ lender ]; source = own/f; optional = yes } }`
	made, err := resolve.Resolve(t.Context(), &resolve.Request{Images: []string{"app"}, ImageFiles: definitions(t, text)}, &input.Repositories{}, offer("a-1", "b-2 c", "c-1", "lender-1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	l := lockOf(t, made, "app")
	src := t.TempDir()
	write(t, src, map[string]string{"sys/conf/newvers.sh": newvers, "own/f": "x"})
	donated := *l
	donated.Layers = slices.Clone(l.Layers)
	donated.Layers[1].Files = []lock.File{{Path: "/f", From: "srcdir"}}
	donated.Packages = l.Packages[:3]
	for name, tt := range map[string]struct {
		lock *lock.Lock
		tree string
		now  []string
		want []string // "LAYER PACKAGE CHANGE OLD NEW"
		err  string
	}{
		"nothing":   {l, "", []string{"a-1", "b-2 c", "c-1", "lender-1"}, nil, ""},
		"some":      {l, "", []string{"a-2", "b-1 d", "d-1", "lender-2"}, []string{"low a up 1 2", "app b down 2 1", "app c removed 1 ", "app d added  1", "app lender up 1 2"}, ""},
		"no donor":  {l, "", []string{"a-1", "b-2 c", "c-1"}, []string{"app lender removed 1 "}, ""},
		"a tree's":  {&donated, "", []string{"a-1", "b-2 c", "c-1", "lender-1"}, nil, ""}, // nobody knows what the tree has
		"the tree":  {&donated, src, []string{"a-1", "b-2 c", "c-1", "lender-1"}, nil, ""},
		"unmet":     {l, "", []string{"a-1", "lender-1"}, nil, "image app: "},
		"a strange": {l, t.TempDir(), []string{"a-1", "b-2 c", "c-1", "lender-1"}, nil, "--srcdir: "},
	} {
		moved, err := resolve.Moved(t.Context(), &resolve.Request{}, input.Tree{SrcDir: tt.tree}, offer(tt.now...), []*lock.Lock{tt.lock}, nil)
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.err)) {
			t.Errorf("%s: got %v, want %q", name, err, tt.err)
			continue
		}
		var got []string
		for _, m := range moved[0] {
			got = append(got, strings.Join([]string{m.Layer, m.Package, m.Change, m.Old, m.New}, " "))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	other := *l
	other.ABI, other.Image = "FreeBSD:15:aarch64", "app"
	bad := *l
	bad.Layers = slices.Clone(l.Layers)
	bad.Layers[0].Definition = json.RawMessage(`{}`)
	moved, err := resolve.Moved(t.Context(), &resolve.Request{}, input.Tree{}, offer("a-2", "b-2 c", "c-1", "lender-1"), []*lock.Lock{l, &other, &bad}, nil)
	if err == nil || len(moved) != 3 || len(moved[0]) != 1 || moved[1] != nil || !strings.HasPrefix(err.Error(), "the locks of app and app are of FreeBSD:15:amd64 and FreeBSD:15:aarch64, wanted one ABI\nlock of app: layer low: ") {
		t.Errorf("got %v, %v, want the first and the faults of two", moved, err)
	}
	if _, err := resolve.Moved(t.Context(), &resolve.Request{}, input.Tree{}, nil, []*lock.Lock{l}, nil); err == nil {
		t.Error("no catalogues: got no error")
	}
}
