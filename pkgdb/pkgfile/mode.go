// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"fmt"
	"strconv"
	"strings"
)

// pkgUmask is the one that pkg(8) runs with, which "+x" depends on.
const pkgUmask = 0o022

// parseMode reads a mode as setmode(3) does: octal, or such as "u=rwx,go=rx",
// which changes an empty one.
func parseMode(text string) (uint32, error) {
	wrong := fmt.Errorf("%q is no mode", text)
	if text != "" && text[0] >= '0' && text[0] <= '9' {
		n, err := strconv.ParseUint(text, 8, 12)
		if err != nil {
			return 0, wrong
		}
		return uint32(n), nil
	}
	var mode uint32
	for clause := range strings.SplitSeq(text, ",") {
		at := strings.IndexAny(clause, "+-=")
		if at < 0 {
			return 0, wrong
		}
		who, ok := classes(clause[:at])
		if !ok {
			return 0, wrong
		}
		for clause = clause[at:]; clause != ""; {
			op := clause[0]
			end := strings.IndexAny(clause[1:], "+-=") + 1
			if end == 0 {
				end = len(clause)
			}
			bits, ok := permissions(clause[1:end], mode)
			if !ok {
				return 0, wrong
			}
			mode = change(mode, op, who, bits)
			clause = clause[end:]
		}
	}
	return mode, nil
}

// Bits of a mode: those of everybody, and the sticky one.
const (
	everybody = 0o6777
	sticky    = 0o1000
)

// classes are the bits that belong to some of user, group and others; 0 is for
// none of them, which stands for all but those of the umask.
func classes(text string) (who uint32, ok bool) {
	for _, c := range text {
		switch c {
		case 'u':
			who |= 0o4700
		case 'g':
			who |= 0o2070
		case 'o':
			who |= 0o0007
		case 'a':
			who |= everybody
		default:
			return 0, false
		}
	}
	return who, true
}

// permissions are the bits of letters, for everybody. Those of one class may be
// copied from the mode so far; X adds nothing to an empty one.
func permissions(text string, mode uint32) (bits uint32, ok bool) {
	for _, c := range text {
		switch c {
		case 'r':
			bits |= 0o444
		case 'w':
			bits |= 0o222
		case 'x':
			bits |= 0o111
		case 's':
			bits |= 0o6000
		case 't':
			bits |= sticky
		case 'X':
		case 'u':
			bits |= (mode >> 6 & 7) * 0o111
		case 'g':
			bits |= (mode >> 3 & 7) * 0o111
		case 'o':
			bits |= (mode & 7) * 0o111
		default:
			return 0, false
		}
	}
	return bits, true
}

func change(mode uint32, op byte, who, bits uint32) uint32 {
	clear := uint32(everybody)
	if who != 0 {
		clear = who
		if who&^7 != 0 {
			who |= sticky
		}
	} else {
		who = (everybody | sticky) &^ pkgUmask
	}
	switch op {
	case '=':
		return mode&^clear | bits&who
	case '-':
		return mode &^ (bits & who)
	}
	return mode | bits&who
}
