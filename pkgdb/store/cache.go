// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Folders of a store. A file in the first three appears whole, by rename.
const (
	packagesDir   = "packages"   // by sum
	cataloguesDir = "catalogues" // by repository and path, as they were last
	signedDir     = "signed"     // catalogues with their signature, by digest of what is in them
	partsDir      = "parts"      // unfinished, by sum; locked while they grow
	blobsDir      = "layers"     // that runs have made, by digest
	notesDir      = "notes"      // what runs have found out, by what it depends on
)

// DefaultLimit is the size in bytes to which a store is cut back: some fifty
// releases of base packages.
const DefaultLimit = 20 << 30

// name is that of a package in the store.
func (r Ref) name() string { return strings.ReplaceAll(string(r.Sum.Typed()), "$", "-") }

// obtain opens a package that is in the store, or fetches it.
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

var errOffline = errors.New("is not in the store, and --offline forbids to fetch it")

// Stored opens a package that is in the store. One whose bytes have changed is
// dropped. That there is none is fs.ErrNotExist.
func (st *Store) Stored(ctx context.Context, want Ref) (io.ReadCloser, error) {
	if st.Dir == "" {
		return nil, &AbsentError{want.Name, fs.ErrNotExist}
	}
	path := filepath.Join(st.Dir, packagesDir, want.name())
	f, err := os.Open(path)
	if err != nil {
		return nil, &AbsentError{want.Name, reason(err)}
	}
	if err := verify(ctx, f, want); err != nil {
		f.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		st.notice(fmt.Sprintf("%s: its file in the store is damaged and was dropped (%v)", want.Name, err))
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return nil, &AbsentError{want.Name, fs.ErrNotExist}
	}
	st.used(path)
	return f, nil
}

// Keep copies a package into the store, if it is not there.
func (st *Store) Keep(ctx context.Context, from io.Reader, want Ref) error {
	if st.Dir == "" {
		return errNoStore
	}
	if f, err := st.Stored(ctx, want); err == nil {
		return f.Close()
	}
	if err := st.make(); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Join(st.Dir, partsDir), want.name()+"-*")
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err = io.Copy(f, contextReader{ctx, from}); err == nil {
		err = verify(ctx, f, want)
	}
	if err == nil {
		err = keep(f, filepath.Join(st.Dir, packagesDir, want.name()))
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

var errNoStore = errors.New("there is no store (give --cache)")

func (st *Store) notice(text string) {
	if st.Notice != nil {
		st.Notice(text)
	}
}

// part opens the unfinished file of a package. What an earlier run has left in
// it is gone on with; while another run is at it, this one has a file of its own.
func (st *Store) part(want Ref) (*os.File, error) {
	if err := st.make(); err != nil {
		return nil, err
	}
	dir := filepath.Join(st.Dir, partsDir)
	f, err := os.OpenFile(filepath.Join(dir, want.name()), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil && sameFile(f) {
		return f, nil
	}
	f.Close()
	return os.CreateTemp(dir, want.name()+"-*")
}

// sameFile reports whether a file still has its name.
func sameFile(f *os.File) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(f.Name())
	return err == nil && os.SameFile(a, b)
}

func (st *Store) make() error {
	for _, dir := range []string{packagesDir, cataloguesDir, signedDir, partsDir, blobsDir, notesDir} {
		if err := os.MkdirAll(filepath.Join(st.Dir, dir), 0o777); err != nil {
			return err
		}
	}
	return nil
}

// keep gives a finished file its name.
func keep(f *os.File, path string) error {
	if err := f.Sync(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// catalogue is where a file of the repository that nobody vouches for is kept.
func (s *Source) catalogue(path string) string {
	digest := sha256.Sum256([]byte(s.where + "\n" + path))
	return filepath.Join(s.store.Dir, cataloguesDir, hex.EncodeToString(digest[:]))
}

// Entry is a file of a store.
type Entry struct {
	Name string // below its folder
	Size int64  // bytes
	Used time.Time

	path string
}

// List returns the files of a store that can be had again, the longest unused first.
func (st *Store) List() ([]Entry, error) {
	var list []Entry
	for _, folder := range []string{packagesDir, signedDir, blobsDir, notesDir, partsDir} {
		files, err := os.ReadDir(filepath.Join(st.Dir, folder))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range files {
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // another run has dropped it
			}
			if err != nil {
				return nil, err
			}
			list = append(list, Entry{folder + "/" + e.Name(), info.Size(), info.ModTime(), filepath.Join(st.Dir, folder, e.Name())})
		}
	}
	slices.SortFunc(list, func(a, b Entry) int { return cmp.Or(a.Used.Compare(b.Used), cmp.Compare(a.Name, b.Name)) })
	return list, nil
}

// Prune removes files, the longest unused first, until the rest has at most
// limit bytes, and returns them. A run that reads one reads on.
func (st *Store) Prune(limit int64) ([]Entry, error) {
	list, err := st.List()
	if err != nil {
		return nil, err
	}
	var size int64
	for _, e := range list {
		size += e.Size
	}
	var gone []Entry
	for _, e := range list {
		if size <= limit {
			break
		}
		removed, err := remove(e.path)
		if err != nil {
			return gone, err
		}
		if removed {
			gone = append(gone, e)
			size -= e.Size
		}
	}
	return gone, nil
}

// CutBack is Prune for a run that has added something. What goes wrong is a
// notice, since the run is not worse for it.
func (st *Store) CutBack() {
	gone, err := st.Prune(cmp.Or(st.Limit, DefaultLimit))
	if err != nil {
		st.notice(fmt.Sprintf("the store is not cut back: %v", err))
	}
	if len(gone) > 0 {
		st.notice(fmt.Sprintf("%d files that were unused for long have left the store", len(gone)))
	}
}

// remove deletes a file that no run is writing.
func remove(path string) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return false, nil
	}
	return true, os.Remove(path)
}
