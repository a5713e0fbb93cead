// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// member is a member of an object. A repeated key has further values: libucl calls
// that an implicit array, and pkg mostly looks at the first.
type member struct {
	key   string
	value json.RawMessage
	more  []json.RawMessage
}

// few is how many members of an object are looked through one by one.
const few = 16

// members splits a JSON object, in its order. The text must be valid JSON, which
// has been found out for all of a manifest: an object of ten thousand files would
// otherwise be checked at every level.
func members(text []byte) ([]member, error) {
	s := scanner{text: text}
	if s.peek() != '{' {
		return nil, fmt.Errorf("found %s, wanted an object", kindOf(text))
	}
	s.skip()
	list := make([]member, 0, few/2)
	var at map[string]int // once there are too many to look through
	for n := 1; ; n++ {
		raw, value, more := s.member()
		switch {
		case !more && n > maxEntries+1:
			return nil, &LimitError{"entries", n - 1, maxEntries}
		case !more:
			return list, nil
		case n > maxEntries:
			continue // it is counted only
		}
		key := stringOf(raw)
		if key == "" {
			return nil, errors.New("found an empty key")
		}
		i, known := at[key]
		if len(list) < few {
			i = slices.IndexFunc(list, func(m member) bool { return m.key == key })
			known = i >= 0
		}
		if known {
			list[i].more = append(list[i].more, value)
			continue
		}
		if list = append(list, member{key: key, value: value}); len(list) == few {
			at = map[string]int{}
			for i, m := range list {
				at[m.key] = i
			}
		} else if len(list) > few {
			at[key] = len(list) - 1
		}
	}
}

// elements splits a JSON array, which must be valid.
func elements(text []byte) []json.RawMessage {
	s := scanner{text: text}
	s.peek()
	s.skip()
	var list []json.RawMessage
	for {
		switch s.peek() {
		case ',':
			s.skip()
		case ']', '}':
			return list
		default:
			list = append(list, s.value())
		}
	}
}

// scanner finds the ends of the values of a valid JSON text.
type scanner struct {
	text []byte
	at   int
}

func (s *scanner) skip() { s.at++ }

// peek passes over white space and returns what follows.
func (s *scanner) peek() byte {
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return '}' // the end of any object
}

// member passes over the next member of an object, if there is one.
func (s *scanner) member() (key, value json.RawMessage, more bool) {
	if s.peek() == ',' {
		s.skip()
	}
	if s.peek() == '}' {
		return nil, nil, false
	}
	key = s.value()
	s.peek()
	s.skip() // the colon
	s.peek()
	return key, s.value(), true
}

// value passes over the value that begins here and returns it.
func (s *scanner) value() json.RawMessage {
	begin, depth := s.at, 0
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case '"':
			s.str()
			if depth == 0 {
				return s.text[begin:s.at]
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 { // the end of a number or literal, and of what holds it
				return s.text[begin:s.at]
			}
			if depth--; depth == 0 {
				s.at++
				return s.text[begin:s.at]
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return s.text[begin:s.at]
			}
		}
		s.at++
	}
	return s.text[begin:]
}

// str passes over a string.
func (s *scanner) str() {
	for s.at++; ; s.at++ {
		n := bytes.IndexByte(s.text[min(s.at, len(s.text)):], '"')
		if n < 0 {
			s.at = len(s.text)
			return
		}
		escaped := bytes.IndexByte(s.text[s.at:s.at+n], '\\')
		if escaped < 0 {
			s.at += n + 1
			return
		}
		s.at += escaped + 1 // at what it escapes
	}
}
