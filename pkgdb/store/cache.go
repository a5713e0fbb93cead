// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/orlop/orlop/pkgdb/until"
)

// DefaultLimit is the size in bytes to which a store is cut back: about fifty
// releases of base packages.
const DefaultLimit = 20 << 30

// name is the file name of a package in the store.
func (r Ref) name() string { return strings.ReplaceAll(string(r.Sum.Typed()), "$", "-") }

// obtain opens a package from the store, or fetches it.
func (s *Source) obtain(ctx context.Context, want Ref) (io.ReadCloser, error) {
	f, err := s.store.Stored(ctx, want)
	if err == nil || ctx.Err() != nil || !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if s.store.Offline {
		return nil, &AbsentError{want.Name, errOffline}
	}
	return s.fetch(ctx, want)
}

var errOffline = errors.New("is not in the store, and --offline forbids fetching it")

// Stored opens a package from the store, and drops one whose bytes have changed.
// A missing package is fs.ErrNotExist.
func (st *Store) Stored(ctx context.Context, want Ref) (io.ReadCloser, error) {
	if st.Dir == "" {
		return nil, &AbsentError{want.Name, fs.ErrNotExist}
	}
	dir, err := st.folder(packagesDir, false)
	if err != nil {
		return nil, absent(want.Name, err)
	}
	defer dir.Close()
	f, err := OpenRegular(dir, want.name())
	if _, strange := errors.AsType[kindError](err); err != nil && !strange && !errors.Is(err, fs.ErrPermission) {
		return nil, absent(want.Name, err)
	}
	if err == nil {
		if f, err = st.still(ctx, f, want.Size); err != nil {
			return nil, err
		}
		if err = verify(ctx, f, want); err == nil {
			st.used(dir, want.name())
			return f, nil
		}
		whole := wholeAnyway(ctx, f, want)
		f.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if whole {
			return nil, err
		}
	}
	st.notice(fmt.Sprintf("%s: its file in the store is damaged and was dropped (%v)", want.Name, err))
	if err := dir.Remove(want.name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return nil, &AbsentError{want.Name, fs.ErrNotExist}
}

// wholeAnyway reports whether a file has the wanted sum: then the wanted size is
// wrong.
func wholeAnyway(ctx context.Context, f *os.File, want Ref) bool {
	info, err := f.Stat()
	if err != nil || info.Size() == want.Size {
		return false
	}
	want.Size = info.Size()
	return verify(ctx, f, want) == nil
}

// absent distinguishes unavailable bytes from a store that must not be used.
func absent(what string, err error) error {
	if _, distrusted := errors.AsType[*TrustError](err); distrusted {
		return err
	}
	return &AbsentError{what, reason(err)}
}

// still is a file that nobody else can change between the check of its sum and
// its use: if somebody can, a copy of it. One longer than limit is wrong anyway.
func (st *Store) still(ctx context.Context, f *os.File, limit int64) (*os.File, error) {
	info, err := f.Stat()
	if err == nil && (steady(info) || info.Size() > limit) {
		return f, nil
	}
	defer f.Close()
	if err != nil {
		return nil, err
	}
	if ownedBy(info).uid == me() {
		_ = f.Chmod(info.Mode() &^ othersMay) // for next time; an earlier orlop made it under a lax umask
	}
	scratch, err := st.temp("copy")
	if err != nil {
		return nil, err
	}
	st.Discard(scratch)
	if _, err = io.Copy(scratch, until.Reader(ctx, io.LimitReader(f, limit+1))); err == nil {
		_, err = scratch.Seek(0, io.SeekStart)
	}
	if err != nil {
		scratch.Close()
		return nil, err
	}
	return scratch, nil
}

// Keep copies a package into the store, unless it is there already.
func (st *Store) Keep(ctx context.Context, from io.Reader, want Ref) error {
	if st.Dir == "" {
		return errNoStore
	}
	if f, err := st.Stored(ctx, want); err == nil {
		return f.Close()
	}
	f, err := st.temp(want.name())
	if err != nil {
		return err
	}
	defer f.Close()
	disk := until.NewDisk(ctx, f)
	if _, err = io.Copy(disk, from); err == nil {
		err = disk.Finish()
	}
	if err == nil {
		err = verify(ctx, f, want)
	}
	if err == nil {
		err = st.rename(f, packagesDir, want.name())
	}
	if err != nil {
		st.Discard(f)
	}
	return err
}

var errNoStore = errors.New("there is no store (give --cache)")

func (st *Store) notice(text string) {
	if st.Notice != nil {
		st.Notice(text)
	}
}

// catalogue names a file of the repository that nobody vouches for.
func (s *Source) catalogue(path string) string {
	digest := sha256.Sum256([]byte(s.where + "\n" + path))
	return hex.EncodeToString(digest[:])
}
