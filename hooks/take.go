// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/etc"
)

// takenFile is a file whose bytes no package of the image brings.
type takenFile struct {
	Path   string // in the image; of an mtree file, in the package
	SHA256 string
	From   string // package, or "srcdir"
}

// donors are the packages to ask for what the source tree does not have.
func (r *run) donors(img release.Image) []string {
	var names []string
	for _, t := range img.Taken() {
		if !r.inSource(t) {
			names = append(names, t.From...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (r *run) inSource(t release.Taken) bool {
	if r.SrcDir == "" || t.Source == "" {
		return false
	}
	root, err := os.OpenRoot(r.SrcDir)
	if err != nil {
		return false // take says so
	}
	defer root.Close()
	info, err := root.Stat(t.Source)
	return err == nil && info.IsDir() == t.Folder
}

// take gets a file from the source tree, else from the first of the packages
// that has it. An error that nobody has it is fs.ErrNotExist.
func (r *run) take(m *member, t release.Taken, target string) ([]byte, error) {
	if r.SrcDir != "" && t.Source != "" {
		text, err := r.readSource(t.Source)
		if err == nil {
			m.note(target, "srcdir", text)
			return text, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	for _, name := range t.From {
		p := r.lender(m, name)
		if p == nil {
			continue
		}
		if text, ok := p.contents[t.Path]; ok {
			m.note(target, p.FullName(), text)
			return text, nil
		}
	}
	return nil, &AbsentFileError{target, t}
}

func (m *member) note(path, from string, text []byte) {
	digest := sha256.Sum256(text)
	m.taken = append(m.taken, takenFile{path, hex.EncodeToString(digest[:]), from})
}

// lender finds a package that this image installs or borrows from.
func (r *run) lender(m *member, name string) *fetched {
	if p := m.plan.Lookup(name); p != nil {
		return r.fetched[p.Package]
	}
	for _, p := range m.step().Donors {
		if p.Name == name {
			return r.fetched[p.Package]
		}
	}
	return nil
}

// AbsentFileError is a file that an image needs and nobody has.
type AbsentFileError struct {
	Target string // path in the image
	Taken  release.Taken
}

func (e *AbsentFileError) Error() string {
	where := "there is no --srcdir for it"
	if e.Taken.Source != "" {
		where = "a --srcdir with " + e.Taken.Source + " would do"
	}
	return fmt.Sprintf("%s: none of the packages %v of the repository has %s; %s", e.Target, e.Taken.From, e.Taken.Path, where)
}

// Unwrap lets errors.Is find fs.ErrNotExist.
func (e *AbsentFileError) Unwrap() error { return fs.ErrNotExist }

// takeFolder gets the files of a folder and the folders in it, by path, as take
// gets one.
func (r *run) takeFolder(m *member, t release.Taken, target string) ([]etc.Source, error) {
	if r.inSource(t) {
		files, err := r.readSourceFolder(t.Source, target)
		for _, f := range files {
			m.note(f.Path, "srcdir", f.Text)
		}
		return files, err
	}
	for _, name := range t.From {
		p := r.lender(m, name)
		if p == nil {
			continue
		}
		var files []etc.Source
		for _, path := range slices.Sorted(maps.Keys(p.contents)) {
			if name, inside := strings.CutPrefix(path, t.Path+"/"); inside {
				files = append(files, etc.Source{Path: target + "/" + name, Text: p.contents[path]})
				m.note(target+"/"+name, p.FullName(), p.contents[path])
			}
		}
		if files != nil {
			return files, nil
		}
	}
	return nil, &AbsentFileError{target, t}
}

// readSourceFolder reads a folder of the source tree, whose makefiles are no
// part of it.
func (r *run) readSourceFolder(source, target string) ([]etc.Source, error) {
	root, err := os.OpenRoot(r.SrcDir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var files []etc.Source
	err = fs.WalkDir(root.FS(), source, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasPrefix(d.Name(), "Makefile") || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		text, err := root.ReadFile(name)
		files = append(files, etc.Source{Path: target + strings.TrimPrefix(name, source), Text: text})
		return err
	})
	return files, err
}

// readSource opens a file of the source tree. A tree that lacks it gives
// os.ErrNotExist; nothing outside the tree is ever read.
func (r *run) readSource(name string) ([]byte, error) {
	root, err := os.OpenRoot(r.SrcDir)
	if err != nil {
		return nil, &release.UsageError{Err: fmt.Errorf("--srcdir: %w", err)}
	}
	defer root.Close()
	return root.ReadFile(name)
}
