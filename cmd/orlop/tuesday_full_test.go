// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"strings"
	"testing"
)

// TestTuesday follows the page from a notice to new images and back, but for the
// commands that need a registry.
func TestTuesday(t *testing.T) {
	t.Parallel()
	commands := tuesday(t)
	ran := 0
	dir := beforeTheNotice(t)
	for _, c := range commands {
		if strings.Contains(c, registryName) {
			continue
		}
		ran++
		follow(t, dir, c)
	}
	if ran < 10 || len(commands)-ran < 4 {
		t.Errorf("%d of %d commands ran", ran, len(commands))
	}
	if was, is := manifestOf(t, dir, "published"), manifestOf(t, dir, "back"); was != is {
		t.Errorf("what was made again is %s, wanted %s", is, was)
	}
}
