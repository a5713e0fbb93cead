// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzMembers compares members with encoding/json.
func FuzzMembers(f *testing.F) {
	for _, text := range []string{`{}`, ` { "a" : 1 , "b":[{"}":"\"\\"}], "c": null}`, `{"a":{},"a":2}`, `{"\u0061":"x","a":"y"}`, `[]`, `{"a":"é\n"}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) || bytes.ContainsRune(text, '\uFFFD') || !bytes.Equal(bytes.ToValidUTF8(text, nil), text) {
			return
		}
		var want map[string]json.RawMessage
		object := bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{"))
		if object {
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
		}
		list, err := members(text)
		if err != nil {
			if object && len(want) == count(text) {
				t.Fatalf("refused: %v", err)
			}
			return
		}
		if !object || len(list) != len(want) {
			t.Fatalf("got %d members, want %d", len(list), len(want))
		}
		for _, kv := range list {
			if !bytes.Equal(kv.value, want[kv.key]) {
				t.Errorf("%s: got %s, want %s", kv.key, kv.value, want[kv.key])
			}
			var fast, slow string
			if json.Unmarshal(kv.value, &slow) == nil && kv.value[0] == '"' {
				if err := unmarshal(kv.value, &fast); err != nil || !reflect.DeepEqual(fast, slow) {
					t.Errorf("%s: got %q, want %q (%v)", kv.value, fast, slow, err)
				}
			}
		}
	})
}

// count counts the members of an object, repeated ones as well.
func count(text []byte) (n int) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.Token()
	for dec.More() {
		dec.Token()
		dec.Decode(new(json.RawMessage))
		n++
	}
	return n
}
