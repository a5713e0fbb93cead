// SPDX-License-Identifier: BSD-2-Clause

package elf

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/release/elf/elftest"
)

func TestReadNeeds(t *testing.T) {
	t.Parallel()
	for _, class := range []elf.Class{elf.ELFCLASS32, elf.ELFCLASS64} {
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			f := elftest.File{Class: class, Order: order, Machine: elf.EM_PPC64, Interpreter: "/libexec/ld-elf.so.1",
				Needed: []string{"libutil.so.10", "libc.so.7"}, RPath: "/old", RunPath: "$ORIGIN/../lib:/usr/lib/private"}
			want := &Needs{class, elf.EM_PPC64, "/libexec/ld-elf.so.1", []string{"libutil.so.10", "libc.so.7"}, []string{"$ORIGIN/../lib", "/usr/lib/private"}}
			got, err := ReadNeeds(bytes.NewReader(f.Bytes()))
			if d := cmp.Diff(want, got); err != nil || d != "" {
				t.Errorf("%v, %v: %v (-want +got):\n%s", class, order, err, d)
			}
		}
	}
	if n, err := ReadNeeds(bytes.NewReader(elftest.File{RPath: "/old"}.Bytes())); err != nil || !cmp.Equal(n.SearchPath, []string{"/old"}) {
		t.Errorf("DT_RPATH alone: got %+v, %v", n, err)
	}
}

// TestNothingNeeded are files that no run-time linker completes.
func TestNothingNeeded(t *testing.T) {
	t.Parallel()
	for name, text := range map[string][]byte{
		"empty": nil, "text": []byte("#!/bin/sh\n"), "magic only": []byte("\x7fELF"), "data": []byte("\x7fELF, but no more than that"),
		"static": elftest.File{Static: true}.Bytes(), "object": elftest.File{Type: elf.ET_REL}.Bytes(), "core": elftest.File{Type: elf.ET_CORE}.Bytes(),
	} {
		if n, err := ReadNeeds(bytes.NewReader(text)); n != nil || err != nil {
			t.Errorf("%s: got %+v, %v", name, n, err)
		}
	}
}

func TestReadNeedsErrors(t *testing.T) {
	t.Parallel()
	whole := elftest.File{Needed: []string{"libc.so.7"}}.Bytes()
	for _, tt := range []struct {
		name, want string
		damage     func(b []byte) []byte
	}{
		{"cut in the header", "EOF", func(b []byte) []byte { return b[:60] }},
		{"cut before the strings", "EOF", func(b []byte) []byte { return b[:0x404] }},
		{"cut in the dynamic section", "PT_DYNAMIC", func(b []byte) []byte { return b[:0x210] }},
		{"string outside", "DT_NEEDED: no string ends after offset 99 of 11 bytes", func(b []byte) []byte { b[0x208] = 99; return b }},
		{"strings outside", "no segment has the strings at 0x9900400", func(b []byte) []byte { b[0x21b] = 9; b[0x21a] = 0x90; return b }},
	} {
		_, err := ReadNeeds(bytes.NewReader(tt.damage(bytes.Clone(whole))))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestLongString has a library with the longest name that is read, and a longer.
func TestLongString(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{4096: "", 4097: "DT_NEEDED: the string at offset 1 has more than 4096 bytes"} {
		_, err := ReadNeeds(bytes.NewReader(elftest.File{Needed: []string{strings.Repeat("x", n)}}.Bytes()))
		if got := fmt.Sprint(err); err == nil && want != "" || err != nil && got != want {
			t.Errorf("%d bytes: got %v, want %q", n, err, want)
		}
	}
}

// TestScratch streams files of all kinds and sizes, in small pieces.
func TestScratch(t *testing.T) {
	t.Parallel()
	made := 0
	s := Scratch{Create: func() (*os.File, error) { made++; return os.Create(filepath.Join(t.TempDir(), "scratch")) }}
	defer s.Close()
	for i, tt := range []struct {
		text []byte
		want string
	}{
		{nil, ""}, {[]byte("\x7fE"), ""}, {[]byte("text"), ""},
		{elftest.File{Needed: []string{"a"}}.Bytes(), "a"},
		{elftest.File{Needed: []string{"b"}, Padding: 2 * maxMemory}.Bytes(), "b"},
		{elftest.File{Needed: []string{"c"}}.Bytes(), "c"},
		{elftest.File{Needed: []string{"d"}, Padding: maxMemory}.Bytes(), "d"},
		{bytes.Repeat([]byte("plain"), maxMemory), ""},
	} {
		for rest := tt.text; len(rest) > 0; {
			n, err := s.Write(rest[:min(len(rest), 1+len(rest)/3)])
			if err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		got := ""
		if n, err := s.Needs(); err != nil {
			t.Errorf("file %d: %v", i, err)
		} else if n != nil {
			got = strings.Join(n.Libraries, " ")
		}
		if got != tt.want {
			t.Errorf("file %d: got %q, want %q", i, got, tt.want)
		}
	}
	if made != 1 {
		t.Errorf("made %d files, want 1", made)
	}
}

// FuzzReadNeeds makes files of parts, and puts other bytes into them, "OFFSET HEX"
// a line. What it finds is in the file; and all of the parts, if nothing was
// changed.
func FuzzReadNeeds(f *testing.F) {
	f.Add(uint8(0), uint16(elf.ET_DYN), "/libexec/ld-elf.so.1", "libc.so.7", "$ORIGIN", "", "", uint16(0))
	f.Add(uint8(3), uint16(elf.ET_EXEC), "", "libc.so.7:libm.so.5", "", "/a:/b", "16 0001", uint16(0))
	f.Fuzz(func(t *testing.T, form uint8, kind uint16, interpreter, needed, runPath, rPath, changes string, cut uint16) {
		file := elftest.File{Class: elf.ELFCLASS64, Order: binary.LittleEndian, Type: elf.Type(kind), Interpreter: interpreter, RunPath: runPath, RPath: rPath, Static: form&4 != 0}
		if form&1 != 0 {
			file.Class = elf.ELFCLASS32
		}
		if form&2 != 0 {
			file.Order = binary.BigEndian
		}
		if needed != "" {
			file.Needed = strings.Split(needed, ":")
		}
		if len(file.Needed) > 20 || strings.Contains(interpreter+needed+runPath+rPath, "\x00") {
			return // has no place for them
		}
		text := file.Bytes()
		whole := changes == "" && int(cut)%len(text) == 0
		text = text[:len(text)-int(cut)%len(text)]
		for line := range strings.Lines(changes) {
			var at uint16
			var with []byte
			if n, _ := fmt.Sscanf(line, "%d %x", &at, &with); n == 2 {
				copy(text[int(at)%len(text):], with)
			}
		}
		n, err := ReadNeeds(bytes.NewReader(text))
		if n != nil && err == nil {
			for _, name := range append(n.Libraries, strings.Join(n.SearchPath, ":"), n.Interpreter) {
				if name != n.Interpreter && strings.Contains(name, "\x00") || !bytes.Contains(text, []byte(name)) {
					t.Errorf("%q is not in the file", name)
				}
			}
		}
		if !whole || len(interpreter)+len(needed)+len(runPath)+len(rPath) > 3000 {
			return
		}
		if file.Static || file.Type != elf.ET_EXEC && file.Type != elf.ET_DYN && file.Type != 0 {
			if n != nil || err != nil {
				t.Errorf("got %+v, %v, wanted nothing", n, err)
			}
			return
		}
		var path []string
		switch {
		case runPath != "":
			path = strings.Split(runPath, ":")
		case rPath != "":
			path = strings.Split(rPath, ":")
		}
		if err != nil || n.Class != file.Class || n.Interpreter != interpreter || !slices.Equal(n.Libraries, file.Needed) || !slices.Equal(n.SearchPath, path) {
			t.Errorf("got %+v, %v of %+v", n, err, file)
		}
	})
}
