// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"cmp"

	"github.com/orlop/orlop/hooks/event"
)

// notices prints on stderr what the user should know about a run, each text once:
// the first few of each kind, and details only with -v. With -q it prints only
// notices about trust, which nothing silences.
type notices struct {
	out            printer
	quiet, verbose bool

	said  map[string]bool
	shown map[string]int // how many of each kind
	held  int            // not shown, and not counted yet
}

// show prints a notice, unless the flags or the limit hide it.
func (n *notices) show(e event.Event) {
	trust := e.Weight == event.Trust
	if n.said[e.Notice] || e.Weight == event.Detail && !n.verbose || n.quiet && !trust {
		return
	}
	n.said[e.Notice] = true
	like := cmp.Or(e.Kind, kind(e.Notice))
	if n.shown[like]++; n.shown[like] > mostLines && !trust && !n.verbose {
		n.held++
		return
	}
	_ = n.out.line("orlop: %s", tabbed(e.Notice))
}

// rest prints how many notices are not shown.
func (n *notices) rest() {
	if n.held > 0 {
		_ = n.out.line("orlop: %s", andMore(n.held))
	}
	n.held = 0
}
