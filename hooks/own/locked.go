// SPDX-License-Identifier: BSD-2-Clause

package own

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/lock"
	"github.com/orlop/orlop/release/tree"
)

// Set is what an image has of its own.
type Set struct {
	Files     []File   // by path
	Unvouched []string // paths whose contents only a lock vouches for

	closers []io.Closer
}

// Close releases what files are read from.
func (s *Set) Close() {
	for _, c := range s.closers {
		c.Close()
	}
}

// Closing has Close release something more.
func (s *Set) Closing(c io.Closer) { s.closers = append(s.closers, c) }

// Join adds the files of another set.
func (s *Set) Join(other Set) {
	s.Files, s.Unvouched = append(s.Files, other.Files...), append(s.Unvouched, other.Unvouched...)
	s.closers = append(s.closers, other.closers...)
}

// Recorded lists the files as a lock has them.
func (s *Set) Recorded() []lock.Own {
	var list []lock.Own
	for i := range s.Files {
		list = append(list, s.Files[i].Own)
	}
	return list
}

// Settle puts the files in the order of their paths. Only folders may be there twice.
func (s *Set) Settle() error {
	slices.SortStableFunc(s.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	var errs []error
	var list []File
	for _, f := range s.Files {
		if n := len(list); n > 0 && list[n-1].Path == f.Path {
			if !list[n-1].isFolder() || !f.isFolder() {
				errs = append(errs, &tree.ConflictError{Path: f.Path, A: list[n-1].From, B: f.From, Reason: "the definition brings both"})
			}
			continue
		}
		list = append(list, f)
	}
	s.Files = list
	return errors.Join(errs...)
}

func (f *File) isFolder() bool { return f.SHA256 == "" && f.Link == "" }

// Stream passes on files by their sums, each once. Those that it does not have it leaves out.
type Stream func(sums map[string]bool, visit func(sum string, contents io.Reader) error) error

// Locked are the files of a lock whose definition's folder is not given. Their bytes are
// those that published has by their sums, which nobody vouches for.
func Locked(ctx context.Context, locked []lock.Own, published Stream, create func() (*os.File, error), observe event.Observer) (Set, error) {
	sums := map[string]bool{}
	for _, o := range locked {
		if o.SHA256 != "" {
			sums[o.SHA256] = true
		}
	}
	kept := &spool{create: create, fill: func(_ context.Context, add func(string, io.Reader) error) error {
		if published == nil || len(sums) == 0 {
			return nil
		}
		return published(sums, add)
	}}
	set := Set{closers: []io.Closer{kept}}
	s := newScanner(create, observe)
	defer s.close()
	for _, o := range locked {
		f := File{Own: o, name: o.SHA256, from: kept}
		if o.SHA256 != "" {
			if err := s.again(ctx, &f, kept); err != nil {
				return set, err
			}
		}
		set.Files, set.Unvouched = append(set.Files, f), append(set.Unvouched, o.Path)
	}
	return set, nil
}

// again hashes a file of a lock, which must be what the lock has.
func (s *scanner) again(ctx context.Context, f *File, kept *spool) error {
	if has, err := kept.has(ctx, f.name); err != nil || !has {
		return cmp.Or(err, error(&MissingError{f.Own}))
	}
	want := f.Own
	r, err := kept.open(ctx, f.name)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := s.hash(ctx, f, r); err != nil {
		return err
	}
	if f.Own != want {
		return &DiffersError{want.Path, "is " + shown(f.Own), "the lock has " + shown(want)}
	}
	return nil
}

// Compare requires files to be those of a lock.
func Compare(found []File, locked []lock.Own) error {
	want := map[string]lock.Own{}
	for _, o := range locked {
		want[o.Path] = o
	}
	for i := range found {
		o, has := want[found[i].Path]
		if !has {
			return &DiffersError{found[i].Path, "is in the definition's folder", "is not in the lock"}
		}
		if found[i].Own != o {
			return &DiffersError{o.Path, "is " + shown(found[i].Own), "the lock has " + shown(o)}
		}
		delete(want, o.Path)
	}
	for _, o := range locked {
		if _, left := want[o.Path]; left {
			return &DiffersError{o.Path, "is not in the definition's folder", "the lock has " + shown(o)}
		}
	}
	return nil
}

// shown describes a file for a message.
func shown(o lock.Own) string {
	switch {
	case o.Link != "":
		return "a link to " + o.Link
	case o.SHA256 == "":
		return "a folder, mode " + o.Mode
	}
	return fmt.Sprintf("sha256 %s, mode %s", o.SHA256, o.Mode)
}

// DiffersError is a file of a definition that is not what the lock says.
type DiffersError struct{ Path, Found, Locked string }

func (e *DiffersError) Error() string { return e.Path + ": " + e.Found + ", " + e.Locked }

// Wrong reports that the bytes exist and are wrong.
func (*DiffersError) Wrong() bool { return true }
