// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package scripts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// reprotest.sh finds a program whose results depend on what they must not. CI
// runs the script itself with the real one.
func TestInteropReprotest(t *testing.T) {
	t.Parallel()
	cheat := filepath.Join(t.TempDir(), "cheat")
	write(t, cheat, `#!/bin/sh
[ "${GOMAXPROCS:-}" != 17 ] || { echo "orlop: too many" >&2; exit 3; }
`+orlop+` "$@" || exit
while [ $# -gt 1 ] && [ "$1" != -o ]; do shift; done
[ -z "${TZ:-}" ] || echo >> "$2/container-image-static.lock.json"
[ "$(umask)" != 0077 ] || : > "$2/container-image-other.txz"
`)
	for _, name := range []string{cheat, filepath.Dir(cheat), filepath.Dir(filepath.Dir(cheat))} {
		if err := os.Chmod(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	sample, err := filepath.Abs("../cmd/orlop/sample")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("dash", "reprotest.sh", "-s", "-b", orlop, sample, "static")
	cmd.Env = append(os.Environ(), "ORLOP="+cheat, "ORLOP_FLAGS=--exceptions "+sample+"/exceptions.ucl")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("exit status %v, want 1", err)
	}
	var bad []string
	for _, m := range regexp.MustCompile(`(?m)^(?:DIFFERS|FAILED) .*\n(?: .*\n)*`).FindAllString(string(out), -1) {
		bad = append(bad, strings.Join(strings.Fields(m), " "))
	}
	want := []string{
		"DIFFERS time zone: container-image-static.lock.json differs",
		"DIFFERS time zone of somewhere else: container-image-static.lock.json differs",
		"DIFFERS umask 077: only now: container-image-other.txz",
		"FAILED GOMAXPROCS=17: orlop: too many",
	}
	if !slices.Equal(bad, want) {
		t.Errorf("found\n%s\nwant\n%s\nin\n%s", strings.Join(bad, "\n"), strings.Join(want, "\n"), out)
	}
	if !strings.Contains(string(out), "same     "+orlop+"\n") {
		t.Errorf("no word of the other build in\n%s", out)
	}
}
