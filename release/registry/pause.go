// SPDX-License-Identifier: BSD-2-Clause

package registry

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// pause makes all requests to a registry wait together when it asks for that.
type pause struct {
	lock  sync.Mutex
	until context.Context // ends with the pause; nil for none
}

// begin pauses for a while, unless a longer pause has begun.
func (p *pause) begin(d time.Duration) {
	p.lock.Lock()
	defer p.lock.Unlock()
	until, cancel := context.WithTimeout(context.Background(), d)
	if p.until != nil && p.until.Err() == nil {
		before, _ := p.until.Deadline()
		if now, _ := until.Deadline(); now.Before(before) {
			cancel()
			return
		}
	}
	context.AfterFunc(until, cancel) // which releases the timer
	p.until = until
}

// wait returns when there is no pause, or the context has ended.
func (p *pause) wait(ctx context.Context) error {
	for {
		p.lock.Lock()
		until := p.until
		p.lock.Unlock()
		if until == nil || until.Err() != nil {
			return ctx.Err()
		}
		select {
		case <-until.Done():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tries is how often a request is made at most while its answers are temporary.
const tries = 5

// backoff returns the wait before a further try, the first of which is number 1.
func (c *Client) backoff(try int) time.Duration {
	return cmp.Or(c.Backoff, 500*time.Millisecond) << (try - 1)
}

// sleep waits, unless the context ends before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// retryAfter reads Retry-After: seconds, or a date that counts from the answer's own
// Date. It returns 0 for none that can be understood.
func retryAfter(h http.Header) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Duration(min(max(n, 0), int64(100*24*time.Hour/time.Second))) * time.Second
	}
	then, err := http.ParseTime(text)
	now, dated := http.ParseTime(h.Get("Date"))
	if err != nil || dated != nil {
		return 0
	}
	return max(then.Sub(now), 0)
}

// hold decides how long to wait after a temporary answer, and makes the whole host
// wait if the registry asked for it. Too long a wait is returned as a text.
func (r *Repository) hold(h http.Header, try int) (wait time.Duration, tooLong string) {
	asked := retryAfter(h)
	if asked == 0 {
		return r.client.backoff(try), ""
	}
	if asked > cmp.Or(r.client.Patience, 5*time.Minute) {
		tooLong = asked.String()
		if now, err := http.ParseTime(h.Get("Date")); err == nil {
			tooLong = fmt.Sprintf("until %s", now.Add(asked).UTC().Format(time.RFC3339))
		}
		return 0, tooLong
	}
	r.host.pause.begin(asked)
	return 0, "" // the pause is the wait
}
