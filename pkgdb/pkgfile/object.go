// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

type member struct {
	key   string
	value json.RawMessage
}

// few is how many members of an object are looked through one by one.
const few = 16

// members splits a JSON object, in its order; a repeated key is an error. The
// text must be valid JSON, which has been found out for all of a manifest: an
// object of ten thousand files would otherwise be checked at every level.
func members(text []byte) ([]member, error) {
	s := scanner{text: text}
	if s.peek() != '{' {
		return nil, fmt.Errorf("found %.20q, wanted an object", text)
	}
	s.skip()
	list := make([]member, 0, few/2)
	var seen map[string]bool // once there are too many to look through
	for n := 1; ; n++ {
		key, value, more := s.member()
		switch {
		case !more && n > maxEntries+1:
			return nil, &LimitError{"entries", n - 1, maxEntries}
		case !more:
			return list, nil
		case n > maxEntries:
			continue // it is counted only
		}
		kv := member{value: value}
		if err := unmarshal(key, &kv.key); err != nil {
			return nil, err
		}
		if len(list) < few && slices.ContainsFunc(list, func(m member) bool { return m.key == kv.key }) || seen[kv.key] {
			return nil, fmt.Errorf("key %q stands twice", kv.key)
		}
		if list = append(list, kv); len(list) == few {
			seen = map[string]bool{}
			for _, m := range list {
				seen[m.key] = true
			}
		} else if len(list) > few {
			seen[kv.key] = true
		}
	}
}

// unmarshal is json.Unmarshal for a value that is known to be valid. Almost all
// are strings that stand for themselves.
func unmarshal(value json.RawMessage, p any) error {
	if text, ok := p.(*string); ok && len(value) > 1 && value[0] == '"' && bytes.IndexByte(value, '\\') < 0 {
		*text = string(value[1 : len(value)-1])
		return nil
	}
	return json.Unmarshal(value, p)
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
