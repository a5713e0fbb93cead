// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orlop/orlop/hooks/lock"
)

// TestFormats makes an image again from a lock of every format there was.
func TestFormats(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	if status, said := orlop(t, "build", "-q", "--repo", "sample", "--format", "dir", "-o", out, "static"); status != 0 {
		t.Fatal(said)
	}
	for number := 1; number <= lock.Format; number++ {
		lock := filepath.Join("testdata", "formats", fmt.Sprint(number)+".lock.json")
		status, said := orlop(t, "verify", "-q", "--rebuild", "--repo", "sample", "--lock", lock, filepath.Join(out, "container-image-static"))
		if status != 0 {
			t.Errorf("a lock of format %d: status %d: %s", number, status, said)
		}
	}
}

// TestFormatsOfOthers finds locks that only another orlop knows to be no usage
// error, and names that orlop.
func TestFormatsOfOthers(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("testdata", "formats", "2.lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ old, new, want string }{
		{`"format": 2`, `"format": 3`, "its format is 3, wanted 1 to 2; orlop 0.9 can read it\n"},
		{`"format": 2`, `"format": 0`, "its format is 0, wanted 1 to 2; orlop 0.9 can read it\n"},
		{`"byte_format": 1`, `"byte_format": 2`, "its byte format is 2, wanted 1; orlop 0.9 can read it\n"},
	} {
		lock := filepath.Join(t.TempDir(), "l.lock.json")
		changed := strings.NewReplacer(tt.old, tt.new, `"orlop": "0.1.0-dev"`, `"orlop": "0.9"`).Replace(string(text))
		if err := os.WriteFile(lock, []byte(changed), 0o666); err != nil {
			t.Fatal(err)
		}
		if status, said := orlop(t, "build", "-q", "--repo", "sample", "--lock", lock, "-o", t.TempDir()); status != 1 || !strings.Contains(said, tt.want) {
			t.Errorf("%s: status %d, wanted 1: %s", tt.new, status, said)
		}
	}
}
