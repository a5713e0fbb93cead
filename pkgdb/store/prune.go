// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/orlop/orlop/pkgdb/until"
)

// Entry is a file of a store.
type Entry struct {
	Name string // below the store
	Size int64  // bytes
	Used time.Time

	in                 *os.Root
	folder, name, path string
}

// List returns the files of a store that can be obtained again, least recently
// used first. In a shared store it omits those that others have made for
// themselves.
func (st *Store) List(ctx context.Context) ([]Entry, error) {
	if err := st.Check(); err != nil {
		return nil, err
	}
	var list []Entry
	for _, folder := range allDirs {
		if folder == cataloguesDir {
			continue // offline nothing works without them
		}
		in, err := st.parent(folder, false)
		if err == nil {
			err = st.entries(ctx, &list, in, folder)
		}
		if (err == nil || errors.Is(err, fs.ErrNotExist)) && st.top != nil && in != st.top { // from before the store was shared
			err = st.entries(ctx, &list, st.top, folder)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return list, until.Sort(ctx, list, func(a, b Entry) int { return cmp.Or(a.Used.Compare(b.Used), cmp.Compare(a.Name, b.Name)) })
}

// entries adds the files of a folder to a list. Files that other runs remove
// meanwhile are omitted.
func (st *Store) entries(ctx context.Context, list *[]Entry, in *os.Root, folder string) error {
	dir, err := st.enter(in, folder, false)
	if err != nil {
		return err
	}
	defer dir.Close()
	files, err := fs.ReadDir(dir.FS(), ".")
	if err != nil {
		return err
	}
	prefix := folder + "/"
	if in != st.top {
		prefix = ownDir() + "/" + prefix
	}
	for _, e := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		info, err := dir.Lstat(e.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		*list = append(*list, Entry{prefix + e.Name(), info.Size(), info.ModTime(), in, folder, e.Name(), filepath.Join(dir.Name(), e.Name())})
	}
	return nil
}

// Prune removes files, least recently used first, until the rest has at most
// limit bytes, and returns them. A run reading one can continue. Files already
// gone no longer count; one that cannot be removed does not prevent the removal
// of others.
func (st *Store) Prune(ctx context.Context, limit int64) ([]Entry, error) {
	list, err := st.List(ctx)
	if err != nil {
		return nil, err
	}
	return st.prune(ctx, list, limit)
}

func (st *Store) prune(ctx context.Context, list []Entry, limit int64) ([]Entry, error) {
	var size int64
	for _, e := range list {
		size += e.Size
	}
	var gone []Entry
	var errs []error
	for _, e := range list {
		if size <= limit || ctx.Err() != nil {
			break
		}
		switch err := st.remove(e); {
		case err == nil:
			gone = append(gone, e)
			size -= e.Size
		case errors.Is(err, fs.ErrNotExist):
			size -= e.Size
		case !errors.Is(err, errBusy):
			errs = append(errs, err)
		}
	}
	return gone, errors.Join(append(errs, ctx.Err())...)
}

// CutBack is Prune for a run that has added something. A failure is only a
// notice, since it does not harm the run.
func (st *Store) CutBack(ctx context.Context) {
	gone, err := st.Prune(ctx, cmp.Or(st.Limit, DefaultLimit))
	if err != nil && ctx.Err() == nil {
		st.notice(fmt.Sprintf("the store is not cut back: %v", err))
	}
	if len(gone) > 0 {
		st.notice(fmt.Sprintf("%d files unused for a long time were removed from the store", len(gone)))
	}
}

// errBusy reports that a run is writing a file.
var errBusy = errors.New("is being written")

// remove deletes a file unless a run is writing it. No run writes what is not a
// regular file or cannot be opened. A missing file is fs.ErrNotExist.
func (st *Store) remove(e Entry) error {
	dir, err := st.enter(e.in, e.folder, false)
	if err != nil {
		return err
	}
	defer dir.Close()
	f, err := OpenRegular(dir, e.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return err // a run may be about to make a new one of that name
	case err != nil:
		return dir.Remove(e.name)
	}
	defer f.Close()
	switch {
	case lock(f) != nil:
		return errBusy
	case !sameFile(dir, f):
		return fs.ErrNotExist
	}
	return dir.Remove(e.name)
}
