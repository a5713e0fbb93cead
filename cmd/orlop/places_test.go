// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestLockURLs uses them where the user says so.
func TestLockURLs(t *testing.T) {
	t.Parallel()
	w := newForgery(t)
	archive := w.honest(t, "static") // its lock has w.url, which is http on this machine
	if status, said := w.verify(t, archive, "--cache", t.TempDir()); status != 4 || !strings.Contains(said, "is not https") {
		t.Errorf("status %d: %s", status, said)
	}
	// The bytes can be had then, but FreeBSD's keys have not signed their list.
	if status, said := w.verify(t, archive, "--cache", t.TempDir(), "--lock-urls"); status != 4 || !strings.Contains(said, `"result":"unvouched"`) {
		t.Errorf("status %d: %s", status, said)
	}
	proxied := changedLock(t, archive+".lock.json", func(l object) { firstRepository(l)["url"] = "https://pkg.example.org/r" })
	t.Run("proxy", func(t *testing.T) {
		cmd := exec.Command("orlop", "verify", "-q", "--rebuild", "--cache", t.TempDir(), "--lock", proxied, archive)
		cmd.Env = append(os.Environ(), "HTTPS_PROXY="+w.evil)
		said, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(said), "would be requested through a proxy") {
			t.Errorf("%v: %s", err, said)
		}
	})
	if n := w.asked.Load(); n > 0 {
		t.Errorf("the proxy was asked %d times", n)
	}
}

// TestFilesBeside puts things in place of files that nobody has named: they
// are refused at once, and never waited for.
func TestFilesBeside(t *testing.T) {
	t.Parallel()
	w := newForgery(t)
	archive := w.honest(t, "static")
	fifo := func(path string) error { return syscall.Mkfifo(path, 0o600) }
	link := func(path string) error { return os.Symlink("/dev/zero", path) }
	for name, f := range map[string]struct {
		file   string
		make   func(path string) error
		status int
		want   string
	}{
		"a FIFO as the lock":          {"container-image-static.lock.json", fifo, 2, "is a FIFO, wanted a regular file"},
		"a link as the lock":          {"container-image-static.lock.json", link, 2, "is a symbolic link, wanted a regular file"},
		"a folder as the lock":        {"container-image-static.lock.json", func(path string) error { return os.Mkdir(path, 0o700) }, 2, "is a folder, wanted a regular file"},
		"a FIFO as the catalogue":     {"container-image-catalogue-FreeBSD-base.pkg", fifo, 0, "reproduced"},
		"a link as the catalogue":     {"container-image-catalogue-FreeBSD-base.pkg", link, 0, "reproduced"},
		"a FIFO as another catalogue": {"catalogue", fifo, 0, "reproduced"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := copied(t, filepath.Dir(archive))
			file := filepath.Join(dir, f.file)
			_ = os.Remove(file)
			if err := f.make(file); err != nil {
				t.Fatal(err)
			}
			if status, said := w.verify(t, filepath.Join(dir, filepath.Base(archive)), w.trusting()...); status != f.status || !strings.Contains(said, f.want) {
				t.Errorf("status %d, wanted %d and %q: %s", status, f.status, f.want, said)
			}
		})
	}
	t.Run("a FIFO as the archive of a lock", func(t *testing.T) {
		t.Parallel()
		dir := copied(t, filepath.Dir(archive))
		if err := fifo(filepath.Join(dir, "container-image-static.txz")); err != nil {
			t.Fatal(err)
		}
		lock := changedLock(t, filepath.Join(dir, "container-image-static.lock.json"), func(l object) {
			at[[]any](step(l, 0), "files")[0].(object)["sha256"] = strings.Repeat("0", 64)
		})
		beside := filepath.Join(dir, "container-image-static.lock.json")
		if err := os.Rename(lock, beside); err != nil {
			t.Fatal(err)
		}
		if status, said := orlop(t, "build", "-q", "--repo-conf-dir", w.conf, "--cache", t.TempDir(), "--lock", beside, "-o", t.TempDir()); status != 4 {
			t.Errorf("status %d: %s", status, said)
		}
	})
}

// TestSourceKinds puts things in place of a source tree's file.
func TestSourceKinds(t *testing.T) {
	t.Parallel()
	for want, make := range map[string]func(path string) error{
		"is a FIFO, wanted a regular file":          func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"is a symbolic link, wanted a regular file": func(path string) error { return os.Symlink("group", path) },
	} {
		src := t.TempDir()
		err := os.Mkdir(src+"/etc", 0o777)
		if err == nil {
			err = make(src + "/etc/master.passwd")
		}
		if err != nil {
			t.Fatal(err)
		}
		if status, said := orlop(t, "build", "-q", "--repo", "sample", "--srcdir", src, "-o", t.TempDir(), "static"); status != 1 || !strings.Contains(said, want) {
			t.Errorf("status %d, wanted 1 and %s: %s", status, want, said)
		}
	}
}

// TestFIFO reads what the user names from a FIFO, and ends on a signal while
// nobody writes to it.
func TestFIFO(t *testing.T) {
	t.Parallel()
	w := newForgery(t)
	archive := w.honest(t, "static")
	text, err := os.ReadFile(archive + ".lock.json")
	if err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(t.TempDir(), "lock")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	go os.WriteFile(fifo, text, 0)
	if status, said := w.verify(t, archive, append(w.trusting(), "--lock", fifo)...); status != 0 {
		t.Errorf("status %d: %s", status, said)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if status, said := orlopIn(ctx, "verify", "-q", "--lock", fifo, archive); status != exitInterrupted {
		t.Errorf("status %d, wanted %d: %s", status, exitInterrupted, said)
	}
}

func changedLock(t *testing.T, file string, change func(object)) string {
	t.Helper()
	var lock object
	readJSON(t, file, &lock)
	change(lock)
	out := filepath.Join(t.TempDir(), "changed.lock.json")
	writeJSON(t, out, lock)
	return out
}

func orlopIn(ctx context.Context, args ...string) (status int, said string) {
	var out, err bytes.Buffer
	status = run(ctx, append([]string{"orlop"}, args...), &out, &err, func(string) (string, bool) { return "", false })
	return status, out.String() + err.String()
}
