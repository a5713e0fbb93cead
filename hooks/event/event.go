// SPDX-License-Identifier: BSD-2-Clause

// Package event carries what a build does, and what its user should know, to
// whoever shows it.
package event

import "fmt"

// Event tells what a build is doing.
type Event struct {
	Hook        string
	Name        string // of a package or image
	Done, Total int
	Bytes       int64  // that have come over the network since the last event
	Notice      string // something the user should know
	Weight      Weight // of Notice
	Kind        string // of Notice: the same for all that say the same of different things; "" for unknown
}

// Weight tells who is to hear of a notice.
type Weight int

// The weights. What is of Detail stands in the lock as well, or is the long form
// of another notice.
const (
	Plain  Weight = iota
	Trust         // never silenced: who vouches for what is in an image
	Detail        // for those who ask for all
)

// Observer hears of events, from several goroutines at once. A nil one hears of
// nothing.
type Observer func(Event)

// Send tells of an event.
func (o Observer) Send(e Event) {
	if o != nil {
		o(e)
	}
}

// Notice tells the user something.
func (o Observer) Notice(format string, args ...any) { o.tell(Plain, format, args) }

// Warn is a notice about trust.
func (o Observer) Warn(format string, args ...any) { o.tell(Trust, format, args) }

// Detail is a notice about what stands in the lock, too.
func (o Observer) Detail(format string, args ...any) { o.tell(Detail, format, args) }

func (o Observer) tell(w Weight, format string, args []any) {
	o.Send(Event{Notice: fmt.Sprintf(format, args...), Weight: w, Kind: format})
}
