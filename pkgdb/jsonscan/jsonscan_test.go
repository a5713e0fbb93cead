// SPDX-License-Identifier: BSD-2-Clause

package jsonscan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/jsonscan"
)

// member is a member of an object as it is written.
type member struct{ Key, Value string }

// members are those that the scanner finds in an object.
func members(text string) []member {
	s := jsonscan.Scanner{Text: []byte(text)}
	s.Peek()
	s.Skip()
	var list []member
	for {
		key, value, more := s.Member()
		if !more {
			return list
		}
		list = append(list, member{string(key), string(value)})
	}
}

// decoded are those that encoding/json finds.
func decoded(t testing.TB, text string) []member {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	var list []member
	for d.More() {
		var key, value json.RawMessage
		at := d.InputOffset()
		if _, err := d.Token(); err != nil {
			t.Fatal(err)
		}
		key = bytes.TrimLeft([]byte(text[at:d.InputOffset()]), ", \t\r\n")
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
		list = append(list, member{string(key), string(value)})
	}
	return list
}

// objects are valid ones of every form.
var objects = []string{
	`{}`, ` { } `, "\t{\r\n}", `{"a":1}`, `{"a":1,"b":2}`, `{ "a" : 1 , "b" : 2 }`, "{\n\t\"a\":\t-1.5e+10\r\n,\"b\":true\n}",
	`{"a":null,"b":false,"c":"x"}`, `{"a":{},"b":[],"c":{"d":[{"e":[]}]}}`, `{"a":[1,2,[3,{"b":"]"}]],"c":"}"}`,
	`{"":""}`, `{"\"":"\"","\\":"\\","\\\"":"\\\\"}`, `{"a\"b":"c\\","d":"e"}`, `{"{[":"]}","x":",:"}`, `{"a":"\u0022","b":"é\u00e9"}`,
	`{"a":1,"a":2}`, `{"a":"` + strings.Repeat(`\\`, 100) + `"}`, `{"a":` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + `,"b":0}`,
	`{"a" : "b" }`, `{"a":"b,c","d":"e:f"}`, `{"a":[ ],"b":{ }}`, `{"a":"\\","b":"\\\\\""}`,
}

// TestMembers finds the keys and values that encoding/json finds, as they are
// written.
func TestMembers(t *testing.T) {
	t.Parallel()
	for _, text := range objects {
		if d := cmp.Diff(decoded(t, text), members(text)); d != "" {
			t.Errorf("%s: (-want +got):\n%s", text, d)
		}
	}
}

// TestElements goes through an array with Peek, Value and Skip, as the reader of
// manifests does.
func TestElements(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`[]`: nil, `[1]`: {"1"}, `[ 1 , "," , [2, 3] ,{"a":[]},null ]`: {"1", `","`, "[2, 3]", `{"a":[]}`, "null"}, `["\\","\""]`: {`"\\"`, `"\""`},
	} {
		s := jsonscan.Scanner{Text: []byte(text)}
		s.Skip()
		var got []string
		for s.Peek() != ']' {
			if s.Peek() == ',' {
				s.Skip()
				s.Peek()
			}
			got = append(got, string(s.Value()))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: (-want +got):\n%s", text, d)
		}
	}
}

// TestPeekAtTheEnd gives the end of an object where there is no text any more.
func TestPeekAtTheEnd(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", " ", "\n\t"} {
		s := jsonscan.Scanner{Text: []byte(text)}
		if got := s.Peek(); got != '}' {
			t.Errorf("%q: got %q, want '}'", text, got)
		}
		if key, value, more := s.Member(); more {
			t.Errorf("%q: got %s: %s, want no member", text, key, value)
		}
	}
}

// values are valid ones of which each ends where the next text begins.
var values = []string{
	`{}`, `[]`, `""`, `"a"`, `"\""`, `"\\"`, `"\\\""`, `{"a":"}"}`, `["]",["\""]]`, `{"a":{"b":[1,2,{"c":"\\"}]}}`, `"{[,: "`,
}

// TestBoundary ends a value at the same byte however it is cut into chunks, and
// whatever follows it.
func TestBoundary(t *testing.T) {
	t.Parallel()
	for _, value := range values {
		for _, after := range []string{"", ",", " ", "}", "]", `"x"`, "\n{"} {
			text := value + after
			for cut := range len(text) + 1 {
				var b jsonscan.Boundary
				n, done := b.Find([]byte(text[:cut]))
				if !done {
					var m int
					m, done = b.Find([]byte(text[cut:]))
					n += m
				}
				if !done || n != len(value) {
					t.Errorf("%s, cut at byte %d: ends after %d bytes, %t, want %d", text, cut, n, done, len(value))
				}
			}
		}
	}
}

// TestBoundaryOfLiterals ends numbers and literals before what follows them: only
// that tells where they end.
func TestBoundaryOfLiterals(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"1", "-1.5e+10", "true", "null"} {
		for _, after := range []string{",", ":", "}", "]", " ", "\n", "\t", "\r"} {
			var b jsonscan.Boundary
			if n, done := b.Find([]byte(value + after + "1")); !done || n != len(value) {
				t.Errorf("%s%q: ends after %d bytes, %t, want %d", value, after, n, done, len(value))
			}
		}
		var b jsonscan.Boundary
		if n, done := b.Find([]byte(value)); done || n != len(value) {
			t.Errorf("%s: ends after %d bytes, %t, want it to go on", value, n, done)
		}
	}
}

// TestBoundaryOfStream takes the values of an array apart that comes in chunks of
// any length, as catalogues do.
func TestBoundaryOfStream(t *testing.T) {
	t.Parallel()
	text := strings.Join(values, ",")
	for size := 1; size < 20; size++ {
		var got []string
		rest, value := strings.NewReader(text), ""
		var b jsonscan.Boundary
		for {
			chunk := make([]byte, size)
			n, err := io.ReadFull(rest, chunk)
			for chunk = chunk[:n]; len(chunk) > 0; {
				if value == "" && chunk[0] == ',' {
					chunk = chunk[1:]
					continue
				}
				n, done := b.Find(chunk)
				value += string(chunk[:n])
				if chunk = chunk[n:]; done {
					got, value, b = append(got, value), "", jsonscan.Boundary{}
				}
			}
			if err != nil {
				break
			}
		}
		if d := cmp.Diff(values, got); d != "" {
			t.Errorf("chunks of %d bytes (-want +got):\n%s", size, d)
		}
	}
}

// FuzzMembers compares the scanner with encoding/json, and Boundary with the length
// of the object.
func FuzzMembers(f *testing.F) {
	for _, text := range objects {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		trimmed := strings.TrimLeft(text, " \t\r\n")
		if !json.Valid([]byte(text)) || trimmed == "" || trimmed[0] != '{' {
			return
		}
		if d := cmp.Diff(fmt.Sprint(decoded(t, text)), fmt.Sprint(members(text))); d != "" {
			t.Errorf("%s: (-want +got):\n%s", text, d)
		}
		var b jsonscan.Boundary
		if n, done := b.Find([]byte(trimmed)); !done || n != len(strings.TrimRight(trimmed, " \t\r\n")) {
			t.Errorf("%s: ends after %d bytes, %t", text, n, done)
		}
	})
}
