// SPDX-License-Identifier: BSD-2-Clause

// Package sign signs images on disk: it finds out what is to be signed of them, and
// writes the signatures beside them. The keys may be elsewhere; then what is to be signed
// travels there in a folder, and the signatures come back in it.
package sign

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/hooks/event"
	"github.com/orlop/orlop/hooks/family"
	"github.com/orlop/orlop/hooks/output"
	"github.com/orlop/orlop/hooks/signature"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release"
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

// ListEnding is the suffix of a clear-signed list.
const ListEnding = ".asc"

// Run signs images. Files appear once all signatures are made and checked, and replace
// those that are there with all that is in them.
func Run(ctx context.Context, cfg Config, members []*family.Member) ([]Written, error) {
	artifacts, err := find(cfg, members)
	if err != nil {
		return nil, err
	}
	folders := map[string]*folder{}
	var order []*folder
	for _, a := range artifacts {
		dir := filepath.Dir(a.base)
		if folders[dir] == nil {
			folders[dir] = &folder{dir: dir, files: map[string]file{}}
			order = append(order, folders[dir])
		}
		if err := folders[dir].sign(ctx, cfg, a); err != nil {
			return nil, err
		}
	}
	for _, f := range order {
		if err := f.signList(ctx, cfg); err != nil {
			return nil, err
		}
	}
	return place(ctx, order)
}

// folder is what is written into a folder.
type folder struct {
	dir   string
	files map[string]file // by name
	list  []signature.Item
}

type file struct {
	text []byte
	made int
}

// sign makes the signatures of an archive, and of its lock.
func (f *folder) sign(ctx context.Context, cfg Config, a artifact) error {
	f.list = append(f.list, a.list...)
	if err := f.signAs(ctx, cfg, a.base, a.items); err != nil {
		return err
	}
	return f.signAs(ctx, cfg, a.base+lockPart, a.lock)
}

// lockPart is what the names of the files beside a lock have in addition.
const lockPart = ".lock"

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
	files, err := signature.Merge(there, func(c attest.Claim) bool {
		return slices.ContainsFunc(items, func(i signature.Item) bool { return slices.Contains(c.Digests, i.Digest) })
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

// signList clear-signs the list of all images and locks of a folder. Signatures of the
// same list stay.
func (f *folder) signList(ctx context.Context, cfg Config) error {
	if len(f.list) == 0 {
		return nil
	}
	m := signature.Messages(f.list)[0]
	name := release.ManifestList() + ListEnding
	var there []attest.Signature
	all := &attest.ClearSigned{Text: m.Text}
	text, err := store.ReadRegularFile(filepath.Join(f.dir, name), maxList)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Contentf("%s: %w", filepath.Join(f.dir, name), fault.Reason(err))
	}
	if old, bad := attest.ParseClearSigned(text); err == nil && bad == nil && string(old.Text) == string(m.Text) {
		all, there = old, []attest.Signature{{Form: attest.FormList, Text: text}}
	}
	made, err := cfg.Sign(ctx, m, there)
	if err != nil || len(made) == 0 {
		return err
	}
	for _, s := range made {
		one, err := attest.ParseClearSigned(s.Text)
		if err != nil {
			return err
		}
		all.Merge(one)
	}
	text, err = all.Bytes()
	f.files[name] = file{text, len(made)}
	return err
}

// maxList bounds a list that is there, in bytes.
const maxList = 16 << 20

// place writes all files, once they are all there.
func place(ctx context.Context, folders []*folder) (list []Written, err error) {
	var staged []*output.Folder
	defer func() {
		for _, s := range staged {
			s.Remove()
		}
	}()
	for _, f := range folders {
		s, err := output.NewFolder(ctx, f.dir)
		if err != nil {
			return nil, err
		}
		staged = append(staged, s)
		for _, name := range sortedNames(f.files) {
			if err := s.Write(ctx, name, f.files[name].text); err != nil {
				return nil, err
			}
			list = append(list, Written{filepath.Join(f.dir, name), f.files[name].made})
		}
	}
	for _, s := range staged {
		if err := s.Place(ctx); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func sortedNames(files map[string]file) []string {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// identityOf is the repository of an image, "" for none.
func (cfg Config) identityOf(image string) string {
	return strings.ReplaceAll(cfg.Identity, "{image}", image)
}

// lockSum is the digest of a lock's bytes.
func lockSum(text []byte) digest.Digest { return digest.FromBytes(text) }
