// SPDX-License-Identifier: BSD-2-Clause

package tree

import "fmt"

// Bounds of what is read into memory, where an entry takes about 300 bytes.
// FreeBSD's base and all of its ports together have fewer entries than
// maxEntries.
const (
	maxEntries = 2_000_000 // of an mtree file or METALOG
	maxPath    = 1024      // bytes of a path in one; PATH_MAX of FreeBSD
	maxLine    = 64 << 10  // bytes of a line, with its continuations
	maxFaults  = 100       // reported for a file
)

// LimitError is a file with more in it than is accepted. Nothing need be wrong
// with it.
type LimitError struct {
	What        string // what it has too many of
	Found, Most int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("has %d %s, wanted at most %d", e.Found, e.What, e.Most)
}

// Failed reports that this version cannot do it.
func (*LimitError) Failed() bool { return true }
