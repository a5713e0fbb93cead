// SPDX-License-Identifier: BSD-2-Clause

package etc

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/pkgdb/fault"
)

// rcTexts are texts of rc.conf, and what they are after name is set to value.
var rcTexts = []struct{ old, name, value, want string }{
	{"", "a", "YES", "a=\"YES\"\n"},
	{"b=1\n", "a", "YES", "b=1\na=\"YES\"\n"},
	{"b=1", "a", "YES", "b=1\na=\"YES\"\n"},
	{"a=\"NO\"\nb=1\n", "a", "YES", "a=\"YES\"\nb=1\n"},
	{"a=\"NO\"", "a", "YES", `a="YES"`},
	{"a=1\na=2\naa=3\n", "a", "4", "a=1\na=\"4\"\naa=3\n"},
	{"# a=1\n#a=2\n", "a", "3", "# a=1\n#a=2\na=\"3\"\n"},
	{"\t a='no'  # why\n", "a", "yes", "\t a=\"yes\"  # why\n"},
	{"a=NO # why\n", "a", "yes", "a=\"yes\" # why\n"},
	{"a=\n", "a", "x", "a=\"x\"\n"},
	{"a= # none\n", "a", "x", "a=\"x\" # none\n"},
	{"a=1; b=2\n", "a", "x", "a=\"x\"; b=2\n"},
	{`a="x \"y\" \\" # z` + "\n", "a", "x", "a=\"x\" # z\n"},
	{"a=\"1\n2\"\n", "a", "x", "a=\"1\n2\"\na=\"x\"\n"},
	{"a=\"1\"'2'\n", "a", "x", "a=\"1\"'2'\na=\"x\"\n"},
	{"a=`echo 1`\n", "a", "x", "a=`echo 1`\na=\"x\"\n"},
	{"a=\"$(echo \"1\")\"\n", "a", "x", "a=\"$(echo \"1\")\"\na=\"x\"\n"},
	{"a=\"`echo \"1\"`\"\n", "a", "x", "a=\"`echo \"1\"`\"\na=\"x\"\n"},
	{"a=$b\n", "a", "x", "a=$b\na=\"x\"\n"},
	{"a=1&&b=2\n", "a", "x", "a=1&&b=2\na=\"x\"\n"},
	{"a='1\n", "a", "x", "a='1\na=\"x\"\n"},
	{"a=1\n", "a", `-x "$b" ${c}`, ""},
	{"b=2\na='1'\n", "a", `$b ${b} \$b \" \\ 'x' \` + "`", "b=2\na=\"$b ${b} \\$b \\\" \\\\ 'x' \\`\"\n"},
	{"a=1\n", "_A1", "", "a=1\n_A1=\"\"\n"},
}

func TestSetRC(t *testing.T) {
	t.Parallel()
	for _, tt := range rcTexts {
		got, err := SetRC([]byte(tt.old), [][2]string{{tt.name, tt.value}})
		if (err != nil) != (tt.want == "") {
			t.Errorf("%q: %v", tt.old, err)
		}
		if d := cmp.Diff(tt.want, string(got)); d != "" {
			t.Errorf("%q (-want +got)\n%s", tt.old, d)
		}
	}
	got, err := SetRC([]byte("b=1\n# end"), [][2]string{{"z", "1"}, {"b", "2"}, {"a", "3"}, {"z", "4"}})
	if want := "b=\"2\"\n# end\nz=\"4\"\na=\"3\"\n"; string(got) != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if got, err := SetRC([]byte("x"), nil); string(got) != "x" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestSetRCErrors(t *testing.T) {
	t.Parallel()
	for want, p := range map[string][2]string{
		`"" is no name of a variable, wanted letters, digits and _`:             {"", ""},
		`"1a" is no name of a variable, wanted letters, digits and _`:           {"1a", ""},
		`"a-b" is no name of a variable, wanted letters, digits and _`:          {"a-b", ""},
		`a: value "x\ny" has "\n", wanted one line of text`:                     {"a", "x\ny"},
		`a: value "x\x00" has "\x00", wanted one line of text`:                  {"a", "x\x00"},
		`a: value "x\"" has a " that ends it, wanted \"`:                        {"a", `x"`},
		`a: value "x\\" ends with \, wanted \\`:                                 {"a", `x\`},
		"a: value \"`x`\" runs a command, which belongs into a file of its own": {"a", "`x`"},
		`a: value "$(x)" runs a command, which belongs into a file of its own`:  {"a", "$(x)"},
		`a: value "${b" has ${, wanted ${NAME}, or \${`:                         {"a", "${b"},
		`a: value "${b:-c}" has ${, wanted ${NAME}, or \${`:                     {"a", "${b:-c}"},
	} {
		if _, err := SetRC(nil, [][2]string{p}); err == nil || err.Error() != "rc.conf: "+want || fault.ClassOf(err) != fault.Usage {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestSetRCInShell has sh(1) read what was set.
func TestSetRCInShell(t *testing.T) {
	t.Parallel()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh(1)")
	}
	for _, tt := range rcTexts {
		text, err := SetRC([]byte(tt.old), [][2]string{{tt.name, tt.value}})
		if err != nil || strings.Count(tt.old, "'")%2 == 1 { // the last has no end
			continue
		}
		file := filepath.Join(t.TempDir(), "rc.conf")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := exec.Command(sh, "-c", ". "+file+` && printf %s "$`+tt.name+`"`).CombinedOutput()
		want := strings.NewReplacer(`\$`, "$", `\"`, `"`, `\\`, `\`, "\\`", "`", "${b}", "2", "$b", "2").Replace(tt.value)
		if string(got) != want || err != nil {
			t.Errorf("%q: sh has %q, %v, want %q", text, got, err, want)
		}
	}
}

// FuzzSetRC wants the line to be there as it is to be, the others to be as they were, and
// nothing more to change the second time.
func FuzzSetRC(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte, name, value string) {
		got, err := SetRC(text, [][2]string{{name, value}})
		if err != nil {
			return
		}
		again, err := SetRC(got, [][2]string{{name, value}})
		if d := cmp.Diff(string(got), string(again)); d != "" || err != nil {
			t.Errorf("set again: %v (-first +again)\n%s", err, d)
		}
		before, after := strings.SplitAfter(string(text), "\n"), strings.SplitAfter(string(got), "\n")
		changed := -1
		for i, line := range after {
			if (i >= len(before) || line != before[i]) && strings.Contains(line, name+`="`+value+`"`) {
				changed = i
			}
		}
		switch n := len(after) - len(before); {
		case n < 0 || n > 2:
			t.Errorf("%q became %q", text, got)
		case n == 0 && changed >= 0:
			before[changed] = after[changed]
			if d := cmp.Diff(before, after); d != "" {
				t.Errorf("other lines (-before +after)\n%s", d)
			}
		case n > 0 && !strings.HasPrefix(string(got), string(text)):
			t.Errorf("%q became %q", text, got)
		}
	})
}
