// SPDX-License-Identifier: BSD-2-Clause

package verify

import "errors"

// Findings are the faults of an image, and notes that are no faults.
type Findings struct {
	Errs    []error
	Notes   []string
	Details []string // the notes in full, and what else few readers need
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

// Err joins all faults.
func (f *Findings) Err() error { return errors.Join(f.Errs...) }
