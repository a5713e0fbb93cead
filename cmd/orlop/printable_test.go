// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"archive/tar"
	"bytes"
	"strings"
	"testing"
)

func TestPrintable(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"": "", "/bin/sh": "/bin/sh", `a\b "c"`: `a\b "c"`, "naïve ссылка …": "naïve ссылка …",
		"a\nb": `a\nb`, "\x1b[2J": `\x1b[2J`, "a\tb": `a\tb`, "\xff": `\xff`, "\u202e": `\u202e`, "\u0085": `\u0085`,
		"a\\n\n": `a\\n\n`, "\"\n": `"\n`,
	} {
		if got := printable(s); got != want {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
	}
	if got, want := printableLine("a\tb\nc"), "a\t"+`b\nc`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestForgedLines has an archive with names that look like lines of a report and
// that move the cursor.
func TestForgedLines(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	if status, said := orlop(t, "build", "-q", "--repo", "sample", "--exceptions", "sample/exceptions.ucl", "--format", "dir", "-o", out, "dynamic"); status != 0 {
		t.Fatal(said)
	}
	const evil = "x\nFORGED\n\x1b[2J"
	original := out + "/container-image-dynamic"
	forge := func(twice bool) string {
		l := openLayout(t, original)
		row("UPDATE packages SET version = '1'||char(10)||'FORGED' WHERE name = 'FreeBSD-clibs'")(l) // opens the layer
		e := entry{Header: tar.Header{Name: "etc/" + evil, Mode: 0o644, Uname: evil, Gname: "wheel", Typeflag: tar.TypeReg, PAXRecords: map[string]string{"SCHILY.fflags": evil}}}
		l.layers[1] = append(l.layers[1], e, entry{Header: tar.Header{Name: "etc/link", Linkname: evil, Typeflag: tar.TypeSymlink}})
		if twice {
			l.layers[1] = append(l.layers[1], e)
		}
		at[object](l.config, "config")["Labels"] = object{evil: evil}
		at[[]any](l.config, "history")[1].(object)["created_by"] = "orlop " + evil
		l.save()
		return l.dir
	}
	readable, broken := forge(false), forge(true)
	for _, args := range [][]string{
		{"ls", readable}, {"ls", "--files", readable}, {"ls", "--mtree", readable}, {"ls", "--sizes", readable}, {"ls", "--owner", "/etc/" + evil, readable},
		{"ls", "--owner", "/etc/y" + evil, readable}, {"ls", "--json", "--files", readable}, {"diff", original, readable}, {"diff", readable, original},
		{"diff", "--json", original, readable}, {"verify", readable}, {"verify", broken}, {"ls", broken}, {"diff", original, broken},
	} {
		var told, said bytes.Buffer
		run(t.Context(), append([]string{"orlop"}, args...), &told, &said, func(string) (string, bool) { return "", false })
		text := told.String() + said.String()
		if !strings.Contains(text, "FORGED") && !strings.Contains(text, `\012`) && args[1] != "--owner" {
			t.Errorf("%q does not tell the name: %s", args, text)
		}
		if strings.Contains(text, "\nFORGED") || strings.Contains(text, "\x1b") {
			t.Errorf("%q prints it raw:\n%s", args, text)
		}
	}
}
