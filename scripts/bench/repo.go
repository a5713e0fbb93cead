// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/pkgfile/pkgtest"
)

// packages is the number of packages in a repository, about that of FreeBSD's larger
// images, so that the number of entries does not grow with the size.
const (
	packages = 150
	none     = -1 // no package is changed
)

// file is a piece of a file of the Go distribution.
type file struct {
	path         string
	offset, size int64
}

// corpus lists files of the installed Go distribution, in an order that does not
// depend on their names, so that a small repository has some of everything, too:
// programs and objects, and sources, documents and tables. Go's programs are larger
// than most of FreeBSD's, and so are cut into pieces.
func corpus() (programs, texts []file, err error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	err = filepath.WalkDir(strings.TrimSpace(string(root)), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "testdata" {
			return fs.SkipDir // has broken programs
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil || info.Size() < 4<<10 {
			return err
		}
		whole := file{path: path, size: info.Size()}
		if elf, err := isELF(path); err != nil || !elf {
			texts = append(texts, whole)
			return err
		}
		programs = append(programs, whole.pieces()...)
		return nil
	})
	for _, list := range [][]file{programs, texts} {
		slices.SortFunc(list, func(a, b file) int { return bytes.Compare(a.hash(), b.hash()) })
	}
	return programs, texts, err
}

func isELF(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	magic := make([]byte, 4)
	_, err = io.ReadFull(f, magic)
	return string(magic) == "\x7fELF", err
}

// pieces cuts a program of more than 3 MiB, after its header, into pieces of 16 KiB
// to 3 MiB.
func (f file) pieces() (list []file) {
	if f.size <= 3<<20 {
		return []file{f}
	}
	for at, k := int64(64), 0; at < f.size; k++ {
		size := min(int64(16<<10)<<(k*5%9)*3/2, f.size-at)
		list = append(list, file{f.path, at, size})
		at += size
	}
	return list
}

func (f file) hash() []byte {
	h := sha256.Sum256(fmt.Appendf(nil, "%s %d", filepath.Base(f.path), f.offset))
	return h[:]
}

func (f file) read() ([]byte, error) {
	in, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(io.NewSectionReader(in, f.offset, f.size))
}

// writeRepo makes a repository whose files have about the given number of
// bytes. Sizes of packages follow Zipf's law, as in base. The package changed has one
// more file.
func writeRepo(dir string, size int64, changed int) error {
	programs, texts, err := corpus()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	var failed error
	pkgtest.WriteAll(dir, func(yield func(pkgtest.Package) bool) {
		binary, share := &pool{all: programs}, &pool{all: texts}
		for i := range packages {
			p := pkgtest.Package{Name: packageName(i)}
			n := int64(float64(size) / float64(i+2) / zipf(packages))
			failed = errors.Join(binary.take(&p, n*programsPercent/100), share.take(&p, n*(100-programsPercent)/100))
			if failed != nil {
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

// programsPercent is the share of programs in the bytes, as in FreeBSD's base.
const programsPercent = 85

func packageName(i int) string { return fmt.Sprintf("bench-%03d", i) }

// pool hands out files. When no remaining file is small enough, it starts again: the
// same files, but far apart.
type pool struct {
	all, unused []file
	taken       int
}

// take returns files of about that many bytes, and at least one.
func (p *pool) take(to *pkgtest.Package, size int64) error {
	for n := 0; ; n++ {
		fits := func(f file) bool { return f.size <= size }
		i := slices.IndexFunc(p.unused, fits)
		if i < 0 && n > 0 {
			return nil
		}
		if i < 0 {
			p.unused = slices.Clone(p.all)
			i = max(slices.IndexFunc(p.unused, fits), 0)
		}
		f := p.unused[i]
		p.unused = slices.Delete(p.unused, i, i+1)
		text, err := f.read()
		if err != nil {
			return err
		}
		size -= f.size
		p.taken++
		to.Files = append(to.Files, pkgtest.File{Path: fmt.Sprintf("/usr/%s/%06d-%s", to.Name, p.taken, filepath.Base(f.path)), Body: string(text), Mode: 0o755})
	}
}

// zipf is the sum of the shares 1/2, 1/3, …
func zipf(n int) (sum float64) {
	for i := range n {
		sum += 1 / float64(i+2)
	}
	return sum
}
