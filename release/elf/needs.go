// SPDX-License-Identifier: BSD-2-Clause

// Package elf reads what a program needs from the run-time linker: its libraries
// and where to look for them (FreeBSD's libexec/rtld-elf/rtld.c).
package elf

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"strings"
)

// Needs are what a dynamically linked ELF file needs.
type Needs struct {
	Class       elf.Class
	Machine     elf.Machine
	Interpreter string   // of a program: path of the run-time linker; else ""
	Libraries   []string // DT_NEEDED, in their order
	SearchPath  []string // of DT_RUNPATH, else of DT_RPATH
}

// maxStrings bounds the string table that is read. That of the largest library,
// libclang's, has about 10 MB; names of libraries are anywhere in it.
const maxStrings = 64 << 20

// maxString bounds a string in it. Every entry of a dynamic section may name the
// same long string.
const maxString = 4096

// ReadNeeds reads the program headers of an ELF file, as the run-time linker
// does, and ignores sections. It returns nil for a file that is not ELF or that
// needs no linker at run time: static programs, object files.
func ReadNeeds(r io.ReaderAt) (*Needs, error) {
	var ident [elf.EI_NIDENT]byte
	if n, _ := r.ReadAt(ident[:], 0); n < len(ident) || !known(ident) {
		return nil, nil
	}
	f, err := elf.NewFile(r)
	if err != nil {
		return nil, err
	}
	n := &Needs{Class: f.Class, Machine: f.Machine}
	var dynamic []byte
	for _, p := range f.Progs {
		switch {
		case p.Type == elf.PT_INTERP && p.Filesz < 4096:
			text, err := whole(p, 0, p.Filesz)
			if err != nil {
				return nil, fmt.Errorf("PT_INTERP: %w", err)
			}
			n.Interpreter = string(bytes.TrimRight(text, "\x00"))
		case p.Type == elf.PT_DYNAMIC && p.Filesz > 0:
			if p.Filesz > 1<<20 {
				return nil, fmt.Errorf("PT_DYNAMIC has %d bytes, wanted at most 1 MiB", p.Filesz)
			}
			if dynamic, err = whole(p, 0, p.Filesz); err != nil {
				return nil, fmt.Errorf("PT_DYNAMIC: %w", err)
			}
		}
	}
	if dynamic == nil || f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN {
		return nil, nil
	}
	return n, n.readDynamic(f, dynamic)
}

// known reports whether a file identifies itself as a known kind of ELF; what
// only begins like ELF is data.
func known(ident [elf.EI_NIDENT]byte) bool {
	class, data := elf.Class(ident[elf.EI_CLASS]), elf.Data(ident[elf.EI_DATA])
	return string(ident[:len(elf.ELFMAG)]) == elf.ELFMAG && ident[elf.EI_VERSION] == byte(elf.EV_CURRENT) &&
		(class == elf.ELFCLASS32 || class == elf.ELFCLASS64) && (data == elf.ELFDATA2LSB || data == elf.ELFDATA2MSB)
}

// readDynamic reads the entries of the dynamic section, pairs of words.
func (n *Needs) readDynamic(f *elf.File, dynamic []byte) error {
	word := func(b []byte) uint64 { return f.ByteOrder.Uint64(b) }
	size := 8
	if f.Class == elf.ELFCLASS32 {
		word, size = func(b []byte) uint64 { return uint64(f.ByteOrder.Uint32(b)) }, 4
	}
	var needed []uint64
	offsets, has := map[elf.DynTag]uint64{}, map[elf.DynTag]bool{}
	for ; len(dynamic) >= 2*size; dynamic = dynamic[2*size:] {
		tag, value := elf.DynTag(word(dynamic)), word(dynamic[size:])
		if tag == elf.DT_NULL {
			break
		}
		if tag == elf.DT_NEEDED {
			needed = append(needed, value)
		}
		offsets[tag], has[tag] = value, true
	}
	if len(needed) == 0 && !has[elf.DT_RUNPATH] && !has[elf.DT_RPATH] {
		return nil
	}
	strs, err := readStrings(f, offsets[elf.DT_STRTAB], offsets[elf.DT_STRSZ])
	if err != nil {
		return err
	}
	for _, at := range needed {
		name, err := stringAt(strs, at)
		if err != nil {
			return fmt.Errorf("DT_NEEDED: %w", err)
		}
		n.Libraries = append(n.Libraries, name)
	}
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
		if has[tag] && n.SearchPath == nil {
			path, err := stringAt(strs, offsets[tag])
			if err != nil {
				return fmt.Errorf("%v: %w", tag, err)
			}
			n.SearchPath = strings.Split(path, ":")
		}
	}
	return nil
}

// readStrings reads the string table, whose place is given as an address.
func readStrings(f *elf.File, address, size uint64) ([]byte, error) {
	if size > maxStrings {
		return nil, fmt.Errorf("DT_STRSZ is %d, wanted at most %d", size, maxStrings)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && address >= p.Vaddr && address-p.Vaddr < p.Filesz && size <= p.Filesz-(address-p.Vaddr) {
			return whole(p, address-p.Vaddr, size)
		}
	}
	return nil, fmt.Errorf("no segment has the strings at 0x%x", address)
}

// whole reads a part of a segment, all of which must be in the file.
func whole(p *elf.Prog, offset, size uint64) ([]byte, error) {
	b, err := io.ReadAll(io.NewSectionReader(p, int64(offset), int64(size)))
	if err == nil && uint64(len(b)) < size {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

func stringAt(strs []byte, at uint64) (string, error) {
	if at < uint64(len(strs)) {
		rest := strs[at:]
		if end := bytes.IndexByte(rest[:min(len(rest), maxString+1)], 0); end >= 0 {
			return string(rest[:end]), nil
		}
		if len(rest) > maxString {
			return "", fmt.Errorf("the string at offset %d has more than %d bytes", at, maxString)
		}
	}
	return "", fmt.Errorf("no string ends after offset %d of %d bytes", at, len(strs))
}
