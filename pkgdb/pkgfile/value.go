// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/orlop/orlop/pkgdb/ucl"
)

// kind is a type of value, or a set of types, as libucl distinguishes them.
type kind uint8

const (
	aString kind = 1 << iota
	anInt
	aFloat
	aBool
	aNull
	anObject
	aList
)

// String names the types for messages.
func (k kind) String() string {
	var names []string
	for i, name := range [...]string{"a string", "an integer", "a number", "a boolean", "null", "an object", "a list"} {
		if k&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if n := len(names) - 1; n > 0 {
		return strings.Join(names[:n], ", ") + " or " + names[n]
	}
	return strings.Join(names, "")
}

// kindOf is the type of a value, which must be valid JSON. An integer out of
// range is a string to libucl.
func kindOf(value []byte) kind {
	value = bytes.TrimLeft(value, " \t\r\n")
	switch value[0] {
	case '"':
		return aString
	case '{':
		return anObject
	case '[':
		return aList
	case 't', 'f':
		return aBool
	case 'n':
		return aNull
	}
	if bytes.ContainsAny(value, ".eE") {
		return aFloat
	}
	if _, err := strconv.ParseInt(string(value), 10, 64); err != nil {
		return aString
	}
	return anInt
}

// stringOf is the text of a string, or of an integer where one may stand for a
// string (libucl: ucl_object_tostring_forced). It is a C string, and so ends at
// a NUL.
func stringOf(value json.RawMessage) string { return string(bytesOf(value)) }

// bytesOf is the text of a value as it stands there, if that is possible. A package
// has thousands, almost all without escapes.
func bytesOf(value json.RawMessage) []byte {
	switch {
	case value[0] >= '0' && value[0] <= '9' && len(value) < 19 && !bytes.ContainsAny(value, ".eE"):
		return value
	case value[0] != '"':
		if n, err := strconv.ParseInt(string(value), 10, 64); err == nil {
			return strconv.AppendInt(nil, n, 10)
		}
		return value
	case bytes.IndexByte(value, '\\') < 0:
		return value[1 : len(value)-1]
	}
	text, _ := ucl.Unescape(string(value[1 : len(value)-1])) // valid JSON escapes have their digits
	text, _, _ = strings.Cut(text, "\x00")
	return []byte(text)
}

// urlDecode replaces %xx, which is how pkg writes '%' and all non-ASCII bytes
// (libpkg/pkg_manifest.c: url_decode). Any other '%' stands for itself.
func urlDecode(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(n))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	text, _, _ := strings.Cut(string(out), "\x00")
	return text
}

// urlDecoded is urlDecode where there is rarely anything to decode.
func urlDecoded(text []byte) []byte {
	if bytes.IndexByte(text, '%') < 0 {
		return text
	}
	return []byte(urlDecode(string(text)))
}

// decodedPath is the path that a key stands for.
func decodedPath(key []byte) []byte {
	path := urlDecoded(key)
	if isClean(path) {
		return path
	}
	return []byte(cleanPath(string(path)))
}

// numberOf is strtoll(3) of the text of a value: as many digits as there are.
func numberOf(value json.RawMessage) int64 {
	s := bytes.TrimLeft(bytesOf(value), " \t\n\v\f\r")
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[0] == '-' || s[0] == '+')) {
		end++
	}
	n, _ := strconv.ParseInt(string(s[:end]), 10, 64) // saturates; 0 for no digits
	return n
}

// cleanPath is a path as libpkg keeps it (libpkg/utils.c: pkg_absolutepath):
// without "//", "/./" or a trailing slash. "/../" is left to those who refuse
// it.
func cleanPath(p string) string {
	if isClean([]byte(p)) {
		return p
	}
	var parts []string
	for part := range strings.SplitSeq(p, "/") {
		if part != "" && part != "." {
			parts = append(parts, part)
		}
	}
	if !strings.HasPrefix(p, "/") {
		return strings.Join(parts, "/")
	}
	return "/" + strings.Join(parts, "/")
}

// isClean reports that cleanPath would change nothing.
func isClean(p []byte) bool {
	return !bytes.Contains(p, []byte("//")) && !bytes.Contains(p, []byte("/.")) && (len(p) < 2 || p[len(p)-1] != '/')
}
