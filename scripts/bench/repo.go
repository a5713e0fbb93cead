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
const packages = 150

type file struct {
	path string
	size int64
}

// corpus are the files of the Go distribution that this program was built by:
// programs, archives, sources and tables, shuffled so that a small repository
// has of everything, too.
func corpus() ([]file, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	var files []file
	err = filepath.WalkDir(strings.TrimSpace(string(root)), func(path string, d fs.DirEntry, err error) error {
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
// bytes. Sizes of packages follow Zipf's law, as those of base packages do. Files
// are taken again, under other names, when the corpus is used up.
func writeRepo(dir string, size int64) error {
	files, err := corpus()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	var failed error
	pkgtest.WriteAll(dir, func(yield func(pkgtest.Package) bool) {
		next := 0
		for i := range packages {
			p := pkgtest.Package{Name: fmt.Sprintf("bench-%03d", i)}
			left := int64(float64(size) / float64(i+2) / zipf(packages))
			for tries := 0; left > 0 && tries < len(files); tries++ {
				f := files[next%len(files)]
				next++
				if f.size > left && len(p.Files) > 0 {
					continue // a smaller one may fit
				}
				text, err := os.ReadFile(f.path)
				if err != nil {
					failed = err
					return
				}
				left -= f.size
				p.Files = append(p.Files, pkgtest.File{Path: fmt.Sprintf("/usr/%s/%06d-%s", p.Name, next, filepath.Base(f.path)), Body: string(text), Mode: 0o755})
			}
			if !yield(p) {
				return
			}
		}
	})
	return failed
}

func hashOf(path string) []byte { h := sha256.Sum256([]byte(path)); return h[:] }

// zipf is the sum of the shares 1/2, 1/3, …
func zipf(n int) (sum float64) {
	for i := range n {
		sum += 1 / float64(i+2)
	}
	return sum
}
