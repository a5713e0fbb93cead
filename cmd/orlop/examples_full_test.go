// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestExamples builds every example by the commands of the README, in two checkouts that
// differ in umask, times and order. The images verify, and have the same digests.
func TestExamples(t *testing.T) {
	t.Parallel()
	commands := exampleCommands(t)
	folders, err := filepath.Glob(examplesDir + "/*/*.ucl")
	if err != nil || len(folders) != len(commands) {
		t.Errorf("found %d definitions and %d sections of commands (%v)", len(folders), len(commands), err)
	}
	repos := exampleRepositories(t)
	here, there := checkout(t, 0o022, time.Unix(1_500_000_000, 0), false), checkout(t, 0o077, time.Unix(1_700_000_001, 5), true)
	for _, folder := range folders {
		name := filepath.Base(filepath.Dir(folder))
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if len(commands[name]) == 0 {
				t.Fatal("the README has no command for it")
			}
			first, second := buildExample(t, here, "022", repos, commands[name]), buildExample(t, there, "077", repos, commands[name])
			if d := cmp.Diff(first, second); d != "" || first == "" {
				t.Errorf("(-first +second checkout):\n%s", d)
			}
		})
	}
}

// buildExample runs commands in a checkout, and returns what they print. What they build
// verifies.
func buildExample(t *testing.T, dir, umask string, repos, commands []string) string {
	t.Helper()
	out := t.TempDir()
	var printed strings.Builder
	for _, line := range commands {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "orlop push ") {
			continue // TestInteropExample has a registry
		}
		if strings.HasPrefix(line, "orlop build ") {
			line = strings.ReplaceAll(line, "-o images", "-q -o "+out) + " " + strings.Join(repos, " ")
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-c", "umask "+umask+"; "+line)
		var stdout, stderr bytes.Buffer
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
		cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+out+"/cache")
		if err := cmd.Run(); err != nil || stderr.Len() > 0 {
			t.Fatalf("%s: %v\n%s", line, err, stderr.String())
		}
		printed.Write(stdout.Bytes())
	}
	made, err := filepath.Glob(out + "/*.txz")
	if more, _ := filepath.Glob(out + "/*/*.txz"); len(more) > 0 {
		made = append(made, more...)
	}
	if err != nil || len(made) == 0 {
		t.Fatalf("built nothing (%v)", err)
	}
	for _, archive := range made {
		if status, said := orlop(t, "verify", "--require", "lock", archive); status != 0 {
			t.Errorf("verify %s: status %d, said %s", archive, status, said)
		}
	}
	return strings.ReplaceAll(printed.String(), out, "images")
}

// checkout copies the examples as git would have them under a umask, in one order or the
// other.
func checkout(t *testing.T, umask fs.FileMode, at time.Time, backwards bool) string {
	t.Helper()
	dir := t.TempDir()
	var names []string
	err := filepath.WalkDir(examplesDir, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(examplesDir, path)
		if err == nil && d.Type().IsRegular() && !strings.HasPrefix(d.Name(), "hello-") {
			names = append(names, name)
		}
		return err
	})
	if backwards {
		slices.Reverse(names)
	}
	for _, name := range names {
		if err == nil {
			err = copyAs(filepath.Join(examplesDir, name), filepath.Join(dir, name), umask, at)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// copyAs copies a file, of whose mode git keeps only whether it is executable.
func copyAs(from, to string, umask fs.FileMode, at time.Time) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o666)
	if info.Mode()&0o100 != 0 {
		mode = 0o777
	}
	for _, do := range []func() error{
		func() error { return os.MkdirAll(filepath.Dir(to), 0o777) },
		func() error { return os.Chmod(filepath.Dir(to), 0o777&^umask) },
		func() error { return os.WriteFile(to, text, 0o600) },
		func() error { return os.Chmod(to, mode&^umask) },
		func() error { return os.Chtimes(to, at, at) },
	} {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}
