// SPDX-License-Identifier: BSD-2-Clause

package lock

import (
	"errors"
	"slices"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/jsondiff"
)

// Compare finds in what an image that was made from a lock came out
// otherwise. Who lent a file, who signed a catalogue and what wrote the lock may
// differ; and so may bytes that were made, of which the image itself tells more.
func Compare(got, want Lock) error {
	if len(got.Layers) != len(want.Layers) {
		return fault.Contentf("it does not come out as its lock says: %d layers, wanted %d", len(got.Layers), len(want.Layers))
	}
	got.Format, got.Orlop, got.Versions = want.Format, want.Orlop, want.Versions
	got.Packages = slices.Clone(got.Packages)
	for i := range min(len(got.Packages), len(want.Packages)) {
		got.Packages[i].Path = want.Packages[i].Path // a repository may have moved it
	}
	got.Repositories = slices.Clone(got.Repositories)
	for i := range min(len(got.Repositories), len(want.Repositories)) {
		got.Repositories[i].Signer = want.Repositories[i].Signer
	}
	got.Layers = slices.Clone(got.Layers)
	for i := range got.Layers {
		step := &got.Layers[i]
		step.Generated, step.Directories = want.Layers[i].Generated, want.Layers[i].Directories
		step.Definition = want.Layers[i].Definition // which the member has, with what an elder one does not say
		files := slices.Clone(step.Files)
		for j := range files {
			if j < len(want.Layers[i].Files) {
				files[j].From = want.Layers[i].Files[j].From
			}
		}
		step.Files = files
	}
	changes := jsondiff.Compare(want, got)
	if len(changes) == 0 {
		return nil
	}
	var errs []error
	for _, c := range changes[:min(len(changes), MaxLockChanges)] {
		errs = append(errs, fault.Contentf("it does not come out as its lock says: %s is %s, wanted %s", c.Key, fault.Shown(c.New), fault.Shown(c.Old)))
	}
	if n := len(changes) - len(errs); n > 0 {
		errs = append(errs, fault.Contentf("it does not come out as its lock says: %d more differences", n))
	}
	return errors.Join(errs...)
}

// MaxLockChanges bounds the differences that are told: where a list has an entry
// more, all after it differ.
const MaxLockChanges = 8
