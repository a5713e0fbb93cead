// SPDX-License-Identifier: BSD-2-Clause

// Package script knows what the install scripts of packages do. No script ever runs:
// generators and the tree replicate one that consists of known calls, and any other
// is an UnknownError. Scripts of sh(1) are followed command by command, those in Lua are
// compared with the forms that the ports framework has written. Nothing may be left over.
//
// Not known are scripts that need programs of the image, such as texhash(1), mkfontscale(1)
// or service(8), and the form of the framework from before 2020 that edits /etc/shells in
// sh(1).
package script

import (
	"fmt"
	"strings"
)

// KnownTriggers are trigger files that an image does not need: mandoc's indexes the
// manual pages, which makewhatis(8) can do at any time.
var KnownTriggers = map[string]bool{"/usr/share/pkg/triggers/mandoc.ucl": true}

// TriggerDir is where pkg looks for trigger files of packages.
const TriggerDir = "share/pkg/triggers/"

// UnknownError is a script that pkg would run and orlop cannot replicate.
type UnknownError struct {
	Package, Phase, Text string
	// Instead is the sha256 of the text that the lock skips; "" if it skips none.
	Instead string
}

func (e *UnknownError) Error() string {
	if e.Instead != "" {
		return fmt.Sprintf("%s: its %s script is unknown, and not the one that the lock skips, which has sha256 %s: %q", e.Package, e.Phase, e.Instead, e.head())
	}
	return fmt.Sprintf("%s: its %s script is unknown (skip-scripts in the definition, or --unknown-scripts skip, builds without it): %q", e.Package, e.Phase, e.head())
}

// head is the beginning of the text.
func (e *UnknownError) head() string {
	lines := strings.SplitN(strings.TrimSpace(e.Text), "\n", 4)
	if len(lines) > 3 {
		lines[3] = "…"
	}
	return strings.Join(lines, "\n")
}

// Parts are what, where, found and wanted, for reports.
func (e *UnknownError) Parts() (what, where, found, wanted string) {
	return "script is unknown", e.Package + ": " + e.Phase, e.Text, ""
}
