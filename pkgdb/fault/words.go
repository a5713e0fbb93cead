// SPDX-License-Identifier: BSD-2-Clause

package fault

import (
	"fmt"
	"strings"
)

// Shown is a value in a message: "absent" for "".
func Shown(s string) string {
	if s == "" {
		return "absent"
	}
	return s
}

// Counted is a number of things; one thing has no plural.
func Counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// Some joins names, up to as many as fit on a line.
func Some(names []string) string {
	const most = 10
	if n := len(names) - most; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n)
	}
	return strings.Join(names, ", ")
}

// Short cuts a text that may come from somebody else and be of any length.
func Short(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// OneLine makes the text of joined errors fit within a sentence.
func OneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }
