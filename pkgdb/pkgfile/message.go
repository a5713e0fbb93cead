// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import "strings"

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
		quote(&b, strings.Trim(m.Text, blanks))
		if m.Type != "" {
			b.WriteString(`,"type":`)
			quote(&b, m.Type)
		}
		if m.MaxVersion != nil {
			b.WriteString(`,"maximum_version":`)
			quote(&b, *m.MaxVersion)
		}
		if m.MinVersion != nil {
			b.WriteString(`,"minimum_version":`)
			quote(&b, *m.MinVersion)
		}
		b.WriteByte('}')
	}
	b.WriteByte(']')
	return b.String()
}

// blanks are what libucl cuts off the ends of a message.
const blanks = " \t\n\v\f\r"

// quote writes s as libucl's emitter does (ucl_elt_string_write_json): short
// escapes where JSON has them, the replacement character for other control
// bytes, everything else as it is.
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
		case '\v':
			b.WriteString(`\u000B`)
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			if c < 0x20 || c == 0x7f {
				b.WriteString(`\uFFFD`)
			} else {
				b.WriteByte(c)
			}
		}
	}
	b.WriteByte('"')
}
