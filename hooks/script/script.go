// SPDX-License-Identifier: BSD-2-Clause

// Package script knows what the install scripts of packages do. Nothing of a
// package is ever run: a script that consists of known calls has its work done
// by generators or in the tree, and any other is an UnknownError.
package script

import (
	"fmt"
	"strings"
)

// KnownTriggers are trigger files whose work an image does without: mandoc's
// makes an index of manual pages, which makewhatis(8) can make any time.
var KnownTriggers = map[string]bool{"/usr/share/pkg/triggers/mandoc.ucl": true}

// TriggerDir is where pkg looks for trigger files of packages.
const TriggerDir = "share/pkg/triggers/"

// UnknownError is a script that would have run and that orlop has nothing
// in the place of.
type UnknownError struct{ Package, Phase, Text string }

func (e *UnknownError) Error() string {
	lines := strings.SplitN(strings.TrimSpace(e.Text), "\n", 4)
	if len(lines) > 3 {
		lines[3] = "…"
	}
	return fmt.Sprintf("%s: its %s script is not known (--unknown-scripts skip goes on without it): %q", e.Package, e.Phase, strings.Join(lines, "\n"))
}

// Parts are what, where, found and wanted, for reports.
func (e *UnknownError) Parts() (what, where, found, wanted string) {
	return "script is not known", e.Package + ": " + e.Phase, e.Text, ""
}
