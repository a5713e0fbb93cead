// SPDX-License-Identifier: BSD-2-Clause

package solve

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/catalog"
)

// TestPresent plans on top of packages that a parent has.
func TestPresent(t *testing.T) {
	t.Parallel()
	const parent = "lib-1.0 has=libl.so.1\nshell-3.0\n"
	for _, tt := range []struct {
		name, catalogue, want string
		plan                  []string // or the error
		marked                string
	}{
		{"dependency", "web-1.0 deps=lib\nlib-2.0", "web", []string{"s: web-1.0*"}, ""},
		{"library", "web-1.0 needs=libl.so.1\nother-1.0 has=libl.so.1", "web", []string{"s: web-1.0*"}, ""},
		{"requested again", "web-1.0\nlib-1.0", "web lib", []string{"s: web-1.0*"}, "lib"},
		{"requested newer", "web-1.0\nlib-2.0", "web lib", []string{"s: web-1.0*"}, "lib"},
		{"in no repository", "web-1.0", "web shell", []string{"s: web-1.0*"}, "shell"},
		{"pattern", "web-1.0", "web l* *-3.0", []string{"s: web-1.0*"}, "lib shell"},
		{"newer library", "web-1.0 needs=libl.so.2\nlib-2.0 has=libl.so.2", "web", []string{"cannot resolve s, web: web-1.0 needs libl.so.2 (shlib), which lib-2.0 provides, and " +
			"lib-1.0 is installed in the parent; packages of a parent stay as they are: a newer parent has newer ones"}, ""},
		{"version", "lib-2.0", "lib-2.0", []string{"cannot resolve s, lib-2.0: lib-1.0 is already planned " +
			"(lib-1.0 is installed in the parent); packages of a parent stay as they are: a newer parent has newer ones"}, ""},
		{"conflict", "web-1.0 conflicts=lib", "web", []string{"cannot resolve web-1.0: it conflicts with lib-1.0 (web-1.0 is requested by s; lib-1.0 is installed in the parent)"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			u, err := NewUniverse(t.Context(), parse(t, tt.catalogue), "")
			if err != nil {
				t.Fatal(err)
			}
			var present []*catalog.Package
			for p := range parse(t, parent)[0].All() {
				p.Repo = nil
				present = append(present, p)
			}
			plan, err := u.Solve(t.Context(), present, []Step{{Name: "s", Want: strings.Fields(tt.want)}})
			if err != nil {
				if d := cmp.Diff(tt.plan, []string{err.Error()}); d != "" {
					t.Errorf("(-want +got):\n%s", d)
				}
				return
			}
			if d := cmp.Diff(tt.plan, show(plan)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if got := strings.Join(slices.Sorted(maps.Keys(plan.Wanted())), " "); got != tt.marked {
				t.Errorf("marked as requested: got %q, want %q", got, tt.marked)
			}
		})
	}
}

// TestWithout leaves packages out that others depend on.
func TestWithout(t *testing.T) {
	t.Parallel()
	const catalogue = "web-1.0 deps=perl,lib needs=libx.so\nperl-5.0 deps=deep\ndeep-1.0\nlib-1.0\nx-1.0 has=libx.so\nother-1.0"
	for _, tt := range []struct {
		want, without string
		plan          []string
	}{
		{"web", "", []string{"s: deep-1.0 lib-1.0 perl-5.0 web-1.0* x-1.0"}},
		{"web", "perl", []string{"s: lib-1.0 web-1.0* x-1.0"}},
		{"web", "p*", []string{"s: lib-1.0 web-1.0* x-1.0"}},
		{"web", "x", []string{"s: deep-1.0 lib-1.0 perl-5.0 web-1.0* missing libx.so by web"}},
		{"web", "deep lib", []string{"s: perl-5.0 web-1.0* x-1.0"}},
		{"*", "other", []string{"s: deep-1.0* lib-1.0* perl-5.0* web-1.0* x-1.0*"}},
		{"web", "other", []string{"cannot resolve s: it is to be without other, but nothing that it installs needs that"}},
		{"web", "perl deep", []string{"cannot resolve s: it is to be without deep, but nothing that it installs needs that"}},
	} {
		plan, err := solve(t, catalogue, Step{Name: "s", Want: []string{tt.want}, Without: strings.Fields(tt.without)})
		got := []string{}
		if err != nil {
			got = append(got, err.Error())
		} else {
			got = show(plan)
		}
		if d := cmp.Diff(tt.plan, got); d != "" {
			t.Errorf("%s without %s (-want +got):\n%s", tt.want, tt.without, d)
		}
	}
}
