// SPDX-License-Identifier: BSD-2-Clause

package solve

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/catalog"
)

// TestHold plans with packages of an earlier plan, and finds those that must move.
func TestHold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, today, kept, moved string
		plan                     []string
		behind                   string
	}{
		{"all stay", "app-2.0\nlib-2.0", "app-1.0 deps=lib\nlib-1.0", "", []string{"s: lib-1.0 app-1.0*"}, ""},
		{"one moves", "app-2.0 deps=lib\nlib-2.0", "lib-1.0", "app", []string{"s: lib-1.0 app-2.0*"}, ""},
		{"with a library", "app-2.0 needs=l.2 deps=lib\nlib-2.0 has=l.2", "lib-1.0 has=l.1", "app", []string{"s: lib-1.0 app-2.0* missing l.2 by app"}, "lib"},
		{"with a library of others, too", "app-2.0 needs=l.2 deps=lib\nlib-2.0 has=l.2\nnew-1.0 has=l.2", "lib-1.0 has=l.1", "app", []string{"s: lib-1.0 app-2.0* new-1.0"}, "lib"},
		{"with a new package", "app-2.0 needs=l.2 deps=lib\nlib-2.0\nnew-1.0 has=l.2", "lib-1.0", "app", []string{"s: lib-1.0 app-2.0* new-1.0"}, ""},
		{"what stays did without", "app-2.0\nnew-1.0 has=l.2", "app-1.0 needs=l.2", "", []string{"s: app-1.0* missing l.2 by app"}, ""},
		{"what stays has it from one that stays", "new-1.0 has=l.1", "app-1.0 needs=l.1\nlib-1.0 has=l.1", "", []string{"s: app-1.0* lib-1.0"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			u, err := NewUniverse(t.Context(), parse(t, tt.today), "")
			if err != nil {
				t.Fatal(err)
			}
			e := Earlier{Moved: map[string]bool{}}
			for _, name := range strings.Fields(tt.moved) {
				e.Moved[name] = true
			}
			e.Kept = append([]*catalog.Package{}, slices.Collect(parse(t, tt.kept)[0].All())...)
			held, err := u.Hold(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			plan, err := held.Solve(t.Context(), nil, []Step{{Name: "s", Want: []string{"app"}}})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.plan, show(plan)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if got := strings.Join(u.Behind(plan, held), " "); got != tt.behind {
				t.Errorf("behind: got %q, wanted %q", got, tt.behind)
			}
		})
	}
}
