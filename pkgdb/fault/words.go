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

// Counted is a number of things; one has no plural.
func Counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// Some joins names, as many of them as a line should have.
func Some(names []string) string {
	const most = 10
	if n := len(names) - most; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n)
	}
	return strings.Join(names, ", ")
}

// Short cuts a text that somebody else may have made as long as they like.
func Short(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// OneLine makes the text of joined errors a part of a sentence.
func OneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }
