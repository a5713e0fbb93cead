// SPDX-License-Identifier: BSD-2-Clause

// Package jsonscan finds where the values of a JSON text begin and end, without
// parsing them.
package jsonscan

import (
	"bytes"
	"encoding/json"
)

// Scanner finds the ends of the values of a valid JSON text.
type Scanner struct {
	Text []byte
	at   int
}

func (s *Scanner) Skip() { s.at++ }

// Peek skips white space and returns the next byte.
func (s *Scanner) Peek() byte {
	for ; s.at < len(s.Text); s.at++ {
		switch c := s.Text[s.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return '}' // the end of any object
}

// Member skips the next member of an object, if there is one, and returns it.
func (s *Scanner) Member() (key, value json.RawMessage, more bool) {
	if s.Peek() == ',' {
		s.Skip()
	}
	if s.Peek() == '}' {
		return nil, nil, false
	}
	key = s.Value()
	s.Peek()
	s.Skip() // the colon
	s.Peek()
	return key, s.Value(), true
}

// Value skips the value that begins here and returns it.
func (s *Scanner) Value() json.RawMessage {
	begin, depth := s.at, 0
	for s.at < len(s.Text) {
		switch s.Text[s.at] {
		case '"':
			s.str()
			if depth == 0 {
				return s.Text[begin:s.at]
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 { // the end of a number or literal, and of what holds it
				return s.Text[begin:s.at]
			}
			if depth--; depth == 0 {
				s.at++
				return s.Text[begin:s.at]
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return s.Text[begin:s.at]
			}
		}
		s.at++
	}
	return s.Text[begin:]
}

// str skips a string.
func (s *Scanner) str() {
	for s.at++; ; s.at++ {
		n := bytes.IndexByte(s.Text[min(s.at, len(s.Text)):], '"')
		if n < 0 {
			s.at = len(s.Text)
			return
		}
		escaped := bytes.IndexByte(s.Text[s.at:s.at+n], '\\')
		if escaped < 0 {
			s.at += n + 1
			return
		}
		s.at += escaped + 1 // at the escaped character
	}
}
