// SPDX-License-Identifier: BSD-2-Clause

package compare_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/orlop/orlop/hooks/artifact"
	"github.com/orlop/orlop/hooks/artifact/artifacttest"
	"github.com/orlop/orlop/hooks/compare"
)

var update = flag.Bool("update", false, "write what the cases give into their files")

// TestCases compares the images a and b of each file in testdata, a folder for each
// kind of difference. A case is a comment, both images as describe reads them, and
// the differences of its folder's part. What both images have stands once, in both.
func TestCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(files) < 30 {
		t.Fatalf("found %d cases, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".txt"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parts := map[string]*txtar.File{}
			for i, f := range archive.Files {
				parts[f.Name] = &archive.Files[i]
			}
			side := func(name string) *artifact.Artifact {
				text := string(parts[name].Data)
				if both := parts["both"]; both != nil {
					text = string(both.Data) + text
				}
				return artifacttest.Read(t, artifacttest.Describe(t, text).Source())
			}
			got := told(t, filepath.Base(filepath.Dir(file)), side("a"), side("b"))
			if *update {
				parts["want"].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(string(parts["want"].Data), got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// told is what one part of a comparison gives, a line for each difference and for each
// of its details. Digests are cut.
func told(t *testing.T, part string, a, b *artifact.Artifact) string {
	t.Helper()
	var out strings.Builder
	switch part {
	case "pull":
		for _, l := range compare.Pull(a, b) {
			fmt.Fprintln(&out, l.Layer, l.Change, l.Size > 0)
		}
	case "wrapping":
		for _, line := range compare.Layouts(a, b) {
			fmt.Fprintln(&out, line)
		}
	case "form":
		only, err := compare.OnlyForm(t.Context(), a, b)
		fmt.Fprintln(&out, only, err)
	default:
		list := compare.Artifacts(t.Context(), a, b)
		if part == "bytes" {
			before := len(list)
			explained, err := compare.Explain(t.Context(), a, b, list, 8)
			if err != nil {
				t.Fatal(err)
			}
			list = explained[before:]
		}
		for _, d := range list {
			if string(d.Part) != part {
				continue
			}
			fmt.Fprint(&out, strings.Join(strings.Fields(strings.Join([]string{d.Layer, d.Package, d.Subject + ":", d.Change}, " ")), " "))
			if d.Old+d.New != "" {
				fmt.Fprintf(&out, " [%s -> %s]", d.Old, d.New)
			}
			if d.OnlyTime {
				fmt.Fprint(&out, " only the time")
			}
			fmt.Fprintln(&out)
			for _, line := range d.Detail {
				fmt.Fprintln(&out, "  "+line)
			}
		}
	}
	return digits.ReplaceAllStringFunc(out.String(), func(s string) string { return s[:4] + "…" })
}

// digits are those of digests.
var digits = regexp.MustCompile(`[0-9a-f]{64}|\$[a-z0-9]{103}`)

// TestNothing tells nothing of an image and itself.
func TestNothing(t *testing.T) {
	t.Parallel()
	const text = "layer l\nfile /a content=\"x\"\npackage p 1 files=/a\n"
	a, b := artifacttest.Read(t, artifacttest.Describe(t, text).Source()), artifacttest.Read(t, artifacttest.Describe(t, text).Source())
	list := compare.Artifacts(t.Context(), a, b)
	more, err := compare.Explain(t.Context(), a, b, list, 0)
	only, form := compare.OnlyForm(t.Context(), a, b)
	if err := errors.Join(err, form); err != nil || len(list)+len(more)+len(compare.Layouts(a, b)) > 0 || !only {
		t.Errorf("got %v, %v, only the form %t, %v", list, more, only, err)
	}
}

// TestOrder tells the parts in their order, whatever differs.
func TestOrder(t *testing.T) {
	t.Parallel()
	a := artifacttest.Read(t, artifacttest.Describe(t, "layer l\nfile /a content=\"x\"\npackage p 1 files=/a\npackage q 1 comment=x").Source())
	b := artifacttest.Read(t, artifacttest.Describe(t, "arch arm64\nlayer l\nfile /a content=\"y\"\npackage p 2 files=/a\npackage q 1 comment=y").Source())
	list, err := compare.Explain(t.Context(), a, b, compare.Artifacts(t.Context(), a, b), 0)
	if err != nil {
		t.Fatal(err)
	}
	var parts []compare.Part
	for _, d := range list {
		if len(parts) == 0 || parts[len(parts)-1] != d.Part {
			parts = append(parts, d.Part)
		}
	}
	want := []compare.Part{compare.PartPackages, compare.PartImage, compare.PartFiles, compare.PartDatabase, compare.PartBytes}
	if d := cmp.Diff(want, parts); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestLines bounds the lines of a detail, 0 for none.
func TestLines(t *testing.T) {
	t.Parallel()
	a := artifacttest.Read(t, artifacttest.Describe(t, "layer l\nfile /a content=\"1\\n2\\n3\\n4\\n\"").Source())
	b := artifacttest.Read(t, artifacttest.Describe(t, "layer l\nfile /a content=\"5\\n6\\n7\\n8\\n\"").Source())
	list := compare.Artifacts(t.Context(), a, b)
	for lines, want := range map[int]int{0: 11, 1: 2, 10: 11, 11: 11, 12: 11} {
		more, err := compare.Explain(t.Context(), a, b, list, lines)
		if err != nil {
			t.Fatal(err)
		}
		detail := more[len(list)].Detail
		if len(detail) != want {
			t.Errorf("%d: got %d lines, want %d", lines, len(detail), want)
		}
		if last := fmt.Sprintf("… and %d more lines", 11-lines); lines > 0 && lines < 11 && detail[len(detail)-1] != last {
			t.Errorf("%d: got %q, want %q", lines, detail[len(detail)-1], last)
		}
	}
}

// TestEnds gives up where the context has ended.
func TestEnds(t *testing.T) {
	t.Parallel()
	a := artifacttest.Read(t, artifacttest.Describe(t, "layer l\nfile /a content=\"x\"").Source())
	b := artifacttest.Read(t, artifacttest.Describe(t, "layer l\nfile /a content=\"y\"").Source())
	list := compare.Artifacts(t.Context(), a, b)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := compare.Explain(ctx, a, b, list, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("Explain: got %v", err)
	}
	if only, err := compare.OnlyForm(ctx, a, b); only || !errors.Is(err, context.Canceled) {
		t.Errorf("OnlyForm: got %t, %v", only, err)
	}
	if list := compare.Artifacts(ctx, a, b); len(list) > 0 && list[0].Part == compare.PartFiles {
		t.Errorf("Artifacts: got %v, want no files", list)
	}
}

// TestChangedSince tells a layer that is another than when it was read.
func TestChangedSince(t *testing.T) {
	t.Parallel()
	s := artifacttest.Describe(t, "layer l\nfile /a content=\"x\"").Source()
	a, b := artifacttest.Read(t, s), artifacttest.Read(t, artifacttest.Describe(t, "layer l\nfile /a content=\"y\"").Source())
	list := compare.Artifacts(t.Context(), a, b)
	clear(s.Blobs)
	_, explain := compare.Explain(t.Context(), a, b, list, 0)
	_, bare := compare.Explain(t.Context(), a, b, nil, 0)
	_, other := compare.Explain(t.Context(), b, a, list, 0)
	_, form := compare.OnlyForm(t.Context(), a, b)
	for name, err := range map[string]error{"files": explain, "layers": bare, "second": other, "form": form} {
		if err == nil || !strings.Contains(err.Error(), "is not there") {
			t.Errorf("%s: got %v, want a blob that is not there", name, err)
		}
	}
}

// TestLargeDocuments are not taken apart: that they differ is reported.
func TestLargeDocuments(t *testing.T) {
	t.Parallel()
	image := func(label string, n int) *artifact.Artifact {
		return artifacttest.Read(t, artifacttest.Describe(t, "label a="+label+" \nlabel b="+strings.Repeat("x", n)+"\nlayer l").Source())
	}
	for n, want := range map[int]string{1 << 10: "config config.Labels.a", 1 << 20: "config as it is written"} {
		list := compare.Artifacts(t.Context(), image("1", n), image("2", n))
		if len(list) == 0 || list[0].Subject != want {
			t.Errorf("%d: got %+v, want %s", n, list, want)
		}
	}
}

// TestSingleLayers have no documents: neither image nor pull is reported of them.
func TestSingleLayers(t *testing.T) {
	t.Parallel()
	a, b := artifacttest.Read(t, artifacttest.Describe(t, "layer l\nfile /a").Source()), artifacttest.Read(t, artifacttest.Describe(t, "arch arm64\nlayer l\nfile /b").Source())
	a.Contents = nil
	if list, lines := compare.Pull(a, b), compare.Layouts(a, b); list != nil || lines != nil {
		t.Errorf("got %v, %v, want none", list, lines)
	}
	for _, d := range compare.Artifacts(t.Context(), a, b) {
		if d.Part == compare.PartImage {
			t.Errorf("got %+v, want no documents", d)
		}
	}
}

func TestFollows(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]bool{"config.digest": true, "config.size": true, "manifests.0.digest": true, "manifests.0.size": true, "manifests.1.digest": false, "layers.0.size": false, "": false} {
		if got := compare.Follows(key); got != want {
			t.Errorf("%s: got %t, want %t", key, got, want)
		}
	}
}

func TestFirstDifference(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		old, now string
		want     int
	}{{"", "", 0}, {"", "a", 0}, {"a", "b", 0}, {"ab", "ac", 1}, {"ab", "abc", 2}, {"abc", "ab", 2}} {
		if got := compare.FirstDifference([]byte(tt.old), []byte(tt.now)); got != tt.want {
			t.Errorf("%q, %q: got %d, want %d", tt.old, tt.now, got, tt.want)
		}
	}
}
