// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
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

// TestCompareBomb compares sections that say they are compressed and unpack to
// much more than the files have, byte by byte as they lie there.
func TestCompareBomb(t *testing.T) {
	t.Parallel()
	bomb := func(fill byte) []byte {
		var data bytes.Buffer
		head := elf.Chdr64{Type: uint32(elf.COMPRESS_ZLIB), Size: 1 << 40, Addralign: 1}
		z := zlib.NewWriter(&data)
		if err := errors.Join(binary.Write(&data, binary.LittleEndian, head), writeAll(z, bytes.Repeat([]byte{fill}, 1<<20)), z.Close()); err != nil {
			t.Fatal(err)
		}
		const names = "\x00names\x00bomb\x00"
		h := elf.Header64{Ident: [16]byte{0x7f, 'E', 'L', 'F', 2, 1, 1}, Type: 3, Machine: 62, Version: 1, Ehsize: 64, Shentsize: 64, Shnum: 3, Shstrndx: 1,
			Shoff: uint64(64 + len(names) + data.Len())}
		flags := uint64(elf.SHF_COMPRESSED)
		sections := []elf.Section64{{},
			{Name: 1, Type: uint32(elf.SHT_STRTAB), Off: 64, Size: uint64(len(names))},
			{Name: 7, Type: uint32(elf.SHT_PROGBITS), Flags: flags, Off: uint64(64 + len(names)), Size: uint64(data.Len())}}
		var b bytes.Buffer
		for _, part := range []any{h, []byte(names), data.Bytes(), sections} {
			if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
				t.Fatal(err)
			}
		}
		return b.Bytes()
	}
	a, b := bomb(0), bomb(1)
	change, detail := compareBytes("/f", a, b)
	if want := fmt.Sprintf("bomb: other contents, %d bytes", len(a)-64*4-len("\x00names\x00bomb\x00")); change != "sections" || !slices.Equal(detail, []string{want}) {
		t.Errorf("got %s %q, want %q", change, detail, want)
	}
	if compareELF(a, b[:100]) != nil {
		t.Error("half a file is compared")
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
