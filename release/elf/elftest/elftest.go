// SPDX-License-Identifier: BSD-2-Clause

// Package elftest makes small ELF files for tests.
package elftest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// File is an ELF file to make: a library, or with Interpreter a program. It has
// only program headers.
type File struct {
	Class       elf.Class        // default 64-bit
	Order       binary.ByteOrder // default little endian
	Machine     elf.Machine      // default EM_X86_64
	Type        elf.Type         // default ET_DYN
	Interpreter string
	Needed      []string
	RunPath     string
	RPath       string
	Static      bool // without a dynamic section
	OSVersion   int  // of the ABI tag; 0 for none
	Padding     int  // bytes at the end
}

// base is the address at which the file is mapped.
const base = 0x200000

// Bytes returns the file.
func (f File) Bytes() []byte {
	if f.Class == 0 {
		f.Class = elf.ELFCLASS64
	}
	if f.Order == nil {
		f.Order = binary.LittleEndian
	}
	if f.Machine == 0 {
		f.Machine = elf.EM_X86_64
	}
	if f.Type == 0 {
		f.Type = elf.ET_DYN
	}
	strs := []byte{0}
	str := func(s string) uint64 {
		at := len(strs)
		strs = append(append(strs, s...), 0)
		return uint64(at)
	}
	var dynamic []uint64
	for _, name := range f.Needed {
		dynamic = append(dynamic, uint64(elf.DT_NEEDED), str(name))
	}
	if f.RPath != "" {
		dynamic = append(dynamic, uint64(elf.DT_RPATH), str(f.RPath))
	}
	if f.RunPath != "" {
		dynamic = append(dynamic, uint64(elf.DT_RUNPATH), str(f.RunPath))
	}
	const strings = 0x400 // offset of the strings, after headers and dynamic section
	const dynamicAt = 0x200
	const noteAt, noteSize = 0x3c0, 12 + 8 + 4
	interpreterAt := strings + uint64(len(strs))
	dynamic = append(dynamic, uint64(elf.DT_STRTAB), base+strings, uint64(elf.DT_STRSZ), uint64(len(strs)), uint64(elf.DT_NULL), 0)
	size := interpreterAt + uint64(len(f.Interpreter)) + 1 + uint64(f.Padding)
	progs := []elf.Prog64{{Type: uint32(elf.PT_LOAD), Vaddr: base, Filesz: size, Memsz: size}}
	if f.Interpreter != "" {
		progs = append(progs, elf.Prog64{Type: uint32(elf.PT_INTERP), Off: interpreterAt, Filesz: uint64(len(f.Interpreter)) + 1})
	}
	if f.OSVersion > 0 {
		progs = append(progs, elf.Prog64{Type: uint32(elf.PT_NOTE), Off: noteAt, Filesz: noteSize})
	}
	if !f.Static {
		progs = append(progs, elf.Prog64{Type: uint32(elf.PT_DYNAMIC), Off: dynamicAt, Filesz: uint64(len(dynamic)) * f.word()})
	}
	out := make([]byte, size)
	copy(out, f.headers(progs))
	copy(out[dynamicAt:], f.words(dynamic))
	if f.OSVersion > 0 {
		copy(out[noteAt:], f.note())
	}
	copy(out[strings:], strs)
	copy(out[interpreterAt:], f.Interpreter)
	return out
}

// note is an ABI tag: the sizes of name and value, the kind, name and value.
func (f File) note() []byte {
	var b bytes.Buffer
	for _, v := range []uint32{8, 4, 1} {
		binary.Write(&b, f.Order, v)
	}
	b.WriteString("FreeBSD\x00")
	binary.Write(&b, f.Order, uint32(f.OSVersion))
	return b.Bytes()
}

func (f File) word() uint64 {
	if f.Class == elf.ELFCLASS32 {
		return 4
	}
	return 8
}

func (f File) words(list []uint64) []byte {
	var b bytes.Buffer
	for _, v := range list {
		if f.Class == elf.ELFCLASS32 {
			binary.Write(&b, f.Order, uint32(v))
		} else {
			binary.Write(&b, f.Order, v)
		}
	}
	return b.Bytes()
}

func (f File) headers(progs []elf.Prog64) []byte {
	var b bytes.Buffer
	data := elf.ELFDATA2LSB
	if f.Order == binary.BigEndian {
		data = elf.ELFDATA2MSB
	}
	ident := [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(f.Class), byte(data), byte(elf.EV_CURRENT), byte(elf.ELFOSABI_FREEBSD)}
	if f.Class == elf.ELFCLASS32 {
		binary.Write(&b, f.Order, elf.Header32{Ident: ident, Type: uint16(f.Type), Machine: uint16(f.Machine), Version: 1, Phoff: 52, Ehsize: 52, Phentsize: 32, Phnum: uint16(len(progs))})
		for _, p := range progs {
			binary.Write(&b, f.Order, elf.Prog32{Type: p.Type, Off: uint32(p.Off), Vaddr: uint32(p.Vaddr), Filesz: uint32(p.Filesz), Memsz: uint32(p.Memsz)})
		}
		return b.Bytes()
	}
	binary.Write(&b, f.Order, elf.Header64{Ident: ident, Type: uint16(f.Type), Machine: uint16(f.Machine), Version: 1, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: uint16(len(progs))})
	for _, p := range progs {
		binary.Write(&b, f.Order, p)
	}
	return b.Bytes()
}
