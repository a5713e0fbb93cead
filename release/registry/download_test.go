// SPDX-License-Identifier: BSD-2-Clause

package registry_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/registry/registrytest"
)

func TestBlob(t *testing.T) {
	t.Parallel()
	const always, size = registrytest.Always, 300 << 10
	blob, storage := registrytest.On("GET", "/blobs/"), registrytest.On("GET", "/storage/")
	edit := func(n int, edits ...registrytest.Edit) func(*registrytest.Server) {
		return func(s *registrytest.Server) { s.Edit(n, blob, edits...) }
	}
	cut := func(s *registrytest.Server) { s.Edit(1, storage, registrytest.CutBody(100<<10)) }
	elsewhere := registrytest.Profile{Redirects: 1}
	for name, tt := range map[string]struct {
		profile registrytest.Profile
		set     func(s *registrytest.Server)
		class   fault.Class // 0 for success
		text    string
		gets    int // of the blob at the registry, at most
	}{
		"as it is":                              {registrytest.Profile{}, nil, 0, "", 1},
		"other bytes":                           {registrytest.Profile{}, edit(always, registrytest.Spoil()), fault.Wrong, "wanted sha256:", 1},
		"longer":                                {registrytest.Profile{}, edit(always, registrytest.Longer(10)), fault.Wrong, "wanted 307200", 1},
		"endless":                               {registrytest.Profile{}, edit(always, registrytest.Longer(1<<40)), fault.Wrong, "wanted 307200", 1},
		"shorter":                               {registrytest.Profile{}, edit(always, registrytest.Shorter(1000)), fault.Wrong, "wanted 307200", 5},
		"cut once":                              {registrytest.Profile{}, edit(1, registrytest.CutBody(100<<10)), 0, "", 2},
		"cut at once, for ever":                 {registrytest.Profile{}, edit(always, registrytest.CutBody(0)), fault.Absent, "after 0 of 307200 bytes", 5},
		"cut after a byte for ever":             {registrytest.Profile{}, edit(always, registrytest.CutBody(1)), fault.Absent, "bytes", 5},
		"ends early once":                       {registrytest.Profile{}, edit(1, registrytest.Without("Content-Length"), registrytest.Shorter(1000)), 0, "", 2},
		"gzip encoding":                         {registrytest.Profile{}, edit(always, registrytest.Gzip()), fault.Wrong, "wanted", 5},
		"404":                                   {registrytest.Profile{}, func(s *registrytest.Server) { s.DropBlob(repo, blobOf(random(size)).Digest) }, fault.Absent, "blob unknown", 1},
		"500 twice":                             {registrytest.Profile{}, func(s *registrytest.Server) { s.Handle(registrytest.Answer(2, 500, nil, "", blob)) }, 0, "", 3},
		"redirected":                            {elsewhere, nil, 0, "", 1},
		"redirected five times":                 {registrytest.Profile{Redirects: 5}, nil, 0, "", 1},
		"six in a row":                          {registrytest.Profile{Redirects: 6}, nil, fault.Absent, "more than 5 times", 1},
		"redirect with signature expired (403)": {elsewhere, func(s *registrytest.Server) { s.Handle(registrytest.Do(1, storage, s.ExpireSignatures)) }, 0, "", 2},
		"expired for ever":                      {elsewhere, func(s *registrytest.Server) { s.Handle(registrytest.Do(always, storage, s.ExpireSignatures)) }, fault.Absent, "403", 5},
		"expired at the second half": {elsewhere, func(s *registrytest.Server) {
			cut(s)
			n := 0
			s.Handle(registrytest.Do(always, storage, func() {
				if n++; n == 2 {
					s.ExpireSignatures()
				}
			}))
		}, 0, "", 3},
		"to http": {elsewhere, func(s *registrytest.Server) {
			s.Handle(registrytest.Redirect(always, 302, "http://"+s.OtherHost()+"/", blob))
		}, fault.Absent, "wanted https", 1},
		"to a user": {elsewhere, func(s *registrytest.Server) {
			s.Handle(registrytest.Redirect(always, 302, "https://u:p@"+s.OtherHost()+"/", blob))
		}, fault.Absent, "a user in it", 1},
		"to nowhere":          {elsewhere, func(s *registrytest.Server) { s.Handle(registrytest.Redirect(always, 302, "", blob)) }, fault.Absent, "without a Location", 1},
		"Range ignored (200)": {elsewhere, func(s *registrytest.Server) { cut(s); s.Handle(registrytest.IgnoreRange(always, storage)) }, 0, "", 2},
		"Range ignored and cut again": {elsewhere, func(s *registrytest.Server) {
			s.Edit(2, storage, registrytest.CutBody(100<<10))
			s.Handle(registrytest.IgnoreRange(always, storage))
		}, 0, "", 3},
		"wrong Content-Range": {elsewhere, func(s *registrytest.Server) {
			cut(s)
			s.Edit(always, storage, registrytest.Set("Content-Range", "bytes 1-307199/307200"))
		}, fault.Absent, `came as the range "bytes 1-307199/307200"`, 2},
		"206 unasked": {elsewhere, func(s *registrytest.Server) { s.Edit(always, storage, registrytest.Status(206)) }, fault.Absent, "came as the range", 1},
		"416": {elsewhere, func(s *registrytest.Server) {
			cut(s)
			s.Handle(func(w http.ResponseWriter, r *http.Request) bool {
				if r.Header.Get("Range") != "" {
					w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				}
				return r.Header.Get("Range") != ""
			})
		}, fault.Wrong, "is 102400, wanted 307200", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.profile.Auth = registrytest.AuthBearer
			s, r := start(t, tt.profile)
			text := random(size)
			s.PutBlob(repo, text)
			if _, err := r.Has(t.Context(), blobOf(nil)); err != nil { // from here on there is a token
				t.Fatal(err)
			}
			if tt.set != nil {
				tt.set(s)
			}
			got, err := read(t, r, blobOf(text))
			if tt.class == 0 {
				none(t, err)
				if !bytes.Equal(got, text) {
					t.Error("got other bytes")
				}
			} else {
				fails(t, err, tt.class, tt.text)
			}
			if n := s.Count("GET", "/blobs/"); n > tt.gets {
				t.Errorf("asked %d times, want %d", n, tt.gets)
			}
			for _, req := range s.Requests() {
				if req.Other && req.Auth != "" {
					t.Error("the storage got credentials")
				}
			}
		})
	}
}

// TestNeverBack: who has been led elsewhere and back gets no credentials any more.
func TestNeverBack(t *testing.T) {
	t.Parallel()
	s, r := start(t, registrytest.Profile{Auth: registrytest.AuthBearer, TLS: true})
	d := s.PutBlob(repo, []byte("blob"))
	if _, err := r.Has(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	s.Handle(registrytest.Redirect(1, 302, s.OtherURL()+"/over", registrytest.On("GET", "/blobs/")),
		registrytest.Redirect(1, 302, s.URL()+"/back", registrytest.On("GET", "/over")))
	_, err := read(t, r, d)
	fails(t, err, fault.Absent, "404")
	for _, req := range s.Requests() {
		if req.Path == "/back" && req.Auth != "" {
			t.Error("credentials came back")
		}
	}
}

func TestRedirectToPrivate(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"127.0.0.1", "localhost", "169.254.169.254", "[::1]", "10.0.0.1"} {
		t.Run("to "+target, func(t *testing.T) {
			t.Parallel()
			s, _ := start(t, registrytest.Profile{})
			d := s.PutBlob(repo, []byte("blob"))
			s.Handle(registrytest.Redirect(registrytest.Always, 302, "https://"+target+":"+portOf(s)+"/secret?x", registrytest.On("GET", "/blobs/")))
			_, err := read(t, at(s, public(s, newClient(s)), repo), d)
			fails(t, err, fault.Absent, "address")
			if strings.Contains(err.Error(), "?x") || s.Count("GET", "/blobs/") != 1 || s.Count("", "/secret") != 0 {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestBadDescriptor(t *testing.T) {
	t.Parallel()
	s, r := start(t, registrytest.Profile{})
	for _, d := range []v1.Descriptor{
		{Digest: "sha256:../../x"}, {Digest: ""}, {Digest: "md5:00"}, {Digest: blobOf(nil).Digest, Size: -1},
		{Digest: "sha512:" + blobOf(nil).Digest, Size: 1},
	} {
		if _, err := read(t, r, d); err == nil {
			t.Errorf("%v: got no error", d)
		}
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

// TestStall: whoever sends nothing more is left, on both sides, and asked again.
func TestStall(t *testing.T) {
	t.Parallel()
	text := random(300 << 10)
	for name, tt := range map[string]struct {
		method, path string
		n            int
		class        fault.Class
		want         string
	}{
		"answer once":       {"GET", "/blobs/", 1, 0, ""},
		"answer for ever":   {"GET", "/blobs/", registrytest.Always, fault.Absent, ""},
		"manifest for ever": {"GET", "/manifests/", registrytest.Always, fault.Absent, ""},
		"upload once":       {"PUT", uploads, 1, 0, ""},
		"upload for ever":   {"PUT", uploads, registrytest.Always, fault.Absent, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := start(t, registrytest.Profile{})
			s.PutBlob(repo, text)
			c := newClient(s)
			c.Window = 50 * time.Millisecond
			if tt.class == 0 {
				c.Window = time.Second // even a busy machine sends something in this time
			}
			r := at(s, c, repo)
			on := registrytest.On(tt.method, tt.path)
			var left atomic.Int64
			left.Store(int64(tt.n))
			end := make(chan struct{})
			t.Cleanup(func() { close(end) })
			s.Handle(func(w http.ResponseWriter, req *http.Request) bool {
				if !on(req) || left.Add(-1) < 0 && tt.n > 0 {
					return false
				}
				if req.Method == http.MethodGet {
					w.Header().Set("Content-Length", "307200")
					_, _ = w.Write(text[:1000])
					_ = http.NewResponseController(w).Flush()
				}
				<-end // without reading
				panic(http.ErrAbortHandler)
			})
			var err error
			switch {
			case tt.method == "PUT":
				big := random(6 << 20)
				err = r.Upload(t.Context(), blobOf(big), opener(big))
			case tt.path == "/manifests/":
				_, err = r.Manifest(t.Context(), "latest")
			default:
				_, err = read(t, r, blobOf(text))
			}
			if tt.class == 0 {
				none(t, err)
			} else {
				fails(t, err, tt.class, tt.want)
			}
		})
	}
}

// TestSlowReader: a reader that takes its time is no fault of the registry.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	s, _ := start(t, registrytest.Profile{})
	text := random(64 << 10)
	s.PutBlob(repo, text)
	c := newClient(s)
	c.Window = 5 * time.Millisecond
	body, err := at(s, c, repo).Blob(t.Context(), blobOf(text))
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	got, err := io.ReadAll(body)
	none(t, errors.Join(err, body.Close()))
	if !bytes.Equal(got, text) || s.Count("GET", "/blobs/") != 1 {
		t.Errorf("got %d bytes in %d answers", len(got), s.Count("GET", "/blobs/"))
	}
}
