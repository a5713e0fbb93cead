// SPDX-License-Identifier: BSD-2-Clause

package pkgver

import (
	"strings"
	"testing"
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
