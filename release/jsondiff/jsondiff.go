// SPDX-License-Identifier: BSD-2-Clause

// Package jsondiff reports how two JSON texts differ, key by key. The texts are
// untrusted: depth and keys are bounded.
package jsondiff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/sum"
)

// Change is a value in two JSON texts, "" where one of them lacks it.
type Change struct{ Key, Old, New string }

// Compare compares two values as JSON, key by key.
func Compare(old, now any) []Change {
	a, b := map[string]string{}, map[string]string{}
	flatten(old, a)
	flatten(now, b)
	var changes []Change
	for _, key := range slices.Sorted(maps.Keys(a)) {
		if a[key] != b[key] {
			changes = append(changes, Change{key, a[key], b[key]})
		}
		delete(b, key)
	}
	for _, key := range slices.Sorted(maps.Keys(b)) {
		changes = append(changes, Change{key, "", b[key]})
	}
	slices.SortFunc(changes, compareKeys)
	var list []Change
	for _, c := range changes {
		empty := c.Old+c.New == "{}" || c.Old+c.New == "[]"
		if !empty || !hasBelow(changes, c.Key) { // otherwise its contents show it
			list = append(list, c)
		}
	}
	return list
}

func compareKeys(x, y Change) int { return strings.Compare(x.Key, y.Key) }

// hasBelow reports whether sorted changes have one below a key.
func hasBelow(changes []Change, key string) bool {
	prefix := strings.TrimPrefix(key+".", ".") // everything is below the root
	i, _ := slices.BinarySearchFunc(changes, Change{Key: prefix}, compareKeys)
	return i < len(changes) && strings.HasPrefix(changes[i].Key, prefix)
}

// Bounds for untrusted documents. What is deeper, or has a longer key, is
// recorded whole.
const (
	maxDepth = 16
	maxKey   = 100
)

// flatten records each scalar of a value under its path, keys and indices joined
// by dots, and each empty object or list. A repeated key has "again" after its
// path.
func flatten(v any, into map[string]string) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // of a type that is not JSON's
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	flattenAt("", maxDepth, dec, into)
}

func flattenAt(path string, depth int, dec *json.Decoder, into map[string]string) {
	var value json.RawMessage
	if depth == 0 {
		_ = dec.Decode(&value) // json.Marshal made this text
		note(path, string(value), into)
		return
	}
	token, _ := dec.Token()
	delim, ok := token.(json.Delim)
	if !ok {
		value, _ = json.Marshal(token)
		note(path, string(value), into)
		return
	}
	if !dec.More() {
		note(path, map[json.Delim]string{'{': "{}", '[': "[]"}[delim], into)
	}
	for i := 0; dec.More(); i++ {
		key := fmt.Sprint(i)
		if delim == '{' {
			name, _ := dec.Token()
			key = clipped(fmt.Sprint(name))
		}
		flattenAt(strings.TrimPrefix(path+"."+key, "."), depth-1, dec, into)
	}
	_, _ = dec.Token() // the end
}

func note(path, value string, into map[string]string) {
	if _, twice := into[path]; twice {
		path += " again"
	}
	into[path] = value
}

// clipped is a key; for a long one, its beginning and its sha256.
func clipped(key string) string {
	if len(key) <= maxKey {
		return key
	}
	return key[:maxKey] + "… " + sum.HexSHA256([]byte(key))
}
