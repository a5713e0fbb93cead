// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadExceptionsOfPackages(t *testing.T) {
	t.Parallel()
	got, err := ReadExceptions("x.ucl", []byte(`known-missing { a = "one"; b { reason = "two"; package = "p | q" } }
		known-dangling { "/c/**" { reason = "three" } }`))
	want := Exceptions{Missing: []Exception{{"a", "one", ""}, {"b", "two", "p | q"}}, Dangling: []Exception{{"/c/**", "three", ""}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for name, holds := range map[string][2]bool{"p": {true, true}, "q": {true, true}, "r": {true, false}, "p | q": {true, false}, "": {true, false}} {
		if is := [2]bool{got.Missing[0].Of(name), got.Missing[1].Of(name)}; is != holds {
			t.Errorf("package %q: got %v, want %v", name, is, holds)
		}
	}
	for text, want := range map[string]string{
		`known-missing { b { package = p } }`:                               "found no reason, wanted one",
		`known-missing { b { reason = r; packages = p } }`:                  `key "packages" is not known, wanted one of package, reason`,
		`known-missing { b [ r ] }`:                                         "found a list, wanted a string",
		`known-dangling { "/[" { reason = r; package = "FreeBSD-clibs" } }`: "syntax error in pattern",
	} {
		if _, err := ReadExceptions("x.ucl", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// TestPackageExceptions wants each to be one of FreeBSD's, and those of packages
// that all releases have to be there.
func TestPackageExceptions(t *testing.T) {
	t.Parallel()
	for _, revision := range []string{"14.3", "15.0", "15"} {
		all, err := Standard(revision)
		e := all.PackageExceptions()
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for _, x := range append(e.Missing, e.Dangling...) {
			if x.Package == "" || x.Reason == "" {
				t.Errorf("%+v", x)
			}
			found[x.Pattern] = x.Package
		}
		if found["/usr/lib/libxnet.so"] != "FreeBSD-clibs" || found["/usr/lib/libncurses.so"] == "" {
			t.Errorf("%s: got %v", revision, found)
		}
	}
}
