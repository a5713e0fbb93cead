// SPDX-License-Identifier: BSD-2-Clause

// Package pkgver orders versions of packages as pkg(8) does
// (libpkg/pkg_version.c: pkg_version_cmp) and reads dependency formulas
// (libpkg/pkg_deps.c: pkg_deps_parse_formula).
//
// A version is VERSION[,EPOCH] or VERSION[_REVISION[,EPOCH]]. The epoch decides
// first, then the version, then the revision. A version is a sequence of
// components between dots; a component is a number, a letter and a patch level,
// compared in that order: 15.0 < 15.0p1 < 15.0p10 < 15.1. Missing components
// count as zeros. The words pl, snap, alpha, beta, pre and rc make components of
// their own, which come before what has none: 15.0.rc1 and 15.snap20250901000000
// are older than 15.0. A "+" starts a new sequence: everything before it decides
// first.
//
// Any text is a version to pkg, so nothing here is an error. Numbers saturate at
// the largest of 64 bits, like strtol(3). Not supported are the blanks and signs
// that strtol would accept before an epoch or a revision.
package pkgver

import (
	"cmp"
	"strconv"
	"strings"
)

// Compare returns -1, 0 or 1 as a is older than, the same as, or newer than b.
// Both may be names with a version; what is before the last "-" is ignored.
func Compare(a, b string) int {
	va, vb := split(a), split(b)
	return cmp.Or(
		cmp.Compare(va.epoch, vb.epoch),
		compareRows(va.version, vb.version),
		cmp.Compare(va.revision, vb.revision),
	)
}

type parts struct {
	version         string
	revision, epoch uint64
}

// split is libpkg/pkg_version.c:split_version. A "," before the last "_" belongs
// to the version and is not an epoch.
func split(s string) parts {
	var p parts
	s = s[strings.LastIndexByte(s, '-')+1:]
	version, revision, revised := cutLast(s, '_')
	if revised {
		_, epoch, _ := cutLast(revision, ',')
		p.revision, p.epoch = unsigned(revision), unsigned(epoch)
	} else {
		var epoch string
		version, epoch, _ = cutLast(s, ',')
		p.epoch = unsigned(epoch)
	}
	p.version = version
	return p
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// compareRows goes through the blocks between "+", and through the components
// of each.
func compareRows(a, b string) int {
	for a != "" || b != "" {
		var blockA, blockB string
		blockA, a, _ = strings.Cut(a, "+")
		blockB, b, _ = strings.Cut(b, "+")
		for blockA != "" || blockB != "" {
			var ca, cb component
			ca, blockA = next(blockA)
			cb, blockB = next(blockB)
			if c := ca.compare(cb); c != 0 {
				return c
			}
		}
	}
	return 0
}

// component is the unit of comparison; a missing one is the zero value.
type component struct {
	number int64 // noNumber if it starts with a letter, star for "*"
	letter int64 // 1 for a or A, 2 for b, …; 0 for none and for pl
	patch  int64 // noPatch if no number follows the letter
}

const (
	noNumber = -1
	star     = -2
	noPatch  = -1
)

func (c component) compare(d component) int {
	return cmp.Or(cmp.Compare(c.number, d.number), cmp.Compare(c.letter, d.letter), cmp.Compare(c.patch, d.patch))
}

const (
	digits  = "0123456789"
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

func isLetter(c byte) bool { return strings.IndexByte(letters, c) >= 0 }

// next reads one component of a block and skips the separators after it:
// libpkg/pkg_version.c:get_component.
func next(s string) (component, string) {
	if s == "" {
		return component{}, ""
	}
	if s[0] == '*' { // stands for the rest of the block
		return component{number: star}, ""
	}
	c := component{number: noNumber}
	if n, rest := leading(s); n != "" {
		c.number, s = signed(n), rest
	}
	if s != "" && isLetter(s[0]) {
		letter, isStage := stage(s)
		if isStage && c.number != noNumber {
			return c, s // 1.0rc1 is 1.0.rc1
		}
		c.letter, c.patch = letter, noPatch
		s = strings.TrimLeft(s, letters)
		if n, rest := leading(s); n != "" {
			c.patch, s = signed(n), rest
		}
	}
	if i := strings.IndexAny(s, digits+letters+"*"); i >= 0 {
		return c, s[i:]
	}
	return c, ""
}

// stages are the words for what comes before a release, or after it.
var stages = []struct {
	word   string
	letter byte
}{
	{"pl", 'a' - 1}, {"snap", 's'}, {"alpha", 'a'}, {"beta", 'b'}, {"pre", 'p'}, {"rc", 'r'},
}

// stage returns the value of the leading letters of s, and whether they are the
// word of a stage. For other words the first letter counts.
func stage(s string) (letter int64, isStage bool) {
	word := s[:len(s)-len(strings.TrimLeft(s, letters))]
	first := word[0] | 0x20 // in lower case
	for _, st := range stages {
		if strings.EqualFold(word, st.word) {
			first, isStage = st.letter, true
		}
	}
	return int64(first) - 'a' + 1, isStage
}

// leading returns the digits that s starts with, and the rest.
func leading(s string) (number, rest string) {
	rest = strings.TrimLeft(s, digits)
	return s[:len(s)-len(rest)], rest
}

// signed is strtol(3): it saturates at the largest number.
func signed(number string) int64 {
	n, _ := strconv.ParseInt(number, 10, 64)
	return n
}

// unsigned is strtoul(3): the leading digits of s, 0 for none; it saturates at
// the largest number.
func unsigned(s string) uint64 {
	number, _ := leading(s)
	n, _ := strconv.ParseUint(number, 10, 64)
	return n
}
