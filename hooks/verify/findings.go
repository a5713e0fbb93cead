// SPDX-License-Identifier: BSD-2-Clause

package verify

import (
	"errors"
	"slices"
)

// Findings are the faults of an image, and notes that are no faults.
type Findings struct {
	Errs    []error
	Notes   []string
	Details []string    // the notes in full, and what else few readers need
	Gone    []*Departed // what is not there although a package says so: a lock says whether that is right
}

func (f *Findings) add(errs ...error) {
	for _, err := range errs {
		if err != nil {
			f.Errs = append(f.Errs, err)
		}
	}
}

func (f *Findings) join(g Findings) {
	f.add(g.Errs...)
	f.Gone = append(f.Gone, g.Gone...)
	f.Notes, f.Details = append(f.Notes, g.Notes...), append(f.Details, g.Details...)
}

// Err joins all faults.
func (f *Findings) Err() error {
	errs := slices.Clone(f.Errs)
	for _, d := range f.Gone {
		errs = append(errs, d.Err)
	}
	return errors.Join(errs...)
}

// depart adds faults, of which departures are judged later.
func (f *Findings) depart(errs []error) {
	others, gone := split(errs)
	f.add(others...)
	f.Gone = append(f.Gone, gone...)
}
