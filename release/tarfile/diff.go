// SPDX-License-Identifier: BSD-2-Clause

package tarfile

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Change is a difference between two tar files.
type Change struct {
	Entry    int    // counted from 1; 0 for what follows the last entry
	Path     string // of the entry, in the first file
	Field    string // what differs: a field of the header, a pax record, contents, …
	Old, New string // "" where there is nothing to show
}

// String describes the change in one line.
func (c Change) String() string {
	text := c.Field
	if c.Old != "" || c.New != "" {
		text = fmt.Sprintf("%s is %s, was %s", c.Field, c.New, c.Old)
	}
	if c.Entry == 0 {
		return text
	}
	return fmt.Sprintf("entry %d, %s: %s", c.Entry, c.Path, text)
}

// Diff compares two tar files byte by byte and calls visit for each difference.
// An entry that only one file has is added or removed; after two different
// entries at one position, nothing more is compared.
func Diff(a, b io.Reader, visit func(Change)) error {
	x, y := rawTar{r: a}, rawTar{r: b}
	for entry := 1; ; entry++ {
		if err := x.next(); err != nil {
			return err
		}
		if err := y.next(); err != nil {
			return err
		}
		at := Change{Entry: entry, Path: x.path}
		switch {
		case x.end && y.end:
			same, err := sameRest(a, b)
			if !same {
				visit(Change{Field: "blocks after the last entry"})
			}
			return err
		case x.end || y.end:
			return unpaired(&x, &y, entry, visit)
		case x.path != y.path:
			at.Field, at.Old, at.New = "path", strconv.Quote(x.path), strconv.Quote(y.path)
			visit(at)
			return nil
		}
		diffRecords(&x, &y, at, visit)
		diffFields(x.header[:], y.header[:], at, visit)
		if err := diffBodies(&x, &y, at, visit); err != nil {
			return err
		}
	}
}

// unpaired goes through the entries that only one of two files has.
func unpaired(x, y *rawTar, entry int, visit func(Change)) error {
	left, change := x, "removed"
	if x.end {
		left, change = y, "added"
	}
	for ; !left.end; entry++ {
		visit(Change{Entry: entry, Path: left.path, Field: change})
		if err := left.skip(); err != nil {
			return err
		}
		if err := left.next(); err != nil {
			return err
		}
	}
	return nil
}

// sameRest compares what follows the first empty block.
func sameRest(a, b io.Reader) (bool, error) {
	same := true
	for {
		var x, y [32 * BlockSize]byte
		n, errA := io.ReadFull(a, x[:])
		m, errB := io.ReadFull(b, y[:])
		same = same && n == m && x == y
		for _, err := range []error{errA, errB} {
			if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
				return same, err
			}
		}
		if errA != nil && errB != nil {
			return same, nil
		}
	}
}

// diffRecords compares pax records, and their encoding.
func diffRecords(x, y *rawTar, at Change, visit func(Change)) {
	if bytes.Equal(x.before, y.before) {
		return
	}
	keys := slices.Collect(maps.Keys(x.records))
	for key := range y.records {
		if _, both := x.records[key]; !both {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	found := false
	for _, key := range keys {
		old, had := x.records[key]
		now, has := y.records[key]
		if old != now || had != has {
			at.Field, at.Old, at.New, found = "pax record "+key, shown(old, had), shown(now, has), true
			visit(at)
		}
	}
	if !found {
		at.Field = "header of the pax records"
		visit(at)
	}
}

// shown is the value of a record.
func shown(value string, is bool) string {
	switch {
	case !is:
		return "none"
	case len(value) > maxShown:
		return fmt.Sprintf("%q… (%d bytes, sha256 %x)", value[:maxShown], len(value), sha256.Sum256([]byte(value)))
	}
	return strconv.Quote(value)
}

// maxShown bounds how much of a pax record is shown.
const maxShown = 60

// headerFields are those of a ustar header, by their ends (POSIX.1-2001).
var headerFields = []struct {
	end  int
	name string
}{
	{100, "name"}, {108, "mode"}, {116, "uid"}, {124, "gid"}, {136, "size"}, {148, "mtime"}, {156, "checksum"},
	{157, "typeflag"}, {257, "linkname"}, {263, "magic"}, {265, "version"}, {297, "uname"}, {329, "gname"},
	{337, "devmajor"}, {345, "devminor"}, {500, "prefix"}, {512, "padding"},
}

// diffFields reports the fields that differ; the checksum, which depends on the
// others, only if it differs alone.
func diffFields(x, y []byte, at Change, visit func(Change)) {
	start, found, checksum := 0, false, false
	for _, f := range headerFields {
		old, now := x[start:f.end], y[start:f.end]
		start = f.end
		switch {
		case bytes.Equal(old, now):
		case f.name == "checksum":
			checksum = true
		default:
			at.Field, found = "header field "+f.name, true
			at.Old, at.New = fieldText(f.name, old), fieldText(f.name, now)
			if at.Old == at.New {
				at.Old, at.New = strconv.Quote(string(old)), strconv.Quote(string(now))
			}
			visit(at)
		}
	}
	if checksum && !found {
		at.Field, at.Old, at.New = "header field checksum", strconv.Quote(string(x[148:156])), strconv.Quote(string(y[148:156]))
		visit(at)
	}
}

// fieldText is a field without the padding, a time as a date, a size in decimal.
func fieldText(name string, field []byte) string {
	if n, err := number(field); err == nil && name == "mtime" {
		return time.Unix(n, 0).UTC().Format(time.RFC3339)
	} else if err == nil && name == "size" {
		return strconv.FormatInt(n, 10)
	}
	return strconv.Quote(trimmed(field))
}

// diffBodies reads the contents of both entries and reports the first byte that
// differs. A different size is a field of the header.
func diffBodies(x, y *rawTar, at Change, visit func(Change)) error {
	if x.size != y.size {
		at.Field = "contents"
		visit(at)
		if err := x.skip(); err != nil {
			return err
		}
		return y.skip()
	}
	var b, c [BlockSize]byte
	for done := int64(0); done < x.size; done += BlockSize {
		if err := x.fill(b[:], x.size-done); err != nil {
			return err
		}
		if err := y.fill(c[:], y.size-done); err != nil {
			return err
		}
		if b == c || at.Field != "" {
			continue
		}
		first := int64(0)
		for b[first] == c[first] {
			first++
		}
		if at.Field = "padding"; done+first < x.size {
			at.Field = fmt.Sprintf("contents, from byte %d on", done+first)
		}
		visit(at)
	}
	return nil
}
