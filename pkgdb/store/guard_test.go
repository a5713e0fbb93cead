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
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"127.0.0.1:443": "this machine's own", "127.9.9.9:80": "this machine's own", "[::1]:443": "this machine's own", "[::ffff:127.0.0.1]:443": "this machine's own",
		"0.0.0.0:443": "not an address", "[::]:443": "not an address", "0.1.2.3:443": "an address of this network",
		"10.0.0.1:443": "private", "172.16.0.1:443": "private", "172.31.255.255:443": "private", "192.168.1.1:443": "private", "[fc00::1]:443": "private", "[fdff::1]:443": "private",
		"100.64.0.1:443": "carrier's", "100.127.255.255:443": "carrier's", "169.254.169.254:80": "local network", "[fe80::1%eth0]:443": "local network", "224.0.0.1:443": "local network",
		"[ff02::1]:443": "local network", "255.255.255.255:443": "reserved", "192.0.2.1:443": "documentation", "198.18.0.1:443": "benchmarks",
		"[64:ff9b::7f00:1]:443": "this machine's own", "[2002:c0a8:101::]:443": "private", "[::10.0.0.1]:443": "private", "[2001:0:1::1]:443": "tunnel", "[fec0::1]:443": "site's",
		"host:443": "not an address that can be checked", "127.0.0.1": "not an address that can be checked",
		"96.47.72.84:443": "", "100.63.0.1:443": "", "100.128.0.1:443": "", "172.32.0.1:443": "", "[2610:1c1:1:606c::50:2]:443": "", "[64:ff9b::602f:4854]:443": "", "[2002:602f:4854::]:443": "",
	} {
		err := checkAddress(address)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", address, err, want)
		}
	}
}

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
	proxy := NewClient(func(*http.Request) (*url.URL, error) { return at, nil })
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
	if _, err := guard(NewClient(nil)).Do(req); err == nil || !strings.Contains(err.Error(), "this machine's own address") {
		t.Errorf("a redirection: got %v", err)
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("%d requests came", n)
	}
}
