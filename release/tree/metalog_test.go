// SPDX-License-Identifier: BSD-2-Clause

package tree

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadMetalog(t *testing.T) {
	t.Parallel()
	log := "#mtree 2.0\n\n. type=dir uname=root gname=wheel mode=755\n./a b type=x type=file uname=root gname=wheel mode= 4555 flags=schg,uchg\n" +
		"./gone type=link uname=u gname=g mode=755 flags=none link=x\n./gone type=file uname=v gname=g mode=644 uname=w\n"
	got, err := ReadMetalog(strings.NewReader(log), "METALOG", func(string) bool { return true })
	want := map[string]Node{
		"/":           {Path: "/", Type: Dir, Mode: 0o755, Uname: "root", Gname: "wheel", Origin: Listed},
		"/a b type=x": {Path: "/a b type=x", Type: File, Mode: 0o4555, Uname: "root", Gname: "wheel", Flags: "schg,uchg", Origin: Listed},
		"/gone":       {Path: "/gone", Type: File, Mode: 0o644, Uname: "v", Gname: "g", Origin: Listed},
	}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	for _, tt := range []struct{ text, want string }{
		{"./a type=fifo", `x:1: found "./a type=fifo", wanted ./PATH type=dir, file or link and its keywords`},
		{"# c\n./a type=dir uname=root mode=755", `x:2: /a: found "uname=root mode=755", wanted uname, gname and an octal mode`},
		{"./" + strings.Repeat("a", 1024) + " type=dir uname=r gname=w mode=1", "x:1: path has 1025 bytes, wanted at most 1024"},
		{"./a\n" + strings.Repeat("a", 70_000), `x:1: found "./a", wanted ./PATH type=dir, file or link and its keywords`},
		{"# c\n# " + strings.Repeat("a", 70_000), "x:2: bufio.Scanner: token too long"},
	} {
		if _, err := ReadMetalog(strings.NewReader(tt.text), "x", func(string) bool { return true }); err == nil || err.Error() != tt.want {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}

// FuzzMetalogLine compares what takes a line apart with the grammar.
func FuzzMetalogLine(f *testing.F) {
	line := regexp.MustCompile(`(?s)^(\.|\./.*?) type=(dir|file|link)( .*)?$`)
	word := regexp.MustCompile(` (uname|gname|mode|flags)= *(\S+)`)
	f.Add("./a b type=x type=file type=dir uname=  root gname=wheel mode= 4555 flags=none uname=x")
	f.Add(". type=dir flags= uname=root\tgname=x  mode=\t gname= \xff")
	f.Fuzz(func(t *testing.T, text string) {
		parts := line.FindStringSubmatch(text)
		path, kind, rest, ok := cutLogged(text)
		if ok != (parts != nil) || ok && (path != parts[1] || kind.String() != parts[2] || rest != parts[3]) {
			t.Fatalf("%q: got %q, %v, %q, want %q", text, path, kind, rest, parts)
		}
		want := map[string]string{}
		for _, w := range word.FindAllStringSubmatch(rest, -1) {
			if want[w[1]] == "" {
				want[w[1]] = w[2]
			}
		}
		var n Node
		mode := n.loggedWords(rest)
		if n.Uname != want["uname"] || n.Gname != want["gname"] || n.Flags != want["flags"] || mode != want["mode"] {
			t.Errorf("%q: got %q %q %q %q, want %q", rest, n.Uname, n.Gname, n.Flags, mode, want)
		}
	})
}
