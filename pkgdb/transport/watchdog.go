// SPDX-License-Identifier: BSD-2-Clause

package transport

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// MinBytes is what must move in a window, or the other side counts as dead: half a
// KiB a second.
const MinBytes = 15 << 10

// ErrSlow is the cause of a context that a Watchdog has ended.
var ErrSlow = errors.New("sends too slowly, or nothing more")

// Watchdog ends a transfer that makes too little progress. What is transferred is
// written to it, too.
type Watchdog struct {
	Window time.Duration // 0 for 30 seconds
	Came   func(int64)   // is told of each part; may be nil
	Bark   context.CancelCauseFunc

	bytes atomic.Int64 // of this window
}

// Start begins to watch; the context ends that, or the function that it returns.
func (d *Watchdog) Start(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(cmp.Or(d.Window, 30*time.Second))
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if d.bytes.Swap(0) < MinBytes {
					d.Bark(ErrSlow)
				}
			case <-done:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { close(done) }
}

// Write counts bytes.
func (d *Watchdog) Write(b []byte) (int, error) {
	d.bytes.Add(int64(len(b)))
	if d.Came != nil {
		d.Came(int64(len(b)))
	}
	return len(b), nil
}
