// SPDX-License-Identifier: BSD-2-Clause

package script

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/orlop/orlop/release/tree"
)

// texts lists effects, one a line.
func (e *Effects) texts() []string {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	for _, g := range e.Groups {
		add("group %s %s", g.Name, orAny(g.GID))
	}
	for _, u := range e.Users {
		in := ""
		if u.Groups != nil {
			in = " in " + strings.Join(u.Groups, ",")
		}
		add("user %s:*:%s:%s:%s:0:0:%s:%s:%s%s", u.Name, orAny(u.UID), u.Group, u.Class, u.Gecos, u.Home, u.Shell, in)
	}
	for _, m := range e.Members {
		add("member %s %s", m.Group, m.User)
	}
	for _, h := range e.Homes {
		add("home %s %04o %s:%s", h.Path, h.Mode, h.Uname, h.Gname)
	}
	for _, s := range e.Samples {
		add("sample %s %s%s", s.From, s.To, map[bool]string{true: " u+w"}[s.Writable])
	}
	for _, path := range e.Shells {
		add("shell %s", path)
	}
	for _, dir := range e.Infos {
		add("info %s", dir)
	}
	if e.Hints {
		add("%s", strings.TrimSpace("hints "+strings.Join(slices.Compact(slices.Sorted(slices.Values(e.Merged))), " ")))
	}
	if e.Without != "" {
		add("without %s", e.Without)
	}
	for _, c := range e.Chmods {
		add("chmod %04o %s", c.Mode, c.Path)
	}
	return list
}

func orAny(id string) string {
	if id == "" {
		return "?"
	}
	return id
}

// recognise reads a script by the name of its file.
func recognise(name, text string) (Effects, bool) {
	if strings.HasSuffix(name, ".lua") {
		return RecogniseLua(text, "/usr/local")
	}
	return Recognise(text)
}

func TestKnown(t *testing.T) {
	t.Parallel()
	scripts := archive(t, "testdata/known.txtar")
	for name, text := range scripts {
		want, has := scripts[name+".want"]
		if strings.HasSuffix(name, ".want") {
			continue
		}
		e, ok := recognise(name, text)
		if got := strings.Join(e.texts(), "\n"); !has || !ok || got != strings.TrimSpace(want) {
			t.Errorf("%s: known is %t, got\n%s\nwant\n%s", name, ok, got, want)
		}
	}
}

// TestLayout has known scripts in another layout, and with something left over.
func TestLayout(t *testing.T) {
	t.Parallel()
	for name, text := range archive(t, "testdata/known.txtar") {
		if strings.HasSuffix(name, ".want") || name == "nothing" {
			continue
		}
		want, _ := recognise(name, text)
		for _, other := range []string{"\n\n" + text + "\n", strings.ReplaceAll(text, "\n", "\n\t  "), text + "\n" + text} {
			e, ok := recognise(name, other)
			if strings.HasSuffix(name, ".lua") && len(other) > 2*len(text) {
				continue // Lua scripts stand alone
			}
			if !ok || !slices.Equal(slices.Compact(slices.Sorted(slices.Values(e.texts()))), slices.Compact(slices.Sorted(slices.Values(want.texts())))) {
				t.Errorf("%s: known is %t as %q: %v", name, ok, other, e.texts())
			}
		}
		for _, other := range []string{text + "\nreboot\n", "x = 1\n" + text, text[:len(text)*2/3]} {
			if e, ok := recognise(name, other); ok && !strings.HasSuffix(name, "old") {
				t.Errorf("%s: %q is known: %v", name, other, e.texts())
			}
		}
	}
}

func TestStrange(t *testing.T) {
	t.Parallel()
	for name, text := range archive(t, "testdata/strange.txtar") {
		if e, ok := recognise(name, text); ok {
			t.Errorf("%s: is known: %v", name, e.texts())
		}
	}
}

// TestBounded has scripts whose variables would grow without bound.
func TestBounded(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"a=/" + strings.Repeat("x", 1000) + "\n" + strings.Repeat("a=${a}${a}\n", 60),
		"a=/" + strings.Repeat("x", 4000) + "\nindexinfo " + strings.Repeat("${a}", 10_000),
		strings.Repeat("if true; then\n", 20) + strings.Repeat("fi\n", 20),
		strings.Repeat("case /x in\n/*)\n", 20) + strings.Repeat(";;\nesac\n", 20),
	} {
		if _, ok := Recognise(text); ok {
			t.Errorf("%.60q… is known", text)
		}
	}
}

func archive(t *testing.T, file string) map[string]string {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil || len(a.Files) == 0 {
		t.Fatal(file, err)
	}
	files := map[string]string{}
	for _, f := range a.Files {
		files[f.Name] = string(f.Data)
	}
	return files
}

// checkPaths wants every path of effects to be one of an image.
func checkPaths(t *testing.T, text string, e *Effects) {
	t.Helper()
	paths := slices.Concat(e.Shells, e.Infos)
	for _, c := range e.Chmods {
		paths = append(paths, c.Path)
	}
	for _, h := range e.Homes {
		paths = append(paths, h.Path)
	}
	for _, s := range e.Samples {
		paths = append(paths, s.From, s.To)
	}
	for _, path := range append(paths, e.Merged...) {
		if err := tree.CheckPath(path); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzRecogniseLua wants a script that is understood to be understood in another
// layout, too.
func FuzzRecogniseLua(f *testing.F) {
	f.Add("-- args: a.sample\nsample_file = pkg.prefixed_path(arg[1])")
	f.Add(shellAppended)
	f.Fuzz(func(t *testing.T, text string) {
		e, ok := RecogniseLua(text, "/usr/local")
		checkPaths(t, text, &e)
		if _, still := RecogniseLua(text+"\n-- the end", "/usr/local"); ok && !still && len(text) < maxScript/2 {
			t.Errorf("%q: not understood with a comment", text)
		}
	})
}
