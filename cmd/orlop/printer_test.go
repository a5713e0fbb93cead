// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
	if got, want := sprintf("%s", tabbed("a\tb\nc")), "a\t"+`b\nc`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestOnePrinter finds no other way to stdout and stderr in the program.
func TestOnePrinter(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	others := regexp.MustCompile(`fmt\.F?[Pp]rint|io\.(WriteString|Copy)\(p\.|json\.NewEncoder|tabwriter|\.w\.Write|os\.Std(out|err)\.`)
	mayHave := map[string][]string{"ls.go": {"a.WriteMtree(c.Context, p.out.w)"}, "main.go": {"p.out.w,", "p.err.w,"}, "progress.go": {"p.err.w.(*os.File)", "OptionSetWriter(s.out.w)"}, "stream.go": {"p.results.to = p.err.w"}}
	raw := regexp.MustCompile(`\b(out|err)\.w\b`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || file == "printer.go" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			known := slices.ContainsFunc(mayHave[file], func(s string) bool { return strings.Contains(line, s) })
			if others.MatchString(line) || raw.MatchString(line) && !known {
				t.Errorf("%s: %s", file, line)
			}
		}
	}
}

func TestJSONForTerminals(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	odd := "a\x7fb\u0085\u200e\u202e\u2066\u061c\ufeff\U000e0001é\u4e16<&"
	if err := (printer{&out}).json(map[string]string{"k": odd}); err != nil {
		t.Fatal(err)
	}
	const want = `{"k":"a\u007fb\u0085\u200e\u202e\u2066\u061c\ufeff\udb40\udc01é世<&"}` + "\n"
	if out.String() != want {
		t.Errorf("got %s, want %s", out.String(), want)
	}
	var back map[string]string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back["k"] != odd {
		t.Errorf("it reads as %q: %v", back["k"], err)
	}
}

// TestOddDatabases has rows that look like lines and turn the direction of
// writing.
func TestOddDatabases(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	if status, said := orlop(t, "build", "-q", "--repo", "sample", "--exceptions", "sample/exceptions.ucl", "--format", "dir", "-o", out, "dynamic"); status != 0 {
		t.Fatal(said)
	}
	var dbs [2]string
	for i, change := range []string{"VACUUM", "UPDATE packages SET comment = 'x' || char(10) || 'FORGED' || char(27) || '[2J' || char(127) || char(8238) WHERE name = 'FreeBSD-clibs'"} {
		l := openLayout(t, out+"/container-image-dynamic")
		row(change)(l)
		l.open(1)
		dbs[i] = filepath.Join(t.TempDir(), "local.sqlite")
		if err := os.WriteFile(dbs[i], l.find(1, "var/db/pkg/local.sqlite").body, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"pkgdb", "diff", dbs[0], dbs[1]}, {"pkgdb", "diff", "--json", dbs[0], dbs[1]}, {"pkgdb", "dump", dbs[1]}, {"pkgdb", "dump", "--json", dbs[1]},
		{"pkgdb", "check", dbs[1], out + "/container-image-dynamic"}, {"pkgdb", "diff", dbs[0], dbs[1] + "\n\x1b"}} {
		_, text := orlopIn(t.Context(), args...)
		if strings.ContainsAny(text, "\x1b\x7f\u202e") || strings.Contains(text, "\nFORGED") {
			t.Errorf("%q prints it raw: %q", args, text)
		}
	}
}

// TestOddNames has archives and folders with names that move the cursor.
func TestOddNames(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "x\n\x1b[2J\u202e,y")
	if status, said := orlop(t, "build", "-q", "--repo", "sample", "--format", "dir", "-o", dir, "static"); status != 0 {
		t.Fatal(said)
	}
	archive := filepath.Join(dir, "container-image-static")
	renamed := filepath.Join(dir, "\x1b]0;x\a")
	if err := os.Rename(archive, renamed); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"verify", renamed}, {"verify", "--json", renamed}, {"verify", "--rebuild", "--repo", "sample", renamed}, {"ls", renamed + "x"},
		{"verify", "--lock", filepath.Join(dir, "container-image-static.lock.json"), renamed}, {"build", "--lock", filepath.Join(dir, "no"), "-o", dir},
		{"plan", "--repo", dir, "--revision", "15.0", "--branch", "RELEASE", "static"}, {"build", "--repo", "sample", "\x1b[2J"}, {"\x1b[2J"}, {"build", "--\x1b[2J"}, {"cache", "ls", "--cache", dir}} {
		_, text := orlopIn(t.Context(), args...)
		if strings.ContainsAny(text, "\x1b\u202e\a") {
			t.Errorf("%q prints it raw: %q", args, text)
		}
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
