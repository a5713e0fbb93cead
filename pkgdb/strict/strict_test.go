// SPDX-License-Identifier: BSD-2-Clause

package strict

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

type document struct {
	Size   int               `json:"size"`
	Layers []part            `json:"layers"`
	Labels map[string]string `json:"labels,omitempty"`
	Raw    json.RawMessage   `json:"raw,omitempty"`
	Inner  *part             `json:"inner,omitempty"`
	Hidden string            `json:"-"`
	embedded
}

type embedded struct {
	Name string `json:"name,omitempty"`
}

type part struct {
	Digest string `json:"digest"`
}

func TestUnmarshal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{`{"size":1,"layers":[{"digest":"a"}]}`, ""},
		{`{"size":1,"other":{"Size":2,"size":3}}`, ""},
		{`{"labels":{"a":"1","A":"2","Size":"3"}}`, ""},
		{`{"raw":{"a":1,"A":2}}`, ""},
		{`{"size":1,"size":1}`, `has "size" twice`},
		{`{"size":1,"\u0073ize":1}`, `has "size" twice`},
		{`{"size":1,"Size":1}`, `has "Size", wanted "size"`},
		{`{"Size":1}`, `has "Size", wanted "size"`},
		{`{"ſize":1}`, `has "ſize", wanted "size"`},
		{`{"layers":[{"digest":"a"},{"Digest":"b"}]}`, `has "Digest" in layers.1, wanted "digest"`},
		{`{"layers":[{"digest":"a","digest":"b"}]}`, `has "digest" in layers.0 twice`},
		{`{"layers":[{"digest":"a","x":{"y":1,"y":2}}]}`, `has "y" in layers.0.x twice`},
		{`{"labels":{"a":"1","a":"2"}}`, `has "a" in labels twice`},
		{`{"raw":{"a":1,"a":1}}`, `has "a" in raw twice`},
		{"{\"labels\":{\"a\":\"\xff\"}}", "has bytes that are not UTF-8"},
		{`{"size":1} {}`, "invalid character '{' after top-level value, in line 1"},
		{`{"size"`, "unexpected end of JSON input, in line 1"},
		{`{"labels":{"a":"1"},"Labels":null}`, `has "Labels", wanted "labels"`}, // which leaves none
		{`{"name":"a","Name":""}`, `has "Name", wanted "name"`},
		{`{"inner":{"digest":"a"},"INNER":null}`, `has "INNER", wanted "inner"`},
		{`{"inner":{"Digest":""}}`, `has "Digest" in inner, wanted "digest"`},
		{`{"hidden":"a","embedded":{"Name":1}}`, ""},
		{`{"labels":{"a":"\ud83d\ude00","\\ud800":"\\"}}`, ""},
		{`{"labels":{"a":"\ud800"}}`, `has \ud800, which is half of a surrogate pair`},
		{`{"labels":{"a":"\\\udc00\ud800"}}`, `has \udc00, which is half of a surrogate pair`},
		{`{"labels":{"a":"\ud800\u0041"}}`, `has \ud800, which is half of a surrogate pair`},
		{`[]`, "found array, wanted an object, in line 1"},
		{"{\n\"size\":\"2\"}", "size: found string, wanted a number, in line 2"},
		{`null`, ""},
	} {
		var d document
		err := Unmarshal([]byte(tt.text), &d)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want %q", tt.text, err, tt.want)
		}
	}
}

func TestHas(t *testing.T) {
	t.Parallel()
	got := Has([]byte(`{"layers":[],"Config":null,"MANIFESTS":[],"x":{"manifests":1}}`), "layers", "manifests", "config", "size")
	if want := []string{"Config", "MANIFESTS", "layers"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// FuzzUnmarshal compares with a reader that keeps every member in its order: what
// is accepted has no member twice, and is accepted as it is written again.
func FuzzUnmarshal(f *testing.F) {
	for _, seed := range []string{`{"size":1,"layers":[{"digest":"a"}],"labels":{"a":"b"},"raw":[1,{"x":null}]}`, `{"Size":1}`, `[{}]`, `{"a":{"a":{"a":[]}}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var d document
		if Unmarshal(text, &d) != nil {
			return
		}
		type level struct {
			keys   map[string]bool // nil in a list
			valued bool            // a value comes next
		}
		var open []*level
		dec := json.NewDecoder(bytes.NewReader(text))
		for {
			token, err := dec.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			var in *level
			if len(open) > 0 {
				in = open[len(open)-1]
			}
			delim, _ := token.(json.Delim)
			if key, is := token.(string); is && in != nil && in.keys != nil && !in.valued {
				if in.keys[key] {
					t.Errorf("%s was accepted, with %q twice", text, key)
				}
				in.keys[key], in.valued = true, true
				continue
			}
			switch delim {
			case '{':
				open = append(open, &level{keys: map[string]bool{}})
			case '[':
				open = append(open, &level{})
			case '}', ']':
				if open = open[:len(open)-1]; len(open) > 0 {
					open[len(open)-1].valued = false
				}
			default:
				if in != nil {
					in.valued = false
				}
			}
		}
		again, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var e document
		if err := Unmarshal(again, &e); err != nil {
			t.Errorf("%s, which was made of %s: %v", again, text, err)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		text := []byte(`{"layers":[` + strings.TrimSuffix(strings.Repeat(`{"digest":"sha256:0"},`, n), ",") + `]}`)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				var d document
				if err := Unmarshal(text, &d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
