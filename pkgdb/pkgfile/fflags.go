// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"fmt"
	"strings"
)

// flagNames are FreeBSD's file flags with the bit of st_flags(2) for each
// (sys/stat.h). The first name of a bit is the one that FormatFlags prints, in
// this order; it decides bytes, since the layer carries the names.
var flagNames = []struct {
	bit  uint32
	name string
}{
	{0x00040000, "sappnd"}, {0x00040000, "sappend"},
	{0x00010000, "arch"}, {0x00010000, "archived"},
	{0x00020000, "schg"}, {0x00020000, "schange"}, {0x00020000, "simmutable"},
	{0x00100000, "sunlnk"}, {0x00100000, "sunlink"},
	{0x00200000, "snapshot"},
	{0x00000004, "uappnd"}, {0x00000004, "uappend"},
	{0x00000800, "uarch"}, {0x00000800, "uarchive"},
	{0x00008000, "hidden"}, {0x00008000, "uhidden"},
	{0x00000002, "uchg"}, {0x00000002, "uchange"}, {0x00000002, "uimmutable"},
	{0x00000001, "nodump"},
	{0x00000010, "uunlnk"}, {0x00000010, "uunlink"},
	{0x00000200, "offline"}, {0x00000200, "uoffline"},
	{0x00000008, "opaque"},
	{0x00001000, "rdonly"}, {0x00001000, "urdonly"}, {0x00001000, "readonly"},
	{0x00000400, "reparse"}, {0x00000400, "ureparse"},
	{0x00000100, "sparse"}, {0x00000100, "usparse"},
	{0x00000080, "system"}, {0x00000080, "usystem"},
}

// ParseFlags turns comma-separated chflags(1) names into st_flags.
func ParseFlags(names string) (uint32, error) {
	var bits uint32
	for name := range strings.SplitSeq(names, ",") {
		switch bit := flagBit(name); {
		case bit != 0:
			bits |= bit
		case name == "" || name == "none" || name == "0" || name == "dump":
		default:
			return 0, fmt.Errorf("file flag %q is not known", name)
		}
	}
	return bits, nil
}

// FormatFlags is the inverse of ParseFlags.
func FormatFlags(bits uint32) string {
	var names []string
	for _, f := range flagNames {
		if bits&f.bit != 0 {
			names = append(names, f.name)
			bits &^= f.bit
		}
	}
	if bits != 0 {
		names = append(names, fmt.Sprintf("%#x", bits)) // a bit without a name: a layer omits and reports it
	}
	return strings.Join(names, ",")
}

func flagBit(name string) uint32 {
	for _, f := range flagNames {
		if f.name == name {
			return f.bit
		}
	}
	return 0
}
