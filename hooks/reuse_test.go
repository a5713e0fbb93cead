// SPDX-License-Identifier: BSD-2-Clause

package hooks_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/orlop/orlop/hooks"
	"github.com/orlop/orlop/hooks/cache"
	"github.com/orlop/orlop/hooks/input"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/pkgfile"
	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci/layout"
)

// manyPackages are twenty: one of more than one chunk, some of no file, one with
// flags and a hard link.
func manyPackages(changed int) []pkgtest.Package {
	var list []pkgtest.Package
	for i := range 20 {
		p := pkgtest.Package{Name: fmt.Sprintf("p%02d", i)}
		for j := range i % 4 {
			text := strings.Repeat(fmt.Sprintf("%d %d\n", i, j), 1+j*100)
			if i == 3 && j == 1 {
				text = strings.Repeat("more than a chunk ", 130_000)
			}
			p.Files = append(p.Files, pkgtest.File{Path: fmt.Sprintf("/usr/p%02d/%d", i, j), Body: text, Config: j == 0})
		}
		if i == 7 {
			p.Files = append(p.Files, pkgtest.File{Path: "/usr/flagged", Body: "x", Flags: "schg"},
				pkgtest.File{Path: "/usr/second", HardLink: "/usr/flagged"})
		}
		if i == changed {
			p.Files = append(p.Files, pkgtest.File{Path: "/usr/changed", Body: "changed"})
		}
		list = append(list, p)
	}
	return list
}

// reuseConfig builds one image of a repository of many packages with a store.
func reuseConfig(t *testing.T, st *store.Store, changed int) hooks.Config {
	dir := t.TempDir()
	pkgtest.WriteRepo(dir, manyPackages(changed)...)
	return hooks.Config{
		Input: &input.Repositories{Repos: []catalog.Repo{{Name: "r", URL: dir}}, Store: st}, Cache: cache.New(st, "this test"),
		Request:  resolve.Request{Revision: "15.0", Branch: "RELEASE", Custom: &define.Image{Name: "many", Packages: []string{"p*"}}, Images: []string{"many"}},
		Settings: lock.Settings{Compression: layer.Gzip}, Output: hooks.Output{Format: layout.Dir, OutDir: t.TempDir()},
		Jobs: 2, Program: hooks.Program{Maker: "this test"},
	}
}

// unpacking notes the packages of which an entry is asked for.
type unpacking struct {
	*input.Repositories
	mu    sync.Mutex
	names map[string]bool
}

func (u *unpacking) Open(ctx context.Context, p *catalog.Package, known *pkgfile.Manifest) (*input.Reader, error) {
	r, err := u.Repositories.Open(ctx, p, known)
	if err == nil {
		r.Members = &notedMembers{r.Members, func() {
			u.mu.Lock()
			defer u.mu.Unlock()
			u.names[p.FullName()] = true
		}}
	}
	return r, err
}

type notedMembers struct {
	input.Members
	note func()
}

func (r *notedMembers) Next() (*pkgfile.Entry, error) {
	r.note()
	return r.Members.Next()
}

// unpacked builds, and counts the packages that were unpacked.
func unpacked(t *testing.T, cfg hooks.Config) (digest string, packages int) {
	t.Helper()
	u := &unpacking{Repositories: repos(cfg), names: map[string]bool{}}
	cfg.Input = u
	digest = digestOf(t, cfg)
	return digest, len(u.names)
}

// TestReuse builds again, and counts what is unpacked: nothing where nothing has
// changed, one package where one has.
func TestReuse(t *testing.T) {
	t.Parallel()
	for _, c := range []layer.Compression{layer.Gzip, layer.Zstd} {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			const none = -1
			anew := func(changed int) string {
				cfg := reuseConfig(t, nil, changed)
				cfg.Compression, cfg.Jobs = c, 1
				return digestOf(t, cfg)
			}
			want := anew(none)
			st := &store.Store{Dir: t.TempDir() + "/store"}
			with := func(changed int) hooks.Config {
				cfg := reuseConfig(t, st, changed)
				cfg.Compression = c
				return cfg
			}
			got, first := unpacked(t, with(none))
			if got != want || first == 0 {
				t.Errorf("first build with a store: %s, without %s; unpacked %d packages", got, want, first)
			}
			if got, n := unpacked(t, with(none)); got != want || n != 0 {
				t.Errorf("nothing changed: %s, rebuilt %s; unpacked %d packages", got, want, n)
			}
			other := with(none)
			other.Cache = cache.New(st, "another program")
			if _, n := unpacked(t, other); n != first {
				t.Errorf("another program: unpacked %d packages, wanted all %d", n, first)
			}
			for _, changed := range []int{0, 7, 12, 19} {
				unpacked(t, with(none)) // so that it is the last, and all its packages are known
				got, n := unpacked(t, with(changed))
				if want := anew(changed); got != want || n != 1 {
					t.Errorf("package %d changed: %s, rebuilt %s; unpacked %d packages", changed, got, want, n)
				}
			}
			if got := digestOf(t, with(none)); got != want {
				t.Errorf("the first ones again: %s, rebuilt %s", got, want)
			}
		})
	}
}

// TestReuseUnreadable has a folder in place of the layer, which opens but
// cannot be read, like a file on a bad disk.
func TestReuseUnreadable(t *testing.T) {
	t.Parallel()
	for _, changed := range []int{-1, 3} {
		st := &store.Store{Dir: t.TempDir() + "/store"}
		digestOf(t, reuseConfig(t, st, -1))
		layers, err := filepath.Glob(st.Dir + "/layers/*")
		if err != nil || len(layers) != 1 {
			t.Fatal(layers, err)
		}
		if err := errors.Join(os.Remove(layers[0]), os.Mkdir(layers[0], 0o777)); err != nil {
			t.Fatal(err)
		}
		if got, want := digestOf(t, reuseConfig(t, st, changed)), digestOf(t, reuseConfig(t, nil, changed)); got != want {
			t.Errorf("package %d changed: the image is %s, wanted %s", changed, got, want)
		}
	}
}

func storeFiles(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestReuseNowhere has a store that cannot be written, and one that may keep
// nothing.
func TestReuseNowhere(t *testing.T) {
	t.Parallel()
	want := digestOf(t, reuseConfig(t, nil, -1))
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if got := digestOf(t, reuseConfig(t, &store.Store{Dir: file + "/store"}, -1)); got != want {
		t.Errorf("without a store that can be written: %s, wanted %s", got, want)
	}
	small := &store.Store{Dir: t.TempDir() + "/store", Limit: 1, Now: time.Now}
	if got := digestOf(t, reuseConfig(t, small, -1)); got != want {
		t.Errorf("with a store of one byte: %s, wanted %s", got, want)
	}
	if files := storeFiles(t, small.Dir); len(files) > 0 {
		t.Errorf("a store of one byte has %q", files)
	}
}

// TestReuseOthers has results of another user in the store: every one is made
// again, and the image is the same.
func TestReuseOthers(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("gives files to another user: needs root")
	}
	for _, shared := range []bool{false, true} {
		st := &store.Store{Dir: filepath.Join(t.TempDir(), "store"), Shared: shared}
		want := digestOf(t, reuseConfig(t, st, -1))
		files := storeFiles(t, st.Dir)
		for _, path := range files {
			if err := os.Chown(path, 1, -1); err != nil {
				t.Fatal(err)
			}
		}
		if got := digestOf(t, reuseConfig(t, st, -1)); got != want {
			t.Errorf("shared %v: the image is %s, wanted %s", shared, got, want)
		}
		if again := storeFiles(t, st.Dir); !slices.Equal(again, files) {
			t.Errorf("shared %v: the store has %q, wanted %q", shared, again, files)
		}
		for _, path := range files {
			if info, err := os.Stat(path); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
				t.Errorf("shared %v: %s is still the other user's: %v", shared, path, err)
			}
		}
	}
}

// TestReuseDistrusted has a store that anybody may write: nothing is made.
func TestReuseDistrusted(t *testing.T) {
	t.Parallel()
	st := &store.Store{Dir: t.TempDir() + "/store"}
	if err := errors.Join(os.Mkdir(st.Dir, 0o777), os.Chmod(st.Dir, 0o777)); err != nil {
		t.Fatal(err)
	}
	cfg := reuseConfig(t, st, -1)
	_, err := hooks.Build(t.Context(), cfg)
	if _, distrusted := errors.AsType[*store.TrustError](err); !distrusted {
		t.Errorf("got %v", err)
	}
	if files := storeFiles(t, st.Dir); len(files) > 0 {
		t.Errorf("the store has %q", files)
	}
}
