// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Change is a difference between two databases, in pkg's terms.
type Change struct {
	Package string // "" for what belongs to no package
	What    string // "package", "file", "dependency", …
	Name    string // which one: a path, a name; "" where a package has only one
	Field   string // "" where all of it was added or removed
	Old     string // "" where there was none
	New     string // "" where there is none
}

// String is a change as a line, without the package. For long texts it shows the
// first line that differs.
func (c Change) String() string {
	subject := strings.TrimSuffix(c.What+" "+line(c.Name), " ")
	switch {
	case c.Field != "":
		field, old, now := c.Field, c.Old, c.New
		if strings.Contains(old+now, "\n") {
			a, b := append(strings.Split(old, "\n"), ""), append(strings.Split(now, "\n"), "")
			n := 0
			for n < min(len(a), len(b))-1 && a[n] == b[n] {
				n++
			}
			field, old, now = fmt.Sprintf("%s, line %d,", field, n+1), a[n], b[n]
		}
		return fmt.Sprintf("%s: %s %s -> %s", subject, field, cmp.Or(line(old), "none"), cmp.Or(line(now), "none"))
	case c.Old == "":
		return "+ " + subject + suffix(c.New)
	}
	return "- " + subject + suffix(c.Old)
}

func suffix(s string) string {
	if s == present {
		return ""
	}
	return " " + line(s)
}

// present stands for something that exists without a value.
const present = "yes"

// line makes a text one line, which no other text gives.
func line(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError }) {
		return quote(s)
	}
	return s
}
