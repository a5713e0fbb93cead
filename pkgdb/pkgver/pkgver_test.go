// SPDX-License-Identifier: BSD-2-Clause

package pkgver

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each relation was printed by `pkg version -t` of pkg 2.8.99.
func TestCompare(t *testing.T) {
	t.Parallel()
	for _, chain := range []string{
		"15.0 < 15.0p1 < 15.0p2", "15.0p9 < 15.0p10", "15.0 < 15.1",
		"15.0.a1.20250901 < 15.0.b1.20250901 < 15.0.rc1.20250901 < 15.0",
		"15.snap20250901000000 < 15.snap20250902000000 < 15.0", "15.snap20250901000000 < 16.snap20250901000000",
		"15.0_1 < 15.0p1", "15.1 < 15.0,1", "15.0.p1 < 15.0p1",
		"1.pl1 < 1.alpha1 < 1.beta1 < 1.pre1 < 1.rc1 < 1", "1.pl1 < 1.snap1", "1.alpha1 < 1.snap1",
		"10 < 10a < 10b", "1.0rc1 < 1.0", "1.* < 1.a < 1.0",
		"15 = 15.0", "1.0 = 1.0.0", "1.0+ = 1.0", "1.0A = 1.0a", "pkg-a-1.0 = 1.0", "1..0 = 1.0", "1.0. = 1.0",
	} {
		words := strings.Fields(chain)
		for i := 2; i < len(words); i += 2 {
			a, b := words[i-2], words[i]
			want := map[string]int{"<": -1, "=": 0}[words[i-1]]
			if got := Compare(a, b); got != want {
				t.Errorf("Compare(%q, %q) = %d, want %d", a, b, got, want)
			}
			if got := Compare(b, a); got != -want {
				t.Errorf("Compare(%q, %q) = %d, want %d", b, a, got, -want)
			}
		}
	}
}

func TestSplitName(t *testing.T) {
	t.Parallel()
	name, version, ok := SplitName("FreeBSD-clibs-dev-15.0p3")
	if name != "FreeBSD-clibs-dev" || version != "15.0p3" || !ok {
		t.Errorf("got %q, %q, %t", name, version, ok)
	}
	if _, _, ok := SplitName("plain"); ok {
		t.Error("a name without a version was split")
	}
}

func TestParseFormula(t *testing.T) {
	t.Parallel()
	got, err := ParseFormula("perl5 >= 5.20 <5.40, a | b>1 +X11 -NLS, c==2")
	if err != nil {
		t.Fatal(err)
	}
	want := Formula{
		{{Name: "perl5", Ranges: []Range{{">=", "5.20"}, {"<", "5.40"}}}},
		{{Name: "a"}, {Name: "b", Ranges: []Range{{">", "1"}}, Options: []Option{{"X11", true}, {"NLS", false}}}},
		{{Name: "c", Ranges: []Range{{"=", "2"}}}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	perl := got[0][0]
	for version, want := range map[string]bool{"5.20": true, "5.36": true, "5.40": false, "5.19.9": false} {
		if perl.Matches("perl5", version) != want {
			t.Errorf("perl5 %s: got %t, want %t", version, !want, want)
		}
	}
	if perl.Matches("python", "5.36") {
		t.Error("another name matches")
	}
	for _, bad := range []string{"", "a,", "a |", "> 1", "a >", "a => 1", "a b", "a > < 1", "a 1 +"} {
		if f, err := ParseFormula(bad); err == nil {
			t.Errorf("%q: got %v, want an error", bad, f)
		}
	}
}

func FuzzCompare(f *testing.F) {
	f.Add("15.0p1", "15.0_1,2", "15.0.rc1+a")
	f.Add("1.*", "1.pl", "99999999999999999999")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		ab, bc, ac := Compare(a, b), Compare(b, c), Compare(a, c)
		if Compare(a, a) != 0 || Compare(b, a) != -ab {
			t.Errorf("%q, %q: not antisymmetric", a, b)
		}
		if ab <= 0 && bc <= 0 && ac > 0 {
			t.Errorf("%q <= %q <= %q, but the first is newer than the last", a, b, c)
		}
	})
}

func FuzzParseFormula(f *testing.F) {
	f.Add("perl5 >= 5.20 <5.40, a | b>1 +X11")
	f.Fuzz(func(t *testing.T, s string) {
		parsed, err := ParseFormula(s)
		for _, term := range parsed {
			for _, a := range term {
				if err == nil && a.Name == "" {
					t.Errorf("%q: an alternative without a name", s)
				}
			}
		}
	})
}
