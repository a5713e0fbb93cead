// SPDX-License-Identifier: BSD-2-Clause

package own

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/tree"
	"github.com/orlop/orlop/release/unpack"
)

// Archive finds what an image takes from a release archive, in the order of the archive,
// and hashes it. The file is the archive, whose sum was checked; Close releases it.
func Archive(ctx context.Context, a *define.Archive, group int, file *os.File, create func() (*os.File, error), observe event.Observer) (Set, error) {
	attributes, err := newAttributes(a.Owned, a.Modes)
	if err != nil {
		return Set{}, err
	}
	info, err := file.Stat()
	if err != nil {
		return Set{}, err
	}
	options := unpack.Options{Strip: a.Strip, Include: a.Include, To: a.To}
	s := newScanner(create, observe)
	defer s.close()
	var set Set
	again := &spool{create: create}
	first := map[string]int{}    // index of each file in the set
	modes := map[string]uint32{} // of files, as the archive has them
	err = unpack.Read(ctx, file, info.Size(), options, func(e unpack.Entry, contents io.Reader) error {
		target := ""
		if e.Type == tree.Symlink {
			target = e.Link
		}
		if err := sayable(e.Path, target); err != nil {
			return err
		}
		name, _ := below(a.To, e.Path)
		if e.Type == tree.Hardlink {
			e.Mode = modes[e.Link]
		}
		f := attributes.with(e.Path, name, e.Mode, e.Type == tree.Dir)
		f.From, f.Group, f.name = a.URL, group, e.Path
		switch e.Type {
		case tree.File:
			f.from, first[e.Path], modes[e.Path] = again, len(set.Files), e.Mode
			if err := s.hash(ctx, &f, contents); err != nil {
				return err
			}
		case tree.Hardlink: // a file of its own
			old := set.Files[first[e.Link]]
			f.SHA256, f.Size, f.Asks, f.from, f.name = old.SHA256, old.Size, old.Asks, again, old.name
		case tree.Symlink:
			f.Link, f.Mode = target, ""
		}
		set.Files = append(set.Files, f)
		return nil
	})
	if err == nil {
		err = attributes.unused()
	}
	if err != nil {
		return Set{}, fault.Within(fmt.Sprintf("archive %s", a.URL), err)
	}
	again.fill = func(ctx context.Context, add func(string, io.Reader) error) error {
		return unpack.Read(ctx, file, info.Size(), options, func(e unpack.Entry, contents io.Reader) error {
			if e.Type != tree.File {
				return nil
			}
			return add(e.Path, contents)
		})
	}
	set.closers = append(set.closers, again, file)
	return set, nil
}

// below returns the name of a path in a folder, "" for the folder itself.
func below(folder, path string) (name string, inside bool) {
	if path == folder {
		return "", true
	}
	return strings.CutPrefix(path, strings.TrimSuffix(folder, "/")+"/")
}
