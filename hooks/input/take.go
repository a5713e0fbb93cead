// SPDX-License-Identifier: BSD-2-Clause

package input

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/etc"
)

// Lending has the files that images take from other origins than the packages that
// they install.
type Lending struct {
	Input    Input
	Packages []*Package // of the run, by name
	// Of a run from locks:
	Trusted map[*catalog.Package]bool // packages of locks that definition and catalogue confirm
	Locked  []lock.File               // all that the locks have
	Observe event.Observer

	lent map[string]lender // by sha256; nil until needed
	lost error             // why the artifacts could not be read
}

// Borrower is an image that takes files.
type Borrower struct {
	Image    string
	Packages []*Package // that it installs or names as donors
	// Locked are the files of the lock; nil for no lock.
	Locked *lock.Layer
	// Unasked are available packages that the definition names and the lock lacks.
	Unasked map[string]bool
	MayLack func(target string) bool // a file that FreeBSD's definition has no package for
}

// Taking is what an image took.
type Taking struct {
	Files  []etc.Source
	Taken  []lock.File
	Doubts []string // what only the lock vouches for
}

func (t *Taking) doubt(format string, args ...any) {
	t.Doubts = append(t.Doubts, fmt.Sprintf(format, args...))
}

// Take gets a file, or the files of a folder, from the source tree, else from the
// first package that has it. If no origin has it the error is fs.ErrNotExist. An
// error may come with doubts.
func (l *Lending) Take(ctx context.Context, by *Borrower, t define.Taken, target string) (*Taking, error) {
	taking := new(Taking)
	var offers []Offer
	own, err := l.Input.Files(ctx, t, target)
	if err != nil {
		return taking, err
	}
	if own != nil {
		offers = append(offers, *own)
	}
	for _, p := range l.lenders(by, t) {
		if files := p.offer(t, target); files != nil {
			offers = append(offers, Offer{p.FullName(), p.Name, files})
		}
	}
	return taking, l.accept(by, taking, offers, t, target)
}

// offer returns the files to be taken that a package has.
func (f *Package) offer(t define.Taken, target string) []etc.Source {
	if !t.Folder {
		if text, ok := f.Contents[t.Path]; ok {
			return []etc.Source{{Path: target, Text: text}}
		}
		return nil
	}
	var files []etc.Source
	for _, path := range slices.Sorted(maps.Keys(f.Contents)) {
		if name, inside := strings.CutPrefix(path, t.Path+"/"); inside {
			files = append(files, etc.Source{Path: target + "/" + name, Text: f.Contents[path]})
		}
	}
	return files
}

// lenders lists the possible origins of a file among the packages that an image
// installs or has as donors; with a lock, also those of other steps.
func (l *Lending) lenders(by *Borrower, t define.Taken) []*Package {
	var list []*Package
	for _, name := range t.From {
		for _, f := range by.Packages {
			if f.Name == name {
				list = append(list, f)
			}
		}
		if by.Locked == nil {
			continue
		}
		for _, f := range l.Packages {
			if f.Name == name && l.Trusted[f.Package] && !slices.Contains(list, f) {
				list = append(list, f)
			}
		}
	}
	return list
}

// accept takes the first offer; with a lock the first that matches it, else the
// lock's files one by one from any origin.
func (l *Lending) accept(by *Borrower, to *Taking, offers []Offer, t define.Taken, target string) error {
	wanted := lockedAt(by.Locked, target)
	var other error
	for _, o := range offers {
		var taken []lock.File
		for _, f := range o.Files {
			taken = append(taken, lock.File{Path: f.Path, SHA256: sum.HexSHA256(f.Text), From: o.From})
		}
		if by.Locked != nil {
			if err := compareLocked(taken, wanted); err != nil {
				other = err
				continue
			}
		}
		if i := slices.Index(t.From, o.Name); i > 0 {
			to.Doubts = append(to.Doubts, by.DoubtUnasked(target, t.From[:i])...)
		}
		to.Files, to.Taken = o.Files, taken
		return nil
	}
	if len(wanted) == 0 {
		if by.Locked != nil && len(offers) > 0 {
			to.doubt("%s is left out of image %s although %s has it", target, by.Image, offers[0].From)
		}
		return &AbsentFileError{target, t}
	}
	err := l.gather(by, to, t, target, wanted)
	if _, absent := errors.AsType[*LockedFileError](err); absent {
		return cmp.Or(other, err)
	}
	if err == nil && other != nil { // it says more than the other origin of the bytes
		to.Doubts = nil
		to.doubt("%s of image %s is not what %s has: %v", target, by.Image, offers[len(offers)-1].From, other)
	}
	return err
}

// DoubtUnasked returns the doubts about a file that unasked packages may have.
func (by *Borrower) DoubtUnasked(target string, names []string) []string {
	var doubts []string
	for _, name := range names {
		if by.Unasked[name] {
			doubts = append(doubts, fmt.Sprintf("%s of image %s has another origin, or is left out, but its lock skips package %s, which may have it", target, by.Image, name))
		}
	}
	return doubts
}

// FromArtifact is the origin of a file that only the artifact has that is being
// rebuilt.
const FromArtifact = "artifact"

// lender is a file that a locked package has.
type lender struct {
	from  string // NAME-VERSION
	path  string // in the package
	text  []byte
	meant bool // the definition would take it, too
}

// gather gets files of a lock one by one from any origin of their bytes: a locked
// package, installed or donor, else the artifact that is being rebuilt, of which
// nothing else is taken. The lock has their digests, so the origin does not change
// them. But bytes that the definition would not take from there are the lock's
// choice, and so a doubt.
func (l *Lending) gather(by *Borrower, to *Taking, t define.Taken, target string, wanted []lock.File) error {
	got := new(Taking)
	var alone, elsewhere []string
	for _, f := range wanted {
		if slices.ContainsFunc(got.Taken, func(t lock.File) bool { return t.Path == f.Path }) {
			continue // the lock may have it twice
		}
		path := t.Path + strings.TrimPrefix(f.Path, target)
		from, err := l.lend(f.SHA256, path, t)
		if err != nil {
			return err
		}
		if from.from == "" || sum.HexSHA256(from.text) != f.SHA256 {
			return &LockedFileError{f.Path, "none", f.SHA256}
		}
		got.Files = append(got.Files, etc.Source{Path: f.Path, Text: from.text})
		got.Taken = append(got.Taken, lock.File{Path: f.Path, SHA256: f.SHA256, From: from.from})
		switch {
		case from.from == FromArtifact && !by.MayLack(target):
			alone = append(alone, f.Path)
		case from.from != FromArtifact && !from.meant:
			elsewhere = append(elsewhere, fmt.Sprintf("%s (the bytes of %s of %s)", f.Path, from.path, from.from))
		}
	}
	if len(alone) > 0 {
		to.doubt("only the artifact of image %s has %s", by.Image, fault.Some(alone))
	}
	if len(elsewhere) > 0 {
		to.doubt("image %s takes from where its definition does not: %s", by.Image, fault.Some(elsewhere))
	}
	for _, t := range got.Taken {
		if t.From == FromArtifact {
			l.Observe.Warn("image %s: taken from the artifact: %s", by.Image, t.Path)
		}
	}
	to.Files, to.Taken = got.Files, got.Taken
	return nil
}

// lend finds a file by its sha256: if the definition names no package, first by its
// path, then anywhere.
func (l *Lending) lend(digest, path string, t define.Taken) (lender, error) {
	if len(t.From) == 0 && !t.Folder {
		for _, f := range l.Packages {
			if text, has := f.Contents[path]; has && l.Trusted[f.Package] && sum.HexSHA256(text) == digest {
				return lender{f.FullName(), path, text, true}, nil
			}
		}
	}
	if l.lent == nil {
		l.lent, l.lost = l.findLent()
	}
	return l.lent[digest], l.lost
}

// findLent finds the origins of the locks' files: packages, else the artifacts,
// which are read once for all files.
func (l *Lending) findLent() (map[string]lender, error) {
	lent := map[string]lender{}
	for _, f := range l.Packages {
		for _, path := range slices.Sorted(maps.Keys(f.Contents)) {
			text := f.Contents[path]
			if d := sum.HexSHA256(text); lent[d].from == "" {
				lent[d] = lender{f.FullName(), path, text, false}
			}
		}
	}
	absent := map[string]bool{}
	for _, f := range l.Locked {
		if lent[f.SHA256].from == "" {
			absent[f.SHA256] = true
		}
	}
	in, of := l.Input.(*Locks)
	if !of || in.Published == nil || len(absent) == 0 {
		return lent, nil
	}
	texts, err := in.Published(absent)
	for digest, text := range texts {
		lent[digest] = lender{FromArtifact, "", text, false}
	}
	return lent, err
}

// lockedAt lists the files that a lock has at a path and below it.
func lockedAt(locked *lock.Layer, target string) []lock.File {
	var list []lock.File
	if locked != nil {
		for _, f := range locked.Files {
			if f.Path == target || strings.HasPrefix(f.Path, target+"/") {
				list = append(list, f)
			}
		}
	}
	return list
}

// compareLocked compares the files of an offer with the lock's.
func compareLocked(offered, wanted []lock.File) error {
	want := map[string]string{} // a path may be there twice
	for _, f := range wanted {
		want[f.Path] = f.SHA256
	}
	for _, f := range offered {
		if want[f.Path] != f.SHA256 {
			return &LockedFileError{f.Path, "one with sha256 " + f.SHA256, want[f.Path]}
		}
		delete(want, f.Path)
	}
	for _, f := range wanted {
		if want[f.Path] != "" {
			return &LockedFileError{f.Path, "none", f.SHA256}
		}
	}
	return nil
}
