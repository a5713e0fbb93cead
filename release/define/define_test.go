// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/fault"
)

// TestStandard checks that every definition is readable for each revision.
func TestStandard(t *testing.T) {
	t.Parallel()
	for _, revision := range []string{"14.3", "15.0", "16.0"} {
		all, err := Standard(revision)
		if err != nil {
			t.Fatal(err)
		}
		chain, err := all.Chain("toolchain")
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, img := range chain {
			names = append(names, img.Name)
		}
		if d := cmp.Diff(StandardNames(), names); d != "" {
			t.Errorf("%s (-want +got):\n%s", revision, d)
		}
	}
}

// TestStandardByRevision counts what the notoolchain image asks for by name:
// from 15 on a set of packages stands for most of them.
func TestStandardByRevision(t *testing.T) {
	t.Parallel()
	for revision, want := range map[string]int{"14.4": 45, "15.0": 13, "16.0": 13} {
		all, err := Standard(revision)
		if err != nil {
			t.Fatal(err)
		}
		packages := all["notoolchain"].Packages
		if len(packages) != want {
			t.Errorf("%s: %d packages, want %d", revision, len(packages), want)
		}
		if set := slices.Contains(packages, "FreeBSD-set-minimal-jail"); set != (revision != "14.4") {
			t.Errorf("%s: the set is asked for: %v", revision, set)
		}
		// PAM's modules left FreeBSD-runtime with 15.1.
		excepted := slices.ContainsFunc(all["runtime"].Exceptions.Missing, func(e Exception) bool { return e.Match("pam:pam_unix.so") && e.Reason != "" })
		if excepted != (revision != "14.4") {
			t.Errorf("%s: runtime may lack PAM's modules: %v", revision, excepted)
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	all := Images{}
	err := all.Read("my.ucl", []byte(`
image base {
    packages = p;
    mtree { from = [ m ]; "/etc/mtree/x" { source = etc/x; prefix = /usr } }
    file "/a" { from = [ q, r ]; path = /b; mode = "0400"; optional = yes }
    when ">=15" { packages = [ new ]; env = [ A=1 ] }
    when "<15" { packages = [ old ] }
    when "15.0" { labels { k = v }; skip-scripts { b = y } }
    skip-scripts { a = x }; skip-triggers { t = z }
    when "!=15" { packages = [ never ] }
}`), Target{Revision: "15.0"})
	if err != nil {
		t.Fatal(err)
	}
	want := Image{
		Name: "base", Packages: []string{"p", "new"}, Env: []string{"A=1"}, Labels: map[string]string{"k": "v"},
		Mtree:          []Mtree{{Taken{"/etc/mtree/x", []string{"m"}, "etc/x", false}, "/usr"}},
		Files:          []File{{Taken: Taken{"/b", []string{"q", "r"}, "", false}, Target: "/a", Mode: 0o400, Optional: true}},
		SkippedScripts: map[string]string{"a": "x", "b": "y"}, SkippedTriggers: map[string]string{"t": "z"},
	}
	if d := cmp.Diff(want, all["base"]); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestReadErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"images { }", `x:1: key "images" is not known, wanted image or variables; did you mean image?`},
		{"image a { pakages = [ b ] }", "pakages: x:1: key is not known"},
		{"image a { parent = b; file /c { from = [ d ]; mode = \"0999\" } }", `mode "0999" is not octal`},
		{"image a { parent = b; file /c { optional = yes } }", "file: /c: x:1: has no origin, wanted local, content, from or source"},
		{"image a { parent = b; when \"~15\" { } }", `condition "~15": "~15" is not a number`},
		{"image a { parent = b; skip-scripts { c = \"\" } }", `skip-scripts: c has no reason, wanted one`},
		{"image a { }", `image "a" has neither a parent nor packages`},
		{"image A_ { parent = b }", `image name "A_"`},
		{"image a {\n parent = b\n", "x:1: unterminated object"},
	} {
		err := Images{}.Read("x", []byte(tt.text), Target{Revision: "15.0"})
		var usage *fault.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.text, err, tt.want)
		}
	}
}

func TestChainErrors(t *testing.T) {
	t.Parallel()
	all := Images{"a": {Name: "a", Parent: "b"}, "b": {Name: "b", Parent: "a"}, "c": {Name: "c", Parent: "d"}}
	for name, want := range map[string]string{
		"a": `image "a" is its own ancestor`, "c": `image "c": its parent "d" is not defined`, "x": `image "x" is not defined, wanted one of a, b, c`,
	} {
		if _, err := all.Chain(name); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	every, err := os.ReadFile(filepath.Join("testdata", "every-key.ucl"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(every))
	f.Add("image a { packages = [ b ]; when \">=15\" { file \"/c\" { from = d } } }")
	f.Fuzz(func(t *testing.T, text string) {
		all := Images{}
		err := all.Read("fuzz", []byte(text), Target{Revision: "15.0", ABI: "FreeBSD:15:amd64"})
		if _, usage := errors.AsType[*fault.UsageError](err); err != nil && !usage {
			t.Errorf("got %v, want a UsageError", err)
		}
		if err == nil {
			names, err := Defines("fuzz", []byte(text), Target{})
			for name := range all {
				if err != nil || !slices.Contains(names, name) {
					t.Errorf("image %q is not among %q, %v", name, names, err)
				}
			}
			for name, img := range all {
				if errs := img.Check(); errs != nil {
					t.Errorf("image %q: Check finds %v", name, errs)
				}
				text, err := json.Marshal(img)
				var again Image
				if err == nil {
					err = json.Unmarshal(text, &again)
				}
				if diff := cmp.Diff(img, again); diff != "" || err != nil {
					t.Errorf("image %q as JSON: %v (-want +got):\n%s", name, err, diff)
				}
				settled, err := img.WithVersions(func(string) (string, bool) { return "1", true })
				if text, _ := json.Marshal(settled); err != nil || versionForm.Match(text) {
					t.Errorf("image %q: %v, a version is left in %s", name, err, text)
				}
				if name != img.Name || !imageName.MatchString(name) {
					t.Errorf("image %q under the name %q", img.Name, name)
				}
			}
		}
	})
}
