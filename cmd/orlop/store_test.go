// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestUsers has two users of one group share a store, and a third who is not
// in it.
func TestUsers(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("runs as other users: needs root")
	}
	dir, err := os.MkdirTemp("", "users")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	exe, err := exec.LookPath("orlop")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(exe)
	if err = errors.Join(err, os.Chmod(dir, 0o777), os.WriteFile(dir+"/orlop", program, 0o755), os.CopyFS(dir+"/sample", os.DirFS("sample")),
		exec.Command("chmod", "-R", "go+rX", dir+"/orlop", dir+"/sample").Run()); err != nil {
		t.Fatal(err)
	}
	as := func(user, group uint32, args ...string) (string, int) {
		cmd := exec.Command(dir+"/orlop", args...)
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: group}}
		out, err := cmd.CombinedOutput()
		if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	from := []string{"--repo", "sample", "--cache", "common", "--cache-shared"}
	build := func(out string) []string {
		return append(append([]string{"build", "-q", "--exceptions", "sample/exceptions.ucl", "-o", out}, from...), "runtime")
	}
	fetch := append(append([]string{"fetch", "-q"}, from...), "runtime")
	want, status := as(1001, 50, build("a")...)
	if status != 0 {
		t.Fatal(want)
	}
	if said, status := as(1001, 50, fetch...); status != 0 {
		t.Error(said)
	}
	for range 2 {
		if got, status := as(1002, 50, build("b")...); status != 0 || got != want {
			t.Errorf("the second user: status %d, said %s\nwanted %s", status, got, want)
		}
	}
	if said, status := as(1002, 50, "build", "-q", "--offline", "--cache", "common", "-o", "c", "--lock", "a/container-image-runtime.lock.json"); status != 0 || !strings.Contains(said, want[strings.LastIndex(want, "sha256:"):]) {
		t.Errorf("from what the first user fetched: status %d, said %s\nwanted %s", status, said, want)
	}
	for user, other := range map[string]string{"user-1001": "user-1002", "user-1002": "user-1001"} {
		for _, folder := range []string{"layers", "notes"} {
			if list, err := filepath.Glob(filepath.Join(dir, "common", user, folder, "*")); err != nil || len(list) == 0 {
				t.Errorf("%s has no %s of its own beside %s", user, folder, other)
			}
		}
	}
	if said, status := as(1002, 50, "cache", "prune", "--cache", "common", "0"); status != 0 || !strings.Contains(said, "packages/") || strings.Contains(said, "user-1001/") {
		t.Errorf("prune: status %d, said %s", status, said)
	}
	if said, status := as(1001, 50, fetch...); status != 0 {
		t.Errorf("into the second user's place: %s", said)
	}
	for _, args := range [][]string{build("d"), {"cache", "ls", "--cache", "common"}} {
		if said, status := as(1003, 51, args...); status != 1 || !strings.Contains(said, "store common: belongs to user 1001, and its group 50 is not one of yours") {
			t.Errorf("%s of the third user: status %d, said %s", args[0], status, said)
		}
	}
}
