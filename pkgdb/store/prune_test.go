// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// TestPruneBesideRuns prunes a store and lists it while runs fill it and others
// remove what is there. What has just gone is no fault of anybody's, and what a
// run is writing stays.
func TestPruneBesideRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var runs, others sync.WaitGroup
	end := make(chan struct{})
	beside := func(do func(st *Store, n int) error) {
		others.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-end:
					return
				default:
				}
				if err := do(&Store{Dir: dir}, n); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 2 {
		beside(func(st *Store, _ int) error { _, err := st.Prune(t.Context(), 0); return err })
	}
	beside(func(st *Store, _ int) error { _, err := st.List(t.Context()); return err })
	beside(func(_ *Store, n int) error { // which knows no locks, as an older orlop
		for _, name := range []string{"left", "also"} {
			path := filepath.Join(dir, partsDir, name)
			_ = os.WriteFile(path, []byte("x"), 0o600) // before there is such a folder it fails
			_ = os.Remove(path)
		}
		return nil
	})
	for run := range 3 {
		runs.Go(func() {
			st := &Store{Dir: dir}
			for n := range 60 {
				if err := keepSome(st, fmt.Sprintf("%d %d", run, n)); err != nil {
					t.Errorf("run %d: %v", run, err)
					return
				}
			}
		})
	}
	runs.Wait()
	close(end)
	others.Wait()
}

// keepSome keeps a note and a blob, as a build does.
func keepSome(st *Store, text string) error {
	if err := st.Remember(context.Background(), "key of "+text, []byte(text)); err != nil {
		return fmt.Errorf("note: %w", err)
	}
	f, err := st.Create()
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	if err := st.KeepBlob(f, fmt.Sprintf("%064x", text)); err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	return nil
}

// TestPruneCountsWhatHasGone does not remove more for what others have removed
// already.
func TestPruneCountsWhatHasGone(t *testing.T) {
	t.Parallel()
	st := &Store{Dir: t.TempDir()}
	if err := os.Chmod(st.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	packages := filepath.Join(st.Dir, packagesDir)
	if err := os.Mkdir(packages, 0o700); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"old", "new"} {
		path, used := filepath.Join(packages, name), time.Unix(int64(i), 0)
		if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, used, used); err != nil {
			t.Fatal(err)
		}
	}
	list, err := st.List(t.Context())
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	if err := os.Remove(filepath.Join(packages, "old")); err != nil {
		t.Fatal(err)
	}
	if err := st.remove(list[0]); !os.IsNotExist(err) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
	if gone, err := st.prune(t.Context(), list, 10); len(gone) > 0 || err != nil {
		t.Errorf("removed %v, %v", gone, err)
	}
}
