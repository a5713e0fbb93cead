// SPDX-License-Identifier: BSD-2-Clause

package own

import (
	"cmp"
	"encoding/hex"
	"hash"
	"io"

	"github.com/orlop/orlop/hooks/lock"
)

// checked reads a file, and fails at its end if it is not the one that was hashed.
type checked struct {
	io.Closer
	from io.Reader
	sum  hash.Hash
	size int64
	want lock.Own
}

// Read reads bytes of the file.
func (c *checked) Read(b []byte) (int, error) {
	n, err := c.from.Read(b)
	c.sum.Write(b[:n])
	if c.size += int64(n); c.size > c.want.Size && err == nil {
		_, err = io.Copy(c.sum, c.from) // to say what it is now
		err = cmp.Or(err, io.EOF)
	}
	if err == io.EOF {
		if found := hex.EncodeToString(c.sum.Sum(nil)); found != c.want.SHA256 {
			return n, &ChangedError{c.want.Path, found, c.want.SHA256}
		}
	}
	return n, err
}
