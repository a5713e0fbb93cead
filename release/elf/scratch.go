// SPDX-License-Identifier: BSD-2-Clause

package elf

import (
	"bytes"
	"debug/elf"
	"io"
	"os"
)

// maxMemory is the size up to which a file is kept in memory: most programs are
// smaller. It affects only speed, not bytes.
const maxMemory = 2 << 20

// Scratch takes the bytes of one file after another as they stream by, and
// reports what each needs. It keeps nothing of files that are not ELF, and
// nothing of large ones in memory.
type Scratch struct {
	Create func() (*os.File, error) // makes the file for large ones

	head  []byte
	plain bool // the current file is not ELF
	file  *os.File
	large bool // the current file is in file
	size  int64
}

// Write takes bytes of the current file.
func (s *Scratch) Write(b []byte) (int, error) {
	if s.plain {
		return len(b), nil
	}
	if s.large {
		n, err := s.file.Write(b)
		s.size += int64(n)
		return n, err
	}
	s.head = append(s.head, b...)
	magic := min(len(s.head), len(elf.ELFMAG))
	s.plain = string(s.head[:magic]) != elf.ELFMAG[:magic]
	if s.plain || len(s.head) <= maxMemory {
		return len(b), nil
	}
	return len(b), s.spill()
}

// spill continues in a file.
func (s *Scratch) spill() error {
	var err error
	if s.file == nil {
		s.file, err = s.Create()
	} else if _, err = s.file.Seek(0, io.SeekStart); err == nil {
		err = s.file.Truncate(0)
	}
	if err != nil {
		return err
	}
	s.large, s.size = true, int64(len(s.head))
	_, err = s.file.Write(s.head)
	return err
}

// Needs ends the current file and returns what it needs, nil for nothing.
func (s *Scratch) Needs() (*Needs, error) {
	defer s.Drop()
	switch {
	case s.plain:
		return nil, nil
	case s.large:
		return ReadNeeds(io.NewSectionReader(s.file, 0, s.size))
	}
	return ReadNeeds(bytes.NewReader(s.head))
}

// Drop ends the current file and ignores its needs.
func (s *Scratch) Drop() { s.head, s.plain, s.large = s.head[:0], false, false }

// Close releases the file for large ones; its bytes are no longer needed.
func (s *Scratch) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
