// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import (
	"bytes"
	"encoding/json"
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
			if _, empty := want[""]; object && !empty && !bytes.Contains(text, []byte(`\u0000`)) {
				t.Fatalf("refused: %v", err)
			}
			return
		}
		if bytes.Contains(text, []byte(`\u`)) {
			return // of which libucl has its own opinion
		}
		if !object || len(list) != len(want) {
			t.Fatalf("got %d members, want %d", len(list), len(want))
		}
		for _, kv := range list {
			last := kv.value
			if len(kv.more) > 0 {
				last = kv.more[len(kv.more)-1]
			}
			if !bytes.Equal(last, want[kv.key]) {
				t.Errorf("%s: got %s, want %s", kv.key, last, want[kv.key])
			}
			var slow string
			if kindOf(kv.value) == aString && json.Unmarshal(kv.value, &slow) == nil {
				if fast := stringOf(kv.value); fast != slow && !bytes.ContainsAny(kv.value, "\\") {
					t.Errorf("%s: got %q, want %q", kv.value, fast, slow)
				}
			}
			if kindOf(kv.value) == aList {
				var slow []json.RawMessage
				if err := json.Unmarshal(kv.value, &slow); err != nil || len(elements(kv.value)) != len(slow) {
					t.Errorf("%s: got %d elements, want %d", kv.value, len(elements(kv.value)), len(slow))
				}
			}
		}
	})
}
