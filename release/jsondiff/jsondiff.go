// SPDX-License-Identifier: BSD-2-Clause

// Package jsondiff reports how two JSON texts differ, key by key. The texts are
// untrusted: depth and keys are bounded.
package jsondiff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/orlop/orlop/pkgdb/sum"
)

// Change is a value in two JSON texts, "" where one of them lacks it.
type Change struct{ Key, Old, New string }

// place is where a value is in a text.
type place struct {
	shown string // keys and indices, joined by dots
	exact string // the same without ambiguity, since a key may have dots or be a number
}

// below reports whether a place is below another, whose text is its beginning.
func (p place) below(other place) bool {
	rest, ok := strings.CutPrefix(p.exact, other.exact)
	return ok && rest != "" && rest[0] != '~'
}

// change is a Change at its place.
type change struct {
	place
	old, now string
}

// Compare compares two values as JSON, key by key.
func Compare(old, now any) []Change {
	a, b := flatten(old), flatten(now)
	var changes []change
	for at, value := range a {
		if value != b[at] {
			changes = append(changes, change{at, value, b[at]})
		}
	}
	for at, value := range b {
		if _, both := a[at]; !both {
			changes = append(changes, change{at, "", value})
		}
	}
	slices.SortFunc(changes, func(x, y change) int { return strings.Compare(x.exact, y.exact) })
	var list []Change
	for i, c := range changes {
		empty := c.old+c.now == "{}" || c.old+c.now == "[]"
		if !empty || i+1 == len(changes) || !changes[i+1].below(c.place) { // otherwise its contents show it
			list = append(list, Change{c.shown, c.old, c.now})
		}
	}
	slices.SortStableFunc(list, func(x, y Change) int { return strings.Compare(x.Key, y.Key) })
	return list
}

// Bounds for untrusted documents. What is deeper, or has a longer key, is
// recorded whole.
const (
	maxDepth = 16
	maxKey   = 100
)

// flatten lists each scalar of a value, and each empty object or list.
func flatten(v any) map[place]string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // of a type that is not JSON's
	}
	f := flattener{json.NewDecoder(bytes.NewReader(text)), map[place]string{}, map[place]int{}}
	f.dec.UseNumber()
	f.value(place{}, maxDepth)
	return f.values
}

type flattener struct {
	dec    *json.Decoder // of a text that json.Marshal made, so it never fails
	values map[place]string
	again  map[place]int // how often a key has been repeated
}

func (f *flattener) value(at place, depth int) {
	var value json.RawMessage
	if depth == 0 {
		_ = f.dec.Decode(&value)
		f.note(at, string(value))
		return
	}
	token, _ := f.dec.Token()
	delim, ok := token.(json.Delim)
	if !ok {
		value, _ = json.Marshal(token)
		f.note(at, string(value))
		return
	}
	if !f.dec.More() {
		f.note(at, map[json.Delim]string{'{': "{}", '[': "[]"}[delim])
	}
	for i := 0; f.dec.More(); i++ {
		key, exact := fmt.Sprint(i), fmt.Sprintf("[%d]", i)
		if delim == '{' {
			name, _ := f.dec.Token()
			key = clipped(fmt.Sprint(name))
			exact = strconv.Quote(key)
		}
		f.value(place{strings.TrimPrefix(at.shown+"."+key, "."), at.exact + exact}, depth-1)
	}
	_, _ = f.dec.Token() // the end
}

// note records a value. A repeated key gets a place of its own, behind all that is
// below the first.
func (f *flattener) note(at place, value string) {
	if _, twice := f.values[at]; twice {
		f.again[at]++
		at = place{at.shown + " again", fmt.Sprintf("%s~%d", at.exact, f.again[at])}
	}
	f.values[at] = value
}

// clipped is a key; for a long one, its beginning and its sha256.
func clipped(key string) string {
	if len(key) <= maxKey {
		return key
	}
	return key[:maxKey] + "… " + sum.HexSHA256([]byte(key))
}
