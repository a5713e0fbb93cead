// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/orlop/orlop/pkgdb/jsonscan"
)

// member is a member of an object. A repeated key has further values: libucl
// calls that an implicit array, and pkg mostly uses the first.
type member struct {
	key   string
	value json.RawMessage
	more  []json.RawMessage
}

// few is up to how many members of an object are searched linearly.
const few = 16

// members splits a JSON object, in order. The text must be valid JSON, which has
// been checked for the whole manifest: otherwise an object of ten thousand files
// would be checked at every level.
func members(text []byte) ([]member, error) {
	s := jsonscan.Scanner{Text: text}
	if s.Peek() != '{' {
		return nil, fmt.Errorf("found %s, wanted an object", kindOf(text))
	}
	s.Skip()
	list := make([]member, 0, few/2)
	var at map[string]int // once there are too many to search linearly
	for n := 1; ; n++ {
		raw, value, more := s.Member()
		switch {
		case !more && n > maxEntries+1:
			return nil, &LimitError{"entries", n - 1, maxEntries}
		case !more:
			return list, nil
		case n > maxEntries:
			continue // only counted
		}
		key := stringOf(raw)
		if key == "" {
			return nil, errEmptyKey
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
	s := jsonscan.Scanner{Text: text}
	s.Peek()
	s.Skip()
	var list []json.RawMessage
	for {
		switch s.Peek() {
		case ',':
			s.Skip()
		case ']', '}':
			return list
		default:
			list = append(list, s.Value())
		}
	}
}

// maxEntries bounds the members of an object of a manifest, above all its files.
// Each takes about 100 bytes in memory. The largest packages of ports have
// 100,000.
const maxEntries = 2_000_000

// LimitError is a package or catalogue with more entries than are accepted.
// Nothing need be wrong with it.
type LimitError struct {
	What        string // the entries that are too many
	Found, Most int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("has %d %s, wanted at most %d", e.Found, e.What, e.Most)
}

// Failed reports that this version cannot do it.
func (*LimitError) Failed() bool { return true }
