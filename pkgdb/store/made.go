// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Reuses reports whether there is a folder for what runs make.
func (st *Store) Reuses() bool { return st.Dir != "" }

// Recall returns what Remember kept under a key, nil for nothing. The key names
// everything that decides the text. A text whose bytes have changed is dropped.
func (st *Store) Recall(key string) []byte {
	path := filepath.Join(st.Dir, notesDir, noteName(key))
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	if len(b) < sha256.Size || noteSum(key, b[sha256.Size:]) != [sha256.Size]byte(b) {
		st.notice("a note in the store is damaged and was dropped")
		os.Remove(path)
		return nil
	}
	st.used(path)
	return b[sha256.Size:]
}

// Remember keeps a text. Its sum stands before it, so that one that a crash has
// cut short is none.
func (st *Store) Remember(key string, text []byte) error {
	f, err := st.Create()
	if err != nil {
		return err
	}
	defer f.Close()
	digest := noteSum(key, text)
	_, err = f.Write(append(digest[:], text...))
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(st.Dir, notesDir, noteName(key)))
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

func noteName(key string) string {
	digest := sha256.Sum256([]byte(key))
	return hex.EncodeToString(digest[:])
}

func noteSum(key string, text []byte) [sha256.Size]byte {
	return sha256.Sum256(append([]byte(key+"\x00"), text...))
}

// Create makes a file that KeepBlob can give a name.
func (st *Store) Create() (*os.File, error) {
	if st.Dir == "" {
		return nil, errNoStore
	}
	if err := st.make(); err != nil {
		return nil, err
	}
	return os.CreateTemp(filepath.Join(st.Dir, partsDir), "made-*")
}

// KeepBlob gives a file of Create the name of its digest, 64 hex digits of a
// sha256. The file stays open.
func (st *Store) KeepBlob(f *os.File, digest string) error {
	return os.Rename(f.Name(), filepath.Join(st.Dir, blobsDir, digest))
}

// OpenBlob opens a blob, unchecked: whoever reads it compares its digest, and
// calls CheckBlob where that is another. That there is none is fs.ErrNotExist.
func (st *Store) OpenBlob(digest string) (*os.File, error) {
	path := filepath.Join(st.Dir, blobsDir, digest)
	f, err := os.Open(path)
	if err == nil {
		st.used(path)
	}
	return f, err
}

// CheckBlob reads a blob and drops it if it is damaged, which it reports.
func (st *Store) CheckBlob(digest string) (damaged bool) {
	f, err := st.OpenBlob(digest)
	if err != nil {
		return false
	}
	defer f.Close()
	h := sha256.New()
	if _, err = io.Copy(h, f); err == nil && hex.EncodeToString(h.Sum(nil)) == digest {
		return false
	}
	st.DropBlob(digest)
	return true
}

// DropBlob removes a blob that is damaged.
func (st *Store) DropBlob(digest string) {
	st.notice(fmt.Sprintf("layer %.12s in the store is damaged and was dropped", digest))
	if err := os.Remove(filepath.Join(st.Dir, blobsDir, digest)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		st.notice(err.Error())
	}
}

// used notes that a file was of use, for Prune.
func (st *Store) used(path string) {
	if st.Now != nil {
		now := st.Now()
		_ = os.Chtimes(path, now, now) // a store that cannot be written is good enough to read
	}
}
