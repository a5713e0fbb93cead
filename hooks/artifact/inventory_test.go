// SPDX-License-Identifier: BSD-2-Clause

package artifact_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/artifact/artifacttest"
	"github.com/orlop/orlop/pkgdb"
)

// TestShares lists what packages have of each layer, the largest first, with what an
// upper layer hides and without directories and whiteouts.
func TestShares(t *testing.T) {
	t.Parallel()
	a := artifacttest.Read(t, artifacttest.Describe(t, two).Source())
	size := a.Database.Size()
	want := []artifact.Share{
		{"lower", "lib", 1, 5}, {"lower", "", 4, 4}, {"lower", "app", 1, 3},
		{"upper", "", 1, size}, {"upper", "app", 2, 8},
	}
	if d := cmp.Diff(want, a.Shares()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	same := artifacttest.Read(t, artifacttest.Describe(t, "layer l\nfile /a content=\"x\"\nfile /b content=\"x\"\nfile /c x=9\npackage z 1 files=/a\npackage y 1 files=/b").Source())
	var order []string
	for _, s := range same.Shares() {
		order = append(order, s.Package)
	}
	if d := cmp.Diff([]string{"", "y", "z"}, order); d != "" {
		t.Errorf("of one size, by name (-want +got):\n%s", d)
	}
}

// TestSums adds up layers and the image.
func TestSums(t *testing.T) {
	t.Parallel()
	a := artifacttest.Read(t, artifacttest.Describe(t, two).Source())
	size := a.Database.Size()
	lower, upper := a.Manifest.Layers[0].Size, a.Manifest.Layers[1].Size
	want := []artifact.LayerSum{{"lower", 6, 12, lower}, {"upper", 3, 8 + size, upper}, {"", 9, 20 + size, lower + upper}}
	if d := cmp.Diff(want, a.Sums()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestOwner tells who has a path, and from which layer a user sees it.
func TestOwner(t *testing.T) {
	t.Parallel()
	a := artifacttest.Read(t, artifacttest.Describe(t, two).Source())
	for path, want := range map[string]string{
		"/etc/motd": "app upper true", "/etc": "app lower true", "/bin/sh": "lib lower true", "/bin/bash": " lower true", "/latest": "app upper true",
		"/etc/gone": "  false", "/none": "  false", "/var": "  true", pkgdb.Path: " upper true",
	} {
		name, layer, ok := a.Owner(path)
		if got := name + " " + layer + map[bool]string{true: " true", false: " false"}[ok]; got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	for path, want := range map[string]string{"/etc": "app", "/etc/motd": "app", "/latest": "app", "/bin/sh": "lib", "/bin": "", "": ""} {
		if got := a.Owners().Of(path); got != want {
			t.Errorf("%s: got the owner %q, want %q", path, got, want)
		}
		if file := want != "" && path != "/etc"; a.Owners().HasFile(path) != file {
			t.Errorf("%s: got a file %t, want %t", path, !file, file)
		}
	}
	var none *artifact.Owners
	if none.Of("/etc") != "" || none.HasFile("/etc") || artifact.OwnersOf(nil).Of("/etc") != "" {
		t.Error("nobody owns something")
	}
}

// TestReasons tells why each package is there: by name before a shlib or a word, the
// first of those who need it, and never for its own sake.
func TestReasons(t *testing.T) {
	t.Parallel()
	a := artifacttest.Read(t, artifacttest.Describe(t, `
layer l
package asked 1 deps=needed
package another 1 deps=needed,asked needs=libz.so.1 requires=editor
package needed 1 automatic=yes shlibs=libz.so.1
package lib 1 automatic=yes shlibs=liba.so.1,libz.so.1 needs=liba.so.1
package vi 1 automatic=yes provides=editor
package both 1 automatic=yes provides=editor shlibs=libz.so.1
package own 1 automatic=yes deps=own
package aself 1 automatic=yes shlibs=libq.so needs=libq.so
package buser 1 needs=libq.so
package lonely 1 automatic=yes provides=nothing needs=libno.so
`).Source())
	want := map[string]string{
		"asked": "requested", "another": "requested", "needed": "dependency of another", "lib": "libz.so.1 for another",
		"vi": "editor for another", "both": "libz.so.1 for another", "own": "dependency of own", "aself": "libq.so for buser", "buser": "requested", "lonely": "automatic, and nothing needs it",
	}
	if d := cmp.Diff(want, a.Reasons()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestNames calls layers as the history does, else by number; an image is one of
// orlop's where the last line is.
func TestNames(t *testing.T) {
	t.Parallel()
	line := func(by string, empty bool) v1.History { return v1.History{CreatedBy: by, EmptyLayer: empty} }
	for name, tt := range map[string]struct {
		history []v1.History
		want    string
	}{
		"ours":           {[]v1.History{line("orlop lower", false), line("orlop upper", false)}, "lower upper upper"},
		"others":         {[]v1.History{line("buildah", false), line("COPY", false)}, "1 2 "},
		"one of ours":    {[]v1.History{line("orlop lower", false), line("COPY", false)}, "lower 2 "},
		"the upper ours": {[]v1.History{line("ADD", false), line("orlop upper", false)}, "1 upper upper"},
		"an empty layer": {[]v1.History{line("orlop lower", false), line("ENV", true), line("orlop upper", false)}, "lower upper upper"},
		"none":           {nil, "1 2 "},
		"a like name":    {[]v1.History{line("orlops lower", false), line("orlop", false)}, "1 2 "},
	} {
		s := artifacttest.Describe(t, two).Source()
		s.Change(t, func(_ *artifacttest.Source, _ *v1.Manifest, c *v1.Image) { c.History = tt.history })
		a := artifacttest.Read(t, s)
		if got := a.LayerName(0) + " " + a.LayerName(1) + " " + a.OwnName(); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

// TestStepsOf names the step that a package came with, the lowest that has its first
// file; a package without files has none.
func TestStepsOf(t *testing.T) {
	t.Parallel()
	a := artifacttest.Read(t, artifacttest.Describe(t, two+"package meta 1\npackage absent 1 files=/none\n").Source())
	if d := cmp.Diff(map[string]string{"app": "lower", "lib": "lower"}, a.StepsOf(a.Packages)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestWriteMtree lists owners by the names that mtree(8) can look up there, and by
// numbers otherwise.
func TestWriteMtree(t *testing.T) {
	t.Parallel()
	const files = `
layer l
dir / mode=0755
file /a owner=root:wheel
file /b owner=www:www ids=80:80
file /c owner=op:op ids=5:6
file /d owner=:
file /e owner=0:0 ids=0:0
`
	list := func(text string) []string {
		var b bytes.Buffer
		if err := artifacttest.Read(t, artifacttest.Describe(t, files+text).Source()).WriteMtree(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		var owners []string
		for line := range strings.Lines(b.String()) {
			if f := strings.Fields(line); len(f) > 4 && len(f[0]) == 3 {
				owners = append(owners, f[0][2:]+" "+f[3]+" "+f[4])
			}
		}
		return owners
	}
	const number = "d uid=0 gid=0|e uid=0 gid=0"
	for name, tt := range map[string]struct{ text, want string }{
		"FreeBSD's accounts": {"", "a uname=root gname=wheel|b uname=www gname=www|c uid=5 gid=6|" + number},
		"its own": {`file /etc/passwd content="op:*:5:5::/:/bin/sh\n0:*:0:0::/:/bin/sh\n"` + "\n" + `file /etc/group content="op:*:7:\nwheel:*:0:\n"`,
			"a uid=0 gname=wheel|b uid=80 gid=80|c uname=op gid=6|" + number},
		"master.passwd first": {`file /etc/master.passwd content="root:*:0:0::0:0::/:/bin/sh\n"` + "\n" + `file /etc/passwd content="op:*:5:5::/:/bin/sh\n"` + "\n" + `file /etc/group content="op:*:6:\n"`,
			"a uname=root gid=0|b uid=80 gid=80|c uid=5 gname=op|" + number},
		"no groups": {`file /etc/passwd content="op:*:5:5::/:/bin/sh\n"`, "a uname=root gname=wheel|b uname=www gname=www|c uid=5 gid=6|" + number},
	} {
		if d := cmp.Diff(strings.Split(tt.want, "|"), list(tt.text)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	a, err := artifact.Read(t.Context(), artifacttest.Describe(t, files+`file /etc/passwd content="x"`+"\nfile /etc/group").Source(), "")
	if err == nil {
		t.Error("wrong accounts are no fault")
	}
	var b bytes.Buffer
	if err := a.WriteMtree(t.Context(), &b); err != nil || strings.Contains(b.String(), "name=") {
		t.Errorf("wrong accounts: got %v and\n%s", err, b.String())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.WriteMtree(ctx, &b); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: got %v", err)
	}
}
