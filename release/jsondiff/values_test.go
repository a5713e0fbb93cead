// SPDX-License-Identifier: BSD-2-Clause

package jsondiff_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/release/jsondiff"
)

// TestValues compares values of Go by what they are in JSON.
func TestValues(t *testing.T) {
	t.Parallel()
	type document struct {
		Name  string            `json:"name"`
		Keys  map[string]string `json:"keys"`
		Parts []int             `json:"parts,omitempty"`
	}
	old := document{Name: "a", Keys: map[string]string{"b": "1", "c": "2"}, Parts: []int{1, 2}}
	now := document{Name: "b", Keys: map[string]string{"c": "2", "d": "3"}}
	want := []jsondiff.Change{{Key: "keys.b", Old: `"1"`}, {Key: "keys.d", New: `"3"`}, {Key: "name", Old: `"a"`, New: `"b"`}, {Key: "parts.0", Old: "1"}, {Key: "parts.1", Old: "2"}}
	if diff := cmp.Diff(want, jsondiff.Compare(old, now)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	for _, tt := range []struct {
		old, now any
		want     []jsondiff.Change
	}{
		{nil, nil, nil}, {1, 1.0, nil}, {[]int(nil), nil, nil},
		{nil, 1, []jsondiff.Change{{Key: "", Old: "null", New: "1"}}},
		{"a", []string{"a"}, []jsondiff.Change{{Key: "", Old: `"a"`}, {Key: "0", New: `"a"`}}},
		{[]int{}, map[string]int{}, []jsondiff.Change{{Key: "", Old: "[]", New: "{}"}}},
		{map[string]any{"a": map[string]any{}}, map[string]any{"a": []any{}}, []jsondiff.Change{{Key: "a", Old: "{}", New: "[]"}}},
		{[]any{[]any{}}, []any{}, []jsondiff.Change{{Key: "0", Old: "[]"}}},
	} {
		if diff := cmp.Diff(tt.want, jsondiff.Compare(tt.old, tt.now)); diff != "" {
			t.Errorf("%v, %v (-want +got):\n%s", tt.old, tt.now, diff)
		}
	}
}

// TestRandomValues finds nothing between equal values, the same the other way round
// between others, and tells equal ones from others.
func TestRandomValues(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		a, b := value(rnd, 4), value(rnd, 4)
		if got := jsondiff.Compare(a, a); len(got) > 0 {
			t.Errorf("%v with itself: got %v", a, got)
		}
		changes, back := jsondiff.Compare(a, b), jsondiff.Compare(b, a)
		for i := range back {
			back[i].Old, back[i].New = back[i].New, back[i].Old
		}
		if diff := cmp.Diff(changes, back); diff != "" {
			t.Errorf("%v, %v (-there +back):\n%s", a, b, diff)
		}
		x, errX := json.Marshal(a)
		y, errY := json.Marshal(b)
		if errX != nil || errY != nil {
			t.Fatal(errX, errY)
		}
		if same := string(x) == string(y); same != (len(changes) == 0) {
			t.Errorf("%s, %s: got %v", x, y, changes)
		}
	}
}

// value is one of JSON with few keys, so that many are equal.
func value(rnd *rand.Rand, depth int) any {
	switch kind := rnd.IntN(5); {
	case kind == 0 && depth > 0:
		object := map[string]any{}
		for range rnd.IntN(3) {
			object[string(rune('a'+rnd.IntN(2)))] = value(rnd, depth-1)
		}
		return object
	case kind == 1 && depth > 0:
		list := make([]any, rnd.IntN(3))
		for i := range list {
			list[i] = value(rnd, depth-1)
		}
		return list
	case kind == 2:
		return nil
	case kind == 3:
		return rnd.IntN(2)
	default:
		return []any{true, "", "a"}[rnd.IntN(3)]
	}
}
