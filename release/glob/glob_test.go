// SPDX-License-Identifier: BSD-2-Clause

package glob_test

import (
	"path"
	"strings"
	"testing"
	"time"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/glob"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ pattern, yes, no string }{
		{"a", "a", "b aa A a/a /a"},
		{"a/b", "a/b", "a b a/b/c /a/b a/c"},
		{"/a/b", "/a/b", "a/b /a /a/b/c"},
		{"*", "a .hidden äö", "a/b"},
		{"*.so.*", "libc.so.7 .so.", "libc.so libc.so/7"},
		{"a*b*c", "abc aXbYc abbcc abcbc", "ab acb abcd"},
		{"?", "a ä \xff", "ab a/b"},
		{"[a-cx]?", "a1 c2 x3", "d1 a"},
		{"[^a-c]", "d ä", "a b c"},
		{`[\]\-\\]`, `] - \`, "a"},
		{`\*\?\[`, "*?[", `a \*`},
		{`a\b`, "ab", `a\b`},
		{"**", "a a/b a/b/c", ""},
		{"/**", "/ /a /a/b", "a"},
		{"bin/**", "bin bin/a bin/a/b", "sbin bind/a a/bin"},
		{"**/.DS_Store", ".DS_Store a/.DS_Store a/b/.DS_Store", "a/.DS_Store/b .DS_Store2"},
		{"a/**/b", "a/b a/x/b a/x/y/b a/b/b", "a b a/x ab"},
		{"a/**/**/b", "a/b a/x/b", "a"},
		{"**/a/**/b", "a/b x/a/b a/a/b/b x/a/y/b", "a b/a b/x/a"},
		{"**/a*/b", "a/b x/ac/b a/a/b", "a/x/b"},
		{"/usr/*/bin/**", "/usr/local/bin /usr/x/bin/y/z", "/usr/bin/y /usr/a/b/bin"},
		{"*\xa9", "\xa9 é", "e"},
	} {
		p, err := glob.Compile(tt.pattern)
		if err != nil || p.String() != tt.pattern {
			t.Fatalf("%q: got %q, %v", tt.pattern, p, err)
		}
		for _, name := range strings.Fields(tt.yes) {
			if !p.Match(name) {
				t.Errorf("%q does not match %q", tt.pattern, name)
			}
		}
		for _, name := range strings.Fields(tt.no) {
			if p.Match(name) {
				t.Errorf("%q matches %q", tt.pattern, name)
			}
		}
	}
	for _, name := range []string{"", "a", "/"} {
		if (glob.Pattern{}).Match(name) {
			t.Errorf("the zero value matches %q", name)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		"":        `pattern "": has an empty name`,
		"/":       `pattern "/": has an empty name`,
		"a//b":    `pattern "a//b": has an empty name`,
		"a/":      `pattern "a/": has an empty name`,
		"./a":     `pattern "./a": has the name ".", which no path here has`,
		"a/../b":  `pattern "a/../b": has the name "..", which no path here has`,
		"a**":     `pattern "a**": found "a**", wanted ** as a whole name`,
		"***/a":   `pattern "***/a": found "***", wanted ** as a whole name`,
		`a\`:      `pattern "a\\": found nothing after \`,
		`a\/b`:    `pattern "a\\/b": found nothing after \`,
		"[":       `pattern "[": has a [ without its ]`,
		"[^":      `pattern "[^": has a [ without its ]`,
		"[a":      `pattern "[a": has a [ without its ]`,
		"[a-":     `pattern "[a-": has a [ without its ]`,
		`[\`:      `pattern "[\\": has a [ without its ]`,
		"[a/b]":   `pattern "[a/b]": has a [ without its ]`,
		"[]a]":    `pattern "[]a]": found "]" in a class, wanted a character, or \ before it`,
		"[-a]":    `pattern "[-a]": found "-" in a class, wanted a character, or \ before it`,
		"[a-]":    `pattern "[a-]": found "]" in a class, wanted a character, or \ before it`,
		"[\xff]":  `pattern "[\xff]": has a class with a byte that is no UTF-8`,
		"[a-\xff": `pattern "[a-\xff": has a class with a byte that is no UTF-8`,
	} {
		_, err := glob.Compile(pattern)
		if err == nil || err.Error() != want || fault.ClassOf(err) != fault.Usage {
			t.Errorf("%q: got %v, want %s", pattern, err, want)
		}
	}
	if _, err := glob.Compile(strings.Repeat("a", 1025)); err == nil {
		t.Error("a pattern longer than any path is read")
	}
}

// TestHostile matches what makes a matcher that backtracks try every split.
func TestHostile(t *testing.T) {
	t.Parallel()
	for pattern, name := range map[string]string{
		strings.Repeat("*a", 30) + "b":     strings.Repeat("a", 1000),
		strings.Repeat("**/a/", 30) + "b":  strings.Repeat("a/", 500) + "c",
		strings.Repeat("**/*a/", 30) + "b": strings.Repeat("a/", 500) + "c",
	} {
		p, err := glob.Compile(pattern)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if p.Match(name) {
			t.Errorf("%q matches", pattern)
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("%q: took %v", pattern, took)
		}
	}
}

// naive is what Match is to do, said in the plainest way: exponential.
func naive(pattern, name []string) bool {
	if len(pattern) == 0 || len(name) == 0 && pattern[0] != "**" {
		return len(pattern) == len(name)
	}
	if pattern[0] == "**" {
		return naive(pattern[1:], name) || len(name) > 0 && naive(pattern, name[1:])
	}
	is, _ := path.Match(pattern[0], name[0])
	return is && naive(pattern[1:], name[1:])
}

// FuzzMatch compares with the naive matcher.
func FuzzMatch(f *testing.F) {
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern)+len(name) > 60 || strings.Count(pattern, "**") > 4 {
			return
		}
		p, err := glob.Compile(pattern)
		if err != nil {
			return
		}
		parts := strings.Split(pattern, "/")
		for i, part := range parts {
			if _, err := path.Match(part, ""); err != nil {
				t.Fatalf("%q: path.Match says %v", pattern, err)
			}
			if i == 0 && part == "" && name != "" && name[0] != '/' {
				if p.Match(name) {
					t.Errorf("%q, which is absolute, matches %q", pattern, name)
				}
				return
			}
		}
		if got, want := p.Match(name), naive(parts, strings.Split(name, "/")); got != want {
			t.Errorf("%q, %q: got %t, want %t", pattern, name, got, want)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	p, err := glob.Compile("**/share/*/doc/**/*.html")
	if err != nil {
		b.Fatal(err)
	}
	name := "usr/local/share/postgresql/doc/" + strings.Repeat("chapter/", 10) + "index.html"
	for b.Loop() {
		if !p.Match(name) {
			b.Fatal("no match")
		}
	}
}
