// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckSkips lets one thing be absent. The step is skipped, and says what it
// lacks.
func TestCheckSkips(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		without string
		want    []string
	}{
		{"podman", []string{"load: no podman", "run: no podman", "pkg: no podman", "flags: no podman"}},
		{"go", []string{"build: no go", "test: no go", "images: no orlop: step build makes it, or give -b", "load: no image static: step images makes it", "release: no orlop"}},
		{"cc", []string{"build: no cc"}},
		{"pkg", []string{"schema: no pkg", "root: no pkg"}},
		{"pkg-static", []string{"pkg: no pkg-static"}},
		{"pwd_mkdb", []string{"passwd: no pwd_mkdb"}},
		{"certctl", []string{"certctl: no certctl"}},
		{"make", []string{"release: no make", "again: no make", "mirrors: no make"}},
	} {
		c := newFreeBSDCheck(t, tt.without)
		status, report := c.run(t, c.all()...)
		for _, want := range tt.want {
			if status != 0 || !strings.Contains(report, "skipped  "+want) {
				t.Errorf("without %s: status %d, wanted %s in\n%s", tt.without, status, want, report)
			}
		}
	}
	c := newFreeBSDCheck(t)
	for name, text := range map[string]string{"uname": "echo Linux", "id": "echo 1001"} {
		if err := os.WriteFile(filepath.Join(c.bin, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	status, report := c.run(t, "-w", c.work, "static", "dynamic")
	for _, want := range []string{
		"ok       images: static dynamic\n", "skipped  load: needs root\n", "skipped  run: this is Linux, not FreeBSD\n", "skipped  passwd: this is Linux, not FreeBSD\n",
		"skipped  release: no source tree is given\n",
	} {
		if status != 0 || !strings.Contains(report, want) {
			t.Errorf("status %d, wanted %sin\n%s", status, want, report)
		}
	}
	calls, _ := os.ReadFile(c.stubs + "/calls")
	if want := "orlop build --cache " + c.work + "/store --abi FreeBSD:15:amd64 --revision 15.0 -q -o "; !strings.Contains(string(calls), want) {
		t.Errorf("nobody called %s in %s", want, calls)
	}
}
