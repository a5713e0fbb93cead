// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/orlop/orlop/pkgdb/sum"
)

// asRoot skips what needs two users, where there is one. CI runs as root.
func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("gives files to another user: needs root")
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// fill puts something into each folder of a store.
func fill(t *testing.T, st *Store, src *Source) {
	t.Helper()
	meta, err := src.Open(t.Context(), "meta.conf")
	must(t, err, meta.Close(), get(t, src), st.Remember(t.Context(), "key", []byte("text")), st.KeepCatalogue(t.Context(), aDigest, []byte("archive")))
	layer, err := st.Create()
	must(t, err)
	_, err = layer.Write([]byte("layer"))
	must(t, err, st.KeepBlob(layer, aDigest), layer.Close())
	part, err := st.Create() // a killed run left it
	must(t, err)
	_, err = part.Write([]byte("part"))
	must(t, err, part.Close())
}

// make makes all folders that are not there.
func (st *Store) make() error {
	for _, name := range allDirs {
		dir, err := st.folder(name, true)
		if err != nil {
			return err
		}
		dir.Close()
	}
	return nil
}

var aDigest = strings.Repeat("5e", 32)

// modes lists the files of a store below its folder.
func modes(t *testing.T, dir string) (list []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		must(t, err)
		info, err := d.Info()
		must(t, err)
		name, _ := filepath.Rel(dir, path)
		if !d.IsDir() {
			name = filepath.Dir(name) + "/*"
		}
		list = append(list, fmt.Sprintf("%s %04o", name, ownedBy(info).bits))
		return nil
	}))
	return list
}

// TestNewStore has the umasks that take nothing and much away. It is not
// parallel, since a umask is the process's.
func TestNewStore(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o077} {
		for _, shared := range []bool{false, true} {
			st, src := remote(t, whole)
			above := t.TempDir()
			st.Dir, st.Shared = filepath.Join(above, "a", "store"), shared
			old := syscall.Umask(umask)
			fill(t, st, src)
			syscall.Umask(old)
			want := []string{"a 0700", "a/store 0700", "a/store/catalogues 0700", "a/store/catalogues/* 0600", "a/store/layers 0700", "a/store/layers/* 0600",
				"a/store/notes 0700", "a/store/notes/* 0600", "a/store/packages 0700", "a/store/packages/* 0600",
				"a/store/parts 0700", "a/store/parts/* 0600", "a/store/signed 0700", "a/store/signed/* 0600"}
			if shared {
				own := "a/store/" + ownDir()
				want = []string{"a 2770", "a/store 2770", "a/store/catalogues 2770", "a/store/catalogues/* 0640",
					"a/store/packages 2770", "a/store/packages/* 0640", "a/store/signed 2770", "a/store/signed/* 0640",
					own + " 2700", own + "/layers 2700", own + "/layers/* 0600", own + "/notes 2700", own + "/notes/* 0600", own + "/parts 2700", own + "/parts/* 0600"}
			}
			if got := modes(t, above)[1:]; !slices.Equal(got, want) {
				t.Errorf("umask %03o, shared %v: got\n%s\nwant\n%s", umask, shared, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if list, err := st.List(t.Context()); err != nil || len(list) != 5 {
				t.Errorf("umask %03o, shared %v: the store has %v, %v", umask, shared, list, err)
			}
			if gone, err := st.Prune(t.Context(), 0); err != nil || len(gone) != 5 {
				t.Errorf("umask %03o, shared %v: %v, %v leave the store", umask, shared, gone, err)
			}
		}
	}
}

// TestDistrusted is each store that others may have written into: nothing of it
// is used, and the command of the message mends it. It starts programs, which
// until they run hold the locks of this process, so no other test runs meanwhile.
func TestDistrusted(t *testing.T) {
	mode := func(dir string, bits uint32) error { return syscall.Chmod(dir, bits) }
	for _, tt := range []struct {
		name, want string
		root       bool // needs root
		spoil      func(dir string) error
	}{
		{"0777", "store DIR: mode is 0777, group or others may write: chmod 0700 DIR", false, func(dir string) error { return mode(dir, 0o777) }},
		{"0770", "store DIR: mode is 0770, group or others may write: chmod 0700 DIR", false, func(dir string) error { return mode(dir, 0o770) }},
		{"2775", "store DIR: mode is 2775, group or others may write: chmod 0700 DIR", false, func(dir string) error { return mode(dir, 0o2775) }},
		{"1777", "store DIR: mode is 1777, group or others may write: chmod 0700 DIR", false, func(dir string) error { return mode(dir, 0o1777) }},
		{"another user", `store DIR: belongs to user 1, wanted yours or root's: use another (--cache), or as its owner "chmod 2770 DIR" with a group both are in`, true,
			func(dir string) error { return os.Chown(dir, 1, 0) }},
		{"another user, 0777", "store DIR: belongs to user 1, wanted yours or root's: ", true, func(dir string) error { return errors.Join(os.Chown(dir, 1, 0), mode(dir, 0o777)) }},
		{"another user and group", `store DIR: belongs to user 1, and its group 12345 is not one of yours: use another (--cache), or as its owner "chgrp GROUP DIR" with a group both are in`, true,
			func(dir string) error { return errors.Join(os.Chown(dir, 1, 12345), mode(dir, 0o2770)) }},
		{"another group", "store DIR: mode is 2770, and its group 12345 is not one of yours: chmod 0700 DIR", true,
			func(dir string) error { return errors.Join(os.Chown(dir, -1, 12345), mode(dir, 0o2770)) }},
		{"inner link", "store DIR/parts: is a symbolic link, wanted a folder: rm DIR/parts", false, func(dir string) error {
			return errors.Join(os.RemoveAll(dir+"/parts"), os.Symlink("packages", dir+"/parts"))
		}},
		{"inner dangling link", "store DIR/layers: is a symbolic link, wanted a folder: rm DIR/layers", false, func(dir string) error {
			return errors.Join(os.RemoveAll(dir+"/layers"), os.Symlink("none", dir+"/layers"))
		}},
		{"inner FIFO", "store DIR/packages: is a FIFO, wanted a folder: rm DIR/packages", false, func(dir string) error {
			return errors.Join(os.RemoveAll(dir+"/packages"), syscall.Mkfifo(dir+"/packages", 0o600))
		}},
		{"inner file", "store DIR/signed: is a regular file, wanted a folder: rm DIR/signed", false, func(dir string) error {
			return errors.Join(os.RemoveAll(dir+"/signed"), os.WriteFile(dir+"/signed", nil, 0o600))
		}},
		{"inner folder of others", "store DIR/notes: belongs to user 1, wanted yours or root's: rm -r DIR/notes, as root if need be", true,
			func(dir string) error { return os.Chown(dir+"/notes", 1, -1) }},
		{"inner folder for all", "store DIR/catalogues: mode is 0777, group or others may write: chmod 0700 DIR/catalogues", false,
			func(dir string) error { return errors.Join(mode(dir, 0o755), mode(dir+"/catalogues", 0o777)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.root {
				asRoot(t)
			}
			filled, src := remote(t, func(w http.ResponseWriter, r *http.Request) { whole(w, r) })
			filled.Dir = filepath.Join(t.TempDir(), "store")
			fill(t, filled, src)
			must(t, tt.spoil(filled.Dir))
			before := modes(t, filled.Dir)
			err := refused(t, filled.Dir)
			if want := strings.ReplaceAll(tt.want, "DIR", filled.Dir); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Fatalf("got %v\nwant %s", err, want)
			}
			if after := modes(t, filled.Dir); !slices.Equal(after, before) {
				t.Errorf("the store was changed: %v", after)
			}
			mend, _, _ := strings.Cut(err.(*TrustError).Mend, ",")
			if _, quoted, is := strings.Cut(err.(*TrustError).Mend, `"`); is {
				mend, _, _ = strings.Cut(quoted, `"`)
				mend = strings.ReplaceAll(mend, "GROUP", fmt.Sprint(os.Getegid()))
			}
			if out, err := exec.Command("sh", "-c", mend).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v %s", mend, err, out)
			}
			if err := (&Store{Dir: filled.Dir}).Check(); err != nil {
				t.Errorf("after %q: %v", mend, err)
			}
		})
	}
}

// refused is what Check says of a store. No function uses what is not to be:
// the store, or one of its folders.
func refused(t *testing.T, dir string) error {
	t.Helper()
	said := (&Store{Dir: dir}).Check()
	st := &Store{Dir: dir}
	_, listed := st.List(t.Context())
	_, pruned := st.Prune(t.Context(), 0)
	pkg, stored := st.Stored(t.Context(), wanted)
	_, signed := st.Catalogue(t.Context(), aDigest)
	layer, opened := st.OpenBlob(aDigest)
	noted := said
	if st.Recall("key") != nil {
		noted = nil
	}
	for folder, err := range map[string]error{"": listed, ".": pruned, packagesDir: stored, signedDir: signed, blobsDir: opened, notesDir: noted} {
		concerns := folder == "" || folder == "." || !strings.HasPrefix(fmt.Sprint(said), "store "+dir+"/") || strings.HasPrefix(fmt.Sprint(said), "store "+dir+"/"+folder+":")
		if _, distrusted := errors.AsType[*TrustError](err); distrusted != concerns {
			t.Errorf("%q: got %v where Check says %v", folder, err, said)
		}
	}
	if stored == nil {
		pkg.Close()
	}
	if opened == nil {
		layer.Close()
	}
	return said
}

// TestTrusted is each store that is used.
func TestTrusted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		root   bool
		change func(dir string) error
	}{
		{"0755", false, func(dir string) error { return syscall.Chmod(dir, 0o755) }}, // an earlier orlop's
		{"0500", false, func(dir string) error { return syscall.Chmod(dir, 0o500) }},
		{"nobody passes to what all may write", false, func(dir string) error {
			return errors.Join(syscall.Chmod(dir, 0o700), syscall.Chmod(dir+"/parts", 0o777))
		}},
		{"link to it", false, func(dir string) error { return errors.Join(os.Rename(dir, dir+"2"), os.Symlink("store2", dir)) }},
		{"shared", false, func(dir string) error { return syscall.Chmod(dir, 0o2770) }},
		{"shared of another user", true, func(dir string) error { return errors.Join(os.Chown(dir, 1, os.Getegid()), syscall.Chmod(dir, 0o2770)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.root {
				asRoot(t)
			}
			st, src := remote(t, whole)
			st.Dir = filepath.Join(t.TempDir(), "store")
			fill(t, st, src)
			must(t, tt.change(st.Dir))
			defer syscall.Chmod(st.Dir, 0o700)
			again := &Store{Dir: st.Dir}
			must(t, again.Check())
			if f, err := again.Stored(t.Context(), wanted); err != nil {
				t.Error(err)
			} else {
				f.Close()
			}
			if list, err := again.List(t.Context()); err != nil || len(list) != 5 {
				t.Errorf("the store has %v, %v", list, err)
			}
		})
	}
	if err := (&Store{Dir: filepath.Join(t.TempDir(), "none")}).Check(); err != nil {
		t.Errorf("no store: %v", err)
	}
}

// TestOthersResult has notes and layers that another user has made, with their
// right sums, in the user's own place: they are made again.
func TestOthersResult(t *testing.T) {
	t.Parallel()
	asRoot(t)
	for _, shared := range []bool{false, true} {
		for how, spoil := range map[string]func(path string) error{
			"another user's": func(path string) error { return os.Chown(path, 1, -1) },
			"for all":        func(path string) error { return os.Chmod(path, 0o666) },
			"hard link":      func(path string) error { return os.Link(path, path+"2") },
		} {
			st, src := remote(t, whole)
			st.Dir, st.Shared = filepath.Join(t.TempDir(), "store"), shared
			var said []string
			st.Notice = func(text string) { said = append(said, text) }
			fill(t, st, src)
			own := st.Dir
			if shared {
				own = filepath.Join(st.Dir, ownDir())
			}
			must(t, spoil(filepath.Join(own, notesDir, noteName("key"))), spoil(filepath.Join(own, blobsDir, aDigest)))
			if text := st.Recall("key"); text != nil {
				t.Errorf("%s: the note %q is believed", how, text)
			}
			if _, err := st.OpenBlob(aDigest); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: the layer is opened: %v", how, err)
			}
			if len(said) != 2 || !strings.Contains(said[0], "a note in the store is not yours alone") {
				t.Errorf("%s: said %q", how, said)
			}
			must(t, st.Remember(t.Context(), "key", []byte("mine")))
			if got := string(st.Recall("key")); got != "mine" {
				t.Errorf("%s: the note is %q", how, got)
			}
		}
	}
}

// TestOthersPackage is a shared store with a package and a catalogue of another
// user, who changes them after the look at their sums.
func TestOthersPackage(t *testing.T) {
	t.Parallel()
	asRoot(t)
	st, src := remote(t, whole)
	st.Dir, st.Shared = filepath.Join(t.TempDir(), "store"), true
	fill(t, st, src)
	st.Offline = true
	path := filepath.Join(st.Dir, packagesDir, wanted.name())
	last := filepath.Join(st.Dir, cataloguesDir, src.catalogue("meta.conf"))
	must(t, os.Chown(path, 1, -1), os.Chown(last, 1, -1))
	pkg, err := src.Verified(t.Context(), wanted)
	must(t, err)
	defer pkg.Close()
	meta, err := src.Open(t.Context(), "meta.conf")
	must(t, err)
	defer meta.Close()
	for _, name := range []string{path, last} {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		must(t, err)
		_, err = f.WriteAt([]byte("forged"), 0)
		must(t, err, f.Close())
	}
	for _, r := range []io.Reader{pkg, meta} {
		if text, err := io.ReadAll(r); err != nil || sum.Of(sum.BLAKE2b, text) != wanted.Sum {
			t.Errorf("got %.20q, %v", text, err)
		}
	}
	st.Offline = false
	if err := get(t, src); err != nil { // what is wrong now is fetched again
		t.Error(err)
	}
	if info, err := os.Stat(path); err != nil || ownedBy(info).uid != 0 {
		t.Errorf("the package is still the other user's: %v", err)
	}
}

// TestOthersPart does not go on with what another user has begun.
func TestOthersPart(t *testing.T) {
	t.Parallel()
	asRoot(t)
	st, src := remote(t, whole)
	part := filepath.Join(st.Dir, partsDir, wanted.name())
	must(t, st.make(), os.WriteFile(part, body[:100], 0o600), os.Chown(part, 1, -1))
	held, err := os.OpenFile(part, os.O_RDWR, 0)
	must(t, err)
	defer held.Close()
	if err := get(t, src); err != nil {
		t.Error(err)
	}
	if text, err := io.ReadAll(held); err != nil || len(text) != 100 {
		t.Errorf("%d bytes were written into it", len(text)-100)
	}
}
