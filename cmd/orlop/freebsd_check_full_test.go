// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckFails breaks one thing at a time. That step fails and says why, and there
// is a line for each of the others.
func TestCheckFails(t *testing.T) {
	t.Parallel()
	names, _ := checkSteps(t)
	for _, tt := range []struct{ after, program, text, want string }{
		{"", "go", `[ "$1" = test ] && exit 1; while [ "$1" != -o ]; do shift; done; cp "$STUBS/orlop" "$2"`, "failed   test"},
		{"", "go", `echo "no such package" >&2; exit 1`, "failed   build: no such package"},
		{"build", "orlop", `[ "$1" = demo ] && { echo other; exit 0; }; ` + checkStubs["orlop"], "failed   demo: other digests than in README.md"},
		{"build", "orlop", `[ "$1" = verify ] && { echo "orlop: wrong" >&2; exit 5; }; ` + checkStubs["orlop"], "failed   images: orlop: wrong"},
		{"build", "orlop", `[ "$1" = build ] && { echo "orlop: no package" >&2; exit 3; }; ` + checkStubs["orlop"], "failed   images: orlop: no package"},
		{"build images", "orlop", `[ "$1" = diff ] && { echo "packages:"; exit 1; }; ` + checkStubs["orlop"], "failed   root: another image than from the repository"},
		{"build images", "podman", `[ "$1" = load ] && { echo "Error: no space" >&2; exit 125; }; ` + checkStubs["podman"], "failed   load: Error: no space"},
		{"build images", "podman", `[ "$1" = load ] && exit; ` + checkStubs["podman"], "failed   load: podman load does not say what it loaded of static"},
		{"build images load", "podman", `[ "$1" = run ] && { echo bye; exit; }; ` + checkStubs["podman"], "failed   run: static: found \"bye\", wanted hello"},
		{"build images load", "podman", `case $* in *check\ -sa) echo "x: checksum mismatch"; exit 1; esac; ` + checkStubs["podman"], "failed   pkg: x: checksum mismatch"},
		{"build images load", "podman", `case $* in *-ma) echo "x: metadata"; exit 1; esac; ` + checkStubs["podman"], "failed   pkg: pkg check -m finds something"},
		{"build images load", "stat", `echo uarch`, "failed   flags: /bin/x: found uarch, wanted schg"},
		{"build images", "pkg", `[ "$1" = -o ] && { echo a; exit; }; ` + checkStubs["pkg"], "failed   schema: pkg 2.7.5 finds other packages in a database of schema 39"},
		{"build images", "pwd_mkdb", checkStubs["pwd_mkdb"] + `; echo > "$4/spwd.db"`, "failed   passwd: "},
		{"build images", "services_mkdb", `: > "$3"`, "failed   passwd: services.db has another size than services_mkdb makes it"},
		{"build images", "certctl", checkStubs["certctl"] + `; echo b > "$DESTDIR/etc/ssl/cert.pem"`, "failed   certctl: etc/ssl/cert.pem is not what certctl makes"},
		{"build", "make", `case $* in *" release "*) echo "make: stopped" >&2; exit 2; esac; ` + checkStubs["make"], "failed   release: make: stopped"},
		{"build release", "make", `case $* in *oci-release*) touch "$STUBS/obj/container-image-static.txz"; esac; ` + checkStubs["make"], "failed   again: made again: "},
		{"build release", "make", `case $* in *ftp-stage*) mkdir "$STUBS/../work/R/ftp-stage"; exit; esac; ` + checkStubs["make"], "failed   mirrors: no lock is staged"},
	} {
		t.Run(tt.want, func(t *testing.T) {
			t.Parallel()
			c := newFreeBSDCheck(t)
			where := c.bin
			if tt.program == "orlop" {
				where = c.stubs
			}
			if err := os.WriteFile(filepath.Join(where, tt.program), []byte("#!/bin/sh\n"+tt.text+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			step, _, _ := strings.Cut(strings.TrimPrefix(tt.want, "failed   "), ":")
			args := c.all("-o", step)
			for _, before := range strings.Fields(tt.after) {
				args = append(args, "-o", before)
			}
			status, report := c.run(t, args...)
			if status != 1 || !strings.Contains(report, "\n"+tt.want) && !strings.HasPrefix(report, tt.want) || !strings.Contains(report, "skipped; more in ") {
				t.Errorf("%s: status %d, wanted %s in\n%s", tt.program, status, tt.want, report)
			}
			if strings.Count(report, "\n") != len(names)+1 {
				t.Errorf("it is not a line a step: %s", report)
			}
		})
	}
}
