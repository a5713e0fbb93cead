// SPDX-License-Identifier: BSD-2-Clause

package pkgver

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each relation was printed by pkg_version_cmp of pkg 2.8.99.
func TestCompare(t *testing.T) {
	t.Parallel()
	for _, chain := range []string{
		// The forms of pkgbase.
		"15.0 < 15.0p1 < 15.0p2", "15.0p9 < 15.0p10", "15.0 < 15.1",
		"15.0.a1.20250901 < 15.0.b1.20250901 < 15.0.rc1.20250901 < 15.0",
		"15.snap20250901000000 < 15.snap20250902000000 < 15.0", "15.snap20250901000000 < 16.snap20250901000000",
		"15.0_1 < 15.0p1", "15.1 < 15.0,1", "15.0.p1 < 15.0p1",
		// Stages, with and without a dot, in any case.
		"1.pl1 < 1.alpha1 < 1.beta1 < 1.pre1 < 1.rc1 < 1", "1.pl1 < 1.alpha1 < 1.snap1 < 1",
		"1.0alpha = 1.0.alpha < 1.0rc1 = 1.0.RC1 < 1.0", "1.alphabet1 = 1.a1", "1.0rc1a1 < 1.0rc1.a1.1",
		// Numbers, letters and what is missing.
		"10 < 10a < 10b", "10 < 10ab = 10ac", "1.0A = 1.0a", "a < 0", ".1 < 1", "1.a < 1.a0 < 1.a1",
		"15 = 15.0", "1.0 = 1.0.0", "1..0 = 1.0", "1.0. = 1.0", "1.0:2003.09.16 = 1.0.2003.09.16", "1.é2 = 1.2",
		"2.* < 2pl1 < 2alpha3 < 2.9f7 < 3.*", "1.*.5 = 1.*.6", "1.* < 1.a < 1.0",
		// Blocks.
		"1.0+ = 1.0", "1.0 < 1.0+1 < 1.0+1.1 < 1.0+2 < 1.0.1", "1.*.5+1 < 1.*+2", "1++1 < 1+1",
		// Revision and epoch; a comma before the last underscore is neither.
		"1.0 < 1.0_1 < 1.0_2 < 1.0_10 < 1.0,1 < 1.0_1,1 < 0,2", "1,2_3 < 1,1", "1_2_3 = 1.2_3", "1.0_x = 1.0", "1.0,x = 1.0",
		// The name.
		"pkg-a-1.0 = 1.0", "z-1.0 < a-1.1", "pkg- < 1",
		// Numbers that are too large.
		"9223372036854775806 < 9223372036854775807 = 9223372036854775808",
		"1_18446744073709551614 < 1_18446744073709551615 = 1_18446744073709551616",
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
	got, err := ParseFormula("perl5 >= 5.20<5.40, a | lib++-x >1,2 +X11 -NLS,c ==2 !3 = 4")
	if err != nil {
		t.Fatal(err)
	}
	want := Formula{
		{{Name: "perl5", Ranges: []Range{{">=", "5.20"}, {"<", "5.40"}}}},
		{{Name: "a"}, {Name: "lib++-x", Ranges: []Range{{">", "1,2"}}, Options: []Option{{"X11", true}, {"NLS", false}}}},
		{{Name: "c", Ranges: []Range{{"=", "2"}, {"!=", "3"}, {"=", "4"}}}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if f, err := ParseFormula(""); f != nil || err != nil {
		t.Errorf("empty: got %v, %v, want nothing", f, err)
	}
}

func TestParseFormulaErrors(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, want string }{
		{" ", `found "", wanted the name of a package`},
		{"a,", `found "", wanted the name of a package`},
		{"a |", `found "", wanted the name of a package`},
		{", a", `found ", a", wanted the name of a package`},
		{"> 1", `found ">", wanted the name of a package and a blank`},
		{"b>1", `found "b>1", wanted the name of a package and a blank`},
		{"a|b", `found "a|b", wanted the name of a package and a blank`},
		{"é", `found "é", wanted the name of a package and a blank`},
		{"a >", `a: found "" after ">", wanted a version`},
		{"a > < 1", `a: found "< 1" after ">", wanted a version`},
		{"a => 1", `a: operator "=>" is not known`},
		{"a > 1 +", `a: found "", wanted an option`},
		{"a > 1,", `found "", wanted the name of a package`},
		{"a b", `found "b", wanted an operator, an option, "|" or ","`},
	}
	for _, tt := range tests {
		if f, err := ParseFormula(tt.text); err == nil || err.Error() != tt.want {
			t.Errorf("%q: got %v, %v, want %s", tt.text, f, err, tt.want)
		}
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	tests := []struct {
		formula, yes, no string // versions of package a
	}{
		{"a", "0 1.0 1.0,1", ""},
		{"a >= 5.20 < 5.40", "5.20 5.36 5.39.9", "5.40 5.19.9 5.30,1"},
		{"a > 1", "1.1 1_1 1,1", "1 1.0 1.rc1"},
		{"a <= 1", "1 1.0 0.9", "1.0_1 1.1"},
		{"a = 1.0", "1 1.0.0", "1.1 1.0_1"},
		{"a != 1.0", "1.1", "1 1.0"},
		{"a > 1,1", "1.1,1 0,2", "2"},
	}
	for _, tt := range tests {
		f, err := ParseFormula(tt.formula)
		if err != nil {
			t.Errorf("%s: %v", tt.formula, err)
			continue
		}
		for _, version := range strings.Fields(tt.yes) {
			if !f[0][0].Matches("a", version) {
				t.Errorf("%s: %s does not match", tt.formula, version)
			}
			if f[0][0].Matches("b", version) {
				t.Errorf("%s: another name matches", tt.formula)
			}
		}
		for _, version := range strings.Fields(tt.no) {
			if f[0][0].Matches("a", version) {
				t.Errorf("%s: %s matches", tt.formula, version)
			}
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

// A formula that was read and written out must read as the same.
func FuzzParseFormula(f *testing.F) {
	f.Add("perl5 >= 5.20 <5.40, a | b > 1,2 +X11 -n")
	f.Add("a>1")
	f.Add("a !1+x-y,b")
	f.Fuzz(func(t *testing.T, s string) {
		once, err := ParseFormula(s)
		if err != nil {
			return
		}
		text := write(once)
		again, err := ParseFormula(text)
		if err != nil {
			t.Fatalf("%q is written %q: %v", s, text, err)
		}
		if d := cmp.Diff(once, again); d != "" {
			t.Fatalf("%q is written %q (-once +again):\n%s", s, text, d)
		}
	})
}

func write(f Formula) string {
	var terms []string
	for _, term := range f {
		var alternatives []string
		for _, a := range term {
			text := a.Name
			for _, r := range a.Ranges {
				text += " " + r.Op + " " + r.Version
			}
			for _, o := range a.Options {
				text += map[bool]string{true: " +", false: " -"}[o.On] + o.Name
			}
			alternatives = append(alternatives, text)
		}
		terms = append(terms, strings.Join(alternatives, " | "))
	}
	return strings.Join(terms, ", ")
}
