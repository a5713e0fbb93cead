// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/etc"
)

// takenFile is a file whose bytes no package of the image brings.
type takenFile struct {
	Path   string // in the image; of an mtree file, in the package
	SHA256 string
	From   string // package, "srcdir" or "artifact"
}

// donors are the packages to ask for what the source tree does not have.
func (r *run) donors(img define.Image) []string {
	var names []string
	for _, t := range img.Taken() {
		if !r.inSource(t) {
			names = append(names, t.From...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (r *run) inSource(t define.Taken) bool {
	if r.SrcDir == "" || t.Source == "" {
		return false
	}
	root, err := os.OpenRoot(r.SrcDir)
	if err != nil {
		return false // take says so
	}
	defer root.Close()
	info, err := root.Lstat(t.Source)
	return err == nil && info.IsDir() == t.Folder
}

// sourceFiles are those that an image takes from the source tree, by their
// paths there.
func (r *run) sourceFiles(ctx context.Context, img define.Image) ([]lock.File, error) {
	var list []lock.File
	for _, t := range img.Taken() {
		if !r.inSource(t) {
			continue
		}
		files := []etc.Source{{Path: t.Source}}
		var err error
		if t.Folder {
			files, err = r.readSourceFolder(ctx, t.Source, t.Source)
		} else {
			files[0].Text, err = r.readSource(t.Source)
		}
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			list = append(list, lock.File{Path: f.Path, SHA256: sum.HexSHA256(f.Text), From: "srcdir"})
		}
	}
	return list, nil
}

// checkTaken finds files that an image needs and that nobody can have, before
// packages are fetched: neither the source tree has one, nor is any of the
// packages there that might.
func (r *run) checkTaken(m *member) error {
	var errs []error
	check := func(target string, t define.Taken) {
		nobody := !slices.ContainsFunc(t.From, func(name string) bool { return m.plan.Lookup(name) != nil || r.universe.Best(name) != nil })
		if nobody && (r.SrcDir == "" || t.Source == "" || !exists(r.SrcDir, t.Source)) {
			errs = append(errs, &AbsentFileError{target, t})
		}
	}
	for _, mt := range m.def.Mtree {
		check(mt.Path, mt.Taken)
	}
	for _, f := range m.def.Files {
		if !f.Optional {
			check(f.Target, f.Taken)
		}
	}
	for _, f := range m.def.Folders {
		if !f.Optional {
			check(f.Target, f.Taken)
		}
	}
	return errors.Join(errs...)
}

// offer is a file, or a folder's files by path, that somebody has.
type offer struct {
	from  string // NAME-VERSION, or "srcdir"
	name  string // of the package
	files []etc.Source
}

// take gets a file from the source tree, else from the first of the packages
// that has it. An error that nobody has it is fs.ErrNotExist.
func (r *run) take(m *member, t define.Taken, target string) ([]byte, error) {
	var offers []offer
	if r.SrcDir != "" && t.Source != "" {
		text, err := r.readSource(t.Source)
		if err == nil {
			offers = append(offers, offer{"srcdir", "", []etc.Source{{Path: target, Text: text}}})
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	for _, p := range r.lenders(m, t) {
		if text, ok := p.contents[t.Path]; ok {
			offers = append(offers, offer{p.FullName(), p.Name, []etc.Source{{Path: target, Text: text}}})
		}
	}
	files, err := r.accept(m, offers, t, target)
	if err != nil {
		return nil, err
	}
	return files[0].Text, nil
}

// takeFolder gets the files of a folder and the folders in it, by path, as take
// gets one.
func (r *run) takeFolder(ctx context.Context, m *member, t define.Taken, target string) ([]etc.Source, error) {
	var offers []offer
	if r.inSource(t) {
		files, err := r.readSourceFolder(ctx, t.Source, target)
		if err != nil {
			return nil, err
		}
		offers = append(offers, offer{"srcdir", "", files})
	}
	for _, p := range r.lenders(m, t) {
		var files []etc.Source
		for _, path := range slices.Sorted(maps.Keys(p.contents)) {
			if name, inside := strings.CutPrefix(path, t.Path+"/"); inside {
				files = append(files, etc.Source{Path: target + "/" + name, Text: p.contents[path]})
			}
		}
		if files != nil {
			offers = append(offers, offer{p.FullName(), p.Name, files})
		}
	}
	return r.accept(m, offers, t, target)
}

// accept takes the first offer, or with a lock the first that the lock has, or
// else its files one by one from whoever has them.
func (r *run) accept(m *member, offers []offer, t define.Taken, target string) ([]etc.Source, error) {
	wanted := m.pinnedFiles(target)
	var other error
	for _, o := range offers {
		var taken []takenFile
		for _, f := range o.files {
			taken = append(taken, takenFile{f.Path, sum.HexSHA256(f.Text), o.from})
		}
		if m.pinned != nil {
			if err := comparePinned(taken, wanted); err != nil {
				other = err
				continue
			}
		}
		if i := slices.Index(t.From, o.name); i > 0 {
			m.doubtUnasked(target, t.From[:i])
		}
		m.taken = append(m.taken, taken...)
		return o.files, nil
	}
	if len(wanted) == 0 {
		if m.pinned != nil && len(offers) > 0 {
			m.doubt("%s is left out of image %s although %s has it", target, m.def.Name, offers[0].from)
		}
		return nil, &AbsentFileError{target, t}
	}
	doubts := m.doubts
	files, err := r.gather(m, t, target, wanted)
	if _, absent := errors.AsType[*LockedFileError](err); absent {
		return nil, cmp.Or(other, err)
	}
	if err == nil && other != nil { // which says more than where else the bytes are
		m.doubts = doubts
		m.doubt("%s of image %s is not what %s has: %v", target, m.def.Name, offers[len(offers)-1].from, other)
	}
	return files, err
}

// lenders are the packages, of those that a file may come from, that this
// image installs or borrows from; of a lock, also those of other steps.
func (r *run) lenders(m *member, t define.Taken) []*fetched {
	var list []*fetched
	for _, name := range t.From {
		if p := m.plan.Lookup(name); p != nil {
			list = append(list, r.fetched[p.Package])
		}
		for _, p := range m.step().Donors {
			if p.Name == name {
				list = append(list, r.fetched[p.Package])
			}
		}
		if m.pinned == nil {
			continue
		}
		for _, f := range r.opened() {
			if f.Name == name && r.trusted[f.Package] && !slices.Contains(list, f) {
				list = append(list, f)
			}
		}
	}
	return list
}

// AbsentFileError is a file that an image needs and nobody has.
type AbsentFileError struct {
	Target string // path in the image
	Taken  define.Taken
}

func (e *AbsentFileError) Error() string {
	where := "there is no --srcdir for it"
	if e.Taken.Source != "" {
		where = "a --srcdir with " + e.Taken.Source + " would do"
	}
	return fmt.Sprintf("%s: none of the packages %v of the repository has %s; %s", e.Target, e.Taken.From, e.Taken.Path, where)
}

// Unmet reports that the request cannot be met.
func (*AbsentFileError) Unmet() bool { return true }

// Unwrap lets errors.Is find fs.ErrNotExist.
func (e *AbsentFileError) Unwrap() error { return fs.ErrNotExist }

// Parts are what, where, found and wanted, for reports.
func (e *AbsentFileError) Parts() (what, where, found, wanted string) {
	return "none of the packages has it", e.Target, "", e.Taken.Path
}

// readSourceFolder reads a folder of the source tree, whose makefiles are no
// part of it.
func (r *run) readSourceFolder(ctx context.Context, source, target string) ([]etc.Source, error) {
	root, err := os.OpenRoot(r.SrcDir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var files []etc.Source
	err = fs.WalkDir(root.FS(), source, func(name string, d fs.DirEntry, err error) error {
		if err = cmp.Or(err, ctx.Err()); err != nil || !d.Type().IsRegular() || strings.HasPrefix(d.Name(), "Makefile") || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		text, err := readRegular(root, name)
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
		return nil, &fault.UsageError{Err: fmt.Errorf("--srcdir: %w", err)}
	}
	defer root.Close()
	return readRegular(root, name)
}

// readRegular reads a file that a definition names: no FIFO, which would block,
// and no link, which leads to what somebody else chose.
func readRegular(root *os.Root, name string) ([]byte, error) {
	f, err := store.OpenRegular(root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxWanted+1))
	if err == nil && len(text) > maxWanted {
		err = fmt.Errorf("%s: has more than %d bytes", name, maxWanted)
	}
	return text, err
}
