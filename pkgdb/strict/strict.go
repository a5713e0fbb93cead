// SPDX-License-Identifier: BSD-2-Clause

// Package strict reads JSON that has one meaning only.
//
// encoding/json takes the last of two members of one name, takes "Layers" for
// "layers", and puts U+FFFD where bytes are no UTF-8. Other programs do
// otherwise, so that one text could show two programs two images
// (CVE-2021-41190 is of this kind). Here such a text is an error.
package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Unmarshal is json.Unmarshal for a text that every program reads alike.
func Unmarshal(text []byte, v any) error {
	if err := json.Unmarshal(text, v); err != nil {
		return err
	}
	return Check(text, v)
}

// Check finds in a text what another program may read otherwise than v, into
// which encoding/json has decoded it. A member that v has no place for is none
// of its business.
func Check(text []byte, v any) error {
	if !utf8.Valid(text) {
		return errors.New("has bytes that are not UTF-8")
	}
	found, err := parse(text)
	if err != nil {
		return err
	}
	// What encoding/json took for a member of v has that member's name here.
	again, err := json.Marshal(v)
	if err != nil {
		return err
	}
	taken, err := parse(again)
	if err != nil {
		return err
	}
	return found.compare(taken, "")
}

// value is a JSON value without its scalars.
type value struct {
	members map[string]value
	list    []value
}

func parse(text []byte) (value, error) {
	return read(json.NewDecoder(bytes.NewReader(text)), "")
}

// read reads a value and refuses an object that has a member twice.
func read(dec *json.Decoder, path string) (value, error) {
	var v value
	token, err := dec.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	delim, open := token.(json.Delim)
	if err != nil || !open {
		return v, err
	}
	if delim == '{' {
		v.members = map[string]value{}
	}
	for dec.More() {
		if delim == '[' {
			each, err := read(dec, fmt.Sprint(path, ".", len(v.list)))
			if err != nil {
				return v, err
			}
			v.list = append(v.list, each)
			continue
		}
		token, err := dec.Token()
		if err != nil {
			return v, err
		}
		key := token.(string)
		if _, twice := v.members[key]; twice {
			return v, fmt.Errorf("has %s twice", place(path, key))
		}
		if v.members[key], err = read(dec, path+"."+key); err != nil {
			return v, err
		}
	}
	_, err = dec.Token()
	return v, err
}

// compare finds members that were taken for others.
func (v value) compare(taken value, path string) error {
	for key, each := range v.members {
		if same, ok := taken.members[key]; ok {
			if err := each.compare(same, path+"."+key); err != nil {
				return err
			}
			continue
		}
		for other := range taken.members {
			if strings.EqualFold(key, other) {
				return fmt.Errorf("has %s, wanted %q", place(path, key), other)
			}
		}
	}
	for i := range min(len(v.list), len(taken.list)) {
		if err := v.list[i].compare(taken.list[i], fmt.Sprint(path, ".", i)); err != nil {
			return err
		}
	}
	return nil
}

// place names a member, and where it stands unless that is the top.
func place(path, key string) string {
	if path == "" {
		return fmt.Sprintf("%q", key)
	}
	return fmt.Sprintf("%q in %s", key, path[1:])
}

// Has reports which of the names are members of an object at the top of a text.
func Has(text []byte, names ...string) []string {
	var top map[string]json.RawMessage
	if json.Unmarshal(text, &top) != nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { _, is := top[name]; return !is })
}
