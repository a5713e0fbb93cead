// SPDX-License-Identifier: BSD-2-Clause

package elf_test

import (
	"bytes"
	"compress/zlib"
	delf "debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/orlop/orlop/release/elf"
)

// TestCompare changes a byte of this very program, an ELF file on every
// system that the tests run on.
func TestCompare(t *testing.T) {
	t.Parallel()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := delf.NewFile(bytes.NewReader(old))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".text", ".rodata"} {
		s := f.Section(name)
		now := slices.Clone(old)
		now[s.Offset+s.Size/2] ^= 1
		detail := elf.Compare(old, now)
		if want := fmt.Sprintf("%s: other contents, %d bytes", name, s.Size); !slices.Equal(detail, []string{want}) {
			t.Errorf("got %q, want %q", detail, want)
		}
	}
	now := slices.Clone(old)
	now[16] ^= 1 // e_type
	if detail := elf.Compare(old, now); len(detail) == 0 || !strings.HasPrefix(detail[0], "header: ") {
		t.Errorf("another type: got %q", detail)
	}
}

// TestCompareBomb compares sections that say they are compressed and unpack to
// much more than the files have, byte by byte as they lie there.
func TestCompareBomb(t *testing.T) {
	t.Parallel()
	bomb := func(fill byte) []byte {
		var data bytes.Buffer
		head := delf.Chdr64{Type: uint32(delf.COMPRESS_ZLIB), Size: 1 << 40, Addralign: 1}
		z := zlib.NewWriter(&data)
		if err := errors.Join(binary.Write(&data, binary.LittleEndian, head), inflated(z, fill), z.Close()); err != nil {
			t.Fatal(err)
		}
		const names = "\x00names\x00bomb\x00"
		h := delf.Header64{Ident: [16]byte{0x7f, 'E', 'L', 'F', 2, 1, 1}, Type: 3, Machine: 62, Version: 1, Ehsize: 64, Shentsize: 64, Shnum: 3, Shstrndx: 1,
			Shoff: uint64(64 + len(names) + data.Len())}
		flags := uint64(delf.SHF_COMPRESSED)
		sections := []delf.Section64{{},
			{Name: 1, Type: uint32(delf.SHT_STRTAB), Off: 64, Size: uint64(len(names))},
			{Name: 7, Type: uint32(delf.SHT_PROGBITS), Flags: flags, Off: uint64(64 + len(names)), Size: uint64(data.Len())}}
		var b bytes.Buffer
		for _, part := range []any{h, []byte(names), data.Bytes(), sections} {
			if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
				t.Fatal(err)
			}
		}
		return b.Bytes()
	}
	a, b := bomb(0), bomb(1)
	detail := elf.Compare(a, b)
	if want := fmt.Sprintf("bomb: other contents, %d bytes", len(a)-64*4-len("\x00names\x00bomb\x00")); !slices.Equal(detail, []string{want}) {
		t.Errorf("got %q, want %q", detail, want)
	}
	if elf.Compare(a, b[:100]) != nil {
		t.Error("half a file is compared")
	}
}

func inflated(w io.Writer, fill byte) error {
	_, err := w.Write(bytes.Repeat([]byte{fill}, 1<<20))
	return err
}
