// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/orlop/orlop/pkgdb/transport"
)

// TestGuarded leads a source to this machine by name, by mirrors of the DNS, by a
// redirection and through a proxy. Nobody is asked.
func TestGuarded(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { asked.Add(1) }))
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(at.Port(), 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	mirrors := func(context.Context, string, string, string) ([]Server, error) {
		return []Server{{"localhost.", uint16(port)}, {"127.0.0.1", uint16(port)}}, nil
	}
	proxy := transport.NewClient(transport.Settings{Proxy: func(*http.Request) (*url.URL, error) { return at, nil }})
	for name, tt := range map[string]struct {
		store    *Store
		location string
		mirror   string
		want     string
	}{
		"name":    {&Store{}, "https://localhost:" + at.Port() + "/r", "none", "this machine's own address"},
		"mirrors": {&Store{Lookup: mirrors}, "pkg+https://pkg.example.org/r", "srv", "this machine's own address"},
		"proxy":   {&Store{Client: proxy}, "https://pkg.example.org/r", "none", "through a proxy"},
	} {
		tt.store.Dir = t.TempDir()
		src, err := tt.store.Guarded(tt.location, tt.mirror)
		if err != nil {
			t.Fatal(err)
		}
		_, err = src.Open(t.Context(), "meta.conf")
		if _, absent := errors.AsType[*AbsentError](err); !absent || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
	}
	// Whatever redirects, the client that follows judges the next address as well.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := transport.Guard(transport.NewClient(transport.Settings{})).Do(req); err == nil || !strings.Contains(err.Error(), "this machine's own address") {
		t.Errorf("a redirection: got %v", err)
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("%d requests came", n)
	}
}
