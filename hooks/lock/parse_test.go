// SPDX-License-Identifier: BSD-2-Clause

package lock

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/pkgdb/sum"
)

// digestD is that of someLock's catalogue.
var digestD = strings.Repeat("d", 64)

// someLock is a lock of two layers.
func someLock() Lock {
	digest := string(sum.Of(sum.SHA256, []byte("x")))
	repo := &catalog.Repo{Name: "base"}
	pkg := func(name, version string, requested int) *solve.Planned {
		return &solve.Planned{Requested: requested, Package: &catalog.Package{
			Summary: pkgfile.Summary{Name: name, Version: version, Path: "All/" + name + ".pkg", Sum: sum.Sum(digest), Size: 1}, Repo: repo}}
	}
	donor := pkg("lender", "1", -1)
	donor.Why.Kind = solve.Donor
	p := &solve.Plan{ABI: "FreeBSD:15:amd64", Steps: []solve.StepPlan{
		{Name: "low", Packages: []*solve.Planned{pkg("a", "1", 0), pkg("b", "2", -1)}, Donors: []*solve.Planned{donor}, Chosen: []string{"a | x: a"}},
		{Name: "high", Packages: []*solve.Planned{pkg("c", "3", 1)}, Missing: []solve.Missing{{Kind: solve.Shlib, What: "l.so", By: []string{"c"}}}},
	}}
	l, err := New(context.Background(), p, []*catalog.Catalogue{{Repo: repo, Digest: digestD}})
	if err != nil {
		panic(err) // nothing ends the context
	}
	l.Image = "high"
	for i := range l.Layers {
		l.Layers[i].Definition = []byte(`{}`)
	}
	return l
}

// TestLockRoundTrip makes the plan of a lock, and the lock of that plan.
func TestLockRoundTrip(t *testing.T) {
	t.Parallel()
	l := someLock()
	text, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := Parse("l", text)
	if err != nil {
		t.Fatal(err)
	}
	repo := &catalog.Repo{Name: "base"}
	give := func(p Package) *catalog.Package {
		return &catalog.Package{Summary: pkgfile.Summary{Name: p.Name, Version: p.Version, Path: p.Path, Sum: sum.Sum(p.Sum), Size: p.Size}, Repo: repo}
	}
	plan := parsed.Plan(2, nil, give)
	again, err := New(t.Context(), plan, []*catalog.Catalogue{{Repo: repo, Digest: digestD}})
	if err != nil {
		t.Fatal(err)
	}
	again.Image = "high"
	for i := range again.Layers {
		again.Layers[i].Definition = []byte(`{}`)
	}
	if got, err := again.Encode(); err != nil || !bytes.Equal(got, text) {
		t.Errorf("got %s\nwant %s (%v)", got, text, err)
	}
	if plan.Lookup("b") == nil || plan.Lookup("lender") != nil || !plan.Automatic(plan.Lookup("b"), 1) || plan.Automatic(plan.Lookup("a"), 1) {
		t.Errorf("got %+v", plan)
	}
	if low := parsed.Plan(1, nil, give); len(low.Steps) != 1 || low.Lookup("c") != nil {
		t.Errorf("the lower layer alone: got %+v", low)
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(l *Lock){
		`its format is 9, wanted 1 to 2; orlop 0.9 can read it`: func(l *Lock) { l.Format, l.Orlop = 9, "0.9" },
		`its last layer is not "low", the image's own`:          func(l *Lock) { l.Image = "low" },
		`layer "low" occurs twice`:                              func(l *Lock) { l.Layers[1].Image, l.Image = "low", "low" },
		`layer "" occurs twice, or has no name`:                 func(l *Lock) { l.Layers[0].Image = "" },
		`repository "base" occurs twice`:                        func(l *Lock) { l.Repositories = append(l.Repositories, l.Repositories[0]) },
		`package a-1: layer "x" is not in the lock`:             func(l *Lock) { l.Packages[0].Layer = "x" },
		`package a-1: layer "" is not in the lock`:              func(l *Lock) { l.Packages[0].Layer = "" },
		`package a-1: layer "x", which requests it`:             func(l *Lock) { l.Packages[0].Requested = "x" },
		`package a-1: repository "x" is not in the lock`:        func(l *Lock) { l.Packages[0].Repository = "x" },
		`package a-1: has no sum: an image built from`:          func(l *Lock) { l.Packages[0].Sum = "" },
		`package a-1: sum "1$zz"`:                               func(l *Lock) { l.Packages[0].Sum = "1$zz" },
		`package a-1: size 1, path "../x": wanted`:              func(l *Lock) { l.Packages[0].Path = "../x" },
		`package a-1: size -1, path "All/a.pkg": wanted`:        func(l *Lock) { l.Packages[0].Size = -1 },
		`repository "base": catalogue "d" is not a sha256`:      func(l *Lock) { l.Repositories[0].Catalogue = "d" },
		`repository "base": catalogue "e" is not a sha256`:      func(l *Lock) { l.Repositories[0].Earlier = []Earlier{{Catalogue: "e"}} },
		`" occurs twice`: func(l *Lock) { l.Repositories[0].Earlier = []Earlier{{Catalogue: l.Repositories[0].Catalogue}} },
		`has 65 earlier catalogues, wanted at most 64`:     func(l *Lock) { l.Repositories[0].Earlier = make([]Earlier, 65) },
		`repository "base": URL "file:///etc": wanted one`: func(l *Lock) { l.Repositories[0].URL = "file:///etc" },
		`layer "low": epoch -1 is not in the years`:        func(l *Lock) { l.Layers[0].Epoch = -1 },
		`has 128 layers, wanted at most 127`:               func(l *Lock) { l.Layers = append(make([]Layer, 126), l.Layers...) },
		`has 17 repositories, wanted at most 16`:           func(l *Lock) { l.Repositories = append(make([]Repository, 16), l.Repositories...) },
		`has 20003 packages, wanted at most 20000`:         func(l *Lock) { l.Packages = append(make([]Package, 19_999), l.Packages...) },
		`has more faults`: func(l *Lock) { l.Packages = append(make([]Package, 1000), l.Packages...) },
		`layer "low": its part 1 has package x, which the step does not install`: func(l *Lock) { l.Layers[0].Parts = []Part{{Packages: []string{"x"}}} },
		`layer "low": its part 2 has package a, which the step does not install`: func(l *Lock) { l.Layers[0].Parts = []Part{{Packages: []string{"a"}}, {Packages: []string{"a"}}} },
		`layer "low": its part 1 has the epoch 253402300799 and 0 packages`:      func(l *Lock) { l.Layers[0].Parts = []Part{{Epoch: MaxEpoch}} },
		`layers with those of packages, wanted at most 127`:                      func(l *Lock) { l.Layers[0].Parts = make([]Part, 127) },
		`package a occurs twice`: func(l *Lock) { l.Packages[1] = l.Packages[0] },
	} {
		l := someLock()
		change(&l)
		text, err := l.Encode()
		if err != nil {
			t.Fatal(err)
		}
		var bad *Error
		if _, err := Parse("l", text); !errors.As(err, &bad) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	text, _ := someLock().Encode()
	for change, want := range map[[2]string]string{
		{`"image": `, `"image": "x", "image": `}:         `has "image" twice`,
		{`"packages": `, `"Packages": `}:                 `has "Packages", wanted "packages"`,
		{`"packages": `, `"Packages": [], "packages": `}: `has "Packages", wanted "packages"`,
	} {
		changed := strings.Replace(string(text), change[0], change[1], 1)
		var bad *Error
		if _, err := Parse("l", []byte(changed)); !errors.As(err, &bad) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for name, text := range map[string]string{"empty": "", "cut": string(text[:len(text)/2]), "twice": string(text) + string(text), "a list": "[]"} {
		if _, err := Parse("l", []byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestCheckRollback(t *testing.T) {
	t.Parallel()
	l := someLock()
	for _, tt := range []struct{ now, want string }{
		{"a-1 b-2 c-3", ""}, {"a-1 b-3 c-3", ""}, {"a-1", ""}, {"", ""}, {"a-2 b-1 c-3", ""}, // packages of a new release may go back
		{"a-1 b-1 c-3", `repository "base": rollback: its newest b is 1, the lock has 2`}, {"a-0 a-1 b-1 b-2 c-2", "its newest c is 2"},
	} {
		var list []*catalog.Package
		for _, p := range strings.Fields(tt.now) {
			name, version, _ := strings.Cut(p, "-")
			list = append(list, &catalog.Package{Summary: pkgfile.Summary{Name: name, Version: version}})
		}
		c, err := catalog.New(t.Context(), &catalog.Repo{Name: "base"}, "other", list)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.CheckRollback(c); tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want %q", tt.now, err, tt.want)
		}
		c.Digest = digestD
		if err := l.CheckRollback(c); err != nil {
			t.Errorf("the same catalogue: got %v", err)
		}
	}
}

// FuzzParse wants locks that are taken to be taken again as they are written.
func FuzzParse(f *testing.F) {
	text, _ := someLock().Encode()
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := Parse("l", text)
		if err != nil {
			if _, wrong := errors.AsType[*Error](err); !wrong {
				t.Errorf("got %v, want a Error", err)
			}
			return
		}
		encoded, err := l.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse("l", encoded)
		if err != nil {
			t.Fatalf("%s gives %s: %v", text, encoded, err)
		}
		if twice, err := again.Encode(); err != nil || !bytes.Equal(encoded, twice) {
			t.Errorf("%s gives %s, and then %s, %v", text, encoded, twice, err)
		}
		l.Plan(len(l.Layers), nil, func(p Package) *catalog.Package {
			return &catalog.Package{Summary: pkgfile.Summary{Name: p.Name, Version: p.Version}, Repo: &catalog.Repo{Name: p.Repository}}
		})
	})
}
