// SPDX-License-Identifier: BSD-2-Clause

// Package sign signs images on disk: it finds out what is to be signed of them, and
// writes the signatures beside them. The keys may be elsewhere; then what is to be signed
// travels there in a folder, and the signatures come back in it.
package sign

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/family"
	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/hooks/signature"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/attest"
)

// Config says who signs, and for which repository.
type Config struct {
	signature.Signers
	Forms    []attest.Form // in which is signed
	Identity string        // REGISTRY/PATH, in which {image} stands for the name of an image; "" for none
	Tags     []string      // beside those of the version
	Observe  event.Observer
}

// Written is a file of signatures.
type Written struct {
	File string // with its path
	Made int    // signatures that were not there
}

// Run signs images. Files appear once all signatures are made and checked, and replace
// those that are there with all that is in them.
func Run(ctx context.Context, cfg Config, members []*family.Member) ([]Written, error) {
	artifacts, err := find(cfg, members)
	if err != nil {
		return nil, err
	}
	var folders []*folder
	var lines []signature.Item
	for _, a := range artifacts {
		dir := filepath.Dir(a.base)
		i := slices.IndexFunc(folders, func(f *folder) bool { return f.dir == dir })
		if i < 0 {
			folders = append(folders, &folder{dir: dir, files: map[string]file{}, there: map[string][]signature.Found{}})
			i = len(folders) - 1
		}
		if err := folders[i].sign(ctx, cfg, a); err != nil {
			return nil, err
		}
		lines = append(lines, a.list...)
	}
	if len(lines) > 0 {
		if err := signList(ctx, cfg, signature.Messages(lines)[0], folders); err != nil {
			return nil, err
		}
	}
	return place(ctx, folders)
}

// folder is what is written into a folder.
type folder struct {
	dir   string
	files map[string]file // by name

	there map[string][]signature.Found // what it had when this run looked, by the base of archives
	lists map[string][]byte            // the list that it had, by its path; none if this run writes none
}

// ChangedError is a folder in which somebody else has signed meanwhile.
type ChangedError struct{ Base string }

func (e *ChangedError) Error() string {
	return e.Base + ": its signatures have changed since they were read: run this again to add to them"
}

// Failed reports that this did not work now, and may later.
func (*ChangedError) Failed() bool { return true }

// unchanged looks whether the folder is as it was, so that nothing gets lost.
func (f *folder) unchanged() error {
	for base, there := range f.there {
		if now, err := signature.Beside(base); err != nil || !slices.EqualFunc(now, there, signature.Found.Equal) {
			return &ChangedError{base}
		}
	}
	for path, text := range f.lists {
		if now, err := readList(path); err != nil || !bytes.Equal(now, text) {
			return &ChangedError{path}
		}
	}
	return nil
}

// removeEmpty removes files of which nothing is left.
func (f *folder) removeEmpty() error {
	var errs []error
	for name, file := range f.files {
		if len(file.text) == 0 {
			errs = append(errs, os.Remove(filepath.Join(f.dir, name)))
		}
	}
	return errors.Join(errs...)
}

// file is what a file will have, "" if it is to be removed.
type file struct {
	text []byte
	made int // signatures that were not there
}

// sign makes the signatures of an archive, and of its lock.
func (f *folder) sign(ctx context.Context, cfg Config, a artifact) error {
	if err := f.signAs(ctx, cfg, a.base, a.items); err != nil {
		return err
	}
	return f.signAs(ctx, cfg, a.base+signature.LockPart, a.lock)
}

// signAs makes the signatures that stand in files whose names begin alike.
func (f *folder) signAs(ctx context.Context, cfg Config, base string, items []signature.Item) error {
	if len(items) == 0 {
		return nil
	}
	there, err := signature.Beside(base)
	if err != nil {
		return err
	}
	var made []attest.Signature
	for _, m := range signature.Messages(items) {
		cfg.Observe.Send(event.Event{Hook: "sign", Name: m.Items[0].Name})
		more, err := cfg.Sign(ctx, m, signature.Only(there))
		if err != nil {
			return err
		}
		made = append(made, more...)
	}
	f.there[base] = there
	files, err := signature.Merge(there, func(d digest.Digest) bool {
		return slices.ContainsFunc(items, func(i signature.Item) bool { return i.Digest == d })
	}, made)
	if err != nil {
		return fault.Within(base, err)
	}
	for ending, text := range files {
		n := 0
		for _, s := range made {
			if signature.Endings[s.Form] == ending {
				n++
			}
		}
		f.files[filepath.Base(base)+ending] = file{text, n}
	}
	return nil
}

// place writes all files, once they are all there.
func place(ctx context.Context, folders []*folder) (list []Written, err error) {
	var staged []*output.Folder
	defer func() {
		for _, s := range staged {
			s.Remove()
		}
	}()
	for _, f := range folders {
		if len(f.files) == 0 {
			continue
		}
		s, err := output.NewFolder(ctx, f.dir)
		if err != nil {
			return nil, err
		}
		staged = append(staged, s)
		for _, name := range slices.Sorted(maps.Keys(f.files)) {
			if len(f.files[name].text) == 0 {
				continue // all that it had was of an older image
			}
			if err := s.Write(ctx, name, f.files[name].text); err != nil {
				return nil, err
			}
			list = append(list, Written{filepath.Join(f.dir, name), f.files[name].made})
		}
	}
	for _, f := range folders {
		if err := f.unchanged(); err != nil {
			return nil, err
		}
	}
	for _, s := range staged {
		if err := s.Place(ctx); err != nil {
			return nil, err
		}
	}
	for _, f := range folders {
		if err := f.removeEmpty(); err != nil {
			return nil, err
		}
	}
	return list, nil
}
