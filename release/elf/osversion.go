// SPDX-License-Identifier: BSD-2-Clause

package elf

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
)

// maxNotes bounds the notes that are read, in bytes. Those of a program have some 100.
const maxNotes = 64 << 10

// OSVersion returns the version of FreeBSD that a program was linked for, as its ABI
// tag says (sys/sys/elf_common.h: NT_FREEBSD_ABI_TAG); 0 if it has none.
func OSVersion(r io.ReaderAt) (int, error) {
	const abiTag = 1
	f, err := elf.NewFile(r)
	if err != nil {
		return 0, err
	}
	for _, p := range f.Progs {
		if p.Type != elf.PT_NOTE || p.Filesz == 0 {
			continue
		}
		if p.Filesz > maxNotes {
			return 0, fmt.Errorf("PT_NOTE has %d bytes, wanted at most %d", p.Filesz, maxNotes)
		}
		notes, err := whole(p, 0, p.Filesz)
		if err != nil {
			return 0, fmt.Errorf("PT_NOTE: %w", err)
		}
		for len(notes) >= 12 {
			name, desc := int(f.ByteOrder.Uint32(notes)), int(f.ByteOrder.Uint32(notes[4:]))
			kind, rest := f.ByteOrder.Uint32(notes[8:]), notes[12:]
			if name > len(rest) || desc > len(rest)-padded(name) || padded(name) > len(rest) {
				break
			}
			text := rest[padded(name):]
			if kind == abiTag && string(bytes.TrimRight(rest[:name], "\x00")) == "FreeBSD" && desc >= 4 {
				return int(f.ByteOrder.Uint32(text)), nil
			}
			notes = text[min(padded(desc), len(text)):]
		}
	}
	return 0, nil
}

// padded is the room that a field of a note takes.
func padded(size int) int { return (size + 3) &^ 3 }
