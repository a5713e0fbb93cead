// SPDX-License-Identifier: BSD-2-Clause

package shell

import (
	"fmt"
	"strings"
	"testing"
)

// show is a command in one line.
func show(c Command) string {
	s := fmt.Sprintf("%d %q", c.Line, c.Words)
	for _, r := range c.Redirects {
		s += fmt.Sprintf(" %s%q", r.Op, r.Target)
		if r.Quoted {
			s += " quoted"
		}
	}
	if c.End != "\n" && c.End != "" {
		s += " " + c.End
	}
	if c.Err != nil {
		s += " ! " + c.Err.Error()
	}
	return strings.TrimSpace(s)
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		script string
		want   []string
	}{
		{"", nil},
		{"\n # all of it \\\n\n", nil},
		{"a b\\\nc \\\n  d\ne", []string{`1 ["a" "bc" "d"]`, `4 ["e"]`}},
		{"a# b #c\n", []string{`1 ["a#" "b"]`}},
		{`"a b" 'c d'"e" ""` + "\n", []string{`1 ["a b" "c de" ""]`}},
		{"a $b ${b}c \"$d/e\" x$f$g ${h:+-i $j} k${l:+m n}\n", []string{`1 ["a" "${b}" "${b}c" "${d}/e" "x${f}${g}" "${h:+-i ${j}}" "k${l:+m n}"]`}},
		{"a; b && c || d $?\ne | f ;;\n", []string{`1 ["a"] ;`, `1 ["b"] &&`, `1 ["c"] ||`, `1 ["d" "$?"]`, `2 ["e"] |`, `2 ["f"] ;;`}},
		{"a >/dev/null 2>&1 b 2> c >>d\n", []string{`1 ["a" "b"] >"/dev/null" 2>&1"" 2>"c" >>"d"`}},
		{"a2>b\n", []string{`1 ["a2"] >"b"`}},
		{"cat > $x <<EOF\none $two\n  \\$three\nEOF\nb\n", []string{`1 ["cat"] >"${x}" <<"one $two\n  \\$three\n"`, `5 ["b"]`}},
		{"cat <<-'E O' && b\n\tone\n\tE O\nc\n", []string{`1 ["cat"] <<"one\n" quoted &&`, `1 ["b"]`, `4 ["c"]`}},
		{"cat <<EOF", []string{`1 ["cat"] <<"" ! found no line "EOF" that ends the text after <<`}},
		{"\\\n\\\na\n", []string{`3 ["a"]`}},
		{"a &\nb\n", []string{`1 ["a"] ! "&" is not understood, wanted plain words`, `2 ["b"]`}},
		{"a \\b c\nd", []string{`1 ["a"] ! "\\b c" is not understood, wanted plain words`, `2 ["d"]`}},
		{"a < b\n", []string{`1 ["a"] ! "< b" is not understood, wanted plain words`}},
		{"a '$b'\n", []string{`1 ["a"] ! "'$b'" is not understood, wanted plain words`}},
		{"a \"$\"b\n", []string{`1 ["a"] ! "\"$\"b" is not understood, wanted plain words`}},
		{"a $\n", []string{`1 ["a"] ! "$" is not understood, wanted plain words`}},
		{"a $\"b\"\n", []string{`1 ["a"] ! "$\"b\"" is not understood, wanted plain words`}},
		{"a >\nb\n", []string{`1 ["a"] >"" ! ">" has no target, wanted a word after it`, `2 ["b"]`}},
		{"a > > b\n", []string{`1 ["a"] >"" ! "> b" is not understood, wanted plain words`}},
	} {
		var got []string
		for _, c := range Parse(tt.script) {
			got = append(got, show(c))
		}
		if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
			t.Errorf("%q: got\n%s\nwant\n%s", tt.script, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
	}
}

// FuzzParse wants every byte of a script to be read, lines to go up, and the same
// commands where another stands before them.
func FuzzParse(f *testing.F) {
	for _, script := range []string{"a b\\\nc", "cat > $x <<-'EOF'\n\tone\n\tEOF\n", `"a"'b'${c:+d e} 2>&1 || :`, "a &\nb;;\n", "[ -x /a ] && env B=$c \\\n\t/a d\n"} {
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script string) {
		line := 1
		list := Parse(script)
		later := Parse("x\n" + script)
		for i := range later {
			later[i].Line--
		}
		if len(later) == 0 || fmt.Sprintf("%+v", later[1:]) != fmt.Sprintf("%+v", list) {
			t.Errorf("%q: got %+v, but %+v after another command", script, list, later)
		}
		for _, c := range list {
			if c.Line < line || c.Line > strings.Count(script, "\n")+1 {
				t.Errorf("%q: line %d after %d", script, c.Line, line)
			}
			line = c.Line
			for _, w := range c.Words {
				if variable.MatchString(w) {
					t.Errorf("%q: the word %q has a variable without braces", script, w)
				}
			}
		}
	})
}
