// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestWithoutSQLite builds the program as Go does for another machine. What
// needs SQLite says so before it touches anything, all else works.
func TestWithoutSQLite(t *testing.T) {
	t.Parallel()
	program, dir := filepath.Join(t.TempDir(), "orlop"), t.TempDir()
	for _, args := range [][]string{{"build", "-o", program, "."}, {"vet", "./..."}} {
		cmd := exec.Command("go", args...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", args, err, out)
		}
	}
	if err := os.CopyFS(filepath.Join(dir, "sample"), os.DirFS("sample")); err != nil {
		t.Fatal(err)
	}
	const told = "orlop: this orlop was built with CGO_ENABLED=0, so it has no SQLite, which pkg's database needs; build it with CGO_ENABLED=1 and a C compiler\n"
	for line, status := range map[string]int{
		"demo -o out": 1, "build --repo sample -o out static": 1, "build --repo https://127.0.0.1:9/ -o out static": 1, "build --lock absent": 1,
		"lock --repo sample -o out static": 1, "ls absent": 1, "verify absent": 1, "verify --rebuild absent": 1, "diff absent absent": 2,
		"pkgdb normalise -o out absent": 1, "pkgdb dump absent": 1, "pkgdb diff absent absent": 2, "pkgdb check absent": 1,
		"plan -q --repo sample -o plans static": 0, "fetch -q --repo sample --cache store static": 0, "cache ls --cache store": 0, "cache prune --cache store 0": 0,
		"version": 0, "help": 0, "help build": 0, "build --help": 0, "pkgdb --help": 0, "pkgdb dump --help": 0, "--help": 0,
	} {
		cmd := exec.Command(program, strings.Fields(line)...)
		var stdout, stderr bytes.Buffer
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
		err := cmd.Run()
		if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
			t.Fatal(err)
		}
		want := ""
		if status != 0 {
			want = told
		}
		if got := cmd.ProcessState.ExitCode(); got != status || stderr.String() != want || status != 0 && stdout.Len() > 0 {
			t.Errorf("%s: status %d, wanted %d; said %q, wanted %q; printed %q", line, got, status, stderr.String(), want, stdout.String())
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "out")); err == nil {
		t.Error("something was written")
	}
}
