// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/orlop/orlop/pkgdb/transport"
)

// moving is a body on its way, in or out. A transfer ends that makes too little
// progress while somebody waits for it.
type moving struct {
	io.Reader
	out     bool
	ctx     context.Context
	cancel  context.CancelCauseFunc // ends the request, with the body
	close   func() error
	stop    func()
	bytes   atomic.Int64 // of the present window
	reading atomic.Bool  // Read has been called and has not returned
	ended   atomic.Bool
}

// slowWindows is in how many windows, one after the other, too little may come: a
// reader that was busy with other things has missed one.
const slowWindows = 2

// moving watches a body until it is closed, which ends the request if it is that of an
// answer.
func (r *Repository) moving(ctx context.Context, cancel context.CancelCauseFunc, body io.Reader, out bool) io.ReadCloser {
	m := &moving{Reader: body, out: out, ctx: ctx, cancel: cancel, close: func() error { return nil }}
	if c, is := body.(io.Closer); is {
		m.close = c.Close
	}
	done := make(chan struct{})
	m.stop = func() {
		if !m.ended.Swap(true) {
			close(done)
		}
	}
	go m.watch(r.client.window(), done)
	return m
}

func (m *moving) watch(window time.Duration, done <-chan struct{}) {
	tick := time.NewTicker(window)
	defer tick.Stop()
	for slow := 0; ; {
		select {
		case <-done:
			return
		case <-m.ctx.Done():
			return
		case <-tick.C:
			// It is for the network to act while a body that comes in is read, and
			// while one that goes out is not.
			if slow++; m.bytes.Swap(0) >= transport.MinBytes || m.reading.Load() == m.out {
				slow = 0
			}
			if slow == slowWindows {
				m.cancel(transport.ErrSlow)
			}
		}
	}
}

// Read reads.
func (m *moving) Read(b []byte) (int, error) {
	m.reading.Store(true)
	n, err := m.Reader.Read(b)
	m.reading.Store(false)
	m.bytes.Add(int64(n))
	if err != nil {
		m.stop()
		if cause := context.Cause(m.ctx); err != io.EOF && errors.Is(cause, transport.ErrSlow) {
			err = cause
		}
	}
	return n, err
}

// Close ends the transfer.
func (m *moving) Close() error {
	m.stop()
	err := m.close()
	if !m.out {
		m.cancel(nil)
	}
	return err
}
