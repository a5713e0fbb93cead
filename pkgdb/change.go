// SPDX-License-Identifier: BSD-2-Clause

package pkgdb

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/orlop/orlop/pkgdb/pkgfile"
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

// fieldName is pkg's word for a column.
func fieldName(column string) string {
	switch column {
	case "sha256":
		return "sum"
	case "perm":
		return "mode"
	case "fflags":
		return "flags"
	case "mtime":
		return "time"
	case "symlink_target":
		return "link"
	case "arch":
		return "abi"
	case "desc":
		return "description"
	case "licenselogic":
		return "license logic"
	case "manifestdigest":
		return "manifest digest"
	case "dep_formula":
		return "dependency formula"
	case "script_id", "lua_script_id":
		return "text"
	case "value_id":
		return "value"
	case "option_desc_id":
		return "description"
	}
	return column
}

// word is a value as pkg would print it; "" for NULL.
func word(table, column string, v value) string {
	n := v.Number
	switch {
	case isNull(v):
		return ""
	case isText(v):
		return cmp.Or(v.Text, `""`) // unlike NULL
	case !isInteger(v):
		return shown(v)
	case column == "perm":
		return fmt.Sprintf("%04o", n)
	case column == "fflags":
		return cmp.Or(pkgfile.FormatFlags(uint32(n)), "none")
	case column == "mtime" || column == "time":
		return time.Unix(n, 0).UTC().Format(time.RFC3339)
	case column == "licenselogic":
		return cmp.Or(map[int64]string{0: "unstated", 1: "single", '|': "or", '&': "and"}[n], fmt.Sprint(n))
	case column == "type" && table == "pkg_script" && n >= 0 && n < int64(len(scriptTypes)):
		return scriptTypes[n]
	case column == "type" && table == "pkg_lua_script" && n >= 0 && n < int64(len(luaTypes)):
		return luaTypes[n]
	case (column == "automatic" || column == "locked" || column == "vital") && (n == 0 || n == 1):
		return []string{"no", present}[n]
	}
	return fmt.Sprint(n)
}
