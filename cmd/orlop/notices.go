// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"cmp"

	"github.com/orlop/orlop/hooks/event"
)

// notices writes on stderr what the user should know of a run, each text once:
// of each kind the first few, and details only with -v. With -q it writes what
// is about trust, which nothing silences.
type notices struct {
	out            printer
	quiet, verbose bool

	said map[string]bool
	told map[string]int // how many of a kind
	held int            // not shown, and not counted yet
}

// tell writes a notice that is one to be written.
func (n *notices) tell(e event.Event) {
	trust := e.Weight == event.Trust
	if n.said[e.Notice] || e.Weight == event.Detail && !n.verbose || n.quiet && !trust {
		return
	}
	n.said[e.Notice] = true
	like := cmp.Or(e.Kind, kind(e.Notice))
	if n.told[like]++; n.told[like] > mostLines && !trust && !n.verbose {
		n.held++
		return
	}
	_ = n.out.line("orlop: %s", tabbed(e.Notice))
}

// rest says how many there were that are not shown.
func (n *notices) rest() {
	if n.held > 0 {
		_ = n.out.line("orlop: %s", andMore(n.held))
	}
	n.held = 0
}
