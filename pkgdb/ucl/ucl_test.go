// SPDX-License-Identifier: BSD-2-Clause

package ucl

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// Each text must have the meaning of the JSON beside it. Where nothing is said,
// libucl gives the same.
func TestParse(t *testing.T) {
	t.Parallel()
	vars := map[string]string{"ABI": "FreeBSD:15:amd64", "AB": "x", "MINOR": "1"}
	tests := []struct{ name, text, want string }{
		{"empty", " # nothing\n", `{}`},
		{"JSON", `{"a":[1,-2,3.5,true,null,"x\u00e9\/\n"],"b":{"c":{}},"d":[]}`, `{"a":[1,-2,3.5,true,null,"xé/\n"],"b":{"c":{}},"d":[]}`},
		{"a surrogate pair, unlike libucl", `a = "\ud83d\ude00"`, `{"a":"😀"}`},
		{"separators", "a = 1\nb: 2; c 3, d=x,;\n,", `{"a":1,"b":2,"c":3,"d":"x"}`},
		{"carriage returns", "a = x\r\nb = [ 1\r\n2 ]\r\n", `{"a":"x","b":[1,2]}`},
		{"no separator after a brace", "a = {b=1}c=[1]d=[{}{}]", `{"a":{"b":1},"c":[1],"d":[{},{}]}`},
		{"keys", `"a b" = 1; /etc/x-1.y_z = 2; é = 3`, `{"a b":1,"/etc/x-1.y_z":2,"é":3}`},
		{"raw strings", "a = 'it\\'s ${ABI}\\n\\\\'; b = 'x\n\\\ny'", `{"a":"it's ${ABI}\\n\\\\","b":"x\ny"}`},
		{"bare text", "url: pkg+https://pkg.example.org/x y  # why\nn: 1", `{"url":"pkg+https://pkg.example.org/x y","n":1}`},
		{"braces in bare text", "{a = [x[1]{y}, {b = x{1}y}]}", `{"a":["x[1]{y}",{"b":"x{1}y"}]}`},
		{"escapes", `a = x\ty\;z\#\q; b = "\q\"\\"; c = \`, `{"a":"x\ty;z#q","b":"q\"\\","c":"\\"}`},
		{"variables", `a = "${ABI}/$MINOR/$$/${NONE}$"; b = x/${ABI}/y`, `{"a":"FreeBSD:15:amd64/1/$/${NONE}$","b":"x/FreeBSD:15:amd64/y"}`},
		{"variables without braces", `a = $ABIX $MINOR0; b = ${ABI; c = $MINOR`, `{"a":"FreeBSD:15:amd64X 10","b":"${ABI","c":"1"}`},
		{"no known variable", `a = "$$ ${NONE} $NONE"`, `{"a":"$$ ${NONE} $NONE"}`},
		{"objects", "FreeBSD-base: {\n  enabled: yes\n}\nother { url = x }", `{"FreeBSD-base":{"enabled":true},"other":{"url":"x"}}`},
		{"sections", "image static {\n a = 1\n}\nimage \"x y\" z [ 1 ]", `{"image":{"static":{"a":1}},"image":{"x y":{"z":[1]}}}`},
		{"repeated keys", "a = 1\nb = 2\na = [3]\nA = 4", `{"a":1,"b":2,"a":[3],"A":4}`},
		{"lists", "a = [ x, \"y\",\n z\n v w\n ]; b []", `{"a":["x","y","z","v w"],"b":[]}`},
		{"comments", "/* a /* nested */ \"*/\" b */ c = x /* end */; # x\nd = w#z\ne /* : */ = 1", `{"c":"x","d":"w","e":1}`},
		{"a comment after a number, unlike libucl", "a = 1 /* end */", `{"a":1}`},
		{"documents", "a = <<EOD\none\n  two # ${ABI}\nEODE\nEOD\nb = [<<X\nx\nX, <<y]", `{"a":"one\n  two # FreeBSD:15:amd64\nEODE","b":["x","<<y"]}`},
		{"an empty document, unlike libucl", "a = <<EOD\nEOD\n", `{"a":""}`},
		{"integers", "a = [0, -7, 007, 0x1f, -0X1F, 10k, 10M, 1g, 10kb, 1MB, 1gb]", `{"a":[0,-7,7,31,-31,10000,10000000,1000000000,10240,1048576,1073741824]}`},
		{"numbers", "a = [1.5, 1., 1e3, 2.5k, 1E-2]", `{"a":[1.5,1.0,1000.0,2500.0,0.01]}`},
		{"times", "a = [10ms, 2s, 2min, 1.5h, 3d, 1w, 1y]", `{"a":[0.01,2.0,120.0,5400.0,259200.0,604800.0,3.1536e+07]}`},
		{"almost numbers", "a = [15.0p3, -, -.5, +1, 1.2.3, 1 k, 1kbx, 0xg, 2026-11-23, 1_0]", `{"a":["15.0p3","-","-.5","+1","1.2.3","1 k","1kbx","0xg","2026-11-23","1_0"]}`},
		{"words", "a = [yes, No, on, OFF, true, FALSE, t, F, y, n, null]", `{"a":[true,false,true,false,true,false,true,false,true,false,null]}`},
		{"almost words", `a = [yess, "yes", 'null', Null, x${MINOR}]; b = ${MINOR}`, `{"a":["yess","yes","null","Null","x1"],"b":"1"}`},
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
	deep := "meta.conf:1: values nest more than 100 deep"
	tests := []struct{ text, want string }{
		{"a = 1\nb = \"x\n\"", "meta.conf:2: unterminated string"},
		{"a = 'x", "meta.conf:1: unterminated string"},
		{"a = \"x\ty\"", `meta.conf:1: found '\t' in a string, wanted it escaped`},
		{"\na {\n b = 1\n", "meta.conf:2: unterminated object"},
		{"a = [ 1, 2", "meta.conf:1: unterminated list"},
		{"a = [ 1 }", "meta.conf:1: found '}', wanted a value"},
		{"a = 1 }", "meta.conf:1: found '}', wanted a key"},
		{"a = 1\n/* x\n", "meta.conf:2: unterminated comment"},
		{"a = /* \" */ 1", "meta.conf:1: unterminated comment"},
		{"a = <<EOD\nx\n EOD\n", "meta.conf:1: unterminated document, wanted a line EOD"},
		{"\na\n= 1", `meta.conf:2: key "a" has no value`},
		{"a", `meta.conf:1: key "a" has no value`},
		{"a = ", "meta.conf:1: found the end, wanted a value"},
		{"a = ;", "meta.conf:1: found ';', wanted a value"},
		{"a := 1", `meta.conf:1: key "a": found '=', wanted a value`},
		{"a{}", `meta.conf:1: key "a": found '{', wanted "=", ":" or a blank`},
		{"url https://x/${ABI}", `meta.conf:1: a text that holds "{" or "[" wants "=" or ":" before it`},
		{`a = "x" b = 1`, "meta.conf:1: found 'b' after a value, wanted a separator"},
		{"{ a = 1 } b = 2", "meta.conf:1: found 'b', wanted the end"},
		{"[ 1 ]", "meta.conf:1: found '[', wanted a key"},
		{"; a = 1", "meta.conf:1: found ';', wanted a key"},
		{"-a = 1", "meta.conf:1: found '-', wanted a key"},
		{"'a' = 1", "meta.conf:1: found '\\'', wanted a key"},
		{`"" = 1`, "meta.conf:1: found an empty key"},
		{".include \"x\"", `meta.conf:1: macro ".include" is not supported`},
		{"a {\n.priority(1) }", `meta.conf:2: macro ".priority" is not supported`},
		{"a = 1\nb = \"\xff\"", "meta.conf:2: found byte 0xff, wanted text in UTF-8"},
		{"a = \x00", "meta.conf:1: found byte 0x00, wanted text in UTF-8"},
		{`a = "\u12"`, `meta.conf:1: "\\u12": found \u, wanted four hexadecimal digits after it`},
		{`a = "\ud800\u0041"`, `meta.conf:1: "\\ud800\\u0041": found half of a surrogate pair`},
		{`a = \udc00`, `meta.conf:1: "\\udc00": found half of a surrogate pair`},
		{"a = 9223372036854775808", `meta.conf:1: "9223372036854775808": number does not fit in 64 bits`},
		{"a = 9223372036854775807k", `meta.conf:1: "9223372036854775807k": number does not fit in 64 bits`},
		{"a = 0x8000000000000000", `meta.conf:1: "0x8000000000000000": number does not fit in 64 bits`},
		{"a = 1e400", `meta.conf:1: "1e400": number does not fit in 64 bits`},
		{strings.Repeat("a {", 101), deep},
		{"a = " + strings.Repeat("[", 101), deep},
		{strings.Repeat("a ", 101) + "{", deep},
	}
	for _, tt := range tests {
		o, err := Parse("meta.conf", []byte(tt.text), nil)
		if err == nil {
			t.Errorf("%q: got %s, want %s", tt.text, o.JSON(), tt.want)
		} else if err.Error() != tt.want {
			t.Errorf("%q: got %v, want %s", tt.text, err, tt.want)
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	o, err := Parse("f", []byte("s = x\nn = 15.0\nb = yes\nl = [a, b]\no {}\nz = null\nc = \x7f"), nil)
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
		{second(get("c").AsInt()), `f:7: found a string (\x7f), wanted an integer`},
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
	f.Add(`{"a":{"b":[1.5e3,true,null,"\ud83d\ude00"]}}`)
	f.Add("s x \"y\" { z = ${ABI}$ABI$$ }\ns 10kb; t 2min; u = x\\;y")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := Parse("fuzz", []byte(text), map[string]string{"ABI": "x"})
		if err != nil {
			return
		}
		once := o.JSON()
		if !json.Valid(once) {
			t.Fatalf("%q gives %q, which is not JSON", text, once)
		}
		again, err := Parse("json", once, nil)
		if err != nil {
			t.Fatalf("%q gives %q, which does not parse: %v", text, once, err)
		}
		if twice := again.JSON(); string(twice) != string(once) {
			t.Fatalf("%q gives %q, then %q", text, once, twice)
		}
		plain, err := Parse("plain", []byte(text), nil)
		if err != nil {
			t.Fatalf("%q: not without variables: %v", text, err)
		}
		raw, err := ParseBytes("bytes", []byte(text))
		if err != nil || !strings.Contains(text, `\u`) && !bytes.Equal(raw.JSON(), plain.JSON()) { // of which either reader has its own opinion
			t.Errorf("%q: %v, or other bytes than %q", text, err, plain.JSON())
		}
	})
}
