// SPDX-License-Identifier: BSD-2-Clause

package attest

import (
	"errors"
	"fmt"

	"github.com/orlop/orlop/pkgdb/strict"
)

// WithdrawalType is the type of the predicate that withdraws an image.
const WithdrawalType = "https://github.com/orlop/orlop/withdrawal/v1"

// Withdrawal says why nobody should use an image any more, and what to use.
type Withdrawal struct {
	Reason    string `json:"reason"`
	Successor string `json:"successor"` // a tag or a reference; "" for none
}

// maxReason bounds what is shown of a reason, in bytes.
const maxReason = 1 << 10

// Withdrawal reads the predicate of a statement that withdraws images.
func (s *Statement) Withdrawal() (Withdrawal, error) {
	var w Withdrawal
	if s.PredicateType != WithdrawalType {
		return w, fmt.Errorf("predicateType is %q, wanted %q", s.PredicateType, WithdrawalType)
	}
	if err := strict.Unmarshal(s.Predicate, &w); err != nil {
		return w, fmt.Errorf("predicate: %w", err)
	}
	switch {
	case w.Reason == "":
		return w, errors.New("predicate: has no reason")
	case len(w.Reason) > maxReason || len(w.Successor) > maxReason:
		return w, fmt.Errorf("predicate: reason or successor has more than %d bytes", maxReason)
	}
	return w, nil
}
