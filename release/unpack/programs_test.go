// SPDX-License-Identifier: BSD-2-Clause

package unpack_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/release/unpack"
)

// TestPrograms reads what the host's tar and zip have packed.
func TestPrograms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	long := strings.Repeat("long", 30)
	for _, name := range []string{"x-1/bin", "x-1/" + long} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	files := map[string]string{"x-1/bin/prog": "program", "x-1/README": strings.Repeat("text ", 1000) + "end", "x-1/" + long + "/" + long: "deep"}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "x-1/bin/prog"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../README", filepath.Join(dir, "x-1/bin/notes")); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"dir 0755 /bin", "dir 0755 /" + long, "file 0644 /README " + files["x-1/README"], "file 0644 /" + long + "/" + long + " deep",
		"file 0755 /bin/prog program", "link 0755 /bin/notes ../README",
	}
	slices.Sort(want)
	packed := 0
	for _, command := range []string{
		"tar --format=gnu -cf", "tar --format=pax -cf", "tar -czf", "tar -cJf", "tar --zstd -cf", "zip -qry",
		"bsdtar -cf", "bsdtar --format=gnutar -czf", "bsdtar -cJf", "bsdtar --zstd -cf", "bsdtar --format=zip -cf",
	} {
		words := strings.Fields(command)
		program, err := exec.LookPath(words[0])
		if err != nil {
			continue // not on this host
		}
		out := filepath.Join(t.TempDir(), "archive.zip") // zip adds an extension where there is none
		run := exec.Command(program, append(words[1:], out, "x-1")...)
		if run.Dir = dir; run.Run() != nil {
			continue // without this form, or the program for it
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		got, err := read(t, data, unpack.Options{Strip: 1})
		packed++
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", command, err, d)
		}
	}
	if packed == 0 {
		t.Skip("there is no tar(1), bsdtar(1) or zip(1)")
	}
}
