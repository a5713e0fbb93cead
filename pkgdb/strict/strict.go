// SPDX-License-Identifier: BSD-2-Clause

// Package strict reads JSON that has only one meaning.
//
// encoding/json takes the last of two members of one name, takes "Layers" for
// "layers", and puts U+FFFD where bytes are not UTF-8 and where an escape is
// half of a surrogate pair. Other programs do otherwise, so one text could show
// two programs two images (CVE-2021-41190 is of this kind). Here such a text is
// an error.
package strict

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Unmarshal is json.Unmarshal for a text that every program reads alike.
func Unmarshal(text []byte, v any) error {
	if err := json.Unmarshal(text, v); err != nil {
		return Explain(text, err)
	}
	return Check(text, v)
}

// Check finds in a text what another program may read differently from v, into
// which encoding/json has decoded it. Members that v does not have are ignored.
func Check(text []byte, v any) error {
	if !utf8.Valid(text) {
		return errors.New("has bytes that are not UTF-8")
	}
	found, err := parse(text)
	if err == nil {
		err = oneCharacter(text)
	}
	if err != nil {
		return err
	}
	return members{}.compare(found, reflect.TypeOf(v), nil)
}

// value is a JSON value without its scalars.
type value struct {
	members map[string]value
	list    []value
}

func parse(text []byte) (value, error) {
	return read(json.NewDecoder(bytes.NewReader(text)), nil)
}

// maxDepth bounds how deep values stand in one another. No document that is read here
// comes near.
const maxDepth = 200

// read reads a value and refuses an object with a repeated member. The path is joined
// only for an error: of deep values with long names, all paths take much more memory
// than the text.
func read(dec *json.Decoder, path []string) (value, error) {
	var v value
	if len(path) > maxDepth {
		return v, fmt.Errorf("has values %d deep in one another, wanted at most %d", len(path), maxDepth)
	}
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
			each, err := read(dec, append(path, strconv.Itoa(len(v.list))))
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
		if v.members[key], err = read(dec, append(path, key)); err != nil {
			return v, err
		}
	}
	_, err = dec.Token()
	return v, err
}

// members caches the members of types.
type members map[reflect.Type]map[string]reflect.Type

// compare finds members that encoding/json matches to those of a type despite
// another spelling.
func (m members) compare(v value, t reflect.Type, path []string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
		for i, each := range v.list {
			if err := m.compare(each, t.Elem(), append(path, strconv.Itoa(i))); err != nil {
				return err
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(v.members)) {
		member, err := m.find(t, path, key)
		if err == nil && member != nil {
			err = m.compare(v.members[key], member, append(path, key))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// find is the type of a member, nil for one that is not decoded.
func (m members) find(t reflect.Type, path []string, key string) (reflect.Type, error) {
	if t.Kind() == reflect.Map {
		return t.Elem(), nil
	}
	all := m.of(t)
	if member, is := all[key]; is {
		return member, nil
	}
	for other := range all {
		if strings.EqualFold(key, other) {
			return nil, fmt.Errorf("has %s, wanted %q", place(path, key), other)
		}
	}
	return nil, nil
}

// of lists the members of a type, none if it is not a struct.
func (m members) of(t reflect.Type) map[string]reflect.Type {
	if all, known := m[t]; known || t.Kind() != reflect.Struct {
		return all
	}
	all := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && name != "-" && !(f.Anonymous && name == "") {
			all[cmp.Or(name, f.Name)] = f.Type
		}
	}
	m[t] = all
	return all
}

// oneCharacter refuses half of a surrogate pair, which is not a character, and
// which some programs replace by another.
func oneCharacter(text []byte) error {
	unit := func(at int) rune {
		if at+6 > len(text) || string(text[at:at+2]) != `\u` {
			return 0
		}
		n, _ := strconv.ParseUint(string(text[at+2:at+6]), 16, 16)
		return rune(n)
	}
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		switch r := unit(i); {
		case !utf16.IsSurrogate(r):
			i++ // the rest is plain text
		case utf16.DecodeRune(r, unit(i+6)) == utf8.RuneError:
			return fmt.Errorf("has %s, which is half of a surrogate pair", text[i:i+6])
		default:
			i += 11
		}
	}
	return nil
}

// place names a member, and its object unless that is the top.
func place(path []string, key string) string {
	if len(path) == 0 {
		return fmt.Sprintf("%q", key)
	}
	return fmt.Sprintf("%q in %s", key, strings.Join(path, "."))
}

// Has lists the members at the top of a text that some program may match to one
// of the names.
func Has(text []byte, names ...string) []string {
	var top map[string]json.RawMessage
	if json.Unmarshal(text, &top) != nil {
		return nil
	}
	var list []string
	for _, key := range slices.Sorted(maps.Keys(top)) {
		if slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, key) }) {
			list = append(list, key)
		}
	}
	return list
}
