// SPDX-License-Identifier: BSD-2-Clause

package elf

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
)

// Is reports whether contents begin like an ELF file.
func Is(b []byte) bool { return bytes.HasPrefix(b, []byte(elf.ELFMAG)) }

// file is an untrusted ELF file as stored. elf.NewFile would inflate compressed
// sections, to whatever size they claim.
type file struct {
	kind     elf.Type
	machine  elf.Machine
	entry    uint64
	sections []section
}

type section struct {
	name string
	kind elf.SectionType
	size uint64
	raw  []byte // nil if the file has none
}

// readSections reads the sections; nil if this is not a complete ELF file.
func readSections(b []byte) *file {
	h, at := readHeader(b)
	if h == nil {
		return nil
	}
	f := &file{kind: elf.Type(h.Type), machine: elf.Machine(h.Machine), entry: h.Entry}
	var names []uint32
	for i := range uint64(h.Shnum) {
		s := at(h.Shoff + i*uint64(h.Shentsize))
		if s == nil {
			return nil
		}
		next := section{kind: elf.SectionType(s.Type), size: s.Size}
		if next.kind != elf.SHT_NOBITS && next.kind != elf.SHT_NULL {
			if s.Off > uint64(len(b)) || s.Size > uint64(len(b))-s.Off {
				return nil
			}
			next.raw = b[s.Off : s.Off+s.Size]
		}
		f.sections, names = append(f.sections, next), append(names, s.Name)
	}
	if int(h.Shstrndx) >= len(f.sections) {
		return nil
	}
	strs := f.sections[h.Shstrndx].raw
	for i, start := range names {
		if uint64(start) > uint64(len(strs)) {
			return nil
		}
		name, _, _ := bytes.Cut(strs[start:], []byte{0})
		f.sections[i].name = string(name)
	}
	return f
}

// readHeader reads the header, converting a 32-bit one to 64 bits, and returns a
// reader of the section header at an offset. Both may be nil.
func readHeader(b []byte) (*elf.Header64, func(at uint64) *elf.Section64) {
	if len(b) < elf.EI_NIDENT {
		return nil, nil
	}
	var order binary.ByteOrder = binary.LittleEndian
	if elf.Data(b[elf.EI_DATA]) == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	decode := func(at uint64, into any) bool {
		return at <= uint64(len(b)) && binary.Read(bytes.NewReader(b[at:]), order, into) == nil
	}
	if elf.Class(b[elf.EI_CLASS]) == elf.ELFCLASS32 {
		var h elf.Header32
		if !decode(0, &h) {
			return nil, nil
		}
		wide := &elf.Header64{Type: h.Type, Machine: h.Machine, Entry: uint64(h.Entry), Shoff: uint64(h.Shoff),
			Shentsize: h.Shentsize, Shnum: h.Shnum, Shstrndx: h.Shstrndx}
		return wide, func(at uint64) *elf.Section64 {
			var s elf.Section32
			if !decode(at, &s) {
				return nil
			}
			return &elf.Section64{Name: s.Name, Type: s.Type, Off: uint64(s.Off), Size: uint64(s.Size)}
		}
	}
	h := new(elf.Header64)
	if !decode(0, h) {
		return nil, nil
	}
	return h, func(at uint64) *elf.Section64 {
		s := new(elf.Section64)
		if !decode(at, s) {
			return nil
		}
		return s
	}
}

// byName gives each section a unique name: objects have several of one name.
func (f *file) byName() map[string]section {
	named, times := map[string]section{}, map[string]int{}
	for _, s := range f.sections {
		name := s.name
		if times[s.name]++; times[s.name] > 1 {
			name = fmt.Sprintf("%s (%d)", s.name, times[s.name])
		}
		named[name] = s
	}
	return named
}

// Compare reports the sections that differ; nil if they explain nothing.
func Compare(old, now []byte) []string {
	a, b := readSections(old), readSections(now)
	if a == nil || b == nil {
		return nil
	}
	var lines []string
	if a.kind != b.kind || a.machine != b.machine || a.entry != b.entry {
		lines = append(lines, fmt.Sprintf("header: %v %v, entry %#x -> %v %v, entry %#x", a.kind, a.machine, a.entry, b.kind, b.machine, b.entry))
	}
	before, after := a.byName(), b.byName()
	for _, name := range slices.Sorted(maps.Keys(before)) {
		s := before[name]
		t, both := after[name]
		delete(after, name)
		switch {
		case !both:
			lines = append(lines, fmt.Sprintf("%s: removed, %d bytes", name, s.size))
		case s.size != t.size:
			lines = append(lines, fmt.Sprintf("%s: %d -> %d bytes", name, s.size, t.size))
		case s.kind != t.kind || !bytes.Equal(s.raw, t.raw):
			lines = append(lines, fmt.Sprintf("%s: other contents, %d bytes", name, s.size))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		lines = append(lines, fmt.Sprintf("%s: added, %d bytes", name, after[name].size))
	}
	return lines
}
