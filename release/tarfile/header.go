// SPDX-License-Identifier: BSD-2-Clause

package tarfile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// paxName is the name of every pax header. Programs that know pax never show it.
const paxName = "././@PaxHeader"

// header is what a tar entry says about itself.
type header struct {
	name, link   string
	kind         byte // typeflag
	mode         uint32
	uid, gid     int
	size, time   int64
	uname, gname string
	flags        string
	records      []string // pax, KEY=VALUE
}

// encode appends the header's blocks, preceded by a pax header if something does
// not fit in ustar (POSIX.1-2001, pax Interchange Format).
func (h *header) encode(to []byte) []byte {
	start := len(to)
	to = append(to, padding[:]...)
	h.ustar(to[start:])
	if len(h.records) == 0 {
		return to
	}
	block := padding
	copy(block[:], to[start:])
	body := h.paxBody()
	pax := header{name: paxName, kind: 'x', mode: 0o644, size: int64(len(body)), time: min(max(h.time, 0), maxTime)}
	to = append(pax.encode(to[:start]), body...)
	to = append(to, padding[:-len(body)&(BlockSize-1)]...)
	return append(to, block[:]...)
}

// What ustar's octal fields can hold.
const (
	maxID   = 0o7777777
	maxSize = 0o77777777777
	maxTime = 0o77777777777
)

// ustar makes the plain header in a block of zeros, and adds pax records for
// what does not fit.
func (h *header) ustar(b []byte) {
	prefix, name, fits := splitName(h.name)
	if !fits || !isASCII(h.name) {
		h.pax("path", h.name)
		prefix, name = "", clip(h.name, 100)
	}
	copy(b[0:100], name)
	octal(b[100:108], int64(h.mode))
	octal(b[108:116], h.fit("uid", int64(h.uid), maxID))
	octal(b[116:124], h.fit("gid", int64(h.gid), maxID))
	octal(b[124:136], h.fit("size", h.size, maxSize))
	octal(b[136:148], h.fit("mtime", h.time, maxTime))
	b[156] = h.kind
	copy(b[157:257], h.text("linkpath", h.link, 100))
	copy(b[257:265], "ustar\x0000")
	copy(b[265:297], h.text("uname", h.uname, 31))
	copy(b[297:329], h.text("gname", h.gname, 31))
	octal(b[329:337], 0) // device numbers, not used here
	octal(b[337:345], 0)
	copy(b[345:500], prefix)
	if h.flags != "" {
		h.pax("SCHILY.fflags", h.flags)
	}
	sum := int64(' ') * 8
	for _, c := range b {
		sum += int64(c)
	}
	octal(b[148:155], sum)
	b[155] = ' '
}

func (h *header) pax(key, value string) { h.records = append(h.records, key+"="+value) }

// fit returns a number that fits in its field, 0 if a pax record has it.
func (h *header) fit(key string, n, most int64) int64 {
	if n < 0 || n > most {
		h.pax(key, strconv.FormatInt(n, 10))
		return 0
	}
	return n
}

// text returns a text that fits in its field.
func (h *header) text(key, s string, room int) string {
	if len(s) > room || !isASCII(s) {
		h.pax(key, s)
	}
	return clip(s, room)
}

// paxBody writes the records in the order of their keys. hdrcharset comes before
// all: it says how to read the names after it.
func (h *header) paxBody() []byte {
	slices.Sort(h.records)
	if !utf8.ValidString(strings.Join(h.records, "")) {
		h.records = append([]string{"hdrcharset=BINARY"}, h.records...)
	}
	var body []byte
	for _, r := range h.records {
		// A record starts with its own length, which counts these digits.
		n := len(r) + len(" \n")
		size := n + len(strconv.Itoa(n))
		size = n + len(strconv.Itoa(size)) // 98 and 2 digits make 101
		body = append(body, fmt.Sprintf("%d %s\n", size, r)...)
	}
	return body
}

// splitName finds the slash at which a long name is split into ustar's two
// fields: the last one for which the prefix has room.
func splitName(s string) (prefix, name string, ok bool) {
	if len(s) <= 100 {
		return "", s, true
	}
	i := strings.LastIndexByte(s[:min(len(s), 156)], '/')
	if i <= 0 || len(s)-i-1 > 100 || i == len(s)-1 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}

// octal fills a field with digits and a NUL.
func octal(field []byte, n int64) {
	for i := len(field) - 2; i >= 0; i-- {
		field[i] = '0' + byte(n&7)
		n >>= 3
	}
}

// clip truncates a text that is complete in a pax record.
func clip(s string, room int) string {
	if isASCII(s) {
		return s[:min(len(s), room)]
	}
	ascii := strings.Map(func(r rune) rune {
		if r >= 0x80 {
			return '_'
		}
		return r
	}, s)
	return ascii[:min(len(ascii), room)]
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
