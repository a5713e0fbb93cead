// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package scripts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestInteropDifferential has a pkg that refuses all, which differs from orlop, so
// that the case is made as small as can be; and one that is killed, which does not
// count.
func TestInteropDifferential(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, program, want string }{
		{"refuses", "exit 3", "pkg refuses (3), orlop builds: "},
		{"is killed", "kill -9 $$", " at which pkg aborts, 0 as the manual lists, 0 differ"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			pkg := filepath.Join(dir, "pkg")
			write(t, pkg, "#!/bin/sh\ncase $* in *' repo '*) exit 1 ;; esac\n"+tt.program+"\n")
			if err := os.Chmod(pkg, 0o755); err != nil {
				t.Fatal(err)
			}
			// Of these seeds not every repository is made by pkg repo.
			out, err := exec.Command("dash", "differential.sh", "-d", filepath.Join(dir, "finds"), pkg, "1", "4").CombinedOutput()
			if !strings.Contains(string(out), tt.want) {
				t.Fatalf("%v: got\n%s\nwant %s", err, out, tt.want)
			}
			finds, globErr := filepath.Glob(filepath.Join(dir, "finds", "seed-*"))
			if tt.name == "is killed" {
				if err != nil || finds != nil {
					t.Errorf("got %v, %v", err, finds)
				}
				return
			}
			if err == nil || globErr != nil || len(finds) != 1 {
				t.Fatalf("got %v, %v, wanted one find and exit status 1", err, finds)
			}
			for _, name := range []string{"conf/00.conf", "request.txt", "want/rc", "repo/meta.conf"} {
				if len(read(t, filepath.Join(finds[0], name))) == 0 {
					t.Errorf("%s is empty", name)
				}
			}
			archives, _ := filepath.Glob(filepath.Join(finds[0], "repo", "All", "*"))
			if len(archives) != 1 || strings.Contains(string(out), `"files"`) {
				t.Errorf("it was not made small: %v\n%s", archives, out)
			}
		})
	}
}
