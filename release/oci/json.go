// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// This encoder writes the JSON of an image, so that no release of Go can change
// an image's digest: compact, members in the given order, strings in UTF-8 with
// only the escapes that JSON requires.

// member is a member of an object, omitted if its value is nil.
type member struct {
	key   string
	value any
}

// object is a JSON object in the given order.
type object []member

// sorted makes an object from a map, by key; nil if it is empty.
func sorted(m map[string]string) any {
	if len(m) == 0 {
		return nil
	}
	var o object
	for _, k := range slices.Sorted(maps.Keys(m)) {
		o = append(o, member{k, m[k]})
	}
	return o
}

// texts makes an array; nil if it is empty.
func texts(list []string) any {
	if len(list) == 0 {
		return nil
	}
	array := make([]any, len(list))
	for i, s := range list {
		array[i] = s
	}
	return array
}

// encode writes a value of the types object, []any, string, int, int64 and bool.
func encode(v any) []byte {
	var b strings.Builder
	write(&b, v)
	return []byte(b.String())
}

func write(b *strings.Builder, v any) {
	switch v := v.(type) {
	case object:
		separator := byte('{')
		for _, m := range v {
			if m.value == nil {
				continue
			}
			b.WriteByte(separator)
			separator = ','
			quote(b, m.key)
			b.WriteByte(':')
			write(b, m.value)
		}
		if separator == '{' {
			b.WriteByte('{')
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			write(b, e)
		}
		b.WriteByte(']')
	case string:
		quote(b, v)
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case int:
		b.WriteString(strconv.Itoa(v))
	case bool:
		b.WriteString(strconv.FormatBool(v))
	default:
		panic(fmt.Sprintf("oci: no JSON for a %T", v))
	}
}

func quote(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range s { // a byte that is not UTF-8 becomes U+FFFD, as usual in Go
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20:
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}
