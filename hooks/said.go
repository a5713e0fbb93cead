// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"sync"

	"github.com/orlop/orlop/hooks/event"
)

// said is a notice, and where in a build it belongs.
type said struct {
	Hook, Step string // Step is the image of a hook that goes through them, or a package
	Text       string
	Weight     event.Weight
	Kind       string
}

// recorder keeps the notices of a build, and passes on all events.
type recorder struct {
	to         event.Observer
	mu         sync.Mutex
	hook, step string // of the last event that has a hook
	said       []said
}

func (r *recorder) event(e event.Event) {
	r.note(e)
	r.to.Send(e)
}

func (r *recorder) note(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Hook != "" {
		r.hook, r.step = e.Hook, e.Name
	}
	if e.Notice != "" {
		r.said = append(r.said, said{r.hook, r.step, e.Notice, e.Weight, e.Kind})
	}
}

// sayAgain sends the notices of a hook, with a step only those of that step.
func sayAgain(to event.Observer, texts []said, hook, step string) {
	for _, t := range texts {
		if t.Hook == hook && (step == "" || t.Step == step) {
			to.Send(event.Event{Notice: t.Text, Weight: t.Weight, Kind: t.Kind})
		}
	}
}
