// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// headerFields are those of a ustar header, by where they end (POSIX.1-2001).
var headerFields = []struct {
	end  int
	name string
}{
	{100, "name"}, {108, "mode"}, {116, "uid"}, {124, "gid"}, {136, "size"}, {148, "mtime"}, {156, "checksum"},
	{157, "typeflag"}, {257, "linkname"}, {263, "magic"}, {265, "version"}, {297, "uname"}, {329, "gname"},
	{337, "devmajor"}, {345, "devminor"}, {500, "prefix"}, {512, "padding"},
}

// DiffHeaders finds the first thing in which two tar files of the same entries
// differ: a field of a header, a pax record, padding, or what follows the end.
func DiffHeaders(a, b io.Reader) (string, error) {
	var x, y [blockSize]byte
	name := "" // of the entry, from a pax header where one is
	for entry := 1; ; {
		n, errA := io.ReadFull(a, x[:])
		m, errB := io.ReadFull(b, y[:])
		switch {
		case errA == io.EOF && errB == io.EOF:
			return "the same bytes", nil
		case errA == io.EOF || errB == io.EOF:
			return "other blocks after the last entry", nil
		case errA != nil || errB != nil:
			return fmt.Sprintf("a last block of %d bytes, and one of %d", n, m), skipEOF(errA, errB)
		}
		if name == "" {
			name = strings.TrimPrefix(text(x[345:500])+"/"+text(x[:100]), "/")
		}
		if x != y {
			return fmt.Sprintf("entry %d, %s: %s", entry, name, differingField(x[:], y[:])), nil
		}
		if x == [blockSize]byte{} {
			continue
		}
		body, diff, err := compareBodies(a, b, x[124:136])
		if err != nil || diff {
			return fmt.Sprintf("entry %d, %s: %s", entry, name, bodyName(x[156])), err
		}
		if x[156] == 'x' {
			name = paxPath(body)
			continue
		}
		name = ""
		entry++
	}
}

func skipEOF(errs ...error) error {
	for _, err := range errs {
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
	}
	return nil
}

// differingField names the first field that differs but for the checksum, which
// follows the others.
func differingField(x, y []byte) string {
	start, checksum := 0, false
	for _, f := range headerFields {
		if !bytes.Equal(x[start:f.end], y[start:f.end]) {
			if f.name != "checksum" {
				return fmt.Sprintf("header field %s is %q, was %q", f.name, text(y[start:f.end]), text(x[start:f.end]))
			}
			checksum = true
		}
		start = f.end
	}
	if checksum {
		return "header field checksum"
	}
	return "header"
}

func text(field []byte) string { return strings.TrimRight(string(field), "\x00 ") }

// compareBodies reads what follows a header in both files, and keeps that of
// the first where it is small, as pax headers are.
func compareBodies(a, b io.Reader, field []byte) (body []byte, differ bool, err error) {
	size, err := strconv.ParseInt(text(field), 8, 64)
	if err != nil {
		return nil, false, fmt.Errorf("size %q of an entry is not octal", field)
	}
	var x, y [blockSize]byte
	for left := size; left > 0; left -= blockSize {
		if _, err := io.ReadFull(a, x[:]); err != nil {
			return nil, false, err
		}
		if _, err := io.ReadFull(b, y[:]); err != nil {
			return nil, false, err
		}
		if x != y {
			return nil, true, nil
		}
		if size <= maxPax {
			body = append(body, x[:min(left, blockSize)]...)
		}
	}
	return body, false, nil
}

// maxPax bounds the pax header that is looked into for a name.
const maxPax = 64 << 10

func bodyName(typeflag byte) string {
	if typeflag == 'x' {
		return "pax header"
	}
	return "contents or padding"
}

func paxPath(body []byte) string {
	for line := range strings.Lines(string(body)) {
		if _, path, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " path="); ok {
			return path
		}
	}
	return ""
}
