// SPDX-License-Identifier: BSD-2-Clause

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/pkgdb/transport"
)

// body is a package of the tests: larger than a watchdog's window needs.
var body = bytes.Repeat([]byte("orlop "), 20_000)

var wanted = Ref{Name: "a-1", Path: "All/a~1,2.pkg", Sum: sum.Of(sum.BLAKE2b, body), Size: int64(len(body))}

// remote returns the source of a server that a test misbehaves in, and its store.
func remote(t *testing.T, serve http.HandlerFunc) (*Store, *Source) {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	st := &Store{Dir: t.TempDir() + "/store", Retries: 2, Backoff: time.Millisecond, Window: 200 * time.Millisecond}
	src, err := st.Source(server.URL+"/repo", "none")
	if err != nil {
		t.Fatal(err)
	}
	return st, src
}

func whole(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// get reads the package and compares it.
func get(t *testing.T, src *Source) error {
	t.Helper()
	r, err := src.Verified(t.Context(), wanted)
	if err != nil {
		return err
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err == nil && !bytes.Equal(got, body) {
		t.Errorf("got %d other bytes", len(got))
	}
	return err
}

// clean fails if a store has anything but the package, or an unfinished part of it.
func clean(t *testing.T, st *Store) {
	t.Helper()
	list, err := st.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		text, err := os.ReadFile(e.path)
		if err != nil {
			t.Fatal(err)
		}
		if whole := bytes.Equal(text, body); strings.HasPrefix(e.Name, packagesDir) != whole || !bytes.HasPrefix(body, text) {
			t.Errorf("the store has %s with %d bytes", e.Name, e.Size)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(st.Dir, "mirrors-*")); len(left) > 0 {
		t.Errorf("the store has %v", left)
	}
}

// TestMisbehaving is every way in which a server may fail: the error says what
// it did, in bounded time, and the store has nothing wrong.
func TestMisbehaving(t *testing.T) {
	t.Parallel()
	hijack := func(head string, send []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				panic(err)
			}
			fmt.Fprintf(conn, "HTTP/1.1 %s\r\n\r\n", head)
			conn.Write(send)
			conn.Close()
		}
	}
	other := bytes.ToUpper(body)
	for _, tt := range []struct {
		name, want string
		absent     bool // an AbsentError; else the bytes are wrong
		serve      http.HandlerFunc
	}{
		{"not found", "HTTP status 404 Not Found", true, http.NotFound},
		{"forbidden", "HTTP status 403", true, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }},
		{"unavailable", "HTTP status 503", true, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }},
		{"cut off", "unexpected EOF", true, hijack(fmt.Sprintf("200 OK\r\nContent-Length: %d", len(body)), nil)},
		{"too short", fmt.Sprintf("announces 9 bytes, wanted %d", len(body)), true, func(w http.ResponseWriter, _ *http.Request) { w.Write(body[:9]) }},
		{"too short, without a length", fmt.Sprintf("sends 900 bytes, wanted %d", len(body)), true, hijack("200 OK\r\nConnection: close", body[:900])},
		{"too long", fmt.Sprintf("announces %d bytes", len(body)+1), true, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
			w.Write(append(bytes.Clone(body), 'x'))
		}},
		{"endless", fmt.Sprintf("sends more than %d bytes", len(body)), true, func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(body); err != nil {
					return
				}
			}
		}},
		{"other bytes", "sum is ", false, func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(other))
		}},
		{"packed", `packed with "gzip", which was not asked for`, true, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(body)
		}},
		{"round in a circle", "is redirected more than 5 times", true, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }},
		{"silent", "sends too slowly, or nothing more", true, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			w.Write(body[:10])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}},
		{"drip", "sends too slowly, or nothing more", true, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			for i := range body {
				w.Write(body[i : i+1])
				w.(http.Flusher).Flush()
				select {
				case <-r.Context().Done():
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
		}},
		{"no HTTP", "malformed HTTP", true, hijack("garbage", nil)},
		{"huge header", "response headers exceeded", true, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			st, src := remote(t, tt.serve)
			st.Client = transport.NewClient(transport.Settings{})
			err := get(t, src)
			var absent *AbsentError
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "a-1: ") {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if errors.As(err, &absent) != tt.absent {
				t.Errorf("got a %T: absent is %v, want %v", err, !tt.absent, tt.absent)
			}
			clean(t, st)
		})
	}
}

// TestRecovers is a server that fails at first.
func TestRecovers(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(w http.ResponseWriter, r *http.Request){
		"503": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
		"cut off": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			w.Write(body[:len(body)/2])
		},
		"wrong range": func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") == "" { // the first try breaks off
				w.Header().Set("Content-Length", strconv.Itoa(len(body)))
				w.Write(body[:len(body)/2])
				return
			}
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(body)-1, len(body)))
			w.WriteHeader(206)
			w.Write(body)
		},
		"no range": func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") == "" {
				w.Header().Set("Content-Length", strconv.Itoa(len(body)))
				w.Write(body[:len(body)/2])
				return
			}
			w.WriteHeader(416)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tries atomic.Int32
			st, src := remote(t, func(w http.ResponseWriter, r *http.Request) {
				if tries.Add(1) <= 2 {
					fail(w, r)
					return
				}
				whole(w, r)
			})
			if err := get(t, src); err != nil {
				t.Error(err)
			}
			clean(t, st)
			before := tries.Load()
			if err := get(t, src); err != nil || tries.Load() != before {
				t.Errorf("a second time: %v, %d further requests, want none", err, tries.Load()-before)
			}
		})
	}
}

// TestResume goes on where another run broke off, and begins anew where that
// left something else.
func TestResume(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		part string
		want int64 // bytes that come over the network
	}{
		{string(body[:100_000]), 20_000}, {strings.Repeat("x", 100_000), 140_000}, {strings.Repeat("x", 200_000), 120_000}, {string(body), 120_000}, {"", 120_000},
	} {
		st, src := remote(t, whole)
		var came atomic.Int64
		st.Came = func(n int64) { came.Add(n) }
		if err := st.make(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(st.Dir, partsDir, wanted.name()), []byte(tt.part), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := get(t, src); err != nil || came.Load() != tt.want {
			t.Errorf("%d bytes %.1q: %v, %d bytes came, want %d", len(tt.part), tt.part, err, came.Load(), tt.want)
		}
		clean(t, st)
	}
}

// TestDamagedStore changes a file of the store: it is found, dropped and
// fetched again, or, offline, absent.
func TestDamagedStore(t *testing.T) {
	t.Parallel()
	st, src := remote(t, whole)
	var said []string
	st.Notice = func(text string) { said = append(said, text) }
	for _, offline := range []bool{false, true} {
		st.Offline = false
		if err := get(t, src); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(st.Dir, packagesDir, wanted.name())
		bad := bytes.Clone(body)
		bad[77] ^= 1
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		st.Offline = offline
		err := get(t, src)
		var absent *AbsentError
		if offline && !errors.As(err, &absent) || !offline && err != nil {
			t.Errorf("offline %v: got %v", offline, err)
		}
		if text, err := os.ReadFile(path); offline && err == nil || !offline && !bytes.Equal(text, body) {
			t.Errorf("offline %v: the damaged file is still there", offline)
		}
	}
	if len(said) != 2 || !strings.HasPrefix(said[0], "a-1: its file in the store is damaged and was dropped (a-1: All/a~1,2.pkg: sum is ") {
		t.Errorf("said %q", said)
	}
}

// TestMirrors has servers of which the first ones fail.
func TestMirrors(t *testing.T) {
	t.Parallel()
	var asked []string
	var mu sync.Mutex
	serve := func(name string, h http.HandlerFunc) *url.URL {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			asked = append(asked, name+" "+r.URL.Path)
			mu.Unlock()
			h(w, r)
		}))
		t.Cleanup(server.Close)
		u, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	gone := serve("gone", http.NotFound)
	wrong := serve("wrong", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(bytes.ToUpper(body)))
	})
	good := serve("good", whole)
	list := serve("list", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, "# mirrors\nURL: %s/m\nURL: ftp://x/\nURL:%s/m\nURL: %s/m\n", gone, wrong, good)
	})
	port := func(u *url.URL) uint16 { n, _ := strconv.Atoi(u.Port()); return uint16(n) }
	lookup := func(_ context.Context, service, proto, name string) ([]Server, error) {
		if service != "http" || proto != "tcp" || name != list.Hostname() {
			t.Errorf("asked for _%s._%s.%s", service, proto, name)
		}
		return []Server{{gone.Hostname() + ".", port(gone)}, {wrong.Hostname() + ".", port(wrong)}, {good.Hostname() + ".", port(good)}}, nil
	}
	for _, tt := range []struct{ url, mirror, want string }{
		{list.String() + "/repo", "http", "list / gone /m/All/a~1,2.pkg wrong /m/All/a~1,2.pkg good /m/All/a~1,2.pkg"},
		{"pkg+" + list.String() + "/repo", "srv", "gone /repo/All/a~1,2.pkg wrong /repo/All/a~1,2.pkg good /repo/All/a~1,2.pkg"},
		{good.String() + "/repo", "http", "good / good /repo good /repo/All/a~1,2.pkg"}, // no list at all
	} {
		asked = nil
		st := &Store{Dir: t.TempDir() + "/store", Retries: 1, Backoff: time.Millisecond, Lookup: lookup}
		src, err := st.Source(tt.url, tt.mirror)
		if err != nil {
			t.Fatal(err)
		}
		if err := get(t, src); err != nil {
			t.Errorf("%s: %v", tt.mirror, err)
		}
		if got := strings.Join(asked, " "); got != tt.want {
			t.Errorf("%s: asked %s, want %s", tt.mirror, got, tt.want)
		}
		clean(t, st)
	}
	// Without an answer the host itself is asked.
	st := &Store{Dir: t.TempDir() + "/store", Lookup: func(context.Context, string, string, string) ([]Server, error) {
		return nil, errors.New("no such host")
	}}
	src, err := st.Source("pkg+"+good.String()+"/repo", "srv")
	if err != nil {
		t.Fatal(err)
	}
	if err := get(t, src); err != nil {
		t.Error(err)
	}
	// A second try may be for the worse: all faults are reported, the wrong bytes too.
	st = &Store{Dir: t.TempDir() + "/store", Lookup: func(context.Context, string, string, string) ([]Server, error) {
		return []Server{{gone.Hostname(), port(gone)}, {wrong.Hostname(), port(wrong)}}, nil
	}}
	if src, err = st.Source("pkg+"+good.String()+"/repo", "srv"); err != nil {
		t.Fatal(err)
	}
	err = get(t, src)
	var mismatch *sum.MismatchError
	if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), "404") || !strings.Contains(err.Error(), "(from "+wrong.Host+")") {
		t.Errorf("got %v", err)
	}
}

// TestTLS refuses a certificate for another name, and https that leads to http.
func TestTLS(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.HandlerFunc(whole))
	defer plain.Close()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/down") {
			http.Redirect(w, r, plain.URL+"/x", http.StatusFound)
			return
		}
		whole(w, r)
	}))
	defer server.Close()
	client := server.Client()
	client.CheckRedirect = transport.CheckRedirect
	for location, want := range map[string]string{
		server.URL + "/repo": "",
		strings.Replace(server.URL, "127.0.0.1", "localhost", 1) + "/repo": "x509: certificate is valid for example.com",
		server.URL + "/down": "is redirected from https to http",
	} {
		st := &Store{Dir: t.TempDir() + "/store", Client: client, Retries: 1, Backoff: time.Millisecond}
		src, err := st.Source(location, "none")
		if err != nil {
			t.Fatal(err)
		}
		if err := get(t, src); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", location, err, want)
		}
	}
	st := &Store{Dir: t.TempDir() + "/store", Retries: 1, Backoff: time.Millisecond} // whose client knows no such authority
	src, _ := st.Source(server.URL+"/repo", "none")
	if err := get(t, src); err == nil || !strings.Contains(err.Error(), "x509: certificate signed by unknown authority") {
		t.Errorf("got %v", err)
	}
}

// TestDownload keeps what nobody vouches for until the next time, for offline.
func TestDownload(t *testing.T) {
	t.Parallel()
	st, src := remote(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/repo/meta.conf" {
			http.NotFound(w, r)
			return
		}
		w.Write([]byte("meta"))
	})
	for range 2 {
		f, err := src.Open(t.Context(), "meta.conf")
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(f); err != nil || string(text) != "meta" {
			t.Errorf("offline %v: got %q, %v", st.Offline, text, err)
		}
		f.Close()
		st.Offline = true
	}
	st.Offline = false
	var absent *AbsentError
	if _, err := src.Open(t.Context(), "data.pkg"); !errors.As(err, &absent) || !absent.NotFound() {
		t.Errorf("got %v, want that it is not found", err)
	}
	st.Offline = true
	if _, err := src.Open(t.Context(), "data.pkg"); !errors.As(err, &absent) || !strings.Contains(err.Error(), "--offline") {
		t.Errorf("got %v", err)
	}
}

// TestParallel has many runs want one package.
func TestParallel(t *testing.T) {
	t.Parallel()
	st, src := remote(t, whole)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if err := get(t, src); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	clean(t, st)
	if list, err := st.List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("the store has %v, %v, want one package", list, err)
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	st := &Store{Dir: t.TempDir() + "/store"}
	if gone, err := st.Prune(t.Context(), 0); err != nil || len(gone) > 0 {
		t.Errorf("an empty store: got %v, %v", gone, err)
	}
	if err := st.make(); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		path := filepath.Join(st.Dir, packagesDir, fmt.Sprint(i))
		used := time.Unix(int64(1000-i), 0)
		if err := errors.Join(os.WriteFile(path, make([]byte, 100), 0o600), os.Chtimes(path, used, used)); err != nil {
			t.Fatal(err)
		}
	}
	part, err := st.part(wanted) // a run is at it
	if err != nil {
		t.Fatal(err)
	}
	defer part.Close()
	part.Write(make([]byte, 10))
	gone, err := st.Prune(t.Context(), 250)
	if err != nil || len(gone) != 3 || gone[0].Name != "packages/4" || gone[2].Name != "packages/2" {
		t.Errorf("got %v, %v, want the three that are longest unused", gone, err)
	}
	if gone, err = st.Prune(t.Context(), 0); err != nil || len(gone) != 2 {
		t.Errorf("got %v, %v, want all but the one that a run writes", gone, err)
	}
}
