// SPDX-License-Identifier: BSD-2-Clause

// Package event reports the progress of a build, and what its user should know.
package event

import "fmt"

// Event reports what a build is doing.
type Event struct {
	Hook        string
	Name        string // of a package or image
	Done, Total int
	Bytes       int64  // that have moved over the network since the last event
	Expected    int64  // further bytes that are to move
	Notice      string // something the user should know
	Weight      Weight // of Notice
	Kind        string // of Notice: its format, which groups like notices; "" for unknown
	Part        string // of a run that makes several things one after the other; "" for the whole
}

// Weight says which users should see a notice.
type Weight int

// The weights. A Detail is in the lock as well, or is the long form of another
// notice.
const (
	Plain  Weight = iota
	Trust         // never silenced: who vouches for what is in an image
	Detail        // only if the user asks for details
)

// Observer receives events, from several goroutines at once. A nil one receives
// none.
type Observer func(Event)

// Send sends an event.
func (o Observer) Send(e Event) {
	if o != nil {
		o(e)
	}
}

// Within returns an observer of a part of a run, whose name is put before notices.
func (o Observer) Within(part string) Observer {
	return func(e Event) {
		if e.Part = part; e.Notice != "" {
			e.Notice = part + ": " + e.Notice
		}
		o.Send(e)
	}
}

// Notice sends a notice to the user.
func (o Observer) Notice(format string, args ...any) { o.notice(Plain, format, args) }

// Warn sends a notice about trust.
func (o Observer) Warn(format string, args ...any) { o.notice(Trust, format, args) }

// Detail sends a notice about what is in the lock as well.
func (o Observer) Detail(format string, args ...any) { o.notice(Detail, format, args) }

func (o Observer) notice(w Weight, format string, args []any) {
	o.Send(Event{Notice: fmt.Sprintf(format, args...), Weight: w, Kind: format})
}
