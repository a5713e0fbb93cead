// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orlop/orlop/pkgdb/transport"
)

// secretURL puts a user, a password, a query and a fragment into a URL.
func secretURL(location string) string {
	return strings.Replace(location, "://", "://us3r:s3cr3t@", 1) + "?token=t0ken#fr4gment"
}

// tells reports whether a text has one of them.
func tells(text string) bool {
	return strings.Contains(text, "us3r") || strings.Contains(text, "s3cr3t") || strings.Contains(text, "t0ken") || strings.Contains(text, "fr4gment")
}

// TestSecretsInFaults makes a transfer fail in every way: the error names the
// repository, and nothing of its URL that is secret.
func TestSecretsInFaults(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]http.HandlerFunc{
		"not found":   http.NotFound,
		"unavailable": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
		"other bytes": func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, len(body))) },
		"in a circle": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.String(), http.StatusFound) },
		"to no URL": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://us3r:s3cr3t zz@h/?t0ken")
			w.WriteHeader(302)
		},
		"to no host": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://us3r:s3cr3t@127.0.0.1:1/?t0ken")
			w.WriteHeader(302)
		},
		"to no protocol": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "x://us3r:s3cr3t@h/?t0ken")
			w.WriteHeader(302)
		},
		"no HTTP": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				panic(err)
			}
			fmt.Fprint(conn, "garbage")
			conn.Close()
		},
		"its own words": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				panic(err)
			}
			fmt.Fprint(conn, "HTTP/1.1 404 https://us3r:s3cr3t@h/\x1b[2J\r\n\r\n")
			conn.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(serve)
			defer server.Close()
			st := &Store{Dir: t.TempDir(), Client: transport.NewClient(transport.Settings{}), Retries: 1, Backoff: time.Millisecond}
			src, err := st.Source(secretURL(server.URL+"/repo"), "none")
			if err != nil {
				t.Fatal(err)
			}
			_, openErr := src.Open(t.Context(), "data.pkg")
			for _, err := range []error{get(t, src), openErr} {
				if name == "other bytes" && err == nil {
					continue // which is what Open is for
				}
				if err == nil || tells(err.Error()) || strings.Contains(err.Error(), "\x1b") {
					t.Errorf("got %q", err)
				}
				if name != "other bytes" && !strings.Contains(err.Error(), " of repository "+server.URL+"/repo: ") {
					t.Errorf("got %q, want the repository in it", err)
				}
			}
		})
	}
}

// TestSecretsInLocations refuses locations, and tells no secret of them.
func TestSecretsInLocations(t *testing.T) {
	t.Parallel()
	full := &Store{Dir: t.TempDir(), Offline: true}
	for _, tt := range []struct {
		location, mirror, want string
		st                     *Store
	}{
		{"https://us3r:s3cr3t@h/x?t0ken", "none", "https://h/x: there is no store", new(Store)},
		{"pkg+https://us3r:s3cr3t@h/x?t0ken", "none", "pkg+https://h/x: pkg+ goes with the mirror type srv", full},
		{"https://us3r:s3/cr3t@h/x", "none", "https://h/x: is not a readable URL", full},
		{"https://us3r:%zzs3cr3t@h/x", "none", "https://h/x: is not a readable URL", full},
		{"https://us3r:s3cr3t@/x?t0ken", "none", "https:///x: has no host", full},
		{"https:us3r:s3cr3t@h/x", "none", "https:h/x: has no host", full},
		{"ftp://us3r:s3cr3t@h/x?t0ken", "none", `ftp://h/x: transport "ftp" is not supported`, full},
		{"file://us3r:s3cr3t@h/x", "none", `file://h/x: a file: URL has no host, found "h"`, full},
	} {
		_, err := tt.st.Source(tt.location, tt.mirror)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || tells(err.Error()) {
			t.Errorf("%s: got %v, want %s", tt.location, err, tt.want)
		}
	}
	for location, want := range map[string]string{
		"https://us3r:s3cr3t@h/x%20y?t0ken#fr4gment": "https://h/x%20y",
		"pkg+http://us3r@h:80/x?t0ken":               "pkg+http://h:80/x",
	} {
		src, err := full.Source(location, "srv")
		if err != nil {
			t.Fatal(err)
		}
		if got := src.PublicURL(); got != want || Public(location) != want {
			t.Errorf("%s: got %s and %s, want %s", location, got, Public(location), want)
		}
		if _, err := src.Open(t.Context(), "meta.conf"); err == nil || !strings.HasPrefix(err.Error(), "meta.conf of repository "+want+": ") || tells(err.Error()) {
			t.Errorf("offline: got %v", err)
		}
	}
	if src, err := full.Source("HTTPS://us3r:s3cr3t@h/x", "none"); err != nil {
		t.Error(err)
	} else if _, err := src.Open(t.Context(), "meta.conf"); err == nil || tells(err.Error()) {
		t.Errorf("a folder that looks like a URL: got %v", err)
	}
}

// TestSecretsOfProxy has a proxy whose address cannot be read.
func TestSecretsOfProxy(t *testing.T) {
	t.Parallel()
	asked := 0
	client := transport.NewClient(transport.Settings{Proxy: func(*http.Request) (*url.URL, error) {
		asked++
		address := "http://us3r:s3cr3t@h:" + "x"[:min(1, asked)] // no port
		_, err := url.Parse(address)
		return nil, fmt.Errorf("invalid proxy address %q: %v", address, err)
	}})
	st := &Store{Dir: t.TempDir(), Client: client, Backoff: time.Millisecond}
	src, err := st.Source("http://h/x", "none")
	if err != nil {
		t.Fatal(err)
	}
	const want = "the address of the proxy is not a readable URL"
	if err := get(t, src); err == nil || !strings.Contains(err.Error(), want) || tells(err.Error()) || asked != 1 {
		t.Errorf("got %v after %d tries, want %s after one", err, asked, want)
	}
}

// hosts notes what secrets servers are sent, by name and path.
type hosts struct {
	mu   sync.Mutex
	told []string
}

func (h *hosts) serve(t *testing.T, name string, next http.HandlerFunc) *url.URL {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		h.mu.Lock()
		h.told = append(h.told, fmt.Sprint(name, " ", r.URL.Path, " ", user, ":", password, " ", r.URL.RawQuery, " ", r.Referer()))
		h.mu.Unlock()
		next(w, r)
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestSecretsStayWithHost follows a redirection and an SRV record to other
// hosts, which get no secret; the repository's own host is.
func TestSecretsStayWithHost(t *testing.T) {
	t.Parallel()
	var h hosts
	other := h.serve(t, "other", whole)
	stranger := "http://localhost:" + other.Port() // the repository is at 127.0.0.1
	own := h.serve(t, "own", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, stranger+"/there", http.StatusFound)
	})
	const path = "/repo/All/a~1,2.pkg"
	for _, tt := range []struct {
		name, location, mirror string
		lead                   Server
		want                   string
	}{
		{"redirection", secretURL(own.String() + "/repo"), "none", Server{},
			"own " + path + " us3r:s3cr3t token=t0ken , other /there :  "},
		{"record of a stranger", "pkg+" + secretURL(own.String()+"/repo"), "srv", Server{"localhost.", portOf(other)},
			"other " + path + " :  "},
		{"record of the host itself", "pkg+" + secretURL(own.String()+"/repo"), "srv", Server{own.Hostname(), portOf(other)},
			"other " + path + " us3r:s3cr3t token=t0ken "},
	} {
		h.told = nil
		var said []string
		st := &Store{Dir: t.TempDir(), Client: transport.NewClient(transport.Settings{}), Retries: 1, Backoff: time.Millisecond, Notice: func(text string) { said = append(said, text) }}
		st.Lookup = func(context.Context, string, string, string) ([]Server, error) { return []Server{tt.lead}, nil }
		src, err := st.Source(tt.location, tt.mirror)
		if err != nil {
			t.Fatal(err)
		}
		if err := get(t, src); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got := strings.Join(h.told, ", "); got != tt.want {
			t.Errorf("%s: servers were told %q, want %q", tt.name, got, tt.want)
		}
		warned := len(said) == 1 && strings.HasSuffix(said[0], "are not sent to its mirrors localhost, which are other hosts")
		if warned != (tt.name == "record of a stranger") || tells(strings.Join(said, "")) {
			t.Errorf("%s: said %q", tt.name, said)
		}
	}
}

func portOf(u *url.URL) uint16 {
	var n uint16
	fmt.Sscan(u.Port(), &n)
	return n
}

// TestSecretsInNotices finds no mirrors, and says so.
func TestSecretsInNotices(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, ".pkg") {
			http.NotFound(w, r)
			return
		}
		whole(w, r)
	}))
	defer server.Close()
	for _, mirror := range []string{"srv", "http"} {
		var said []string
		st := &Store{Dir: t.TempDir(), Retries: 1, Backoff: time.Millisecond, Notice: func(text string) { said = append(said, text) }}
		st.Lookup = func(context.Context, string, string, string) ([]Server, error) {
			return nil, errors.New("no such host")
		}
		src, err := st.Source(secretURL(server.URL+"/repo"), mirror)
		if err != nil {
			t.Fatal(err)
		}
		if err := get(t, src); err != nil {
			t.Error(err)
		}
		if len(said) != 1 || !strings.HasPrefix(said[0], server.URL+"/repo: there is no list of mirrors") || tells(said[0]) {
			t.Errorf("%s: said %q", mirror, said)
		}
	}
}

// TestEndlessMeta has a meta.conf that no pkg would take.
func TestEndlessMeta(t *testing.T) {
	t.Parallel()
	_, src := remote(t, func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(body); err != nil {
				return
			}
		}
	})
	const want = "sends more than 1048576 bytes"
	if _, err := src.Open(t.Context(), "meta.conf"); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}
