// SPDX-License-Identifier: BSD-2-Clause

package ucl

import (
	"encoding/json"
	"strings"
	"testing"
)

// Each text must have the meaning of the JSON beside it.
func TestParse(t *testing.T) {
	t.Parallel()
	vars := map[string]string{"ABI": "FreeBSD:15:amd64", "MINOR": "1"}
	tests := []struct{ name, text, want string }{
		{"empty", " # nothing\n", `{}`},
		{"JSON", `{"a":[1,-2,3.5,true,null,"x\u00e9\ud83d\ude00\n"],"b":{"c":{}}}`, `{"a":[1,-2,3.5,true,null,"xé😀\n"],"b":{"c":{}}}`},
		{"separators", "a = 1\nb: 2; c 3, d=x", `{"a":1,"b":2,"c":3,"d":"x"}`},
		{"quoted keys and raw strings", `"a b" = 'it\'s ${ABI}\n'`, `{"a b":"it's ${ABI}\\n"}`},
		{"bare text keeps inner blanks and colons", "url: pkg+https://pkg.example.org/x y  # why\nn: 1", `{"url":"pkg+https://pkg.example.org/x y","n":1}`},
		{"variables", `a = "${ABI}/$MINOR/$$/${NONE}"; b = x/${ABI}/y`, `{"a":"FreeBSD:15:amd64/1/$/${NONE}","b":"x/FreeBSD:15:amd64/y"}`},
		{"objects", "FreeBSD-base: {\n  enabled: yes\n}\nother { url = x }", `{"FreeBSD-base":{"enabled":true},"other":{"url":"x"}}`},
		{"named sections", "image static {\n a = 1\n}\nimage \"x y\" z { }", `{"image":[{"static":{"a":1}},{"x y":{"z":{}}}]}`},
		{"brace on the next line", "a\n{ b = 1 }", `{"a":{"b":1}}`},
		{"repeated keys", "a = 1\nb = 2\na = 3", `{"a":[1,3],"b":2}`},
		{"lists", "a = [ x, \"y\",\n z\n ]; b []", `{"a":["x","y","z"],"b":[]}`},
		{"comments", "/* a /* nested */ b */ c = 1 /* end */; # x\nd = 2", `{"c":"1 /* end */","d":2}`},
		{"documents", "a = <<EOD\none\n  two # kept\nEOD\nb = <<X\nX;\n", `{"a":"one\n  two # kept","b":""}`},
		{"numbers", "a = [10k, 10kb, 0x1f, 1.5, 2min, 10ms, 3d, 15.0p3, -, 1.2.3, 007]", `{"a":[10000,10240,31,1.5,120,0.01,259200,"15.0p3","-","1.2.3",7]}`},
		{"booleans", "a = [yes, No, on, OFF, true, false, yess]", `{"a":[true,false,true,false,true,false,"yess"]}`},
	}
	for _, tt := range tests {
		o, err := Parse("test", []byte(tt.text), vars)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := string(o.JSON()); got != tt.want {
			t.Errorf("%s: got  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, want string }{
		{"a = 1\nb = \"x\n\"", "meta.conf:2: unterminated string"},
		{"a = 'x", "meta.conf:1: unterminated string"},
		{"\na {\n b = 1\n", "meta.conf:2: unterminated object"},
		{"a = [ 1, 2", "meta.conf:1: unterminated list"},
		{"a = 1\n/* x\n", "meta.conf:2: unterminated comment"},
		{"a = <<EOD\nx\n", "meta.conf:1: unterminated document, wanted a line EOD"},
		{"a\n", `meta.conf:2: key "a" has no value`},
		{"a = ", "meta.conf:1: found the end, wanted a value"},
		{"a = ;", "meta.conf:1: found no value"},
		{"{ a = 1 } b = 2", "meta.conf:1: found 'b' after the end of the object"},
		{".include \"x\"", `meta.conf:1: macro ".include" is not supported`},
		{"a = 1\nb = \"\xff\"", "meta.conf:2: byte 0xff is not UTF-8"},
		{"] = 1", "meta.conf:1: found ']', wanted a key"},
		{`a = "\q"`, `meta.conf:1: string "\q": `},
		{strings.Repeat("a {", 200), "meta.conf:1: objects and lists are nested more than 100 deep"},
	}
	for _, tt := range tests {
		if _, err := Parse("meta.conf", []byte(tt.text), nil); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%q: got %v, want %s", tt.text, err, tt.want)
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	o, err := Parse("f", []byte("s = x\nn = 15.0\nb = yes\nl = [a, b]\no {}\nz = null"), nil)
	if err != nil {
		t.Fatal(err)
	}
	get := func(key string) Value { v, _ := o.Get(key); return v }
	if s, err := get("n").AsString(); s != "15.0" || err != nil {
		t.Errorf("a number as a string: got %q, %v", s, err)
	}
	if l, err := get("s").AsStrings(); len(l) != 1 || l[0] != "x" || err != nil {
		t.Errorf("a string as strings: got %q, %v", l, err)
	}
	if l, err := get("l").AsStrings(); len(l) != 2 || l[1] != "b" || err != nil {
		t.Errorf("a list as strings: got %q, %v", l, err)
	}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{second(get("s").AsInt()), "f:1: found a string (x), wanted an integer"},
		{second(get("s").AsBool()), "f:1: found a string (x), wanted a boolean"},
		{second(get("o").AsString()), "f:5: found an object, wanted a string"},
		{second(get("l").AsObject()), "f:4: found a list, wanted an object"},
		{second(get("z").AsString()), "f:6: found null (null), wanted a string"},
	} {
		if tt.err == nil || tt.err.Error() != tt.want {
			t.Errorf("got %v, want %s", tt.err, tt.want)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func FuzzParse(f *testing.F) {
	f.Add("a { b = [1, \"x\", 'y'] } # c\n/* d */ e: <<EOD\nx\nEOD\n")
	f.Add(`{"a":{"b":[1.5e3,true,null,"\ud800"]}}`)
	f.Add("s x \"y\" { z = ${ABI}$ABI$$ }")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := Parse("fuzz", []byte(text), map[string]string{"ABI": "x"})
		if err != nil {
			return
		}
		once := o.JSON()
		if !json.Valid(once) {
			t.Fatalf("%q gives %q, which is not JSON", text, once)
		}
		again, err := Parse("json", once, map[string]string{"ABI": "x"})
		if err != nil {
			t.Fatalf("%q gives %q, which does not parse: %v", text, once, err)
		}
		if !strings.Contains(text, "$") && string(again.JSON()) != string(once) {
			t.Fatalf("%q gives %q, then %q", text, once, again.JSON())
		}
	})
}
