// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/orlop/orlop/release/define"
)

// TestInterrupted stops a run at some moment: status 143 or 130, nothing left. Killed
// outright, it leaves no output that is not whole, and the next run clears up and
// gives the same.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	whole := t.TempDir()
	begin := time.Now()
	build := append([]string{"build", "-q", "--exceptions", "sample/exceptions.ucl", "--repo", "sample", "-o"}, whole)
	build = append(build, define.StandardNames()...)
	if out, err := exec.Command("orlop", build...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	length, want := time.Since(begin), sums(t, whole)
	for i, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGKILL, syscall.SIGKILL, syscall.SIGKILL} {
		dir := t.TempDir()
		build[7] = dir
		cmd := exec.Command("orlop", build...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(length * time.Duration(i+1) / 8)
		_ = cmd.Process.Signal(sig) // it may have ended
		cmd.Wait()
		if cmd.ProcessState.Success() {
			continue // too late: the machine was faster than at first
		}
		wanted := map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGINT: 130, syscall.SIGKILL: -1}[sig]
		if code := cmd.ProcessState.ExitCode(); code != wanted {
			t.Errorf("%v: status %d, wanted %d", sig, code, wanted)
		}
		left, _ := filepath.Glob(dir + "/container-*")
		all, _ := os.ReadDir(dir)
		if sig != syscall.SIGKILL && len(all) > 0 {
			t.Errorf("%v: left %v", sig, all)
		}
		for _, path := range left { // killed between the renames, of which there are ten
			if fileSum(t, path) != fileSum(t, filepath.Join(whole, filepath.Base(path))) {
				t.Errorf("%v: left %s, which is not whole", sig, path)
			}
		}
		if out, err := exec.Command("orlop", build...).CombinedOutput(); err != nil {
			t.Fatalf("after %v: %v\n%s", sig, err, out)
		}
		if got := sums(t, dir); got != want {
			t.Errorf("after %v:\n%s\nwanted\n%s", sig, got, want)
		}
		if all, _ := os.ReadDir(dir); len(all) != 10 {
			t.Errorf("after %v and a whole run: %v, wanted five archives and five locks", sig, all)
		}
	}
}
