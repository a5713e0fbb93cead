// SPDX-License-Identifier: BSD-2-Clause

package resolve_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb/fault"
)

// matrix is a definition for several versions of a package.
const matrix = `
variables { php = "84" }
image php {
    packages = [ "php${php}" ]
    labels { version = "${version:php${php}}"; abi = "${ABI}"; arch = "$ARCH ${ARCH}"; raw = '${php}' }
    file "/version" { content = "${version:php${php}} ${HOME}\n" }
    assert { "php${php}" = "8.4.*" }
}`

// TestVariables names the image of a matrix, and replaces what the plan tells.
func TestVariables(t *testing.T) {
	t.Parallel()
	req := &resolve.Request{Images: []string{"web"}, Name: "web", Set: map[string]string{"php": "84"},
		ImageFiles: definitions(t, strings.Replace(matrix, `php = "84"`, `php = "83"`, 1))}
	if err := req.Check(t.Context(), input.Tree{}); err != nil {
		t.Fatal(err)
	}
	family, err := resolve.Resolve(t.Context(), req, &input.Repositories{}, offer("php83-8.3.9", "php84-8.4.1_1,1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"web: php84-8.4.1_1,1 wanted"}, steps(family)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	def := family.Steps[0].Def
	want := map[string]string{"version": "8.4.1_1,1", "abi": "FreeBSD:15:amd64", "arch": "$ARCH amd64", "raw": "${php}"}
	if diff := cmp.Diff(want, def.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if got := *def.Files[0].Content; got != "8.4.1_1,1 ${HOME}\n" {
		t.Errorf("got the content %q", got)
	}
}

// TestVariablesFaults tells what a run may not say, and what a plan does not meet.
func TestVariablesFaults(t *testing.T) {
	t.Parallel()
	for want, tt := range map[string]struct {
		req    resolve.Request
		offers string
		class  fault.Class
	}{
		"--set pph: no definition declares this variable; did you mean php?": {
			resolve.Request{Images: []string{"php"}, Set: map[string]string{"pph": "85"}}, "php84-8.4.1", fault.Usage},
		`image "php" is not defined`:                                 {resolve.Request{Images: []string{"php"}, Name: "web"}, "php84-8.4.1", fault.Usage},
		`image "static" is defined twice`:                            {resolve.Request{Images: []string{"static"}, Name: "static"}, "php84-8.4.1", fault.Usage},
		"image php: assert php84: found 8.5.1, wanted version 8.4.*": {resolve.Request{Images: []string{"php"}}, "php84-8.5.1", fault.Unmet},
		"image php: ${version:php84}: found no such package in the image, wanted one of its packages": {
			resolve.Request{Images: []string{"php"}, Set: map[string]string{"php": "85"}}, "php85-8.4.1", fault.Unmet},
	} {
		tt.req.ImageFiles = definitions(t, strings.Replace(matrix, `{ version =`, `{ other = "${version:php84}"; version =`, 1))
		err := tt.req.Check(t.Context(), input.Tree{})
		if err == nil {
			_, err = resolve.Resolve(t.Context(), &tt.req, &input.Repositories{}, offer(tt.offers), nil)
		}
		if !strings.Contains(fmt.Sprint(err), want) || fault.ClassOf(err) != tt.class {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	req := resolve.Request{Images: []string{"b"}, Name: "b", ImageFiles: definitions(t, "image a { packages = [ p ] }\nimage c { packages = [ p ] }")}
	if err := req.Check(t.Context(), input.Tree{}); !strings.Contains(fmt.Sprint(err), "has 2 images, and the name b is for one") {
		t.Errorf("got %v", err)
	}
}
