// SPDX-License-Identifier: BSD-2-Clause

package registry_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/registry"
	"github.com/orlop/orlop/release/registry/registrytest"
)

const uploads = "/blobs/upload"

// uploaded uploads a blob and wants it to be there, in whole.
func uploaded(t *testing.T, s *registrytest.Server, r *registry.Repository, text []byte) {
	t.Helper()
	d := blobOf(text)
	none(t, r.Upload(t.Context(), d, opener(text)))
	if got := s.Blob(repo, d.Digest); !bytes.Equal(got, text) {
		t.Errorf("there are %d bytes, want %d", len(got), len(text))
	}
	if n := s.MaxParallel(d.Digest); n > 1 {
		t.Errorf("sent %d times at once", n)
	}
}

func TestLocation(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		location registrytest.Location
		text     string
	}{
		"absolute":          {registrytest.LocationAbsolute, ""},
		"path":              {registrytest.LocationPath, ""},
		"relative":          {registrytest.LocationRelative, ""},
		"protocol-relative": {registrytest.LocationNoScheme, ""},
		"with a fragment":   {registrytest.LocationFragment, ""},
		"to another host":   {registrytest.LocationOther, ""},
		"without host":      {registrytest.LocationNoHost, "no readable URL"},
		"to http":           {registrytest.LocationHTTP, "http on 127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// With _state=a%2Fb, which the registry wants back byte for byte.
			s, r := start(t, registrytest.Profile{Auth: registrytest.AuthBearer, Location: tt.location, State: true})
			text := random(100 << 10)
			if tt.text != "" {
				err := r.Upload(t.Context(), blobOf(text), opener(text))
				fails(t, err, fault.Absent, tt.text)
			} else {
				uploaded(t, s, r, text)
			}
			for _, req := range s.Requests() {
				if req.Other && req.Auth != "" {
					t.Error("the other host got credentials")
				}
			}
		})
	}
	t.Run("to a private address", func(t *testing.T) {
		t.Parallel()
		s, _ := start(t, registrytest.Profile{Location: registrytest.LocationOther})
		err := at(s, public(s, newClient(s)), repo).Upload(t.Context(), blobOf([]byte("x")), opener([]byte("x")))
		fails(t, err, fault.Absent, "own address")
	})
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		s, r := start(t, registrytest.Profile{})
		s.Edit(registrytest.Always, registrytest.On("POST", uploads), registrytest.Without("Location"))
		fails(t, r.Upload(t.Context(), blobOf([]byte("x")), opener([]byte("x"))), fault.Absent, "without a Location")
	})
}

// TestResume breaks an upload in its middle, and wants the rest to arrive: from
// there where what the registry says can be true, or else all of it.
func TestResume(t *testing.T) {
	t.Parallel()
	const cut = 256 << 10
	patch := registrytest.On("PATCH", uploads)
	ranges := func(text string) registrytest.Profile {
		return registrytest.Profile{Range: func(string, int64, int64) string { return text }}
	}
	for name, tt := range map[string]struct {
		profile registrytest.Profile
		set     func(s *registrytest.Server)
		whole   bool // sent once more as a whole
	}{
		"from there":             {registrytest.Profile{State: true}, nil, false},
		"PATCH: 201":             {registrytest.Profile{}, func(s *registrytest.Server) { s.Edit(registrytest.Always, patch, registrytest.Status(201)) }, false},
		"PATCH: 416 above 4 MiB": {registrytest.Profile{MaxChunk: 4 << 20}, nil, false},
		"Range stuck": {registrytest.Profile{Range: func(method string, first, total int64) string {
			if method == http.MethodPatch {
				total = first
			}
			return fmt.Sprintf("0-%d", total-1)
		}}, nil, false},
		"Range beyond what was sent": {ranges("0-900000"), nil, true},
		"Range beyond the blob":      {ranges("0-99999999999999999999"), nil, true},
		"bytes=0-9":                  {ranges("bytes=0-9"), nil, true},
		"bytes=0-LAST": {registrytest.Profile{Range: func(_ string, _, total int64) string {
			return fmt.Sprintf("bytes=0-%d", total-1)
		}}, nil, false},
		"0--1": {ranges("0--1"), nil, true},
		"0-":   {ranges("0-"), nil, true},
		"none": {ranges(""), nil, true},
		"one too many": {registrytest.Profile{Range: func(_ string, _, total int64) string {
			return fmt.Sprintf("0-%d", total)
		}}, nil, true},
		"a repeated chunk appended": {registrytest.Profile{IgnoreContentRange: true, Range: func(method string, _, total int64) string {
			if method == http.MethodGet {
				total = cut / 2
			}
			return fmt.Sprintf("0-%d", total-1)
		}}, nil, true},
		"the session is gone": {registrytest.Profile{}, func(s *registrytest.Server) {
			s.Handle(registrytest.Answer(1, 404, nil, registrytest.Errors("BLOB_UPLOAD_UNKNOWN", "gone"), registrytest.On("GET", uploads)))
		}, true},
		"a chunk is cut, too": {registrytest.Profile{}, func(s *registrytest.Server) {
			s.Handle(registrytest.Cut(1, 100<<10, patch))
		}, true},
		"a chunk gets 500": {registrytest.Profile{}, func(s *registrytest.Server) {
			s.Handle(registrytest.Answer(1, 500, nil, "", patch))
		}, true},
		"the end gets 500": {registrytest.Profile{}, func(s *registrytest.Server) {
			s.Handle(registrytest.Every(2, registrytest.Answer(1, 500, nil, "", registrytest.On("PUT", uploads))))
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r := start(t, tt.profile)
			s.Handle(registrytest.Cut(1, cut, registrytest.On("PUT", uploads)))
			if tt.set != nil {
				tt.set(s)
			}
			size := int64(5 << 20) // the rest is two chunks
			if tt.whole {
				size = 1 << 20
			}
			uploaded(t, s, r, random(int(size)))
			sent := s.BlobBytes()
			if tt.whole && (sent < size || sent > 3*size) || !tt.whole && sent > size+2*cut {
				t.Errorf("%d bytes were sent, whole: %v", sent, tt.whole)
			}
		})
	}
}

// TestUploadAgain: temporary failures and sessions that end are not the end.
func TestUploadAgain(t *testing.T) {
	t.Parallel()
	put := registrytest.On("PUT", uploads)
	for name, tt := range map[string]struct {
		profile registrytest.Profile
		set     func(s *registrytest.Server)
		posts   int
	}{
		"500 for every third request": {registrytest.Profile{}, func(s *registrytest.Server) {
			s.Handle(registrytest.Every(3, registrytest.Answer(registrytest.Always, 500, nil, "", registrytest.On("", "/v2/"))))
		}, 3},
		"connection cut in the PUT": {registrytest.Profile{}, func(s *registrytest.Server) {
			s.Handle(registrytest.Cut(2, 1000, put))
		}, 3},
		"416 to the PUT":  {registrytest.Profile{}, func(s *registrytest.Server) { s.Handle(registrytest.Answer(1, 416, nil, "", put)) }, 2},
		"404 to the PUT":  {registrytest.Profile{}, func(s *registrytest.Server) { s.Handle(registrytest.Answer(1, 404, nil, "", put)) }, 2},
		"401 to the PUT":  {registrytest.Profile{Auth: registrytest.AuthBearer}, func(s *registrytest.Server) { s.Handle(s.Challenge(1, put)) }, 2},
		"413 to the PUT":  {registrytest.Profile{MaxPut: 100 << 10}, nil, 2},
		"202 and nothing": {registrytest.Profile{}, func(s *registrytest.Server) { s.Handle(registrytest.Answer(1, 202, nil, "", put)) }, 2},
		"PUT: 202":        {registrytest.Profile{}, func(s *registrytest.Server) { s.Edit(registrytest.Always, put, registrytest.Status(202)) }, 1},
		"PUT: 204": {registrytest.Profile{}, func(s *registrytest.Server) {
			s.Edit(registrytest.Always, put, registrytest.Body("", ""), registrytest.Status(204), registrytest.Without("Content-Length"))
		}, 1},
		"a blob of no bytes": {registrytest.Profile{}, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r := start(t, tt.profile)
			if tt.set != nil {
				tt.set(s)
			}
			text := random(200 << 10)
			if tt.posts == 1 && tt.set == nil {
				text = nil
			}
			uploaded(t, s, r, text)
			posts := 0
			for _, req := range s.Requests() {
				if req.Method == http.MethodPost && req.Status == http.StatusAccepted {
					posts++
				}
			}
			if posts > tt.posts {
				t.Errorf("%d uploads were begun, want %d", posts, tt.posts)
			}
		})
	}
}

// TestLargeBodies: a registry that takes no large bodies is asked once.
func TestLargeBodies(t *testing.T) {
	t.Parallel()
	s, r := start(t, registrytest.Profile{MaxPut: 1 << 20})
	for i := range 2 {
		text := append(random(2<<20), byte(i))
		uploaded(t, s, r, text)
	}
	if n := s.BlobBytes(); n > 3*(2<<20+1) {
		t.Errorf("%d bytes were sent", n)
	}
}

func TestUploadFails(t *testing.T) {
	t.Parallel()
	put, post := registrytest.On("PUT", uploads), registrytest.On("POST", uploads)
	const always = registrytest.Always
	text := random(200 << 10)
	other := append([]byte("x"), text[1:]...)
	for name, tt := range map[string]struct {
		set   func(s *registrytest.Server)
		open  registry.Opener
		class fault.Class
		text  string
		sent  int64 // bytes at most, in units of the blob
	}{
		"PUT answers 201 with another digest": {func(s *registrytest.Server) {
			s.Edit(always, put, registrytest.Set("Docker-Content-Digest", blobOf(other).Digest.String()))
		}, nil, fault.Wrong, "says it stored", 1},
		"401 for ever": {func(s *registrytest.Server) { s.Handle(s.Challenge(always, put)) }, nil, fault.Absent, "401", 2},
		"403":          {func(s *registrytest.Server) { s.Handle(registrytest.Answer(always, 403, nil, "", post)) }, nil, fault.Absent, "is not yours", 0},
		"500 for ever": {func(s *registrytest.Server) { s.Handle(registrytest.Answer(always, 500, nil, "", put)) }, nil, fault.Absent, "500", 5},
		"413 for ever": {func(s *registrytest.Server) {
			s.Handle(registrytest.Answer(always, 413, nil, "", registrytest.On("PUT PATCH", uploads)))
		}, nil, fault.Failed, "413", 2},
		"404 for ever":    {func(s *registrytest.Server) { s.Handle(registrytest.Answer(always, 404, nil, "", put)) }, nil, fault.Absent, "404", 5},
		"cut for ever":    {func(s *registrytest.Server) { s.Handle(registrytest.Cut(always, 0, put)) }, nil, fault.Absent, "blob sha256:", 5},
		"other bytes":     {nil, opener(other), fault.Wrong, "wanted " + blobOf(text).Digest.String(), 1},
		"too few bytes":   {nil, opener(text[:1000]), fault.Wrong, "is 1000, wanted 204800", 1},
		"no bytes at all": {nil, func(int64) (io.ReadCloser, error) { return nil, errors.New("disk on fire") }, fault.Failed, "disk on fire", 0},
		"a source that fails": {nil, func(int64) (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(bytes.NewReader(text[:1000]), failing{})), nil
		}, fault.Failed, "disk on fire", 1},
		"no such repository": {func(s *registrytest.Server) {
			s.DropRepo(repo)
			s.Change(func(p *registrytest.Profile) { p.MustExist = true })
		}, nil, fault.Absent, "does not exist", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r := start(t, registrytest.Profile{Auth: registrytest.AuthBearer})
			if tt.set != nil {
				tt.set(s)
			}
			if tt.open == nil {
				tt.open = opener(text)
			}
			fails(t, r.Upload(t.Context(), blobOf(text), tt.open), tt.class, tt.text)
			if n := s.BlobBytes(); n > tt.sent*int64(len(text)) {
				t.Errorf("%d bytes were sent", n)
			}
			if strings.HasPrefix(name, "other") && s.BlobBytes() >= int64(len(text)) {
				t.Error("all bytes were sent")
			}
		})
	}
}

// failing is a disk.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("disk on fire") }

// TestMoved: progress is told of, both ways.
func TestMoved(t *testing.T) {
	t.Parallel()
	s, _ := start(t, registrytest.Profile{})
	c, text := newClient(s), random(300<<10)
	var moved atomic.Int64
	c.Moved = func(n int64) { moved.Add(n) }
	r := at(s, c, repo)
	none(t, r.Upload(t.Context(), blobOf(text), opener(text)))
	_, err := read(t, r, blobOf(text))
	none(t, err)
	if n := moved.Load(); n != 2*int64(len(text)) {
		t.Errorf("told of %d bytes, want %d", n, 2*len(text))
	}
}
