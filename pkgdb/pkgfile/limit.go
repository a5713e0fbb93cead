// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import "fmt"

// maxEntries bounds the members of an object of a manifest, its files above all.
// In memory one takes some 300 bytes. The largest packages of ports have 100,000.
const maxEntries = 2_000_000

// LimitError is a package or catalogue with more in it than is taken. Nothing
// need be wrong with it.
type LimitError struct {
	What        string // of which it has too many
	Found, Most int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("has %d %s, wanted at most %d", e.Found, e.What, e.Most)
}

// Failed reports that this version cannot do it.
func (*LimitError) Failed() bool { return true }
