// SPDX-License-Identifier: BSD-2-Clause

package verify

import "errors"

// Findings are what is wrong with an image, and what is no fault of it but worth a
// note.
type Findings struct {
	Errs    []error
	Notes   []string
	Details []string // the notes at length, and what else few want to know
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
	f.Notes, f.Details = append(f.Notes, g.Notes...), append(f.Details, g.Details...)
}

// Err joins all that is wrong.
func (f *Findings) Err() error { return errors.Join(f.Errs...) }
