// SPDX-License-Identifier: BSD-2-Clause

//go:build full

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestPlacesOfLocks lets a stranger's lock name places of the reader's machine
// and network. None of them is read, waited for or asked.
func TestPlacesOfLocks(t *testing.T) {
	t.Parallel()
	w := newForgery(t)
	archive := w.honest(t, "static")
	var asked atomic.Int64
	count := func(rw http.ResponseWriter, r *http.Request) { asked.Add(1); http.NotFound(rw, r) }
	plain, tls := httptest.NewServer(http.HandlerFunc(count)), httptest.NewTLSServer(http.HandlerFunc(count))
	t.Cleanup(plain.Close)
	t.Cleanup(tls.Close)
	port := func(url string) string { return url[strings.LastIndexByte(url, ':'):] }
	repo := func(url string) func(object) { return func(l object) { firstRepository(l)["url"] = url } }
	pkg := func(key string, value any) func(object) {
		return func(l object) {
			editNamed(at[[]any](l, "packages"), "FreeBSD-zoneinfo", func(p object) { p[key] = value })
		}
	}
	for name, f := range map[string]struct {
		change func(lock object)
		status int
		want   string
	}{
		"a folder":                      {repo("/etc"), 2, "others can reach"},
		"a folder as a URL":             {repo("file:///etc"), 2, "others can reach"},
		"a folder of pkg's kind":        {repo("FreeBSD:15:amd64"), 2, "others can reach"},
		"a relative folder":             {repo("../.."), 2, "others can reach"},
		"another scheme":                {repo("ssh://host/repo"), 2, "others can reach"},
		"a password":                    {repo("https://user:passw0rd@" + tls.Listener.Addr().String() + "/r"), 2, "has a user"},
		"a query":                       {repo(tls.URL + "/r?token=passw0rd"), 2, "a query"},
		"no host":                       {repo("https:///r"), 2, "has no host"},
		"http":                          {repo(plain.URL), 4, "is not https"},
		"pkg+http":                      {repo("pkg+" + plain.URL), 4, "is not https"},
		"this machine":                  {repo(tls.URL), 4, "is this machine's own address"},
		"this machine, by name":         {repo("https://localhost" + port(tls.URL)), 4, "is this machine's own address"},
		"this machine, of pkg's kind":   {repo("pkg+" + tls.URL), 4, "is this machine's own address"},
		"this machine, mapped":          {repo("https://[::ffff:127.0.0.1]" + port(tls.URL)), 4, "is this machine's own address"},
		"no address":                    {repo("https://0.0.0.0" + port(tls.URL)), 4, "is not an address"},
		"a private network":             {repo("https://10.1.2.3/r"), 4, "is a private address"},
		"a private network of IPv6":     {repo("https://[fd00::1]/r"), 4, "is a private address"},
		"a carrier's network":           {repo("https://100.64.1.2/r"), 4, "is a carrier's private address"},
		"a cloud's metadata":            {repo("https://169.254.169.254/r"), 4, "is an address of the local network"},
		"a private network, translated": {repo("https://[64:ff9b::a01:203]/r"), 4, "is a private address"},
		"a device":                      {pkg("path", "../../../dev/zero"), 2, "wanted more than 0 bytes and a clean path"},
		"no size":                       {pkg("size", 0), 2, "wanted more than 0 bytes and a clean path"},
		"a negative size":               {pkg("size", -1), 2, "wanted more than 0 bytes and a clean path"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lock := changedLock(t, archive+".lock.json", f.change)
			for _, args := range [][]string{
				{"verify", "-q", "--rebuild", "--cache", t.TempDir(), "--lock", lock, archive},
				{"build", "-q", "--cache", t.TempDir(), "--lock", lock, "-o", t.TempDir()},
				{"fetch", "-q", "--cache", t.TempDir(), "--lock", lock},
			} {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // none of them waits
				status, said := orlopIn(ctx, args...)
				cancel()
				if status != f.status || !strings.Contains(said, f.want) || strings.Contains(said, "passw0rd") {
					t.Errorf("%s: status %d, wanted %d and %q: %s", args[0], status, f.status, f.want, said)
				}
			}
		})
	}
	t.Cleanup(func() {
		if n := asked.Load(); n > 0 {
			t.Errorf("%d requests were sent", n)
		}
	})
}
