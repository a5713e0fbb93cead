// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// printable writes a text that came from elsewhere on a line, for people. One
// that holds what ends a line, controls a terminal or is no UTF-8 is escaped as
// Go does: no name in an archive may pass for a line of a report.
func printable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// printableLine is printable for a line in which there may be tabs.
func printableLine(s string) string {
	parts := strings.Split(s, "\t")
	for i, part := range parts {
		parts[i] = printable(part)
	}
	return strings.Join(parts, "\t")
}
