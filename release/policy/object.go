// SPDX-License-Identifier: BSD-2-Clause

package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// object is a JSON object, and where it stands.
type object struct {
	where   string
	members map[string]json.RawMessage
}

func parseObject(where string, raw json.RawMessage) (object, error) {
	o := object{where: where}
	err := decode(where, raw, "an object", &o.members)
	return o, err
}

// place is the path of a member.
func (o object) place(name string) string {
	for _, r := range name {
		if r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			name = strconv.Quote(name)
			break
		}
	}
	if name == "" {
		name = `""`
	}
	if o.where == "" {
		return name
	}
	return o.where + "." + name
}

func (o object) has(name string) bool { _, has := o.members[name]; return has }

func (o object) names() []string { return slices.Sorted(maps.Keys(o.members)) }

// only refuses members of other names: what they mean may make a policy stricter.
func (o object) only(names ...string) error {
	for _, name := range o.names() {
		if !slices.Contains(names, name) {
			return &Error{o.place(name), errors.New("this version does not know or support this member")}
		}
	}
	return nil
}

// get reads a member that has to be there.
func (o object) get(name, wanted string, v any) error {
	raw, has := o.members[name]
	if !has {
		return &Error{o.place(name), errors.New("is missing")}
	}
	return decode(o.place(name), raw, wanted, v)
}

func (o object) object(name string) (object, error) {
	inner := object{where: o.place(name)}
	err := o.get(name, "an object", &inner.members)
	return inner, err
}

// list reads an array that has something in it.
func (o object) list(name string) ([]json.RawMessage, error) {
	var list []json.RawMessage
	err := o.get(name, "an array", &list)
	if err == nil && len(list) == 0 {
		err = &Error{o.place(name), errors.New("is empty")}
	}
	return list, err
}

// text reads a string that has something in it.
func (o object) text(name string) (string, error) {
	var raw json.RawMessage
	if err := o.get(name, "a string", &raw); err != nil {
		return "", err
	}
	return parseText(o.place(name), raw)
}

func parseText(where string, raw json.RawMessage) (string, error) {
	var s string
	err := decode(where, raw, "a string", &s)
	if err == nil && s == "" {
		err = &Error{where, errors.New("is empty")}
	}
	return s, err
}

// decode reads a value of one kind. encoding/json alone takes null for any.
func decode(where string, raw json.RawMessage, wanted string, v any) error {
	found := "a number"
	switch raw[0] {
	case '{':
		found = "an object"
	case '[':
		found = "an array"
	case '"':
		found = "a string"
	case 't', 'f':
		found = "a bool"
	case 'n':
		found = "null"
	}
	if found != wanted {
		return &Error{where, fmt.Errorf("found %s, wanted %s", found, wanted)}
	}
	return json.Unmarshal(raw, v)
}
