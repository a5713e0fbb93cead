// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// packages is how many a repository has, as many as FreeBSD's runtime image
// and its neighbours, so that the number of entries does not grow with the size.
const (
	packages = 150
	none     = -1 // no package is changed
)

type file struct {
	path string
	size int64
}

// corpus lists files of the Go distribution that is installed here: programs,
// objects, sources and tables, in an order that has nothing to do with their
// names, so that a small repository has of everything, too.
func corpus() ([]file, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	var files []file
	err = filepath.WalkDir(strings.TrimSpace(string(root)), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "testdata" {
			return fs.SkipDir // has broken programs
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > 4<<10 {
			files = append(files, file{path, info.Size()})
		}
		return err
	})
	slices.SortFunc(files, func(a, b file) int { return bytes.Compare(hashOf(a.path), hashOf(b.path)) })
	return files, err
}

// writeRepo makes a repository whose files have about the given number of
// bytes. Sizes of packages follow Zipf's law, as those of base packages do. With
// changed, that package has one more file.
func writeRepo(dir string, size int64, changed int) error {
	files, err := corpus()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	var failed error
	pkgtest.WriteAll(dir, func(yield func(pkgtest.Package) bool) {
		pool := &pool{all: files}
		for i := range packages {
			p := pkgtest.Package{Name: packageName(i)}
			share := float64(size) / float64(i+2) / zipf(packages)
			if p.Files, failed = pool.take(int64(share), "/usr/"+p.Name); failed != nil {
				return
			}
			if i == changed {
				p.Files = append(p.Files, pkgtest.File{Path: "/usr/" + p.Name + "/changed", Body: "changed"})
			}
			if !yield(p) {
				return
			}
		}
	})
	return failed
}

func packageName(i int) string { return fmt.Sprintf("bench-%03d", i) }

// pool hands out files. When all are used, it begins again: the same files, but
// far from each other.
type pool struct {
	all, unused []file
	taken       int
}

func (p *pool) take(size int64, dir string) (list []pkgtest.File, err error) {
	for size > 0 {
		if len(p.unused) == 0 {
			p.unused = slices.Clone(p.all)
		}
		i := slices.IndexFunc(p.unused, func(f file) bool { return f.size <= size })
		if i < 0 && len(list) > 0 {
			break
		}
		i = max(i, 0)
		f := p.unused[i]
		p.unused = slices.Delete(p.unused, i, i+1)
		text, err := os.ReadFile(f.path)
		if err != nil {
			return nil, err
		}
		size -= f.size
		p.taken++
		list = append(list, pkgtest.File{Path: fmt.Sprintf("%s/%06d-%s", dir, p.taken, filepath.Base(f.path)), Body: string(text), Mode: 0o755})
	}
	return list, nil
}

func hashOf(path string) []byte { h := sha256.Sum256([]byte(path)); return h[:] }

// zipf is the sum of the shares 1/2, 1/3, …
func zipf(n int) (sum float64) {
	for i := range n {
		sum += 1 / float64(i+2)
	}
	return sum
}
