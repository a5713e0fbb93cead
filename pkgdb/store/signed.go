// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/orlop/orlop/pkgdb/until"
)

// maxSigned bounds a kept catalogue with its signature.
const maxSigned = 1 << 30

// KeepCatalogue keeps a signed catalogue as received, by the digest of its
// payload: 64 hex digits of a sha256. A store without a folder keeps nothing.
func (st *Store) KeepCatalogue(ctx context.Context, digest string, archive []byte) error {
	if err := checkDigest(digest); err != nil || st.Dir == "" {
		return err
	}
	if st.keeps(ctx, digest, archive) {
		return nil
	}
	f, err := st.temp("signed")
	if err != nil {
		return err
	}
	defer f.Close()
	disk := until.NewDisk(ctx, f)
	if _, err = disk.Write(archive); err == nil {
		err = disk.Finish()
	}
	if err == nil {
		err = st.rename(f, signedDir, digest)
	}
	if err != nil {
		st.Discard(f)
	}
	return err
}

// keeps reports whether a catalogue is kept already, byte for byte.
func (st *Store) keeps(ctx context.Context, digest string, archive []byte) bool {
	dir, err := st.folder(signedDir, false)
	if err != nil {
		return false
	}
	defer dir.Close()
	f, err := OpenRegular(dir, digest)
	if err != nil {
		return false
	}
	defer f.Close()
	from := until.Reader(ctx, f)
	for b := make([]byte, 64<<10); ; {
		n, err := io.ReadFull(from, b)
		if n > len(archive) || !bytes.Equal(b[:n], archive[:n]) {
			return false
		}
		archive = archive[n:]
		if err != nil {
			st.used(dir, digest)
			return len(archive) == 0 && (err == io.EOF || err == io.ErrUnexpectedEOF)
		}
	}
}

// Catalogue returns a kept catalogue, unchecked: the caller checks the digest of
// its payload, and its signature. A missing catalogue is fs.ErrNotExist.
func (st *Store) Catalogue(ctx context.Context, digest string) ([]byte, error) {
	if err := checkDigest(digest); err != nil {
		return nil, err
	}
	what := fmt.Sprintf("catalogue %.12s in the store", digest)
	if st.Dir == "" {
		return nil, &AbsentError{what, fs.ErrNotExist}
	}
	dir, err := st.folder(signedDir, false)
	if err != nil {
		return nil, absent(what, err)
	}
	defer dir.Close()
	f, err := OpenRegular(dir, digest)
	if err != nil {
		return nil, absent(what, err)
	}
	defer f.Close()
	archive, err := io.ReadAll(io.LimitReader(until.Reader(ctx, f), maxSigned+1))
	if err == nil && len(archive) > maxSigned {
		err = errors.New("has more than 1 GiB")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	st.used(dir, digest)
	return archive, nil
}

// checkDigest prevents a document from naming an arbitrary file.
func checkDigest(digest string) error {
	if len(digest) != 64 || strings.Trim(digest, "0123456789abcdef") != "" {
		return fmt.Errorf("digest is %q, wanted 64 hex digits", digest)
	}
	return nil
}
