// SPDX-License-Identifier: BSD-2-Clause

package jsonscan

// Boundary finds the end of a value, chunk by chunk.
type Boundary struct {
	depth           int
	quoted, escaped bool
}

// Find returns how much of a chunk belongs to the value, and whether it ends.
func (b *Boundary) Find(chunk []byte) (n int, done bool) {
	for i, c := range chunk {
		switch {
		case b.escaped:
			b.escaped = false
		case b.quoted:
			b.escaped = c == '\\'
			if b.quoted = c != '"'; !b.quoted && b.depth == 0 {
				return i + 1, true
			}
		case c == '"':
			b.quoted = true
		case c == '{' || c == '[':
			b.depth++
		case c == '}' || c == ']':
			if b.depth == 0 { // a number or literal ended before
				return i, true
			}
			if b.depth--; b.depth == 0 {
				return i + 1, true
			}
		case b.depth == 0 && (c == ',' || c == ':' || c == ' ' || c == '\n' || c == '\t' || c == '\r'):
			return i, true
		}
	}
	return len(chunk), false
}
