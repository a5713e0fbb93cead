// SPDX-License-Identifier: BSD-2-Clause

// Package pkgver orders versions of packages as pkg(8) does
// (libpkg/pkg_version.c: pkg_version_cmp) and reads dependency formulas
// (libpkg/pkg_deps.c).
//
// A version is VERSION[_REVISION][,EPOCH]. The epoch decides first, then the
// version, then the revision. A version is a row of components between dots;
// a component is a number, a letter and a patch level, compared in that order:
// 15.0 < 15.0p1 < 15.0p10 < 15.1. The words pl, snap, alpha, beta, pre and rc
// make components of their own, which come before what has none: 15.0.rc1 and
// 15.snap20250901000000 are older than 15.0.
package pkgver

import (
	"cmp"
	"math"
	"strings"
)

// Compare returns -1, 0 or 1 as a is older than, the same as, or newer than b.
// A name before the last "-" is ignored.
func Compare(a, b string) int {
	if strings.EqualFold(a, b) {
		return 0
	}
	va, vb := split(a), split(b)
	return cmp.Or(cmp.Compare(va.epoch, vb.epoch), compareVersions(va.version, vb.version), cmp.Compare(va.revision, vb.revision))
}

// SplitName takes NAME-VERSION apart at the last "-". It reports false where
// there is none.
func SplitName(s string) (name, version string, ok bool) {
	i := strings.LastIndexByte(s, '-')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

type parts struct {
	version         string
	revision, epoch int64
}

func split(s string) parts {
	p := parts{version: s[strings.LastIndexByte(s, '-')+1:]}
	if i := strings.LastIndexByte(p.version, ','); i >= 0 {
		p.epoch, _ = number(p.version[i+1:])
		p.version = p.version[:i]
	}
	if i := strings.LastIndexByte(p.version, '_'); i >= 0 {
		p.revision, _ = number(p.version[i+1:])
		p.version = p.version[:i]
	}
	return p
}

// component is the unit of comparison.
type component struct {
	number int64 // -1 where it starts with a letter, -2 for "*"
	letter int64 // 0 for none, then a is 1
	patch  int64 // -1 where a letter has no number after it
}

func (c component) compare(d component) int {
	return cmp.Or(cmp.Compare(c.number, d.number), cmp.Compare(c.letter, d.letter), cmp.Compare(c.patch, d.patch))
}

// compareVersions goes through both versions, block by block between "+" and
// component by component; the shorter one goes on with zeros.
func compareVersions(a, b string) int {
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

// next reads one component and passes over the separators behind it.
func next(s string) (component, string) {
	var c component
	if s == "" {
		return c, ""
	}
	hasNumber := false
	switch {
	case isDigit(s[0]):
		c.number, s = number(s)
		hasNumber = true
	case s[0] == '*':
		c.number = -2
		s = strings.TrimLeftFunc(s[1:], func(r rune) bool { return r != '+' && !isSeparator(r) })
	case isLetter(s[0]):
		c.number = -1
	}
	if s != "" && isLetter(s[0]) {
		word, letter := stage(s)
		if word > 0 && hasNumber { // 1.0rc1 is 1.0.rc1
			return c, s
		}
		c.letter = letter
		s = strings.TrimLeftFunc(s, func(r rune) bool { return r < 0x80 && isLetter(byte(r)) })
		if c.patch = -1; s != "" && isDigit(s[0]) {
			c.patch, s = number(s)
		}
	}
	return c, strings.TrimLeftFunc(s, isSeparator)
}

// stages are the words that stand for a stage before a release, with the
// letter that each counts as; pl counts as none.
var stages = []struct {
	word   string
	letter int64
}{
	{"pl", 0}, {"snap", 's' - 'a' + 1}, {"alpha", 1}, {"beta", 2}, {"pre", 'p' - 'a' + 1}, {"rc", 'r' - 'a' + 1},
}

// stage returns the length of the stage word that s starts with, 0 for none,
// and the letter that s counts as.
func stage(s string) (length int, letter int64) {
	for _, st := range stages {
		n := len(st.word)
		if len(s) >= n && strings.EqualFold(s[:n], st.word) && (len(s) == n || !isLetter(s[n])) {
			return n, st.letter
		}
	}
	return 0, int64(s[0]|0x20-'a') + 1
}

// number reads digits; a number that is too large for 63 bits counts as the
// largest one.
func number(s string) (int64, string) {
	var n int64
	i := 0
	for ; i < len(s) && isDigit(s[i]); i++ {
		d := int64(s[i] - '0')
		if n > (math.MaxInt64-d)/10 {
			n = math.MaxInt64
		} else {
			n = n*10 + d
		}
	}
	return n, s[i:]
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// isSeparator is true for dots and for whatever cannot stand in a component.
func isSeparator(r rune) bool {
	return r >= 0x80 || !isDigit(byte(r)) && !isLetter(byte(r)) && r != '+' && r != '*'
}
