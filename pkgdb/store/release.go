// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/orlop/orlop/pkgdb/until"
)

// maxRelease bounds a release archive, in bytes: only its sum is known.
const maxRelease = 8 << 30

// SumError is a file that has another sum than the one that was given for it.
type SumError struct{ What, Found, Wanted string }

func (e *SumError) Error() string {
	return fmt.Sprintf("%s: its sha256 is %s, wanted %s", e.What, e.Found, e.Wanted)
}

// Wrong reports that the bytes exist and are wrong.
func (*SumError) Wrong() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *SumError) Parts() (what, where, found, wanted string) {
	return "its sha256 differs", e.What, e.Found, e.Wanted
}

// Release opens a file from the web whose sha256 is known, 64 hex digits: from the store,
// else it is downloaded. Guarded refuses what Store.Guarded does.
func (st *Store) Release(ctx context.Context, location, digest string, guarded bool) (*os.File, error) {
	if f := st.held(ctx, digest); f != nil {
		return f, nil
	}
	if st.Offline {
		return nil, &AbsentError{Public(location), errOffline}
	}
	slash := strings.LastIndexByte(location, '/')
	open := st.Source
	if guarded {
		open = st.Guarded
	}
	src, err := open(location[:slash+1], "none")
	if err != nil {
		return nil, err
	}
	f, err := st.Create()
	if err != nil {
		return nil, err
	}
	if err := st.download(ctx, src, location, digest, f); err != nil {
		st.Discard(f)
		f.Close()
		return nil, err
	}
	return f, nil
}

// held opens a release archive of the store if it has the very bytes, nil otherwise.
func (st *Store) held(ctx context.Context, digest string) *os.File {
	f, err := st.OpenBlob(digest)
	if err != nil {
		return nil
	}
	if found, err := sumOf(ctx, f); err != nil || found != digest {
		f.Close()
		return nil
	}
	return f
}

// download fetches a file, and keeps it if it is the right one.
func (st *Store) download(ctx context.Context, src *Source, location, digest string, f *os.File) error {
	get := transfer{store: st, client: src.client(), file: f, limit: maxRelease}
	path := location[strings.LastIndexByte(location, '/')+1:]
	if err := get.fromAny(ctx, src.bases(ctx), path); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &AbsentError{Public(location), err}
	}
	found, err := sumOf(ctx, f)
	switch {
	case err != nil:
		return err
	case found != digest:
		return &SumError{Public(location), found, digest}
	}
	if err := st.KeepBlob(f, digest); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// sumOf returns the sha256 of a file.
func sumOf(ctx context.Context, f *os.File) (string, error) {
	h := sha256.New()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	if _, err := io.Copy(h, until.Reader(ctx, f)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
