// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/orlop/orlop/pkgdb/until"
)

// Reuses reports whether there is a folder for results of runs.
func (st *Store) Reuses() bool { return st.Dir != "" }

// Recall returns what Remember kept under a key, nil for nothing. The key covers
// everything that decides the text. A text whose bytes have changed is dropped.
func (st *Store) Recall(key string) []byte {
	dir, f, err := st.result(notesDir, noteName(key), "a note")
	if err != nil {
		return nil
	}
	defer dir.Close()
	defer f.Close()
	b, err := readWhole(f)
	if err != nil {
		return nil
	}
	if len(b) < sha256.Size || noteSum(key, b[sha256.Size:]) != [sha256.Size]byte(b) {
		st.notice("a note in the store is damaged and was dropped")
		_ = dir.Remove(noteName(key)) // a new one will replace it
		return nil
	}
	st.used(dir, noteName(key))
	return b[sha256.Size:]
}

// readWhole reads a file, in no more memory than it takes.
func readWhole(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, info.Size()) // who could change it is this user
	_, err = io.ReadFull(f, b)
	return b, err
}

// result opens a result of an earlier run of this user, and its folder. The text
// of a note vouches for itself, and so does a layer's record: results written by
// others are ignored, and what is not a file is dropped.
func (st *Store) result(folder, name, what string) (*os.Root, *os.File, error) {
	dir, err := st.folder(folder, false)
	if err != nil {
		return nil, nil, err
	}
	f, err := OpenRegular(dir, name)
	if err == nil {
		var info fs.FileInfo
		if info, err = f.Stat(); err == nil && mine(info) {
			return dir, f, nil
		}
		f.Close()
		if o := ownedBy(info); err == nil && (o.uid == me() || o.uid != 0) { // many stores that users only read have root's
			st.notice(fmt.Sprintf("%s in the store is not yours alone (it belongs to user %d, its mode is %04o, it has %d names) and is made again", what, o.uid, o.bits, o.links))
		}
		err = fs.ErrNotExist
	} else if _, strange := errors.AsType[kindError](err); strange {
		st.notice(fmt.Sprintf("%s in the store %v and was dropped", what, reason(err)))
		_ = dir.Remove(name) // if that fails, so does replacing it
		err = fs.ErrNotExist
	}
	dir.Close()
	return nil, nil, err
}

// Remember keeps a text, which may be in parts. Its sum comes first, so that one
// truncated by a crash is ignored.
func (st *Store) Remember(ctx context.Context, key string, parts ...[]byte) error {
	f, err := st.Create()
	if err != nil {
		return err
	}
	defer f.Close()
	digest, err := until.Do(ctx, func() ([sha256.Size]byte, error) { return noteSum(key, parts...), nil })
	to := bufio.NewWriter(until.Writer(ctx, f))
	for _, part := range append([][]byte{digest[:]}, parts...) {
		if err == nil {
			_, err = to.Write(part)
		}
	}
	if err == nil {
		err = to.Flush()
	}
	if err == nil {
		err = st.rename(f, notesDir, noteName(key))
	}
	if err != nil {
		st.Discard(f)
	}
	return err
}

func noteName(key string) string {
	digest := sha256.Sum256([]byte(key))
	return hex.EncodeToString(digest[:])
}

func noteSum(key string, parts ...[]byte) [sha256.Size]byte {
	h := sha256.New()
	io.WriteString(h, key+"\x00")
	for _, part := range parts {
		h.Write(part)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// Create makes a file for KeepBlob.
func (st *Store) Create() (*os.File, error) { return st.temp("made") }

// KeepBlob names a file of Create by its digest, 64 hex digits of a sha256. The
// file stays open.
func (st *Store) KeepBlob(f *os.File, digest string) error {
	dir, err := st.folder(partsDir, false)
	if err != nil {
		return err
	}
	defer dir.Close()
	if !sameFile(dir, f) {
		return fmt.Errorf("%s: is not a file of the store", f.Name())
	}
	return st.rename(f, blobsDir, digest)
}

// OpenBlob opens a blob, unchecked: the reader compares its digest, and calls
// CheckBlob if that differs. A missing blob is fs.ErrNotExist.
func (st *Store) OpenBlob(digest string) (*os.File, error) {
	dir, f, err := st.result(blobsDir, digest, fmt.Sprintf("layer %.12s", digest))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	st.used(dir, digest)
	return f, nil
}

// CheckBlob reads a blob and drops it if it is damaged, which it reports.
func (st *Store) CheckBlob(ctx context.Context, digest string) (damaged bool) {
	f, err := st.OpenBlob(digest)
	if err != nil {
		return false
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, until.Reader(ctx, f))
	if ctx.Err() != nil || err == nil && hex.EncodeToString(h.Sum(nil)) == digest {
		return false
	}
	st.DropBlob(digest)
	return true
}

// DropBlob removes a damaged blob.
func (st *Store) DropBlob(digest string) {
	st.notice(fmt.Sprintf("layer %.12s in the store is damaged and was dropped", digest))
	dir, err := st.folder(blobsDir, false)
	if err == nil {
		defer dir.Close()
		err = dir.Remove(digest)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		st.notice(err.Error())
	}
}

// used records that a file was used, for Prune. If the name has meanwhile
// changed its meaning, it is still a file of the same folder.
func (st *Store) used(dir *os.Root, name string) {
	if st.Now != nil {
		now := st.Now()
		_ = dir.Chtimes(name, now, now) // a read-only store is good enough to read
	}
}
