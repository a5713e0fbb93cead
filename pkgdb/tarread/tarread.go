// SPDX-License-Identifier: BSD-2-Clause

// Package tarread reads tar files as archive/tar does, which allocates 15 times for
// each header. Nearly all headers of packages and layers are plain, and read here
// without. It gives what archive/tar would give, bytes and errors alike.
package tarread

import (
	"archive/tar"
	"bytes"
	"io"
	"time"
)

// Reader reads a tar file member by member. From the first header on that is not
// plain, archive/tar reads.
type Reader struct {
	r    io.Reader
	odd  *tar.Reader // reads from here on
	err  error       // any but the end of contents stays
	left int64       // bytes of contents
	pad  int64       // bytes after them

	block  [blockSize]byte
	header tar.Header // of the current member
}

// NewReader returns a reader of a tar file.
func NewReader(r io.Reader) *Reader { return &Reader{r: r} }

const blockSize = 512

// Next returns the next header, and overwrites the one before.
func (t *Reader) Next() (*tar.Header, error) {
	if t.odd != nil {
		return t.odd.Next()
	}
	if t.err == nil {
		t.err = t.skip()
	}
	if t.err == nil {
		_, t.err = io.ReadFull(t.r, t.block[:])
	}
	if t.err != nil {
		return nil, t.err
	}
	if !t.plain() {
		t.odd = tar.NewReader(io.MultiReader(bytes.NewReader(bytes.Clone(t.block[:])), t.r))
		return t.odd.Next()
	}
	h := &t.header
	if h.Typeflag == tar.TypeReg {
		t.left, t.pad = h.Size, -h.Size&(blockSize-1)
	}
	return h, nil
}

// skip passes over the rest of the current member. Contents that are cut off are an
// error, but not the bytes after them.
func (t *Reader) skip() error {
	if t.left > 0 {
		if _, err := io.CopyN(io.Discard, t.r, t.left); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	n := 0
	for n < int(t.pad) {
		more, err := t.r.Read(t.block[n:t.pad])
		if n += more; err != nil && (err != io.EOF || n < int(t.pad)) {
			return err
		}
	}
	t.left, t.pad = 0, 0
	return nil
}

// Read reads the contents of the current member.
func (t *Reader) Read(b []byte) (int, error) {
	switch {
	case t.odd != nil:
		return t.odd.Read(b)
	case t.err != nil:
		return 0, t.err
	}
	var n int
	var err error
	if b = b[:min(int64(len(b)), t.left)]; len(b) > 0 {
		n, err = t.r.Read(b)
		t.left -= int64(n)
	}
	switch {
	case err == io.EOF && t.left > 0:
		err = io.ErrUnexpectedEOF
	case err == nil && t.left == 0:
		err = io.EOF
	}
	if err != io.EOF {
		t.err = err
	}
	return n, err
}

// plain reads a header of POSIX 1003.1-1988 in ASCII: of a file, a link or a
// directory. What it is false for need not be wrong.
func (t *Reader) plain() bool {
	b := &t.block
	sum := int64(8 * ' ') // which stand for the sum itself
	for i, c := range b {
		if c >= 0x80 {
			return false
		}
		if i < 148 || i >= 156 {
			sum += int64(c)
		}
	}
	if string(b[257:263]) != "ustar\x00" || string(b[508:]) == "tar\x00" {
		return false
	}
	switch b[156] {
	case tar.TypeReg, tar.TypeLink, tar.TypeSymlink, tar.TypeDir:
	default:
		return false
	}
	var numbers [8]int64
	for i, field := range [...][]byte{b[148:156], b[100:108], b[108:116], b[116:124], b[124:136], b[136:148], b[329:337], b[337:345]} {
		n, ok := octal(field)
		if !ok {
			return false
		}
		numbers[i] = n
	}
	if numbers[0] == sum {
		t.fill(&numbers)
	}
	return numbers[0] == sum
}

// fill makes the header of a plain block and its numbers.
func (t *Reader) fill(numbers *[8]int64) {
	b, before := &t.block, &t.header
	t.header = tar.Header{
		Typeflag: b[156], Name: cString(b[:100], ""), Linkname: cString(b[157:257], ""),
		Mode: numbers[1], Uid: int(numbers[2]), Gid: int(numbers[3]), Size: numbers[4], ModTime: time.Unix(numbers[5], 0),
		Uname: cString(b[265:297], before.Uname), Gname: cString(b[297:329], before.Gname), Devmajor: numbers[6], Devminor: numbers[7],
	}
	if prefix := cString(b[345:500], ""); prefix != "" {
		t.header.Name = prefix + "/" + t.header.Name
	}
}

// octal reads a field of digits, after which only NULs and spaces follow.
func octal(field []byte) (n int64, ok bool) {
	i := 0
	for ; i < len(field) && field[i] >= '0' && field[i] <= '7'; i++ {
		n = n<<3 | int64(field[i]-'0')
	}
	for ; i < len(field) && (field[i] == 0 || field[i] == ' '); i++ {
	}
	return n, i == len(field)
}

// cString is what stands before the first NUL. It is likely to be the same as in
// the header before.
func cString(field []byte, before string) string {
	text, _, _ := bytes.Cut(field, []byte{0})
	if string(text) == before {
		return before
	}
	return string(text)
}
