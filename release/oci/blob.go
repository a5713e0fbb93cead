// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/pkgdb/fault"
)

// FormatError is something that is no image layout.
type FormatError struct{ Err error }

func (e *FormatError) Error() string { return e.Err.Error() }

// Wrong reports that bytes are there and wrong.
func (*FormatError) Wrong() bool { return true }

// Unwrap returns the fault itself.
func (e *FormatError) Unwrap() error { return e.Err }

func FormatErrorf(format string, args ...any) error { return &FormatError{fmt.Errorf(format, args...)} }

// AbsentError is an archive that is not there.
type AbsentError struct{ Err error }

func (e *AbsentError) Error() string { return e.Err.Error() }

// Absent reports that bytes could not be had.
func (*AbsentError) Absent() bool { return true }

// Unwrap returns the fault itself.
func (e *AbsentError) Unwrap() error { return e.Err }

// MismatchError says that bytes are not the ones that a digest or size promised.
type MismatchError struct{ What, Found, Wanted string }

func (e *MismatchError) Error() string {
	return fmt.Sprintf("%s is %s, wanted %s", e.What, e.Found, e.Wanted)
}

// Wrong reports that bytes are there and wrong.
func (*MismatchError) Wrong() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *MismatchError) Parts() (what, where, found, wanted string) {
	return e.What, "", e.Found, e.Wanted
}

// BlobName is where the layout has a blob. The digest is a valid one.
func BlobName(d digest.Digest) string {
	return "blobs/" + d.Algorithm().String() + "/" + d.Encoded()
}

// CheckDigest accepts a digest that this version can compare.
func CheckDigest(d digest.Digest) error {
	err := d.Validate()
	if err != nil && !errors.Is(err, digest.ErrDigestUnsupported) {
		return FormatErrorf("digest %q: %w", d, err)
	}
	if err != nil || d.Algorithm() != digest.SHA256 {
		return fault.Unsupportedf("digest %q is not supported, wanted a sha256", d)
	}
	return nil
}

// verified reads a blob, whether on its way in or out. It fails as soon as
// there are too many bytes, and at the end if there are too few or others.
type verified struct {
	io.ReadCloser
	digest  digest.Digest
	size, n int64 // promised, read
	hash    hash.Hash
}

// Verify compares a blob with its digest and size while it is read.
func Verify(r io.ReadCloser, d digest.Digest, size int64) *verified {
	return &verified{ReadCloser: r, digest: d, size: size, hash: sha256.New()}
}

// Read reads. It gives io.EOF for the promised bytes only.
func (v *verified) Read(b []byte) (int, error) {
	n, err := v.ReadCloser.Read(b)
	v.hash.Write(b[:n])
	v.n += int64(n)
	switch {
	case v.n > v.size:
		return n, SizeMismatch(v.digest, fmt.Sprintf("at least %d", v.n), v.size)
	case err != io.EOF:
		return n, err
	case v.n < v.size:
		return n, SizeMismatch(v.digest, fmt.Sprint(v.n), v.size)
	}
	if got := digest.NewDigest(digest.SHA256, v.hash); got != v.digest {
		return n, &MismatchError{"blob " + v.digest.String(), got.String(), v.digest.String()}
	}
	return n, io.EOF
}

// SizeMismatch is a blob of another size than its descriptor has.
func SizeMismatch(d digest.Digest, found string, wanted int64) error {
	return &MismatchError{"size of blob " + d.String(), found, fmt.Sprint(wanted)}
}
