// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/orlop/orlop/pkgdb/jsonscan"
)

// walk reads the members of an object as eachOf does, but keeps none of them: there
// may be hundreds of thousands. Before the first it tells how many come, and how
// many bytes their keys have.
func (d *decoder) walk(object json.RawMessage, takes kind, come func(n, bytes int), read func(key []byte, value json.RawMessage) error) error {
	n, size, err := count(object)
	if err != nil {
		return err
	}
	come(n, size)
	seen := seen{object: object}
	for s := scanner(object); ; {
		raw, value, more := s.Member()
		if !more {
			return nil
		}
		key := bytesOf(raw)
		if seen.again(key) {
			continue
		}
		if found := kindOf(value); found&takes == 0 {
			d.skip("%s: found %s, wanted %s", key, found, takes)
		} else if err := read(key, value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
}

// count counts the members of an object and the bytes of their keys, and refuses
// what members does.
func count(object json.RawMessage) (n, size int, err error) {
	for s := scanner(object); ; n++ {
		key, _, more := s.Member()
		switch {
		case !more && n > maxEntries:
			return 0, 0, &LimitError{"entries", n, maxEntries}
		case !more:
			return n, size, nil
		case n < maxEntries && (len(key) == 2 || key[1] == '\\' && len(bytesOf(key)) == 0):
			return 0, 0, errEmptyKey
		}
		size += len(key) - 2
	}
}

var errEmptyKey = errors.New("found an empty key")

// scanner begins an object, which must be valid.
func scanner(object json.RawMessage) jsonscan.Scanner {
	s := jsonscan.Scanner{Text: object}
	s.Peek()
	s.Skip()
	return s
}

// seen tells which keys of an object occur again: only the first counts. pkg writes
// them in the order of the paths that they stand for. While they are, nothing need
// be remembered but the last.
type seen struct {
	object json.RawMessage
	first  int    // keys in order
	last   []byte // of them, decoded
	keys   map[string]bool
}

func (s *seen) again(key []byte) bool {
	if s.keys == nil {
		if path := urlDecoded(key); s.first == 0 || bytes.Compare(path, s.last) > 0 {
			s.last = path
			s.first++
			return false
		}
		s.keys = map[string]bool{}
		for earlier := scanner(s.object); len(s.keys) < s.first; {
			key, _, _ := earlier.Member()
			s.keys[string(bytesOf(key))] = true
		}
	}
	known := s.keys[string(key)]
	s.keys[string(key)] = true
	return known
}

// fields reads the members of the object of one entry. It rarely has more than a
// few, which need no memory.
func fields(object json.RawMessage, read func(key []byte, value json.RawMessage) error) error {
	var keys [few][]byte
	var values [few]json.RawMessage
	n := 0
	for s := scanner(object); ; {
		raw, value, more := s.Member()
		if !more {
			break
		}
		key := bytesOf(raw)
		switch {
		case len(key) == 0:
			return errEmptyKey
		case contains(keys[:n], key):
			continue
		case n == few:
			return manyFields(object, read)
		}
		keys[n], values[n] = key, value
		n++
	}
	for i, key := range keys[:n] {
		if err := read(key, values[i]); err != nil {
			return err
		}
	}
	return nil
}

func contains(keys [][]byte, key []byte) bool {
	for _, k := range keys {
		if bytes.Equal(k, key) {
			return true
		}
	}
	return false
}

func manyFields(object json.RawMessage, read func(key []byte, value json.RawMessage) error) error {
	kvs, err := members(object)
	if err != nil {
		return err
	}
	for _, kv := range kvs {
		if err := read([]byte(kv.key), kv.value); err != nil {
			return err
		}
	}
	return nil
}
