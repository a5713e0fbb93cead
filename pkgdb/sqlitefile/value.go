// SPDX-License-Identifier: BSD-2-Clause

package sqlitefile

import "math"

// Kind is what a value is. The kinds are in SQLite's order of values, except
// that it compares numbers of both kinds with each other.
type Kind uint8

// The kinds of values of SQLite.
const (
	Null Kind = iota
	Integer
	Real
	Text
	Blob
)

// Value is one value of a row. The zero value is NULL.
type Value struct {
	Kind   Kind
	Number int64  // of an integer; the bits of a real number
	Text   string // of a text or a blob
}

// Float is the value of a number; 0 of anything else.
func (v Value) Float() float64 {
	switch v.Kind {
	case Integer:
		return float64(v.Number)
	case Real:
		return math.Float64frombits(uint64(v.Number))
	}
	return 0
}

// real is a real number; SQLite has none that is not a number, but NULL instead.
func real(f float64) Value {
	if math.IsNaN(f) {
		return Value{}
	}
	return Value{Kind: Real, Number: int64(math.Float64bits(f))}
}

// driver is a value as the driver takes it.
func (v Value) driver() any {
	switch v.Kind {
	case Integer:
		return v.Number
	case Real:
		return v.Float()
	case Text:
		return v.Text
	case Blob:
		return []byte(v.Text)
	}
	return nil
}

// ValueOf is a value that the driver returns.
func ValueOf(v any) Value {
	switch v := v.(type) {
	case int64:
		return Value{Kind: Integer, Number: v}
	case float64:
		return real(v)
	case string:
		return Value{Kind: Text, Text: v}
	case []byte:
		return Value{Kind: Blob, Text: string(v)}
	}
	return Value{}
}
