// SPDX-License-Identifier: BSD-2-Clause

package tarfile

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// rawTar reads the raw headers of a tar file, where archive/tar interprets them.
type rawTar struct {
	r io.Reader

	end     bool              // there are no more entries
	path    string            // of the entry
	size    int64             // of its contents, which come next
	before  []byte            // headers of pax or GNU tar that come before its own
	records map[string]string // pax
	header  [BlockSize]byte   // its own
}

// maxBefore bounds the headers before an entry's own.
const maxBefore = 16 << 20

// next reads the headers of the next entry.
func (t *rawTar) next() error {
	t.path, t.size, t.before, t.records = "", 0, nil, nil
	long := ""
	for {
		if _, err := io.ReadFull(t.r, t.header[:]); err == io.EOF || err == nil && t.header == [BlockSize]byte{} {
			t.end = true
			return nil
		} else if err != nil {
			return err
		}
		var err error
		if t.size, err = number(t.header[124:136]); err != nil {
			return fmt.Errorf("size of a tar entry: %w", err)
		}
		kind := t.header[156]
		if kind != 'x' && kind != 'g' && kind != 'L' && kind != 'K' {
			break
		}
		if t.size < 0 || int64(len(t.before))+t.size > maxBefore {
			return fmt.Errorf("a tar entry has more than %d bytes of headers", maxBefore)
		}
		body := make([]byte, padded(t.size))
		if err := t.fill(body, t.size); err != nil {
			return err
		}
		t.before = append(append(t.before, t.header[:]...), body...)
		switch body = body[:t.size]; kind {
		case 'L':
			long = name(body)
		case 'x', 'g':
			t.records = records(body) // the last header counts, as in archive/tar
		}
	}
	if text, ok := t.records["size"]; ok {
		var err error
		if t.size, err = strconv.ParseInt(text, 10, 64); err != nil {
			return fmt.Errorf("size of a tar entry: %w", err)
		}
	}
	if kind := t.header[156]; kind >= '1' && kind <= '6' || t.size < 0 {
		t.size = 0 // links, devices and folders have no contents, whatever the header says
	}
	prefix := ""
	if bytes.HasPrefix(t.header[257:], []byte("ustar\x00")) {
		prefix = name(t.header[345:500])
	}
	t.path = name(t.header[:100])
	if prefix != "" {
		t.path = prefix + "/" + t.path
	}
	if path := t.records["path"]; path != "" {
		t.path = path
	}
	if long != "" {
		t.path = long
	}
	return nil
}

// fill reads contents and the padding behind them, in which a file may end, as in
// archive/tar.
func (t *rawTar) fill(b []byte, contents int64) error {
	n, err := io.ReadFull(t.r, b)
	if err != nil && int64(n) >= contents && (err == io.EOF || err == io.ErrUnexpectedEOF) {
		clear(b[n:])
		return nil
	}
	return err
}

// skip passes over the contents of the entry and their padding.
func (t *rawTar) skip() error {
	n, err := io.CopyN(io.Discard, t.r, padded(t.size))
	if err == io.EOF && n >= t.size {
		return nil
	}
	return err
}

// records reads pax records, each LENGTH KEY=VALUE and a newline.
func records(body []byte) map[string]string {
	list := map[string]string{}
	for len(body) > 0 {
		digits, _, _ := bytes.Cut(body, []byte(" "))
		n, err := strconv.Atoi(string(digits))
		if err != nil || n <= len(digits)+1 || n > len(body) {
			break // archive/tar has reported that
		}
		key, value, _ := strings.Cut(strings.TrimSuffix(string(body[len(digits)+1:n]), "\n"), "=")
		list[key] = value
		body = body[n:]
	}
	return list
}

// number reads a numeric field: octal digits that end before the first zero byte,
// or binary if the first bit is set (GNU tar).
func number(field []byte) (int64, error) {
	if field[0]&0x80 == 0 {
		text := name(bytes.Trim(field, " \x00"))
		if text == "" {
			return 0, nil
		}
		n, err := strconv.ParseUint(text, 8, 63)
		return int64(n), err
	}
	n := int64(field[0] & 0x3f)
	for _, c := range field[1:] {
		if n >= 1<<54 {
			return 0, fmt.Errorf("%x is too large", field)
		}
		n = n<<8 | int64(c)
	}
	return n, nil
}

// name is a text that ends before the first zero byte, as in archive/tar; a
// blank at its end is significant.
func name(field []byte) string {
	text, _, _ := bytes.Cut(field, []byte{0})
	return string(text)
}

func trimmed(field []byte) string { return strings.TrimRight(string(field), "\x00 ") }

// padded is the space that contents take.
func padded(size int64) int64 { return (size + BlockSize - 1) / BlockSize * BlockSize }
