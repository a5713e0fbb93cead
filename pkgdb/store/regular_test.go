// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orlop/orlop/pkgdb/sum"
)

// kinds makes one of each kind of file in a folder, and returns what the error
// of opening each says: "" for none.
func kinds(t *testing.T) (dir string, says map[string]string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "kinds") // short enough for the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	in := func(name string) string { return filepath.Join(dir, name) }
	socket, err := net.Listen("unix", in("socket"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	for _, err := range []error{
		os.WriteFile(in("file"), []byte("text"), 0o600),
		os.Mkdir(in("folder"), 0o700),
		os.WriteFile(in("folder/file"), []byte("text"), 0o600),
		os.Symlink("folder", in("way")),
		os.Symlink("file", in("link")),
		os.Symlink("none", in("dangling")),
		os.Symlink("/etc/passwd", in("out")),
		os.Symlink("/dev/zero", in("device")),
		syscall.Mkfifo(in("fifo"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	const link = "is a symbolic link, wanted a regular file"
	return dir, map[string]string{
		"file": "", "folder/file": "", "way/file": "", "file/": "", "folder/../file": "",
		"link": link, "link/": link, "dangling": link, "out": link, "out/": link, "device": link, "way": link, "way///": link,
		"fifo": "is a FIFO, wanted a regular file", "fifo/": "is a FIFO, wanted a regular file",
		"folder": "is a folder, wanted a regular file", ".": "is a folder, wanted a regular file",
		"socket": "is a socket, wanted a regular file",
	}
}

// inTime fails where an open blocks.
func inTime[T any](t *testing.T, what string, do func() (T, error)) (T, error) {
	t.Helper()
	var got T
	var err error
	done := make(chan struct{})
	go func() { defer close(done); got, err = do() }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s: blocks", what)
	}
	return got, err
}

func TestOpenRegular(t *testing.T) {
	t.Parallel()
	dir, says := kinds(t)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for way, open := range map[string]func(name string) (*os.File, error){
		"root": func(name string) (*os.File, error) { return OpenRegular(root, name) },
		"path": func(name string) (*os.File, error) { return OpenRegularFile(dir + "/" + name) },
	} {
		for name, want := range says {
			f, err := inTime(t, way+" "+name, func() (*os.File, error) { return open(name) })
			if want != "" {
				if err == nil || !strings.HasSuffix(err.Error(), want) || errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s %s: got %v, want %q", way, name, err, want)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s %s: %v", way, name, err)
				continue
			}
			if text, err := io.ReadAll(f); err != nil || string(text) != "text" {
				t.Errorf("%s %s: read %q, %v", way, name, text, err)
			}
			f.Close()
		}
		for _, name := range []string{"none", "folder/none", "none/file"} {
			if _, err := open(name); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s %s: got %v, want that it is not there", way, name, err)
			}
		}
	}
	if _, err := OpenRegular(root, "../x"); err == nil {
		t.Error("the root was left")
	}
	for path, want := range map[string]string{"/": "is a folder", "/dev/null": "is a device", dir + "/folder/..": "is a folder", "": "empty path"} {
		if _, err := OpenRegularFile(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", path, err, want)
		}
	}
}

// TestRepositoryKinds is a repository on this machine whose catalogue or
// packages are no regular files.
func TestRepositoryKinds(t *testing.T) {
	t.Parallel()
	dir, says := kinds(t)
	for _, location := range []string{dir, "file://" + dir} {
		src, err := new(Store).Source(location, "none")
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range says {
			_, err := inTime(t, name, func() (io.Closer, error) { return src.Open(t.Context(), name) })
			_, other := inTime(t, name, func() (io.Closer, error) {
				return src.Verified(t.Context(), Ref{Name: "a-1", Path: name, Sum: sum.Of(sum.SHA256, []byte("text")), Size: 4})
			})
			for _, err := range []error{err, other} {
				_, absent := errors.AsType[*AbsentError](err)
				if (err != nil) != (want != "") || want != "" && (!absent || !strings.HasSuffix(err.Error(), want)) {
					t.Errorf("%s: got %v, want %q", name, err, want)
				}
			}
		}
	}
}
