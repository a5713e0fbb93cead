// SPDX-License-Identifier: BSD-2-Clause

package edit_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/edit"
)

func pairs(list ...string) []edit.Pair {
	var all []edit.Pair
	for i := 0; i < len(list); i += 2 {
		all = append(all, edit.Pair{Old: list[i], New: list[i+1]})
	}
	return all
}

func TestApply(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		edit      edit.Edit
		old, want string
	}{
		"nothing":                     {edit.Edit{}, "a\n\nb", "a\n\nb"},
		"nothing in nothing":          {edit.Edit{}, "", ""},
		"replace":                     {edit.Edit{Replace: pairs("a", "b")}, "xax\n", "xbx\n"},
		"replace twice":               {edit.Edit{Replace: pairs("a", "b"), Times: 2}, "a a", "b b"},
		"replace does not overlap":    {edit.Edit{Replace: pairs("aa", "b")}, "aaa", "ba"},
		"replace in order":            {edit.Edit{Replace: pairs("a", "b", "b", "c")}, "a", "c"},
		"replace lines":               {edit.Edit{Replace: pairs("b\nc\n", "d\n")}, "a\nb\nc\ne\n", "a\nd\ne\n"},
		"replace by nothing":          {edit.Edit{Replace: pairs("b\n", "")}, "a\nb\n", "a\n"},
		"replace is literal":          {edit.Edit{Replace: pairs("a.c", "$1")}, "abc a.c", "abc $1"},
		"comment":                     {edit.Edit{Comment: []string{"^zend_"}}, "a\nzend_x = 1\n ;zend_\n", "a\n#zend_x = 1\n ;zend_\n"},
		"comment with another sign":   {edit.Edit{Comment: []string{"zend_", "x$"}, Sign: ";"}, ";zend_\n zend_x\nax", ";zend_\n; zend_x\n;ax"},
		"comment before a line":       {edit.Edit{Comment: []string{"listen"}}, "  # listen\n  listen 80;\n", "  # listen\n#  listen 80;\n"},
		"comment several":             {edit.Edit{Comment: []string{`^\s*server \d+`}, Times: 2}, "server 1\n\tserver 2\n", "#server 1\n#\tserver 2\n"},
		"set":                         {edit.Edit{Set: pairs("memory_limit", "256M")}, "; memory_limit is\nmemory_limit = 128M\n", "; memory_limit is\nmemory_limit = 256M\n"},
		"set without blanks":          {edit.Edit{Set: pairs("a", `"x"`)}, "b=1\na=2\n", "b=1\na=\"x\"\n"},
		"set with a colon":            {edit.Edit{Set: pairs("host", "::1")}, "  host: 127.0.0.1\n", "  host: ::1\n"},
		"set with a blank":            {edit.Edit{Set: pairs("Port", "2222")}, "Ports 1\nPort\t22\n", "Ports 1\nPort\t2222\n"},
		"set without a value":         {edit.Edit{Set: pairs("a", "1", "b", "2", "c", "3")}, "a=\nb =\nc: \n", "a=1\nb = 2\nc: 3\n"},
		"set a commented one":         {edit.Edit{Set: pairs("Port", "2222", "memory_limit", "1G")}, "#Port 22\n;memory_limit = 1\n", "Port 2222\nmemory_limit = 1G\n"},
		"set a commented one apart":   {edit.Edit{Set: pairs("requirepass", "x")}, "  # requirepass foobared\n", "  requirepass x\n"},
		"set the one nearer the sign": {edit.Edit{Set: pairs("Port", "2222")}, "# Port is a number\n#Port 22\n# Port 22 or so\n", "# Port is a number\nPort 2222\n# Port 22 or so\n"},
		"set the active one":          {edit.Edit{Set: pairs("Port", "2222")}, "#Port 1\nPort 2\n#Port 3\n", "#Port 1\nPort 2222\n#Port 3\n"},
		"set with its own sign":       {edit.Edit{Set: pairs("a", "2"), Sign: "//"}, "//a = 1\n", "a = 2\n"},
		"set before a comment":        {edit.Edit{Set: pairs("port", "1")}, "#port = 5432\t\t# the port\n", "port = 1\n"},
		"set at the end":              {edit.Edit{Set: pairs("a", "1")}, "a 0", "a 1"},
		"set what begins like a sign": {edit.Edit{Set: pairs("#x", "1")}, "#x 0\n", "#x 1\n"},
		"append":                      {edit.Edit{Append: []string{"x = y", "z"}}, "a\n", "a\nx = y\nz\n"},
		"append to an open line":      {edit.Edit{Append: []string{"x"}}, "a", "a\nx\n"},
		"append to nothing":           {edit.Edit{Append: []string{"x"}}, "", "x\n"},
		"append nothing":              {edit.Edit{Append: []string{""}}, "a\n", "a\n\n"},
		"in order": {edit.Edit{Replace: pairs("one", "two"), Comment: []string{"^two"}, Set: pairs("two", "3"), Append: []string{"four"}},
			"one 1\n", "two 3\nfour\n"},
		"CR LF": {edit.Edit{Replace: pairs("a\nb", "c\nd"), Comment: []string{"^x$"}, Set: pairs("k", "2"), Append: []string{"end"}},
			"a\r\nb\r\nx\r\nk 1\r\n", "c\r\nd\r\n#x\r\nk 2\r\nend\r\n"},
		"CR LF at some lines": {edit.Edit{Comment: []string{"^x$"}, Set: pairs("k", "2"), Append: []string{"end"}},
			"a\nx\r\nk 1\r\n", "a\n#x\r\nk 2\r\nend\n"},
		"bytes": {edit.Edit{Replace: pairs("\xff", "\xfe"), Comment: []string{"k."}}, "\xff\nk\xfd\n", "\xfe\n#k\xfd\n"},
	} {
		got, err := tt.edit.Apply("/etc/x", []byte(tt.old))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(tt.want, string(got)); d != "" {
			t.Errorf("%s (-want +got)\n%s", name, d)
		}
	}
}

// TestUnmet names the change, the numbers and the lines.
func TestUnmet(t *testing.T) {
	t.Parallel()
	const ini = "; How much memory\nmemory_limit = 128M\n\n[x]\nmax_memory = 2\nlog = a\nlog = b\nlog = c\nlog = d\n;e = 1\n;e = 2\npath = a\\\nb\n"
	for name, tt := range map[string]struct {
		edit edit.Edit
		want string
	}{
		"no text": {edit.Edit{Replace: pairs("memory_limits = 128M", "x")},
			`replace "memory_limits = 128M": found 0 matches, wanted 1; near: line 2 "memory_limit = 128M"`},
		"no text alike":  {edit.Edit{Replace: pairs("zzz", "x")}, `replace "zzz": found 0 matches, wanted 1`},
		"a letter":       {edit.Edit{Replace: pairs("z", "x")}, `replace "z": found 0 matches, wanted 1`},
		"once, not 2":    {edit.Edit{Replace: pairs("[x]", "x"), Times: 2}, `replace "[x]": found 1 match, wanted 2: line 4 "[x]"`},
		"too many texts": {edit.Edit{Replace: pairs("log = ", "x")}, `replace "log = ": found 4 matches, wanted 1: line 6 "log = a", line 7 "log = b", line 8 "log = c", …`},
		"several lines":  {edit.Edit{Replace: pairs("[x]\nmax_memory = 3\n", "x")}, `replace "[x]\nmax_memory = 3\n": found 0 matches, wanted 1; near: line 5 "max_memory = 2"`},
		"from line to line": {edit.Edit{Replace: pairs("\nlog", "x")},
			`replace "\nlog": found 4 matches, wanted 1: line 5 "max_memory = 2", line 6 "log = a", line 7 "log = b", …`},
		"no line":        {edit.Edit{Comment: []string{"^memory limit.*$"}}, `comment "^memory limit.*$": found 0 lines, wanted 1; near: line 2 "memory_limit = 128M"`},
		"too many lines": {edit.Edit{Comment: []string{"mem"}}, `comment "mem": found 3 lines, wanted 1: line 1 "; How much memory", line 2 "memory_limit = 128M", line 5 "max_memory = 2"`},
		"no key":         {edit.Edit{Set: pairs("memory-limit", "1")}, `set "memory-limit": found 0 lines, wanted 1; near: line 2 "memory_limit = 128M"`},
		"a part of keys": {edit.Edit{Set: pairs("memory", "1")}, `set "memory": found 0 lines, wanted 1; near: line 5 "max_memory = 2", line 1 "; How much memory", line 2 "memory_limit = 128M"`},
		"a key alone":    {edit.Edit{Set: pairs("[x]", "1")}, `set "[x]": found 0 lines, wanted 1; near: line 4 "[x]"`},
		"many keys":      {edit.Edit{Set: pairs("log", "1"), Times: 4}, `set "log": found 4 lines, wanted 1: line 6 "log = a", line 7 "log = b", line 8 "log = c", …`},
		"many comments":  {edit.Edit{Set: pairs("e", "1")}, `set "e": found 2 commented-out lines, wanted 1: line 10 ";e = 1", line 11 ";e = 2"`},
		"goes on":        {edit.Edit{Set: pairs("path", "1")}, `set "path": its value in line 12 goes on in the next one (\ at the end); use replace`},
		"long": {edit.Edit{Replace: pairs(strings.Repeat("é", 99), "")},
			`replace "` + strings.Repeat("é", 50) + `…": found 0 matches, wanted 1`},
	} {
		got, err := tt.edit.Apply("/etc/x.ini", []byte(ini))
		if err == nil || err.Error() != "edit /etc/x.ini: "+tt.want || fault.ClassOf(err) != fault.Unmet || got != nil {
			t.Errorf("%s: got %q, %v\nwant %s", name, got, err, tt.want)
		}
	}
	if _, err := (&edit.Edit{}).Apply("/x", []byte("ab\x00")); err == nil || fault.ClassOf(err) != fault.Unmet || err.Error() != "edit /x: byte 2 is NUL, so this is no text file" {
		t.Errorf("got %v", err)
	}
}

func TestParts(t *testing.T) {
	t.Parallel()
	_, err := (&edit.Edit{Comment: []string{"b"}}).Apply("/x", []byte("ab\nb\n"))
	mismatch, is := errors.AsType[*edit.MatchError](err)
	if !is {
		t.Fatalf("got %v", err)
	}
	what, where, found, wanted := mismatch.Parts()
	if d := cmp.Diff([]string{`comment "b"`, "/x", `2 lines: line 1 "ab", line 2 "b"`, "1"}, []string{what, where, found, wanted}); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	_, err = (&edit.Edit{}).Apply("/x", []byte{0})
	refused, is := errors.AsType[*edit.RefusedError](err)
	if !is {
		t.Fatalf("got %v", err)
	}
	what, where, found, wanted = refused.Parts()
	if d := cmp.Diff([]string{"byte 0 is NUL, so this is no text file", "/x", "", ""}, []string{what, where, found, wanted}); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]edit.Edit{
		"times: found -1, wanted 1 or more":                                             {Times: -1},
		`sign: found " #", wanted what begins a comment, without blanks around it`:      {Sign: " #"},
		"replace: found an empty text, wanted what is to be replaced":                   {Replace: pairs("", "x")},
		`set: found the key "", wanted a text of one line without blanks around it`:     {Set: pairs("", "x")},
		`set: found the key " a", wanted a text of one line without blanks around it`:   {Set: pairs(" a", "x")},
		`set: found the key "a\nb", wanted a text of one line without blanks around it`: {Set: pairs("a\nb", "x")},
		`set "a": found the value "x\ny", wanted one line`:                              {Set: pairs("a", "x\ny")},
		"comment \"(\": error parsing regexp: missing closing ): `(`":                   {Comment: []string{"("}},
	} {
		if err := e.Check(); err == nil || err.Error() != want || fault.ClassOf(err) != fault.Usage {
			t.Errorf("got %v, want %s", err, want)
		}
		if _, err := e.Apply("/x", nil); err == nil || err.Error() != "edit /x: "+want || fault.ClassOf(err) != fault.Usage {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// FuzzApply wants nothing done to leave the bytes, texts to be replaced as often as they
// are there and back again, a line that is set to be set again without a change, and
// comments to be only more bytes.
func FuzzApply(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte, old, key, expression, line string, times uint8) {
		if len(text)+len(old)+len(expression) > 1<<12 {
			return
		}
		if got, err := (&edit.Edit{}).Apply("x", text); err == nil && !bytes.Equal(got, text) {
			t.Fatalf("nothing made %q of %q", got, text)
		}
		const marker = "\x01\x02"
		e := edit.Edit{Replace: pairs(old, marker), Times: int(times)}
		got, err := e.Apply("x", text)
		if err == nil && !bytes.Contains(text, []byte("\r")) && !bytes.Contains(text, []byte(marker)) {
			if n := bytes.Count(got, []byte(marker)); n != max(int(times), 1) || n != bytes.Count(text, []byte(old)) {
				t.Errorf("%q: replaced %d times in %q, wanted %d", old, n, text, times)
			}
			back := edit.Edit{Replace: pairs(marker, old), Times: int(times)}
			if again, err := back.Apply("x", got); err != nil || !bytes.Equal(again, text) {
				t.Errorf("%q, replaced and back: %q, %v", text, again, err)
			}
		}
		e = edit.Edit{Comment: []string{expression}, Times: int(times)}
		if got, err := e.Apply("x", text); err == nil && len(got) != len(text)+max(int(times), 1) {
			t.Errorf("%q: comments made %q of %q", expression, got, text)
		}
		e = edit.Edit{Set: pairs(key, "1")}
		if got, err := e.Apply("x", text); err == nil {
			if again, err := e.Apply("x", got); err != nil || !bytes.Equal(again, got) {
				t.Errorf("%q in %q: set %q, then %q, %v", key, text, got, again, err)
			}
		}
		e = edit.Edit{Append: []string{line}}
		if got, err := e.Apply("x", text); err == nil && !bytes.HasPrefix(got, text) {
			t.Errorf("%q: appended to %q: %q", line, text, got)
		}
	})
}

// BenchmarkApply fails at the end of files of growing length, where lines are compared.
func BenchmarkApply(b *testing.B) {
	for _, lines := range []int{1_000, 10_000, 100_000} {
		text := []byte(strings.Repeat("some_setting = some value of a usual length\n", lines))
		e := edit.Edit{Replace: pairs("another_setting = 1", ""), Comment: []string{"^z.*"}}
		b.Run(fmt.Sprint(lines), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := e.Apply("x", text); err == nil {
					b.Fatal("found it")
				}
			}
		})
	}
}
