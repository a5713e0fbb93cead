// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/release/define"
)

// TestEpochIsABound finds the same bytes whatever the bound, as long as it is later
// than the packages, and others if it is earlier; a rebuild needs neither.
func TestEpochIsABound(t *testing.T) {
	t.Parallel()
	definition := filepath.Join(t.TempDir(), "own.ucl")
	const own = "image own { parent = runtime; packages = [ FreeBSD-vi ] }\n"
	if err := os.WriteFile(definition, []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, flags := range map[string][]string{"layers": nil, "squash": {"--squash"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made, work := map[string]string{}, t.TempDir()
			for label, by := range map[string][]string{
				"none": {""}, "later": {"1900000000"}, "by flag": {"1", "--epoch", "1900000000"},
				"earlier": {"1000000000"}, "earlier by flag": {"1900000000", "--epoch", "1000000000"},
			} {
				out, images := filepath.Join(work, label), []string{"own", "static"}
				if flags == nil && (label == "none" || label == "later") {
					images = append(define.StandardNames(), "own")
				}
				args := slices.Concat([]string{"build", "-q", "--repo", "sample", "--exceptions", "sample/exceptions.ucl", "--image-file", definition, "-o", out},
					flags, by[1:], images)
				status, stdout := atEpoch(t, by[0], args...)
				if status != 0 {
					t.Fatalf("%s: status %d", label, status)
				}
				made[label] = stdout
				archives, err := filepath.Glob(out + "/*.txz")
				if err != nil || len(archives) != len(images) {
					t.Fatal(archives, err)
				}
				args = append([]string{"verify", "-q", "--rebuild", "--repo", "sample", "--image-file", definition}, archives...)
				if status, said := atEpoch(t, "1", args...); status != 0 || strings.Count(said, "\treproduced\n") != len(images) {
					t.Errorf("%s, made again: status %d: %s", label, status, said)
				}
			}
			for label, like := range map[string]string{"later": "none", "by flag": "none", "earlier by flag": "earlier"} {
				for line := range strings.Lines(made[label]) {
					if !strings.Contains(made[like], line) {
						t.Errorf("%s: %swanted as %s:\n%s", label, line, like, made[like])
					}
				}
			}
			if made["earlier"] == made["none"] {
				t.Error("an earlier bound changes nothing")
			}
		})
	}
}
