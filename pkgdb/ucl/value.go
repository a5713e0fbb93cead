// SPDX-License-Identifier: BSD-2-Clause

package ucl

import (
	"fmt"
	"strconv"
	"strings"
)

// Kind says what a value is.
type Kind uint8

// The kinds of value.
const (
	Null Kind = iota
	Bool
	Int
	Float
	String
	List
	Map
)

// String names the kind for messages.
func (k Kind) String() string {
	return [...]string{"null", "a boolean", "an integer", "a number", "a string", "a list", "an object"}[k]
}

// Value is a scalar, a list or an object.
type Value struct {
	Kind  Kind
	Text  string // of a scalar: as written, without quotes, variables expanded
	Bool  bool
	Int   int64
	Float float64 // of a Float; a time is in seconds
	List  []Value
	Map   *Object
	Line  int
	Raw   bool // of a String: in single quotes, so that no variable in it counts
	Lines bool // of a String: the lines after <<TAG, without the end of the last one

	file string
}

// Object is a list of members in the order of the source. A key may occur more
// than once.
type Object struct{ Members []Member }

// Member is a key and its value.
type Member struct {
	Key   string
	Value Value
}

// Get returns the value of a key. A repeated key gives a list of its values,
// libucl's implicit array.
func (o *Object) Get(key string) (Value, bool) {
	var found []Value
	for _, m := range o.Members {
		if m.Key == key {
			found = append(found, m.Value)
		}
	}
	if found == nil {
		return Value{}, false
	}
	return merge(found), true
}

// merge makes one value of all values of a key.
func merge(values []Value) Value {
	v := values[0]
	if len(values) == 1 {
		return v
	}
	return Value{Kind: List, List: values, Line: v.Line, file: v.file}
}

// Errorf returns an error that names the value's file and line.
func (v Value) Errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", v.file, v.Line, fmt.Errorf(format, args...))
}

func (v Value) unlike(want string) error {
	if v.Kind < List {
		text := strconv.Quote(v.Text) // for its escapes
		return v.Errorf("found %s (%s), wanted %s", v.Kind, text[1:len(text)-1], want)
	}
	return v.Errorf("found %s, wanted %s", v.Kind, want)
}

// AsString returns the text of a scalar other than null.
func (v Value) AsString() (string, error) {
	if v.Kind == Null || v.Kind >= List {
		return "", v.unlike("a string")
	}
	return v.Text, nil
}

// AsInt returns an integer.
func (v Value) AsInt() (int64, error) {
	if v.Kind != Int {
		return 0, v.unlike("an integer")
	}
	return v.Int, nil
}

// AsBool returns a boolean: true, yes, on, or the opposite of these.
func (v Value) AsBool() (bool, error) {
	if v.Kind != Bool {
		return false, v.unlike("a boolean")
	}
	return v.Bool, nil
}

// AsObject returns an object.
func (v Value) AsObject() (*Object, error) {
	if v.Kind != Map {
		return nil, v.unlike("an object")
	}
	return v.Map, nil
}

// AsStrings returns the texts of a list, or of a scalar as a list of one.
func (v Value) AsStrings() ([]string, error) {
	if v.Kind != List {
		s, err := v.AsString()
		if err != nil {
			return nil, err
		}
		return []string{s}, nil
	}
	list := make([]string, 0, len(v.List))
	for _, e := range v.List {
		s, err := e.AsString()
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// JSON writes the object as JSON, for readers that know only that. A repeated
// key is repeated there too.
func (o *Object) JSON() []byte {
	var b strings.Builder
	o.json(&b)
	return []byte(b.String())
}

func (o *Object) json(b *strings.Builder) {
	b.WriteByte('{')
	for i, m := range o.Members {
		if i > 0 {
			b.WriteByte(',')
		}
		quote(b, m.Key)
		b.WriteByte(':')
		m.Value.json(b)
	}
	b.WriteByte('}')
}

func (v Value) json(b *strings.Builder) {
	switch v.Kind {
	case Null:
		b.WriteString("null")
	case Bool:
		b.WriteString(strconv.FormatBool(v.Bool))
	case Int:
		b.WriteString(strconv.FormatInt(v.Int, 10))
	case Float:
		text := strconv.FormatFloat(v.Float, 'g', -1, 64)
		b.WriteString(text)
		if !strings.ContainsAny(text, ".e") {
			b.WriteString(".0") // otherwise it would be an integer
		}
	case String:
		quote(b, v.Text)
	case List:
		b.WriteByte('[')
		for i, e := range v.List {
			if i > 0 {
				b.WriteByte(',')
			}
			e.json(b)
		}
		b.WriteByte(']')
	case Map:
		v.Map.json(b)
	}
}

// Quote writes a string with quotes, as UCL and JSON read it. What is not UTF-8 stays as
// it is.
func Quote(s string) string {
	var b strings.Builder
	quote(&b, s)
	return b.String()
}

// quote writes a string. What is not UTF-8 stays as it is.
func quote(b *strings.Builder, s string) {
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < 0x20:
			fmt.Fprintf(b, `\u%04x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
}
