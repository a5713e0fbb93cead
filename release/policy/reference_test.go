// SPDX-License-Identifier: BSD-2-Clause

package policy

import (
	"strings"
	"testing"
)

var hex = strings.Repeat("0", 64)

// TestParseReference makes names whole as docker(1) does.
func TestParseReference(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"x": "docker.io/library/x", "x:1": "docker.io/library/x:1", "a/x": "docker.io/a/x", "docker.io/x": "docker.io/library/x",
		"index.docker.io/x": "docker.io/library/x", "index.docker.io/a/x:1": "docker.io/a/x:1", "localhost/x": "localhost/x",
		"localhost:5000": "docker.io/library/localhost:5000", "Ho.st/x": "Ho.st/x", "h:5000/x:1": "h:5000/x:1", "[::1]/x": "[::1]/x",
		"a.b/c__d/e--f.g_h": "a.b/c__d/e--f.g_h", "x@sha256:" + hex: "docker.io/library/x@sha256:" + hex,
		"x:1@sha256:" + hex: "docker.io/library/x:1@sha256:" + hex, "x:A_.-": "docker.io/library/x:A_.-",
		"a.b/" + strings.Repeat("x", 251): "a.b/" + strings.Repeat("x", 251), "a/" + hex: "docker.io/a/" + hex,
		"": "", "X": "", "a//x": "", "/x": "", "x/": "", "x:": "", "x@": "", "x:-": "", "a/X": "", "a_/x": "", "a___b": "", "a..b": "", "x:1:2": "",
		"a.b:c/x": "", "-a.b/x": "", "a__b.c/x": "", "x@sha256:0": "", "x@sha256:" + strings.ToUpper(hex[1:]+"a"): "", "x@md5:" + hex: "",
		hex: "", "x:" + strings.Repeat("1", 129): "", "a.b/" + strings.Repeat("x", 252): "", "Host/x": "", " x": "", "x\n": "", "docker://x": "", "é": "",
	} {
		r, err := parseReference(text)
		if got := r.String(); got != want || (err != nil) != (want == "") {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
}

// FuzzReference makes nothing of a name that is whole already, and always something that
// is found by its scopes.
func FuzzReference(f *testing.F) {
	for _, seed := range []string{"x", "docker.io/a/x:1", "localhost:5000/x@sha256:" + hex, "[::1]:1/a/b", "*.example.com", "Index.docker.io/x:1@sha256:" + hex} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseReference(text)
		if err != nil {
			return
		}
		if again, err := parseReference(r.String()); err != nil || again != r {
			t.Errorf("%q is %q, and that is %q, %v", text, r, again, err)
		}
		if r.tag != "" {
			r.digest = ""
		}
		for _, scope := range r.scopes() {
			if !isScope(scope) && len(scope) < maxName-len("/x/x") {
				t.Errorf("%q has the scope %q, which is none", text, scope)
			}
		}
	})
}
