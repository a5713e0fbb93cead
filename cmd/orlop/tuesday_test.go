// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// registryName is the registry of the page, which nobody has.
const registryName = "registry.example.org"

// TestPagesCommands takes every command of orlop on the page apart, as the program does.
func TestPagesCommands(t *testing.T) {
	t.Parallel()
	for _, c := range tuesday(t) {
		words := strings.Fields(strings.ReplaceAll(strings.Split(c, " | ")[0], "\\\n", ""))
		if words[0] != "orlop" {
			continue
		}
		if _, err := parseArguments((&program{}).root(), words[1:]); err != nil {
			t.Errorf("%s: %v", c, err)
		}
	}
}

// tuesday are the commands of the page, in their order.
func tuesday(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, m := range regexp.MustCompile(`(?s)\n\.Bd -literal -offset indent\n(.*?)\n\.Ed\n`).FindAllStringSubmatch(section(t, ".Sh", "FREEBSD-SA ON A TUESDAY"), -1) {
		text := strings.ReplaceAll(m[1], `\e`, `\`)
		for line := range strings.SplitSeq(strings.ReplaceAll(text, "\\\n", "\\\x00"), "\n") {
			list = append(list, strings.ReplaceAll(line, "\x00", "\n"))
		}
	}
	return list
}

// follow runs a command of the page in a folder, and wants the exit status and the
// words that the page names.
func follow(t *testing.T, dir, command string) {
	t.Helper()
	cmd := exec.Command("sh", "-c", command)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
	want := 0
	says := ""
	switch {
	case strings.HasPrefix(command, "orlop plan "):
		want, says = 1, "runtime  up  FreeBSD-runtime      15.0p3  15.0p4  in runtime"
	case strings.HasPrefix(command, "orlop lock "):
		says = "runtime  up  FreeBSD-openssl-lib  15.0p1  15.0p4  in dynamic\n"
	case strings.HasPrefix(command, "orlop diff --stat "):
		want, says = 1, "packages\tup\t2\n"
	case strings.HasPrefix(command, "orlop diff published/"):
		want, says = 1, "^ FreeBSD-openssl-lib 15.0p1 -> 15.0p4 in dynamic"
	case strings.HasPrefix(command, "orlop ls --owner "):
		says = "FreeBSD-openssl-lib\tdynamic\n"
	case strings.HasPrefix(command, "orlop ls --json "):
		says = `{"archive":"published/container-image-runtime.lock.json","name":"FreeBSD-openssl-lib","version":"15.0p1",`
	}
	_ = cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != want || !strings.Contains(stdout.String(), says) {
		t.Errorf("%s: status %d, wanted %d and %q\n%s%s", command, got, want, says, stdout.String(), stderr.String())
	}
	if strings.Contains(command, " -o back") && !strings.Contains(stderr.String(), "unvouched") {
		t.Errorf("%s: says %s", command, stderr.String())
	}
}

// beforeTheNotice makes a folder with images of the sample as they were published,
// the packages they are made of, and a repository that has moved on.
func beforeTheNotice(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	lock := in("published/container-image-runtime.lock.json")
	for _, args := range [][]string{
		{"build", "-q", "--repo", "sample", "--exceptions", "sample/exceptions.ucl", "-o", in("published"), "static", "dynamic", "runtime"},
		{"fetch", "-q", "--repo", "sample", "--cache", in("store"), "--lock", lock},
	} {
		if status, _, said := capture(t, args...); status != 0 {
			t.Fatal(said)
		}
	}
	text, err := os.ReadFile("sample/exceptions.ucl")
	if err == nil {
		err = os.WriteFile(in("exceptions.ucl"), text, 0o644)
	}
	if err == nil {
		err = os.CopyFS(in("repo"), os.DirFS("sample"))
	}
	if err == nil {
		err = os.Mkdir(in("bin"), 0o755)
	}
	if err == nil { // FreeBSD's, where there is another's
		err = os.WriteFile(in("bin/sha256"), []byte("#!/bin/sh\nexec sha256sum --tag \"$@\"\n"), 0o755)
	}
	keys := newForge(t)
	if err == nil { // which needs no password here
		err = errors.Join(os.WriteFile(in("cosign.key"), keys.read("ec.pem"), 0o600), os.WriteFile(in("cosign.pub"), keys.read("ec.pub"), 0o644))
	}
	if err != nil {
		t.Fatal(err)
	}
	republish(t, in("repo"), "15.0p4", asIs, "FreeBSD-openssl-lib", "FreeBSD-runtime")
	return dir
}

// manifestOf is the digest of the manifest of runtime in a folder.
func manifestOf(t *testing.T, dir, folder string) string {
	t.Helper()
	lock := readLock(t, filepath.Join(dir, folder, "container-image-runtime.lock.json"))
	index := exec.Command("tar", "-xOf", filepath.Join(dir, folder, "container-image-runtime.txz"), "index.json")
	text, err := index.Output()
	if err != nil || lock.Image != "runtime" {
		t.Fatal(lock.Image, err)
	}
	return string(text)
}
