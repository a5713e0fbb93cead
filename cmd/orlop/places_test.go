// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestPlacesOfLocks lets a stranger's lock name places of the reader's machine
// and network. None of them is read, waited for or asked.
func TestPlacesOfLocks(t *testing.T) {
	t.Parallel()
	w := newForgery(t)
	archive := w.honest(t, "static")
	var asked atomic.Int64
	count := func(rw http.ResponseWriter, r *http.Request) { asked.Add(1); http.NotFound(rw, r) }
	plain, tls := httptest.NewServer(http.HandlerFunc(count)), httptest.NewTLSServer(http.HandlerFunc(count))
	t.Cleanup(plain.Close)
	t.Cleanup(tls.Close)
	port := func(url string) string { return url[strings.LastIndexByte(url, ':'):] }
	repo := func(url string) func(object) { return func(l object) { firstRepository(l)["url"] = url } }
	pkg := func(key string, value any) func(object) {
		return func(l object) {
			editNamed(at[[]any](l, "packages"), "FreeBSD-zoneinfo", func(p object) { p[key] = value })
		}
	}
	for name, f := range map[string]struct {
		change func(lock object)
		status int
		want   string
	}{
		"a folder":                      {repo("/etc"), 2, "others can reach"},
		"a folder as a URL":             {repo("file:///etc"), 2, "others can reach"},
		"a folder of pkg's kind":        {repo("FreeBSD:15:amd64"), 2, "others can reach"},
		"a relative folder":             {repo("../.."), 2, "others can reach"},
		"another scheme":                {repo("ssh://host/repo"), 2, "others can reach"},
		"a password":                    {repo("https://user:passw0rd@" + tls.Listener.Addr().String() + "/r"), 2, "has a user"},
		"a query":                       {repo(tls.URL + "/r?token=passw0rd"), 2, "a query"},
		"no host":                       {repo("https:///r"), 2, "has no host"},
		"http":                          {repo(plain.URL), 4, "is not https"},
		"pkg+http":                      {repo("pkg+" + plain.URL), 4, "is not https"},
		"this machine":                  {repo(tls.URL), 4, "is this machine's own address"},
		"this machine, by name":         {repo("https://localhost" + port(tls.URL)), 4, "is this machine's own address"},
		"this machine, of pkg's kind":   {repo("pkg+" + tls.URL), 4, "is this machine's own address"},
		"this machine, mapped":          {repo("https://[::ffff:127.0.0.1]" + port(tls.URL)), 4, "is this machine's own address"},
		"no address":                    {repo("https://0.0.0.0" + port(tls.URL)), 4, "is not an address"},
		"a private network":             {repo("https://10.1.2.3/r"), 4, "is a private address"},
		"a private network of IPv6":     {repo("https://[fd00::1]/r"), 4, "is a private address"},
		"a carrier's network":           {repo("https://100.64.1.2/r"), 4, "is a carrier's private address"},
		"a cloud's metadata":            {repo("https://169.254.169.254/r"), 4, "is an address of the local network"},
		"a private network, translated": {repo("https://[64:ff9b::a01:203]/r"), 4, "is a private address"},
		"a device":                      {pkg("path", "../../../dev/zero"), 2, "wanted more than 0 bytes and a clean path"},
		"no size":                       {pkg("size", 0), 2, "wanted more than 0 bytes and a clean path"},
		"a negative size":               {pkg("size", -1), 2, "wanted more than 0 bytes and a clean path"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lock := changedLock(t, archive+".lock.json", f.change)
			for _, args := range [][]string{
				{"verify", "-q", "--rebuild", "--cache", t.TempDir(), "--lock", lock, archive},
				{"build", "-q", "--cache", t.TempDir(), "--lock", lock, "-o", t.TempDir()},
				{"fetch", "-q", "--cache", t.TempDir(), "--lock", lock},
			} {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // none of them waits
				status, said := orlopIn(ctx, args...)
				cancel()
				if status != f.status || !strings.Contains(said, f.want) || strings.Contains(said, "passw0rd") {
					t.Errorf("%s: status %d, wanted %d and %q: %s", args[0], status, f.status, f.want, said)
				}
			}
		})
	}
	t.Cleanup(func() {
		if n := asked.Load(); n > 0 {
			t.Errorf("%d requests were sent", n)
		}
	})
}

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
