// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestCompareELF changes a byte of this very program, an ELF file on every
// system that the tests run on.
func TestCompareELF(t *testing.T) {
	t.Parallel()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.NewFile(bytes.NewReader(old))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".text", ".rodata"} {
		s := f.Section(name)
		now := slices.Clone(old)
		now[s.Offset+s.Size/2] ^= 1
		change, detail := compareBytes(path, old, now)
		if want := fmt.Sprintf("%s: other contents, %d bytes", name, s.Size); change != "sections" || !slices.Equal(detail, []string{want}) {
			t.Errorf("got %s %q, want %q", change, detail, want)
		}
	}
	now := slices.Clone(old)
	now[16] ^= 1 // e_type
	if _, detail := compareBytes(path, old, now); len(detail) == 0 || !strings.HasPrefix(detail[0], "header: ") {
		t.Errorf("another type: got %q", detail)
	}
}

func TestCompareBytes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ old, now, change, detail string }{
		{"a\nb\n", "a\nc\n", "text", "--- a/f|+++ b/f|@@ -1,2 +1,2 @@| a|-b|+c"},
		{"a\nb", "a\nb\n", "text", "--- a/f|+++ b/f|@@ -1,2 +1,2 @@| a|-b|\\ No newline at end of file|+b"},
		{"a\x00b", "a\x00bc", "binary: byte 3 is the first that differs, of 3 and 4", ""},
		{"\xff", "a", "binary: byte 0 is the first that differs, of 1 and 1", ""},
		{"\x7fELFx", "\x7fELFy", "binary: byte 4 is the first that differs, of 5 and 5", ""},
	} {
		change, detail := compareBytes("/f", []byte(tt.old), []byte(tt.now))
		if change != tt.change || strings.Join(detail, "|") != tt.detail {
			t.Errorf("%q, %q: got %s %q", tt.old, tt.now, change, detail)
		}
	}
	if change, _ := compareBytes("/f", nil, []byte("a")); change != "too large to be looked into" {
		t.Errorf("got %s", change)
	}
}
