// SPDX-License-Identifier: BSD-2-Clause

package registry_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/registry/registrytest"
)

// TestRetryAfter gets a manifest that is refused at first, and looks when it is asked
// for again.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	date := func(ahead time.Duration) string { return ahead.String() } // after the answer
	for name, tt := range map[string]struct {
		status     int
		retryAfter string
		waits      bool
		text       string // "" if it is asked for again
	}{
		"1":                  {429, "1", true, ""},
		"30":                 {429, "30", false, "it asks to wait until 2"},
		"86400":              {429, "86400", false, "it asks to wait until 2"},
		"more than fits":     {429, "9223372036854775807", false, "it asks to wait until 2"},
		"a date":             {429, date(2 * time.Second), true, ""},
		"a date far away":    {429, date(time.Hour), false, "it asks to wait until 2"},
		"a date in the past": {429, date(-time.Hour), false, ""},
		"−1":                 {429, "-1", false, ""},
		"soon":               {429, "soon", false, ""},
		"none":               {429, "", false, ""},
		"on 503":             {503, "1", true, ""},
		"on 503, too long":   {503, "30", false, "it asks to wait until 2"},
		"408":                {408, "", false, ""},
		"500":                {500, "", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := start(t, registrytest.Profile{})
			s.PutImage(repo, "latest", []byte("layer"))
			var asked atomic.Bool
			s.Handle(func(w http.ResponseWriter, _ *http.Request) bool {
				if asked.Swap(true) {
					return false
				}
				if ahead, err := time.ParseDuration(tt.retryAfter); err == nil {
					tt.retryAfter = time.Now().UTC().Add(ahead).Format(http.TimeFormat)
				}
				w.Header().Set("Retry-After", tt.retryAfter)
				w.WriteHeader(tt.status)
				return true
			})
			c := newClient(s)
			c.Patience = 3 * time.Second
			before := time.Now()
			_, err := at(s, c, repo).Manifest(t.Context(), "latest")
			if tt.text == "" {
				none(t, err)
			} else {
				fails(t, err, fault.Absent, tt.text)
			}
			if took := time.Since(before); (took >= 900*time.Millisecond) != tt.waits {
				t.Errorf("took %s", took)
			}
			if n := s.Count("GET", "/manifests/"); (n == 2) != (tt.text == "") {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

// TestTemporary: an answer that stays temporary is the answer after five tries, and 501
// at once.
func TestTemporary(t *testing.T) {
	t.Parallel()
	for status, tries := range map[int]int{500: 5, 502: 5, 429: 5, 408: 5, 501: 1, 404: 1, 400: 1, 418: 1} {
		s, r := start(t, registrytest.Profile{})
		s.Handle(registrytest.Answer(registrytest.Always, status, nil, "", registrytest.On("GET", "")))
		if _, err := r.Manifest(t.Context(), "latest"); err == nil {
			t.Errorf("%d: got no error", status)
		}
		if n := s.Count("GET", ""); n != tries {
			t.Errorf("%d: asked %d times, want %d", status, n, tries)
		}
	}
}

// TestPauseTogether: while a registry asks for a pause, no repository of it is asked
// for anything.
func TestPauseTogether(t *testing.T) {
	t.Parallel()
	s, r := start(t, registrytest.Profile{})
	s.PutImage(repo, "latest", []byte("layer"))
	var began atomic.Pointer[time.Time]
	s.Handle(func(w http.ResponseWriter, req *http.Request) bool {
		now := time.Now()
		if began.CompareAndSwap(nil, &now) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}
		if now.Sub(*began.Load()) < 900*time.Millisecond {
			t.Errorf("%s in the pause", req.URL.Path)
		}
		return false
	})
	var wait sync.WaitGroup
	wait.Go(func() { _, err := r.Manifest(t.Context(), "latest"); none(t, err) })
	for began.Load() == nil {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond) // until the answer has come
	for range 3 {
		wait.Go(func() { _, err := r.Has(t.Context(), blobOf([]byte("x"))); none(t, err) })
	}
	wait.Wait()
}
