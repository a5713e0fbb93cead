// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"fmt"
	"strconv"
	"strings"
)

// pkgUmask is pkg(8)'s own umask, which "+x" depends on.
const pkgUmask = 0o022

// parseMode reads a mode as setmode(3) does: octal, or symbolic such as
// "u=rwx,go=rx", applied to an empty mode. Copying one class to another, as in
// "g=u", is not supported.
func parseMode(text string) (uint32, error) {
	if text != "" && text[0] >= '0' && text[0] <= '9' {
		n, err := strconv.ParseUint(text, 8, 12)
		if err != nil {
			return 0, notMode(text)
		}
		return uint32(n), nil
	}
	var mode uint32
	for clause := range strings.SplitSeq(text, ",") {
		at := strings.IndexAny(clause, operators)
		if at < 0 {
			return 0, notMode(text)
		}
		who, ok := bitsOf(clause[:at], classes)
		for rest := clause[at:]; ok && rest != ""; {
			end := strings.IndexAny(rest[1:], operators) + 1
			if end == 0 {
				end = len(rest)
			}
			var bits uint32
			if bits, ok = bitsOf(rest[1:end], permissions); ok {
				mode = change(mode, rest[0], who, bits)
			}
			rest = rest[end:]
		}
		if !ok {
			return 0, notMode(text)
		}
	}
	return mode, nil
}

func notMode(text string) error { return fmt.Errorf("%q is not a mode", text) }

const (
	operators = "+-="
	everybody = 0o6777 // the bits of all classes
	sticky    = 0o1000 // of no class
)

// classes are the bits that belong to user, group and others; permissions are
// those of a letter for everybody. X adds nothing to an empty mode.
var (
	classes     = map[rune]uint32{'u': 0o4700, 'g': 0o2070, 'o': 0o0007, 'a': everybody}
	permissions = map[rune]uint32{'r': 0o444, 'w': 0o222, 'x': 0o111, 's': 0o6000, 't': sticky, 'X': 0}
)

func bitsOf(letters string, of map[rune]uint32) (bits uint32, ok bool) {
	for _, c := range letters {
		n, known := of[c]
		if !known {
			return 0, false
		}
		bits |= n
	}
	return bits, true
}

// change applies an operator to the classes before it; 0 is for none, which
// means all, within the umask. The sticky bit belongs to no class: if named, it
// is among the bits that change, and the only one if no others are.
func change(mode uint32, operator byte, who, bits uint32) uint32 {
	if bits&sticky != 0 && (who == 0 || who&^7 != 0) {
		who |= sticky
	}
	mask, clear := who, who
	if who == 0 {
		mask, clear = everybody&^pkgUmask, everybody
	}
	switch operator {
	case '=':
		return mode&^clear | bits&mask
	case '-':
		return mode &^ (bits & mask)
	}
	return mode | bits&mask
}
