// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package scripts_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestInteropCheck does the steps of check-on-freebsd.sh that any system can, with
// the program itself.
func TestInteropCheck(t *testing.T) {
	t.Parallel()
	const sample = "../cmd/orlop/sample"
	cmd := exec.Command("dash", "check-on-freebsd.sh", "-s", "test", "-b", orlop, "-r", sample, "-e", sample+"/exceptions.ucl", "-w", t.TempDir(), "static", "runtime")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	for _, want := range []string{"ok       build: orlop ", "ok       demo\n", "ok       images: static runtime\n", "skipped  passwd: this is Linux, not FreeBSD\n", "skipped  release: no source tree is given\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %sin %s", want, out)
		}
	}
}
