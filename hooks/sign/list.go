// SPDX-License-Identifier: BSD-2-Clause

package sign

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/orlop/orlop/hooks/signature"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/store"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/attest"
)

// listEnding is the suffix of a clear-signed list.
const listEnding = ".asc"

// signList clear-signs the list of all images and locks of a run, which each folder gets.
// Signatures of the same list stay.
func signList(ctx context.Context, cfg Config, m signature.Message, folders []*folder) error {
	name := release.ManifestList() + listEnding
	var made []attest.Signature // by a signer once, though several folders may lack it
	for _, f := range folders {
		all, there, err := f.oldList(cfg, name, m)
		if err != nil {
			return err
		}
		more, err := cfg.Sign(ctx, m, slices.Concat(there, made))
		if err != nil {
			return err
		}
		made = append(made, more...)
		before := all.Len()
		for _, s := range made {
			one, err := attest.ParseClearSigned(s.Text)
			if err != nil {
				return err
			}
			all.Merge(one)
		}
		if all.Len() == before {
			continue
		}
		text, err := all.Bytes()
		if err != nil {
			return err
		}
		f.files[name] = file{text, all.Len() - before}
	}
	return nil
}

// oldList reads the list that is there. Another one is replaced, which is said.
func (f *folder) oldList(cfg Config, name string, m signature.Message) (*attest.ClearSigned, []attest.Signature, error) {
	path := filepath.Join(f.dir, name)
	text, err := readList(path)
	if err != nil {
		return nil, nil, err
	}
	f.lists = map[string][]byte{path: text}
	old, bad := attest.ParseClearSigned(text)
	switch {
	case text == nil:
	case bad == nil && bytes.Equal(old.Text, m.Text):
		return old, []attest.Signature{{Form: attest.FormList, Text: text}}, nil
	default:
		cfg.Observe.Notice("%s: had another list, which is replaced: it names what is signed together", path)
	}
	return &attest.ClearSigned{Text: m.Text}, nil, nil
}

// readList reads a list, nil if there is none.
func readList(path string) ([]byte, error) {
	text, err := store.ReadRegularFile(path, maxList)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.Contentf("%s: %w", path, fault.Reason(err))
	}
	return text, nil
}

// maxList bounds a list that is there, in bytes.
const maxList = 16 << 20
