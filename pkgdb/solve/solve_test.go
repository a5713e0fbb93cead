// SPDX-License-Identifier: BSD-2-Clause

package solve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/sum"
)

// parse reads a catalogue in a line-based form:
//
//	NAME-VERSION [ABI=…] [deps=a,b] [needs=lib] [has=lib] [requires=x] [provides=x] [conflicts=p] [formula=…] [repo=…]
func parse(t *testing.T, text string) []*catalog.Catalogue {
	t.Helper()
	packages := map[*catalog.Repo][]*catalog.Package{}
	var repos []*catalog.Repo
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		i := strings.LastIndexByte(words[0], '-')
		m := pkgfile.Summary{Name: words[0][:i], Version: words[0][i+1:], ABI: "FreeBSD:15:amd64"}
		repo, prio := "base", int64(0)
		for _, w := range words[1:] {
			key, value, _ := strings.Cut(w, "=")
			values := strings.Split(value, ",")
			switch key {
			case "ABI":
				m.ABI = value
			case "deps":
				m.Deps = values
			case "needs":
				m.ShlibsRequired = values
			case "has":
				m.ShlibsProvided = values
			case "requires":
				m.Requires = values
			case "provides":
				m.Provides = values
			case "conflicts":
				m.Conflicts = values
			case "origin":
				m.Origin = value
			case "repo":
				repo = value
			case "priority":
				fmt.Sscan(value, &prio)
			default:
				t.Fatalf("key %q", key)
			}
		}
		at := slices.IndexFunc(repos, func(r *catalog.Repo) bool { return r.Name == repo })
		if at < 0 {
			at = len(repos)
			repos = append(repos, &catalog.Repo{Name: repo, Priority: prio})
		}
		m.Sum, m.Path = sum.Of(sum.SHA256, []byte(repo+words[0])), words[0]+".pkg"
		packages[repos[at]] = append(packages[repos[at]], &catalog.Package{Summary: m, Repo: repos[at]})
	}
	var list []*catalog.Catalogue
	for _, r := range repos {
		list = append(list, catalogue(t, r, packages[r]))
	}
	return list
}

// catalogue is one of packages.
func catalogue(t *testing.T, repo *catalog.Repo, packages []*catalog.Package) *catalog.Catalogue {
	t.Helper()
	c, err := catalog.New(t.Context(), repo, "d-"+repo.Name, packages)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func solve(t *testing.T, text string, steps ...Step) (*Plan, error) {
	t.Helper()
	u, err := NewUniverse(t.Context(), parse(t, text), "")
	if err != nil {
		return nil, err
	}
	return u.Solve(t.Context(), nil, steps)
}

// show writes a plan as "step: name(kind by what)…", a * for requested ones.
func show(p *Plan) []string {
	var lines []string
	for i, s := range p.Steps {
		line := s.Name + ":"
		for _, pkg := range s.Packages {
			line += " " + pkg.FullName()
			if !p.Automatic(pkg, i) {
				line += "*"
			}
		}
		for _, m := range s.Missing {
			line += fmt.Sprintf(" missing %s by %s", m.What, strings.Join(m.By, ","))
		}
		for _, d := range s.Donors {
			line += " donor " + d.FullName()
		}
		lines = append(lines, line)
	}
	return lines
}

const world = `
base-1.0 deps=lib,tool
lib-1.0 has=libl.so.1
lib-2.0 has=libl.so.2
lib-1.9 has=libl.so.1
tool-1.0 needs=libl.so.2,libz.so.6
z-1.0 has=libz.so.6 needs=libc.so.7
alone-1.0
zeta-1.0 deps=alone
wild-1.0 ABI=FreeBSD:15:*
other-1.0 ABI=FreeBSD:15:*
virt-1.0 requires=v
provider-1.0 provides=v
two-1.0 needs=both.so
old-1.0 needs=libl.so.1
oldtoo-1.0 deps=lib needs=libl.so.1
lacking-1.0 needs=libz.so.6
wine-1.0 needs=libw.so.1:32
lib32-1.0 has=libc.so.7:32
more32-1.0 has=libw.so.1:32
FreeBSD-runtime-15.0
a1-1.0 has=both.so
a2-1.0 has=both.so
`

func TestSolve(t *testing.T) {
	t.Parallel()
	one := func(want ...string) []Step { return []Step{{Name: "s", Want: want}} }
	tests := []struct {
		name  string
		steps []Step
		want  []string
	}{
		{"dependencies first, then names; newest version; library provider", one("base"),
			[]string{"s: lib-2.0 tool-1.0 base-1.0* z-1.0 missing libc.so.7 by z"}},
		{"a version", one("lib-1.9"), []string{"s: lib-1.9*"}},
		{"a pattern", one("a*"), []string{"s: a1-1.0* a2-1.0* alone-1.0*"}},
		{"a pattern over versions", one("lib-1.*"), []string{"s: lib-1.9*"}},
		{"alternatives", one("nothing | alone | base"), []string{"s: alone-1.0*"}},
		{"wildcard ABI", one("wild"), []string{"s: wild-1.0*"}},
		{"provides", one("virt"), []string{"s: provider-1.0 virt-1.0*"}},
		{"a requested provider settles a requirement", one("two", "a2"), []string{"s: a2-1.0* two-1.0*"}},
		{"an earlier step's provider settles it", []Step{{Name: "1", Want: []string{"a1"}}, {Name: "2", Want: []string{"two"}}},
			[]string{"1: a1-1.0*", "2: two-1.0*"}},
		{"automatic until a later step requests it", []Step{{Name: "1", Want: []string{"zeta"}}, {Name: "2", Want: []string{"alone", "lib"}}},
			[]string{"1: alone-1.0 zeta-1.0*", "2: lib-2.0*"}},
		{"a library that only an older version has", one("old"), []string{"s: lib-1.9 old-1.0*"}},
		{"a library that only an older version of a dependency has", one("oldtoo"), []string{"s: lib-1.9 oldtoo-1.0*"}},
		{"a library for 32-bit programs, where there are none", one("wine"), []string{"s: wine-1.0*"}},
		{"one on top of others", []Step{{Name: "1", Want: []string{"lib32"}}, {Name: "2", Want: []string{"wine"}}},
			[]string{"1: lib32-1.0*", "2: more32-1.0 wine-1.0*"}},
		{"one on top of FreeBSD's base", []Step{{Name: "1", Want: []string{"FreeBSD-runtime"}}, {Name: "2", Want: []string{"wine"}}},
			[]string{"1: FreeBSD-runtime-15.0*", "2: more32-1.0 wine-1.0*"}},
		{"a lower step keeps its version", []Step{{Name: "1", Want: []string{"lib"}}, {Name: "2", Want: []string{"old"}}},
			[]string{"1: lib-2.0*", "2: old-1.0* missing libl.so.1 by old"}},
		{"a provider that lacks something itself", one("lacking"), []string{"s: lacking-1.0* z-1.0 missing libc.so.7 by z"}},
		{"donors that are not installed", []Step{{Name: "1", Want: []string{"zeta"}, Donors: []string{"wild", "alone", "absent"}}},
			[]string{"1: alone-1.0 zeta-1.0* donor wild-1.0"}},
	}
	for _, tt := range tests {
		p, err := solve(t, world, tt.steps...)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if d := cmp.Diff(tt.want, show(p)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

func TestSolveErrors(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, world, want, message string }{
		{"no such package", "a-1", "b", "cannot resolve s: b is in no repository"},
		{"only for another ABI", "a-1\nb-1 ABI=FreeBSD:14:amd64", "b", "b is only available for FreeBSD:14:amd64, wanted FreeBSD:15:amd64"},
		{"dependency of a dependency", "a-1 deps=b\nb-1 deps=c", "a", "cannot resolve s, a, b: b-1 depends on c: c is in no repository"},
		{"several providers", "a-1 needs=l.so\nb-1 has=l.so\nc-1 has=l.so", "a", "cannot resolve s, a: a-1 needs l.so (shlib), which several packages provide: b, c; request one of them"},
		{"conflict", "a-1 conflicts=b*\nb-1", "a b", "cannot resolve a-1: it conflicts with b-1 (a-1 is requested by s; b-1 is requested by s)"},
		{"two versions", "a-1\na-2", "a a-1", "cannot resolve s, a-1: a-2 is already planned (a-2 is requested by s)"},
		{"a circle", "a-1 deps=b\nb-1 deps=a", "a", "cannot resolve a, b: these packages depend on each other in a circle"},
		{"an origin", "a-1 origin=misc/a", "misc/a", "cannot resolve s: misc/a is an origin, wanted a name: the package is a"},
		{"no version provides all that is needed", "a-1 deps=l needs=x.so\nb-1 deps=l needs=y.so\nl-1 has=x.so\nl-2 has=y.so", "a b",
			"cannot resolve s, b: b-1 needs y.so (shlib), which l-2 provides, and l-1 does not (l-1 is a dependency of a)"},
		{"no version provides all", "a-1 needs=x.so\nt-1 has=x.so requires=v\nt-2 provides=v", "a",
			"cannot resolve s, a: a-1 needs x.so (shlib), which t-1 provides, and t-2 does not, which something else needs"},
		{"a request keeps its version", "a-1 needs=x.so\nl-1 has=x.so\nl-2", "a l",
			`cannot resolve s, a: a-1 needs x.so (shlib), which l-1 provides, and l-2 does not (l-2 is requested by s)`},
		{"a version that was asked for provides nothing", "a-1 needs=x.so\nl-1 has=x.so\nl-2", "a l-2",
			`cannot resolve s, a: a-1 needs x.so (shlib), which l-1 provides, and l-2 does not (l-2 is requested by s as "l-2")`},
		{"same version, other bytes", "a-1 repo=x\na-1 repo=y", "a", `cannot resolve a: a-1 is in the repositories "x" and "y" with different bytes and equal priority`},
	}
	for _, tt := range tests {
		u, err := NewUniverse(t.Context(), parse(t, tt.world), "FreeBSD:15:amd64")
		if err == nil {
			_, err = u.Solve(t.Context(), nil, []Step{{Name: "s", Want: strings.Fields(tt.want)}})
		}
		var unresolved *UnresolvedError
		if !errors.As(err, &unresolved) || !strings.Contains(err.Error(), tt.message) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.message)
		}
	}
}

// TestLargePlan orders as many packages as ports have, each of which needs the
// one before it, and looks for their conflicts. A step a package is enough.
func TestLargePlan(t *testing.T) {
	t.Parallel()
	const n = 40_000
	repo := &catalog.Repo{Name: "r"}
	var all []*catalog.Package
	for i := range n {
		p := pkgfile.Summary{Name: fmt.Sprintf("p%05d", n-i), Version: "1", ABI: "FreeBSD:15:amd64", Conflicts: []string{"absent"}}
		if i > 0 {
			p.Deps = []string{fmt.Sprintf("p%05d", n-i+1)}
		}
		all = append(all, &catalog.Package{Summary: p, Repo: repo})
	}
	u, err := NewUniverse(t.Context(), []*catalog.Catalogue{catalogue(t, repo, all)}, "")
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	p, err := u.Solve(t.Context(), nil, []Step{{Name: "s", Want: []string{"*"}}})
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range p.Steps[0].Packages {
		if want := fmt.Sprintf("p%05d", n-i); got.Name != want {
			t.Fatalf("package %d is %s, wanted %s", i, got.Name, want)
		}
	}
	if took := time.Since(begin); took > 10*time.Second { // of a loaded machine
		t.Errorf("took %v", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := u.Solve(ctx, nil, []Step{{Name: "s", Want: []string{"*"}}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, wanted that it ends with the context", err)
	}
}

func TestSolveReportsAll(t *testing.T) {
	t.Parallel()
	_, err := solve(t, "a-1 deps=x\nb-1 deps=y", Step{Name: "s", Want: []string{"a", "b", "c"}})
	for _, want := range []string{"depends on x", "depends on y", "c is in no repository"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want also %q", err, want)
		}
	}
}

// TestMisspelt is answered with what was meant, if that can be told.
func TestMisspelt(t *testing.T) {
	t.Parallel()
	const world = "FreeBSD-runtime-15.0p3\nFreeBSD-ssh-15.0\nnginx-1.28\nnginx-lite-1.28\nelse-1 ABI=FreeBSD:14:amd64"
	for want, message := range map[string]string{
		"FreeBSD-rumtime":      "FreeBSD-rumtime is in no repository; did you mean FreeBSD-runtime?",
		"freebsd-ssh":          "freebsd-ssh is in no repository; did you mean FreeBSD-ssh?",
		"ssh":                  "ssh is in no repository; did you mean FreeBSD-ssh?",
		"FreeBSD-runtime-15.1": "FreeBSD-runtime-15.1 is in no repository; did you mean FreeBSD-runtime-15.0p3?",
		"ngnix":                "ngnix is in no repository; did you mean nginx?",
		"apache":               "apache is in no repository",
		"ngnix*":               "ngnix* is in no repository",
		"ngnix|apache":         "ngnix|apache is in no repository",
		"else":                 "else is only available for FreeBSD:14:amd64, wanted FreeBSD:15:amd64",
	} {
		u, err := NewUniverse(t.Context(), parse(t, world), "FreeBSD:15:amd64")
		if err != nil {
			t.Fatal(err)
		}
		if _, err = u.Solve(t.Context(), nil, []Step{{Name: "s", Want: []string{want}}}); err == nil || err.Error() != "cannot resolve s: "+message {
			t.Errorf("%s: got %v, want %q", want, err, message)
		}
	}
}

// TestManyMisspelt asks a catalogue of all ports for hundreds of names that it
// does not have: only the first are looked for.
func TestManyMisspelt(t *testing.T) {
	t.Parallel()
	repo := &catalog.Repo{Name: "r"}
	var all []*catalog.Package
	for i := range 36_000 {
		p := pkgfile.Summary{Name: fmt.Sprintf("package-%05d", i), Version: "1", ABI: "FreeBSD:15:amd64"}
		all = append(all, &catalog.Package{Summary: p, Repo: repo})
	}
	u, err := NewUniverse(t.Context(), []*catalog.Catalogue{catalogue(t, repo, all)}, "")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 300 {
		want = append(want, fmt.Sprintf("pakcage-%05d", i))
	}
	_, err = u.Solve(t.Context(), nil, []Step{{Name: "s", Want: want}})
	if got := strings.Count(fmt.Sprint(err), "did you mean package-000"); got != maxGuesses {
		t.Errorf("got %d guesses, want %d", got, maxGuesses)
	}
	if got := strings.Count(fmt.Sprint(err), "is in no repository"); got != 300 {
		t.Errorf("got %d of 300 faults", got)
	}
}

func TestPriority(t *testing.T) {
	t.Parallel()
	p, err := solve(t, "a-2 repo=x\na-1 repo=y priority=5", Step{Name: "s", Want: []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Lookup("a").Version; got != "1" {
		t.Errorf("got version %s, want that of the repository with the higher priority", got)
	}
	p, err = solve(t, "b-1 deps=a repo=y priority=5\na-2 repo=x\na-1 repo=y", Step{Name: "s", Want: []string{"b"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Lookup("a").Version; got != "2" {
		t.Errorf("got version %s of a dependency, want the highest of all repositories", got)
	}
	if _, err := solve(t, "a-1 repo=x\na-1 repo=y\nb-1", Step{Name: "s", Want: []string{"b"}}); err != nil {
		t.Errorf("two packages that nobody asks for: %v", err)
	}
}

// TestPriorityAsPkg plans what pkg 2.8.99 installs from two repositories, given in
// either order: the priority decides for a request and for what provides something,
// the version for a dependency. Of equal priorities the version decides for all; pkg
// lets the order decide for providers, and for requests of equal priorities above 0.
func TestPriorityAsPkg(t *testing.T) {
	t.Parallel()
	const packages = "a-2 repo=x\na-1 repo=y\nb-1 deps=a repo=y\nc-1 deps=a repo=x\nd-1 deps=same repo=x\n" +
		"p-2 provides=thing has=libp.so repo=x\np-1 provides=thing has=libp.so repo=y\nq-1 requires=thing repo=x\nr-1 needs=libp.so repo=x\n"
	for _, tt := range []struct {
		x, y       int
		want, plan string
	}{
		{0, 0, "a", "a-2@x"}, {0, 5, "a", "a-1@y"}, {5, 0, "a", "a-2@x"},
		{0, 0, "b", "a-2@x b-1@y"}, {0, 5, "b", "a-2@x b-1@y"}, {5, 0, "b", "a-2@x b-1@y"},
		{0, 5, "c", "a-2@x c-1@x"}, {0, 5, "a b", "a-1@y b-1@y"}, {5, 5, "a b", "a-2@x b-1@y"},
		{0, 5, "q", "p-1@y q-1@x"}, {5, 0, "q", "p-2@x q-1@x"}, {0, 0, "q", "p-2@x q-1@x"},
		{0, 5, "r", "p-1@y r-1@x"}, {5, 0, "r", "p-2@x r-1@x"}, {0, 5, "p", "p-1@y"}, {0, 5, "a-2", "a-2@x"},
	} {
		lines := strings.Split(strings.TrimSpace(packages), "\n")
		for i, line := range lines {
			lines[i] = fmt.Sprintf("%s priority=%d", line, map[bool]int{true: tt.x, false: tt.y}[strings.HasSuffix(line, "repo=x")])
		}
		lines = append(lines, fmt.Sprintf("same-1 repo=x priority=%d", tt.x))
		for range 2 {
			p, err := solve(t, strings.Join(lines, "\n"), Step{Name: "s", Want: strings.Fields(tt.want)})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, one := range p.Steps[0].Packages {
				got = append(got, one.FullName()+"@"+one.Repo.Name)
			}
			slices.Sort(got)
			if d := strings.Join(got, " "); d != tt.plan {
				t.Errorf("x has priority %d, y %d: %s: got %s, want %s", tt.x, tt.y, tt.want, d, tt.plan)
			}
			slices.Reverse(lines)
		}
	}
}

// TestSameTwice takes a package that two repositories have, byte for byte, from the
// one whose name is first, in whatever order they are read.
func TestSameTwice(t *testing.T) {
	t.Parallel()
	same := sum.Of(sum.SHA256, []byte("same"))
	var list []*catalog.Catalogue
	for _, name := range []string{"y", "x", "z"} {
		repo := &catalog.Repo{Name: name}
		list = append(list, catalogue(t, repo, []*catalog.Package{{Summary: pkgfile.Summary{Name: "a", Version: "1", ABI: "FreeBSD:15:amd64", Sum: same}, Repo: repo}}))
	}
	for range 2 {
		u, err := NewUniverse(t.Context(), list, "")
		if err != nil {
			t.Fatal(err)
		}
		p, err := u.Solve(t.Context(), nil, []Step{{Name: "s", Want: []string{"a"}}})
		if err != nil || p.Lookup("a").Repo.Name != "x" {
			t.Errorf("got %v, %v, want a of x", p, err)
		}
		slices.Reverse(list)
	}
}

// TestLocalWins takes a package in a file, whatever repositories have, also as a
// dependency and for what it provides.
func TestLocalWins(t *testing.T) {
	t.Parallel()
	cats := parse(t, "a-9 repo=x priority=7 provides=thing\nb-1 deps=a repo=x\nc-1 requires=thing repo=x")
	repo := &catalog.Repo{Local: true}
	cats = append(cats, catalogue(t, repo, []*catalog.Package{{Summary: pkgfile.Summary{Name: "a", Version: "1", ABI: "FreeBSD:15:amd64"}, Repo: repo}}))
	u, err := NewUniverse(t.Context(), cats, "")
	if err != nil {
		t.Fatal(err)
	}
	for want, names := range map[string]string{"a": "a-1", "b": "a-1 b-1", "a-9": "", "c": "c-1"} {
		p, err := u.Solve(t.Context(), nil, []Step{{Name: "s", Want: []string{want}}})
		if err != nil {
			if names != "" {
				t.Errorf("%s: %v", want, err)
			}
			continue
		}
		var got []string
		for _, one := range p.Steps[0].Packages {
			got = append(got, one.FullName())
		}
		if slices.Sort(got); strings.Join(got, " ") != names {
			t.Errorf("%s: got %v, want %s", want, got, names)
		}
	}
}

func TestABI(t *testing.T) {
	t.Parallel()
	var several *ABIError
	if _, err := solve(t, "a-1\nb-1 ABI=FreeBSD:15:aarch64", Step{}); !errors.As(err, &several) || len(several.Found) != 2 {
		t.Errorf("got %v, want an ABIError with two ABIs", err)
	}
	if _, err := solve(t, "a-1 ABI=FreeBSD:15:*", Step{}); !errors.As(err, &several) || len(several.Found) != 0 {
		t.Errorf("got %v, want an ABIError with none", err)
	}
}

func TestWhy(t *testing.T) {
	t.Parallel()
	p, err := solve(t, world, Step{Name: "s", Want: []string{"base"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"z-1.0 provides libz.so.6 (shlib), which tool needs", "tool-1.0 is a dependency of base", "base-1.0 is requested by s"}
	if d := cmp.Diff(want, p.Why("z")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// The order of the catalogue and of the request must not show in the plan.
func TestSolveOrderOfInput(t *testing.T) {
	t.Parallel()
	lines := strings.Split(strings.TrimSpace(world), "\n")
	want := []string{"base", "a2", "two", "virt", "zeta"}
	first := ""
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1))
		r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		r.Shuffle(len(want), func(i, j int) { want[i], want[j] = want[j], want[i] })
		p, err := solve(t, strings.Join(lines, "\n"), Step{Name: "s", Want: slices.Clone(want)})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.MarshalIndent(p.Steps, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"z", "provider"} {
			text = append(text, strings.Join(p.Why(name), "\n")...)
		}
		if first == "" {
			first = string(text)
		}
		if d := cmp.Diff(first, string(text)); d != "" {
			t.Fatalf("seed %d (-first +this):\n%s", seed, d)
		}
	}
}
