// SPDX-License-Identifier: BSD-2-Clause

package registry_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/release/registry"
	"github.com/orlop/orlop/release/registry/registrytest"
)

// TestCancel ends a push and a pull at each of their requests, and wants the error of
// the context and no goroutine that is left. It is not parallel, since it counts them.
func TestCancel(t *testing.T) {
	requests := cancelAt(t, 1<<30)
	if requests < 10 {
		t.Fatalf("there are %d requests only", requests)
	}
	for n := range requests {
		cancelAt(t, n)
	}
}

// cancelAt pushes and pulls and ends that at a request. It returns how many there were.
func cancelAt(t *testing.T, at int64) int64 {
	before := runtime.NumGoroutine()
	var n atomic.Int64
	t.Run("one", func(t *testing.T) {
		p := registrytest.GHCR()
		s := registrytest.New(t, p)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s.Handle(func(_ http.ResponseWriter, r *http.Request) bool {
			if n.Add(1)-1 == at {
				cancel()
				_, _ = io.Copy(io.Discard, r.Body) // or nobody would see the client leave
				<-r.Context().Done()
				panic(http.ErrAbortHandler)
			}
			return false
		})
		if err := roundTrip(ctx, t, s); at >= n.Load() && err != nil || at < n.Load() && !errors.Is(err, context.Canceled) {
			t.Errorf("at request %d: got %v", at, err)
		}
	})
	left(t, before)
	return n.Load()
}

// roundTrip pushes an image with an attachment and pulls it.
func roundTrip(ctx context.Context, t *testing.T, s *registrytest.Server) error {
	layer, file := []byte("layer"), []byte("lock")
	m := image(t, layer)
	a := attachment(t, file, m.Descriptor)
	c := newClient(s)
	r := at(s, c, repo)
	for _, text := range [][]byte{[]byte("{}"), layer, file} {
		if _, err := r.Has(ctx, blobOf(text)); err != nil {
			return err
		}
		if _, err := r.Mount(ctx, blobOf(text), "team/other", opener(text)); err != nil {
			return err
		}
		if err := r.Upload(ctx, blobOf(text), opener(text)); err != nil {
			return err
		}
	}
	for _, step := range []func() error{
		func() error { return r.Put(ctx, m) },
		func() error { return r.Put(ctx, a) },
		func() error { return r.Listed(ctx, m.Digest, []v1.Descriptor{a.Descriptor}) },
		func() error { return r.Tag(ctx, m, "15.0") },
		func() error {
			i, err := c.Image(ctx, registry.Reference{Registry: s.Host(), Repository: repo, Tag: "15.0"})
			if err != nil {
				return err
			}
			_, _, err = i.From.Referrers(ctx, i.Digest, "")
			return err
		},
		func() error {
			body, err := r.Blob(ctx, blobOf(layer))
			if err != nil {
				return err
			}
			defer body.Close()
			_, err = body.Read(make([]byte, 100))
			if err != nil && err.Error() == "EOF" {
				err = nil
			}
			return err
		},
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// left wants as many goroutines as before, if need be after a moment.
func left(t *testing.T, before int) {
	t.Helper()
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	text := make([]byte, 1<<20)
	text = text[:runtime.Stack(text, true)]
	for g := range strings.SplitSeq(string(text), "\n\n") {
		if !strings.Contains(g, "testing.(*T).Parallel") {
			t.Log(g)
		}
	}
	t.Fatalf("there are %d goroutines, before there were %d", runtime.NumGoroutine(), before)
}

// TestCancelWait ends what waits: for a back-off, a pause, a token that another one
// fetches, bytes that do not come, and bytes that nobody takes.
func TestCancelWait(t *testing.T) {
	manifest := func(ctx context.Context, r *registry.Repository) error {
		_, err := r.Manifest(ctx, "latest")
		return err
	}
	blob := blobOf(random(6 << 20))
	for name, tt := range map[string]struct {
		set func(s *registrytest.Server, end chan struct{})
		do  func(ctx context.Context, r *registry.Repository) error
	}{
		"back-off": {func(s *registrytest.Server, _ chan struct{}) {
			s.Handle(registrytest.Answer(registrytest.Always, 500, nil, "", registrytest.On("GET", "/manifests/")))
		}, manifest},
		"pause": {func(s *registrytest.Server, _ chan struct{}) {
			s.Handle(registrytest.Answer(registrytest.Always, 429, registrytest.Header("Retry-After", "100"), "", registrytest.On("GET", "/manifests/")))
		}, manifest},
		"token": {func(s *registrytest.Server, end chan struct{}) {
			s.Handle(registrytest.Do(registrytest.Always, registrytest.On("", "/token"), func() { <-end }))
		}, func(ctx context.Context, r *registry.Repository) error {
			other := make(chan error)
			go func() { other <- manifest(ctx, r) }()
			return errors.Join(manifest(ctx, r), <-other)
		}},
		"answer": {func(s *registrytest.Server, end chan struct{}) {
			s.Handle(registrytest.Do(registrytest.Always, registrytest.On("GET", "/manifests/"), func() { <-end }))
		}, manifest},
		"bytes that nobody takes": {func(s *registrytest.Server, end chan struct{}) {
			s.Handle(func(_ http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPut {
					<-end
				}
				return false
			})
		}, func(ctx context.Context, r *registry.Repository) error {
			return r.Upload(ctx, blob, opener(random(6<<20)))
		}},
		"bytes that do not come": {func(s *registrytest.Server, end chan struct{}) {
			s.Handle(func(w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(http.StatusOK)
				_ = http.NewResponseController(w).Flush()
				<-end
				return true
			})
		}, func(ctx context.Context, r *registry.Repository) error {
			body, err := r.Blob(ctx, blob)
			if err != nil {
				return err
			}
			defer body.Close()
			_, err = body.Read(make([]byte, 1))
			return err
		}},
	} {
		before := runtime.NumGoroutine()
		t.Run(name, func(t *testing.T) {
			auth := registrytest.AuthNone
			if name == "token" {
				auth = registrytest.AuthBearer
			}
			s, _ := start(t, registrytest.Profile{Auth: auth})
			end := make(chan struct{})
			t.Cleanup(func() { close(end) })
			tt.set(s, end)
			c := newClient(s)
			c.Backoff = time.Hour
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			began := time.Now()
			if err := tt.do(ctx, at(s, c, repo)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("took %s", took)
			}
		})
		left(t, before)
	}
}
