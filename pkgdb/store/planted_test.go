// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// plants are ways to put something else in place of a file. Each gets the
// path and that of a victim.
var plants = map[string]func(path, victim string) error{
	"link":          func(path, victim string) error { return os.Symlink(victim, path) },
	"dangling link": func(path, victim string) error { return os.Symlink(victim+"2", path) },
	"hard link":     func(path, victim string) error { return os.Link(victim, path) },
	"FIFO":          func(path, _ string) error { return syscall.Mkfifo(path, 0o600) },
	"folder":        func(path, _ string) error { return os.Mkdir(path, 0o700) },
}

// planted makes a store with something in place of a file of one folder,
// and has do use it. The victim stays what it is, nothing blocks, and all that
// is planted can be pruned.
func planted(t *testing.T, folder string, name func(*Store, *Source) string, do func(t *testing.T, how string, st *Store, src *Source)) {
	for how, plant := range plants {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			st, src := remote(t, whole)
			dir := t.TempDir()
			st.Dir = filepath.Join(dir, "store")
			victim := filepath.Join(dir, "victim")
			must(t, st.make(), os.WriteFile(victim, []byte("victim"), 0o600), plant(filepath.Join(st.Dir, folder, name(st, src)), victim))
			_, _ = inTime(t, how, func() (any, error) { do(t, how, st, src); return nil, nil })
			if _, err := inTime(t, "prune", func() ([]Entry, error) { return st.Prune(t.Context(), 0) }); err != nil {
				t.Error(err)
			}
			if list, err := st.List(t.Context()); err != nil || len(list) > 0 {
				t.Errorf("the store has %v, %v", list, err)
			}
			text, err := os.ReadFile(victim)
			if _, other := os.Stat(victim + "2"); err != nil || string(text) != "victim" || other == nil {
				t.Errorf("the victim is %q, %v", text, err)
			}
		})
	}
}

func TestPlantedPart(t *testing.T) {
	t.Parallel()
	for _, name := range []string{wanted.name(), fmt.Sprintf("%s-%d-0", wanted.name(), os.Getpid()), fmt.Sprintf("made-%d-0", os.Getpid())} {
		t.Run(name[:4]+name[len(name)-1:], func(t *testing.T) {
			planted(t, partsDir, func(*Store, *Source) string { return name }, func(t *testing.T, how string, st *Store, src *Source) {
				if err := get(t, src); err != nil {
					t.Error(err)
				}
				must(t, os.RemoveAll(filepath.Join(st.Dir, packagesDir)))
				if err := errors.Join(st.Keep(t.Context(), strings.NewReader(string(body)), wanted), st.Remember(t.Context(), "key", []byte("text"))); err != nil {
					t.Error(err)
				}
				if got := string(st.Recall("key")); got != "text" {
					t.Errorf("the note is %q", got)
				}
			})
		})
	}
}

func TestPlantedPackage(t *testing.T) {
	t.Parallel()
	planted(t, packagesDir, func(*Store, *Source) string { return wanted.name() }, func(t *testing.T, how string, st *Store, src *Source) {
		st.Offline = true
		var absent *AbsentError
		if err := get(t, src); !errors.As(err, &absent) {
			t.Errorf("offline: got %v", err)
		}
		st.Offline = false
		if err := get(t, src); err != nil {
			t.Error(err)
		}
	})
}

func TestPlantedCatalogue(t *testing.T) {
	t.Parallel()
	planted(t, cataloguesDir, func(_ *Store, src *Source) string { return src.catalogue("data.pkg") }, func(t *testing.T, how string, st *Store, src *Source) {
		for _, offline := range []bool{true, false, true} {
			first := offline && !st.Offline
			if st.Offline = offline; first && how == "hard link" {
				continue // as good as any file: the caller checks it
			}
			f, err := src.Open(t.Context(), "data.pkg")
			if err != nil {
				if !offline {
					t.Error(err)
				}
				continue
			}
			if text, err := io.ReadAll(f); err != nil || string(text) != string(body) {
				t.Errorf("got %.20q, %v", text, err)
			}
			f.Close()
		}
	})
}

func TestPlantedSigned(t *testing.T) {
	t.Parallel()
	planted(t, signedDir, func(*Store, *Source) string { return aDigest }, func(t *testing.T, how string, st *Store, src *Source) {
		if _, err := st.Catalogue(t.Context(), aDigest); err == nil && how != "hard link" {
			t.Error("it is read")
		}
		if err := st.KeepCatalogue(t.Context(), aDigest, []byte("archive")); err != nil {
			t.Error(err)
		}
		if text, err := st.Catalogue(t.Context(), aDigest); err != nil || string(text) != "archive" {
			t.Errorf("got %q, %v", text, err)
		}
	})
}

func TestPlantedResult(t *testing.T) {
	t.Parallel()
	planted(t, notesDir, func(*Store, *Source) string { return noteName("key") }, func(t *testing.T, how string, st *Store, src *Source) {
		if text := st.Recall("key"); text != nil {
			t.Errorf("it is read: %q", text)
		}
		if err := st.Remember(t.Context(), "key", []byte("text")); err != nil {
			t.Error(err)
		}
		if got := string(st.Recall("key")); got != "text" {
			t.Errorf("the note is %q", got)
		}
	})
	planted(t, blobsDir, func(*Store, *Source) string { return aDigest }, func(t *testing.T, how string, st *Store, src *Source) {
		if _, err := st.OpenBlob(aDigest); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it is opened: %v", err)
		}
		f, err := st.Create()
		must(t, err)
		defer f.Close()
		_, err = f.Write([]byte("layer"))
		must(t, err)
		if err := st.KeepBlob(f, aDigest); err != nil {
			t.Error(err)
		}
		if f, err := st.OpenBlob(aDigest); err != nil {
			t.Error(err)
		} else {
			f.Close()
		}
	})
}
