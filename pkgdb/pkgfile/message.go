// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"fmt"
	"strings"
)

// MessagesJSON writes messages as pkg stores them in its database: a compact
// JSON array in libucl's spelling, "" for none (libpkg/pkg.c: pkg_message_to_str).
func MessagesJSON(list []Message) string {
	if len(list) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteByte('[')
	for i, m := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"message":`)
		quote(&b, m.Text)
		for _, kv := range [][2]string{{"type", m.Type}, {"minimum_version", m.MinVersion}, {"maximum_version", m.MaxVersion}} {
			if kv[1] != "" {
				b.WriteString(`,"` + kv[0] + `":`)
				quote(&b, kv[1])
			}
		}
		b.WriteByte('}')
	}
	b.WriteByte(']')
	return b.String()
}

// quote writes s as libucl's emitter does: short escapes where JSON has them,
// \u00xx for other control bytes, everything else as it is.
func quote(b *strings.Builder, s string) {
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\b':
			b.WriteString(`\b`)
		case '\t':
			b.WriteString(`\t`)
		case '\f':
			b.WriteString(`\f`)
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			if c < 0x20 || c == 0x7f {
				fmt.Fprintf(b, `\u%04x`, c)
			} else {
				b.WriteByte(c)
			}
		}
	}
	b.WriteByte('"')
}
