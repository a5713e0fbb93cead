// SPDX-License-Identifier: BSD-2-Clause

package lock_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
)

// somePlan is a plan with something in each of its parts.
func somePlan() lock.Plan {
	epoch := int64(1_000)
	return lock.Plan{
		Format: lock.PlanFormat, Orlop: "0.1", Maker: "one", Image: "app", Revision: "15.0", Branch: "RELEASE", ABI: "FreeBSD:15:amd64", Epoch: &epoch,
		Annotations: map[string]string{"k": "v"}, Repositories: []lock.Repository{{Name: "base", Catalogue: "c"}},
		Definitions: []define.Image{{Name: "app", Packages: []string{"a"}}}, Exceptions: define.Exceptions{Missing: []define.Exception{{Pattern: "x", Reason: "r"}}},
		Files: []lock.File{{Path: "etc/f", SHA256: "s", From: "srcdir"}}, Packages: []lock.Package{{Name: "a", Version: "1", Sum: "s"}},
	}
}

// TestPlanRoundTrip reads a plan as it was written.
func TestPlanRoundTrip(t *testing.T) {
	t.Parallel()
	want := somePlan()
	text, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := lock.ParsePlan("p", text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	if !strings.HasSuffix(string(text), "}\n") {
		t.Errorf("got an end of %q, want a newline", text[len(text)-2:])
	}
	if errs := got.Compare(&want); errs != nil {
		t.Errorf("got %v, want no difference", errs)
	}
}

// TestParsePlanFaults takes no plan of another format, and nothing that is not known.
func TestParsePlanFaults(t *testing.T) {
	t.Parallel()
	plan := somePlan()
	text, err := plan.Encode()
	if err != nil {
		t.Fatal(err)
	}
	change := func(old, new string) string {
		if !strings.Contains(string(text), old) {
			t.Fatalf("the plan has no %s", old)
		}
		return strings.Replace(string(text), old, new, 1)
	}
	for want, text := range map[string]string{
		"p: not a plan: unexpected end of JSON input, in line 1":         "{",
		"p: not a plan: found array, wanted an object, in line 1":        "[]",
		"p: not a plan: maker: found number, wanted a string, in line 4": change(`"maker": "one"`, `"maker": 1`),
		`p: not a plan: json: unknown field "other"`:                     change(`"maker"`, `"other"`),
		`p: not a plan: has "Maker", wanted "maker"`:                     change(`"maker"`, `"Maker"`),
		`p: not a plan: has "maker" twice`:                               change(`"maker"`, `"maker": "one", "maker"`),
		"p: it names no image":                                           change(`"image": "app"`, `"image": ""`),
	} {
		_, err := lock.ParsePlan("p", []byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if _, usage := errors.AsType[*fault.UsageError](err); !usage {
			t.Errorf("%v: got %T, want an error of usage", err, err)
		}
	}
	for _, format := range []int{1, 3} {
		_, err := lock.ParsePlan("p", []byte(change(`"format": 2`, fmt.Sprintf(`"later": 1, "format": %d`, format))))
		want := fmt.Sprintf("p: its format is %d, wanted 2; orlop 0.1 can read it", format)
		if version, is := errors.AsType[*lock.VersionError](err); !is || err.Error() != want || !version.Failed() {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestPlanCompare tells in what a plan is not the wanted one, each part by its name:
// whole where it is small, else key by key, and not more than a reader has use for.
func TestPlanCompare(t *testing.T) {
	t.Parallel()
	many := func(n int, version string) (list []lock.Package) {
		for i := range n {
			list = append(list, lock.Package{Name: fmt.Sprint("package", i), Version: version})
		}
		return list
	}
	long := strings.Repeat("x", 500)
	for name, tt := range map[string]struct {
		change func(p *lock.Plan)
		want   []string
	}{
		"nothing":          {func(*lock.Plan) {}, nil},
		"the program":      {func(p *lock.Plan) { p.Maker = "two" }, nil},
		"orlop":            {func(p *lock.Plan) { p.Orlop = "0.2" }, []string{`orlop: found "0.2", planned "0.1"`}},
		"the revision":     {func(p *lock.Plan) { p.Revision = "15.1" }, []string{`the release: found "15.1-RELEASE FreeBSD:15:amd64", planned "15.0-RELEASE FreeBSD:15:amd64"`}},
		"the branch":       {func(p *lock.Plan) { p.Branch = "RC1" }, []string{`the release: found "15.0-RC1 FreeBSD:15:amd64", planned "15.0-RELEASE FreeBSD:15:amd64"`}},
		"the ABI":          {func(p *lock.Plan) { p.ABI = "x" }, []string{`the release: found "15.0-RELEASE x", planned "15.0-RELEASE FreeBSD:15:amd64"`}},
		"no epoch":         {func(p *lock.Plan) { p.Epoch = nil }, []string{`the epoch: found null, planned 1000`}},
		"an annotation":    {func(p *lock.Plan) { p.Annotations["k"] = "w" }, []string{`the annotations: found {"k":"w"}, planned {"k":"v"}`}},
		"a repository":     {func(p *lock.Plan) { p.Repositories = nil }, []string{`the repositories: found null, planned [{"name":"base","url":"","catalogue":"c","signer":""}]`}},
		"a file":           {func(p *lock.Plan) { p.Files[0].SHA256 = "t" }, []string{`the files: found [{"path":"etc/f","sha256":"t","from":"srcdir"}], planned [{"path":"etc/f","sha256":"s","from":"srcdir"}]`}},
		"an exception":     {func(p *lock.Plan) { p.Exceptions = define.Exceptions{} }, []string{`the exceptions: found {"missing":null,"dangling":null}, planned {"missing":[{"pattern":"x","reason":"r"}],"dangling":null}`}},
		"a definition":     {func(p *lock.Plan) { p.Definitions[0].Packages[0] = "b" }, []string{`the definitions: found 0.packages.0 "b", planned "a"`}},
		"a long value":     {func(p *lock.Plan) { p.Annotations["k"] = long }, []string{`the annotations: found k "` + long + `", planned "v"`}},
		"a long one":       {func(p *lock.Plan) { p.Orlop = long }, []string{`orlop: found "` + long + `", planned "0.1"`}},
		"two parts":        {func(p *lock.Plan) { p.Epoch, p.Orlop = nil, "0.2" }, []string{`orlop: found "0.2", planned "0.1"`, `the epoch: found null, planned 1000`}},
		"as many as shown": {func(p *lock.Plan) { p.Packages = many(8, "2") }, nil},
	} {
		got, want := somePlan(), somePlan()
		if name == "as many as shown" {
			want.Packages = many(8, "1")
			for i := range 8 {
				tt.want = append(tt.want, fmt.Sprintf(`the packages: found %d.version "2", planned "1"`, i))
			}
		}
		tt.change(&got)
		var texts []string
		for _, err := range got.Compare(&want) {
			texts = append(texts, strings.TrimPrefix(err.Error(), "it is not as planned: "))
			if wrong, is := err.(interface{ Wrong() bool }); !is || !wrong.Wrong() {
				t.Errorf("%s: got %T, want an error of wrong bytes", name, err)
			}
		}
		if diff := cmp.Diff(tt.want, texts); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for n, more := range map[int]string{9: "1 more difference", 10: "2 more differences"} {
		got, want := somePlan(), somePlan()
		got.Packages, want.Packages = many(n, "2"), many(n, "1")
		errs := got.Compare(&want)
		if len(errs) != 9 || errs[8].Error() != "it is not as planned: the packages: "+more {
			t.Errorf("got %v, want eight differences and %s", errs, more)
		}
	}
	got, want := somePlan(), somePlan()
	got.Packages = nil
	want.Packages = many(8, "1")
	if errs := got.Compare(&want); len(errs) != 9 || errs[1].Error() != `it is not as planned: the packages: found 0.donor absent, planned false` {
		t.Errorf("without packages: got %v", errs)
	}
}
