// SPDX-License-Identifier: BSD-2-Clause

package event_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/hooks/event"
)

// TestNotices carries notices with their weight, and with a kind that is the same
// for all that say the same of different things.
func TestNotices(t *testing.T) {
	t.Parallel()
	var got []event.Event
	o := event.Observer(func(e event.Event) { got = append(got, e) })
	o.Send(event.Event{Hook: "fetch", Name: "a", Done: 1, Total: 2, Bytes: 3})
	o.Notice("%s has %d", "a", 1)
	o.Notice("%s has %d", "b", 2)
	o.Warn("nobody signed %s", "a")
	o.Detail("nothing")
	want := []event.Event{
		{Hook: "fetch", Name: "a", Done: 1, Total: 2, Bytes: 3},
		{Notice: "a has 1", Kind: "%s has %d"}, {Notice: "b has 2", Kind: "%s has %d"},
		{Notice: "nobody signed a", Weight: event.Trust, Kind: "nobody signed %s"}, {Notice: "nothing", Weight: event.Detail, Kind: "nothing"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// TestWithin names the part of a run in events, and before notices.
func TestWithin(t *testing.T) {
	t.Parallel()
	var got []event.Event
	o := event.Observer(func(e event.Event) { got = append(got, e) }).Within("amd64")
	o.Send(event.Event{Hook: "fetch", Name: "a"})
	o.Warn("nobody signed %s", "a")
	want := []event.Event{{Hook: "fetch", Name: "a", Part: "amd64"}, {Notice: "amd64: nobody signed a", Weight: event.Trust, Kind: "nobody signed %s", Part: "amd64"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// TestNil is heard by nobody.
func TestNil(t *testing.T) {
	t.Parallel()
	var o event.Observer
	o.Send(event.Event{})
	o.Within("a").Send(event.Event{})
	o.Notice("a")
	o.Warn("b")
	o.Detail("c")
}
