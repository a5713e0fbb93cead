// SPDX-License-Identifier: BSD-2-Clause

package catalog

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"github.com/orlop/orlop/pkgdb/jsonscan"
)

// maxValue bounds how much of a document is held in memory at once, in bytes.
const maxValue = 64 << 20

// document reads a JSON text value by value. encoding/json could do so at a
// fifth of the speed, and every run reads a catalogue.
type document struct {
	r   *bufio.Reader
	at  int64  // bytes read
	buf []byte // the last value
}

// peek skips white space and returns the next byte, 0 at the end.
func (d *document) peek() (byte, error) {
	for {
		b, err := d.r.ReadByte()
		if err == io.EOF {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		switch b {
		case ' ', '\t', '\r', '\n':
			d.at++
		default:
			return b, d.r.UnreadByte()
		}
	}
}

// expect reads one byte of the grammar.
func (d *document) expect(want byte) error {
	b, err := d.peek()
	switch {
	case err != nil:
		return err
	case b == 0:
		return fmt.Errorf("byte %d: %w", d.at, io.ErrUnexpectedEOF)
	case b != want:
		return fmt.Errorf("byte %d: found %q, wanted %q", d.at+1, b, want)
	}
	d.at++
	_, err = d.r.Discard(1)
	return err
}

// end requires that only white space is left.
func (d *document) end() error {
	if b, err := d.peek(); err != nil || b == 0 {
		return err
	}
	return fmt.Errorf("byte %d: something follows the document", d.at+1)
}

// list reads what is between two brackets, separated by commas.
func (d *document) list(open, close byte, each func() error) error {
	if err := d.expect(open); err != nil {
		return err
	}
	for n := 0; ; n++ {
		b, err := d.peek()
		if err != nil {
			return err
		}
		if b == close {
			return d.expect(close)
		}
		if n > 0 {
			if err := d.expect(','); err != nil {
				return err
			}
		}
		if err := each(); err != nil {
			return err
		}
	}
}

// value reads the next value, which must be valid JSON. It is valid until the
// next call.
func (d *document) value() ([]byte, error) {
	d.buf = d.buf[:0]
	if _, err := d.peek(); err != nil {
		return nil, err
	}
	var end jsonscan.Boundary
	for {
		chunk, err := d.r.Peek(max(1, d.r.Buffered()))
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, fmt.Errorf("byte %d: %w", d.at, err)
		}
		n, done := end.Find(chunk)
		if len(d.buf)+n > maxValue {
			return nil, fmt.Errorf("byte %d: a value has more than %d bytes", d.at, maxValue)
		}
		d.buf = append(d.buf, chunk[:n]...)
		d.at += int64(n)
		if _, err := d.r.Discard(n); err != nil {
			return nil, err
		}
		if done {
			break
		}
	}
	if !json.Valid(d.buf) {
		return nil, fmt.Errorf("byte %d: %.40q is not JSON", d.at, d.buf)
	}
	return d.buf, nil
}
