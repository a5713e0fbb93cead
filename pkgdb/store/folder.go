// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Folders of a store. Files other than parts appear in them whole, by rename.
//
// In a shared store, results and unfinished files are in a folder of the user's
// own that nobody else can write: results are trusted as they are, and never
// shared between users.
const (
	packagesDir   = "packages"   // by sum
	cataloguesDir = "catalogues" // by repository and path, as last fetched
	signedDir     = "signed"     // catalogues with their signature, by digest of the payload
	partsDir      = "parts"      // unfinished, packages by sum; locked while they grow
	blobsDir      = "layers"     // made by runs, by digest
	notesDir      = "notes"      // what runs have computed, by what it depends on
)

var allDirs = []string{packagesDir, cataloguesDir, signedDir, partsDir, blobsDir, notesDir}

// ownDirs are those private to a user.
var ownDirs = map[string]bool{partsDir: true, blobsDir: true, notesDir: true}

// Modes of new folders, independent of the umask.
const (
	privateMode fs.FileMode = 0o700
	sharedMode              = fs.ModeSetgid | 0o770 // files get the store's group, on Linux too
)

// ownDir is the user's folder in a shared store.
func ownDir() string { return fmt.Sprintf("user-%d", me()) }

// Check refuses a store that somebody else may have written to, or still can.
// One that does not exist, or cannot be read, is not a matter of trust.
func (st *Store) Check() error {
	for _, name := range allDirs {
		dir, err := st.folder(name, false)
		if err == nil {
			dir.Close()
		} else if _, distrusted := errors.AsType[*TrustError](err); distrusted {
			return err
		}
	}
	return nil
}

// CheckFolder refuses what can never be the folder of a store. One that does not
// exist yet can.
func (st *Store) CheckFolder() error {
	fault := func(found string) error {
		return &TrustError{st.Dir, "is " + found + ", wanted a folder", "use another (--cache)"}
	}
	info, err := os.Stat(st.Dir)
	if err == nil && !info.IsDir() {
		return fault(Kind(info.Mode()))
	}
	if link, other := os.Lstat(st.Dir); errors.Is(err, fs.ErrNotExist) && other == nil && link.Mode()&fs.ModeSymlink != 0 {
		return fault("a symbolic link that leads nowhere")
	}
	return nil
}

// CheckWritable checks, before anything is fetched, that it can be kept.
func (st *Store) CheckWritable() error {
	f, err := st.temp("check")
	if err != nil {
		return fmt.Errorf("store %s: cannot be written: %w", st.Dir, reason(err))
	}
	st.Discard(f)
	return f.Close()
}

// folder opens a folder of the store, and makes it if something is to be put
// into it. The caller closes it.
func (st *Store) folder(name string, create bool) (*os.Root, error) {
	in, err := st.parent(name, create)
	if err != nil {
		return nil, err
	}
	return st.enter(in, name, create)
}

// parent opens the parent of a folder, once.
func (st *Store) parent(name string, create bool) (*os.Root, error) {
	st.opening.Lock()
	defer st.opening.Unlock()
	if st.top == nil {
		if err := st.open(create); err != nil {
			return nil, err
		}
	}
	if !st.isShared || !ownDirs[name] {
		return st.top, nil
	}
	if st.own == nil {
		own, err := st.enter(st.top, ownDir(), create)
		if err != nil {
			return nil, err
		}
		st.own = own
	}
	return st.own, nil
}

// open opens the store. Its own name may be a link made by the user.
func (st *Store) open(create bool) error {
	if st.Dir == "" {
		return errNoStore
	}
	if create {
		mode := privateMode
		if st.Shared {
			mode = sharedMode
		}
		if err := makeFolders(filepath.Clean(st.Dir), mode); err != nil {
			return err
		}
	}
	info, err := os.Stat(st.Dir)
	if err != nil {
		return err
	}
	shared, err := judge(st.Dir, info)
	if err != nil {
		return err
	}
	top, err := openSame(info, func() (*os.Root, error) { return os.OpenRoot(st.Dir) })
	if err != nil {
		return err
	}
	if st.Shared && !shared {
		st.notice(fmt.Sprintf("store %s: mode is %04o, so it is not shared: chmod 2770 %s", st.Dir, ownedBy(info).bits, st.Dir))
	}
	st.top, st.isShared = top, shared
	return nil
}

// enter opens a folder inside another. It must be a folder itself, not a link to
// one.
func (st *Store) enter(in *os.Root, name string, create bool) (*os.Root, error) {
	own := in != st.top || name == ownDir()
	mode := privateMode
	switch {
	case st.isShared && !own:
		mode = sharedMode
	case st.isShared:
		mode |= fs.ModeSetgid
	}
	info, err := in.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) && create {
		if err = makeFolder(in, name, mode); err == nil {
			info, err = in.Lstat(name)
		}
	}
	if err != nil {
		return nil, err
	}
	path := filepath.Join(in.Name(), name)
	if !info.IsDir() {
		return nil, &TrustError{path, "is " + Kind(info.Mode()) + ", wanted a folder", "rm " + path}
	}
	if own || !st.isShared {
		around, err := in.Stat(".")
		if err == nil {
			err = judgeInner(path, info, around)
		}
		if err != nil {
			return nil, err
		}
	}
	dir, err := openSame(info, func() (*os.Root, error) { return in.OpenRoot(name) })
	if err == nil && mode == sharedMode && ownedBy(info).uid == me() && ownedBy(info).bits != sharedBits {
		err = setMode(dir, ".", mode) // from before the store was shared
	}
	return dir, err
}

// openSame opens a folder and makes sure that it is the one that was checked.
func openSame(looked fs.FileInfo, open func() (*os.Root, error)) (*os.Root, error) {
	dir, err := open()
	if err != nil {
		return nil, err
	}
	info, err := dir.Stat(".")
	if err == nil && !os.SameFile(looked, info) {
		err = fmt.Errorf("%s: has been replaced meanwhile", dir.Name())
	}
	if err != nil {
		dir.Close()
		return nil, err
	}
	return dir, nil
}

// makeFolders is MkdirAll with a mode that no umask changes.
func makeFolders(path string, mode fs.FileMode) error {
	if _, err := os.Stat(path); err == nil || path == filepath.Dir(path) {
		return nil
	}
	if err := makeFolders(filepath.Dir(path), mode); err != nil {
		return err
	}
	in, err := openFolder(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer in.Close()
	return makeFolder(in, filepath.Base(path), mode)
}

// openFolder opens any folder. With the trailing slash a FIFO is refused instead
// of waited for.
func openFolder(path string) (*os.Root, error) {
	if path != "" {
		path = strings.TrimRight(path, "/") + "/"
	}
	return os.OpenRoot(path)
}

func makeFolder(in *os.Root, name string, mode fs.FileMode) error {
	err := in.Mkdir(name, mode.Perm())
	if errors.Is(err, fs.ErrExist) {
		return nil // another run was faster
	}
	if err != nil {
		return err
	}
	return setMode(in, name, mode)
}

// setMode uses a descriptor: a Root sets no setgid bit. A shared folder has one
// of the user's groups: the parent's if it is one of them, which FreeBSD does not
// guarantee, else the user's first.
func setMode(in *os.Root, name string, mode fs.FileMode) error {
	dir, err := in.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	if info, err := dir.Stat(); err == nil && mode == sharedMode && !inGroup(ownedBy(info).gid) {
		if err := dir.Chown(-1, myGroup()); err != nil {
			return err
		}
	}
	return dir.Chmod(mode)
}
