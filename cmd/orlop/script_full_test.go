// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"path/filepath"
	"testing"
)

// TestFullScript runs the scripts that TestScript leaves out, since they start the
// program some hundred times.
func TestFullScript(t *testing.T) {
	t.Parallel()
	runScripts(t, filepath.Join("testdata", "script", "full"))
}
