// SPDX-License-Identifier: BSD-2-Clause

package compare

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

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
	if change, _ := compareBytes("/f", nil, []byte("a")); change != "too large to compare" {
		t.Errorf("got %s", change)
	}
}

func writeAll(w io.Writer, b []byte) error {
	_, err := w.Write(b)
	return err
}

// TestCompareUnpacked packs texts in every way.
func TestCompareUnpacked(t *testing.T) {
	t.Parallel()
	gz := func(level int, text string) []byte {
		var b bytes.Buffer
		z, err := gzip.NewWriterLevel(&b, level)
		if err := errors.Join(err, writeAll(z, []byte(text)), z.Close()); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	long := strings.Repeat("a page of the manual\n", 1000)
	zst := func(text string) []byte {
		z, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		return z.EncodeAll([]byte(text), nil)
	}
	xzip := func(text string) []byte {
		var b bytes.Buffer
		z, err := xz.NewWriter(&b)
		if err := errors.Join(err, writeAll(z, []byte(text)), z.Close()); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for _, tt := range []struct {
		name     string
		old, now []byte
		change   string
	}{
		{"levels", gz(1, long), gz(9, long), "same content, other compression"},
		{"gzip, zstd", gz(1, long), zst(long), "same content, other compression"},
		{"gzip, xz", gz(1, long), xzip(long), "same content, other compression"},
		{"texts", gz(1, long), gz(1, long+"more\n"), "unpacked text"},
		{"cut", gz(1, long), gz(1, long)[:50], "binary: byte 50 is the first that differs"},
		{"plain", gz(1, long), []byte(long), "binary: byte 0 is the first that differs"},
		{"too large", gz(1, strings.Repeat("x", maxUnpacked+1)), gz(9, strings.Repeat("x", maxUnpacked+1)), "binary: byte "},
	} {
		if change, _ := compareBytes("/f.gz", tt.old, tt.now); !strings.HasPrefix(change, tt.change) {
			t.Errorf("%s: got %s, want %s", tt.name, change, tt.change)
		}
	}
}
