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

// FormatError is something that is not an image layout.
type FormatError struct{ Err error }

func (e *FormatError) Error() string { return e.Err.Error() }

// Wrong reports that the bytes exist and are wrong.
func (*FormatError) Wrong() bool { return true }

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

func FormatErrorf(format string, args ...any) error { return &FormatError{fmt.Errorf(format, args...)} }

// AbsentError is a missing archive.
type AbsentError struct{ Err error }

func (e *AbsentError) Error() string { return e.Err.Error() }

// Absent reports that bytes could not be obtained.
func (*AbsentError) Absent() bool { return true }

// Unwrap returns the cause.
func (e *AbsentError) Unwrap() error { return e.Err }

// MismatchError reports that bytes are not those that a digest or size promised.
type MismatchError struct{ What, Found, Wanted string }

func (e *MismatchError) Error() string {
	return fmt.Sprintf("%s is %s, wanted %s", e.What, e.Found, e.Wanted)
}

// Wrong reports that the bytes exist and are wrong.
func (*MismatchError) Wrong() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *MismatchError) Parts() (what, where, found, wanted string) {
	return e.What, "", e.Found, e.Wanted
}

// BlobName is the path of a blob in the layout. The digest must be valid.
func BlobName(d digest.Digest) string {
	return "blobs/" + d.Algorithm().String() + "/" + d.Encoded()
}

// CheckDigest accepts a digest that this version can verify.
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

// verified reads a blob, on its way in or out. It fails as soon as there are too
// many bytes, and at the end if there are too few or others.
type verified struct {
	io.ReadCloser
	digest  digest.Digest
	size, n int64 // promised, read
	hash    hash.Hash
}

// Verify checks a blob against its digest and size while it is read.
func Verify(r io.ReadCloser, d digest.Digest, size int64) *verified {
	return &verified{ReadCloser: r, digest: d, size: size, hash: sha256.New()}
}

// Read reads. It returns io.EOF only for the promised bytes.
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

// SizeMismatch is a blob whose size differs from its descriptor.
func SizeMismatch(d digest.Digest, found string, wanted int64) error {
	return &MismatchError{"size of blob " + d.String(), found, fmt.Sprint(wanted)}
}
