// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"slices"
	"testing"
)

// TestSignal stops a build, in a few places; with the tag full, TestSignals does
// so to every command.
func TestSignal(t *testing.T) {
	t.Parallel()
	repo := t.TempDir()
	busyRepository(t, repo, 3000, 8)
	s := &stopping{name: "build", args: slices.Concat([]string{"build", "--repo", repo, "-o", "OUT"}, image)}
	s.stopEverywhere(t, 1)
}
