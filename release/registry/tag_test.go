// SPDX-License-Identifier: BSD-2-Clause

package registry_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/registry"
	"github.com/orlop/orlop/release/registry/registrytest"
)

func TestPut(t *testing.T) {
	t.Parallel()
	put, get := registrytest.On("PUT", "/manifests/"), registrytest.On("GET", "/manifests/")
	const always = registrytest.Always
	for name, tt := range map[string]struct {
		profile registrytest.Profile
		set     func(s *registrytest.Server)
		class   fault.Class // 0 for success
		text    string
	}{
		"200": {registrytest.Profile{}, func(s *registrytest.Server) { s.Edit(always, put, registrytest.Status(200)) }, 0, ""},
		"202": {registrytest.Profile{}, func(s *registrytest.Server) { s.Edit(always, put, registrytest.Status(202)) }, 0, ""},
		"204": {registrytest.Profile{}, func(s *registrytest.Server) {
			s.Edit(always, put, registrytest.Status(204), registrytest.Without("Content-Length"))
		}, 0, ""},
		"no digest": {registrytest.Profile{}, func(s *registrytest.Server) {
			s.Edit(always, registrytest.On("", ""), registrytest.Without("Docker-Content-Digest"))
		}, 0, ""},
		"manifest 404 for a while":             {registrytest.Profile{Settle: 4}, nil, 0, ""},
		"manifest 404 for ever":                {registrytest.Profile{Settle: 1000}, nil, fault.Failed, "although the registry has accepted it"},
		"cut":                                  {registrytest.Profile{}, func(s *registrytest.Server) { s.Handle(registrytest.Cut(2, 10, put)) }, 0, ""},
		"the answer is cut":                    {registrytest.Profile{}, func(s *registrytest.Server) { s.Edit(3, get, registrytest.CutBody(10)) }, 0, ""},
		"the manifest comes back re-formatted": {registrytest.Profile{}, func(s *registrytest.Server) { s.Edit(always, get, registrytest.Reformat()) }, fault.Wrong, "wanted sha256:"},
		"201 with another digest": {registrytest.Profile{}, func(s *registrytest.Server) {
			s.Edit(always, put, registrytest.Set("Docker-Content-Digest", "sha256:00"))
		}, fault.Wrong, "as the registry stored it is sha256:00"},
		"MANIFEST_BLOB_UNKNOWN": {registrytest.Profile{}, func(s *registrytest.Server) { s.DropBlob(repo, blobOf([]byte("layer")).Digest) }, fault.Failed, "blob unknown"},
		"400": {registrytest.Profile{}, func(s *registrytest.Server) {
			s.Handle(registrytest.Answer(always, 400, nil, registrytest.Errors("MANIFEST_INVALID", "no"), put))
		}, fault.Failed, "no"},
		"403":           {registrytest.Profile{}, func(s *registrytest.Server) { s.Handle(registrytest.Answer(always, 403, nil, "", put)) }, fault.Absent, "is not yours"},
		"429":           {registrytest.Profile{}, func(s *registrytest.Server) { s.Handle(registrytest.Answer(always, 429, nil, "", put)) }, fault.Absent, "429"},
		"token expires": {registrytest.Profile{Auth: registrytest.AuthBearer}, func(s *registrytest.Server) { s.Handle(registrytest.Do(1, put, s.ExpireTokens)) }, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r := start(t, tt.profile)
			m := image(t, []byte("layer"))
			upload(t, r, []byte("{}"), []byte("layer"))
			if tt.set != nil {
				tt.set(s)
			}
			err := r.Put(t.Context(), m)
			if tt.class == 0 {
				none(t, err)
			} else {
				fails(t, err, tt.class, tt.text)
			}
			if tags := s.Tags(repo); len(tags) != 0 {
				t.Errorf("there are tags %q", tags)
			}
		})
	}
}

// TestBlobUnknown: a blob that HEAD showed and the manifest has not is sent once more,
// as a push does.
func TestBlobUnknown(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]int{"uploaded again": 1, "then error": registrytest.Always} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r := start(t, registrytest.Profile{})
			m := image(t, []byte("layer"))
			upload(t, r, []byte("{}"), []byte("layer"))
			s.Handle(registrytest.Do(n, registrytest.On("PUT", "/manifests/"), func() { s.DropBlob(repo, blobOf([]byte("layer")).Digest) }))
			err := r.Put(t.Context(), m)
			if refused, is := errors.AsType[*registry.StatusError](err); !is || !refused.BlobUnknown() {
				t.Fatalf("got %v", err)
			}
			upload(t, r, []byte("{}"), []byte("layer"))
			if err := r.Put(t.Context(), m); n == 1 {
				none(t, err)
			} else {
				fails(t, err, fault.Failed, "blob unknown")
			}
		})
	}
}

// TestImmutable: registries have many ways to say that a tag never moves.
func TestImmutable(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 403, 405, 409, 412} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			refuse := registrytest.Immutability{Same: true, Refusal: registrytest.Refusal{Status: status, Code: "DENIED", Message: "tag is immutable"}}
			s, r := start(t, registrytest.Profile{Immutable: refuse})
			first, second := stored(t, r, []byte("layer")), stored(t, r, []byte("other"))
			none(t, r.Tag(t.Context(), first, "15.0"))
			s.Change(func(p *registrytest.Profile) { p.Immutable.On = true })
			none(t, r.Tag(t.Context(), first, "15.0"))
			err := r.Tag(t.Context(), second, "15.0")
			fails(t, err, fault.Wrong, "never moves")
			if e, is := errors.AsType[*registry.ImmutableError](err); !is || e.Found != first.Digest || e.Wanted != second.Digest {
				t.Errorf("got %#v", e)
			}
			if got := s.Tag(repo, "15.0"); got != first.Digest {
				t.Errorf("the tag is %s", got)
			}
		})
	}
	t.Run("no such tag", func(t *testing.T) {
		t.Parallel()
		s, r := start(t, registrytest.Profile{})
		m := stored(t, r, []byte("layer"))
		s.Handle(registrytest.Answer(registrytest.Always, 400, nil, registrytest.Errors("MANIFEST_INVALID", "no"), registrytest.On("PUT", "/manifests/")))
		fails(t, r.Tag(t.Context(), m, "15.0"), fault.Failed, "HTTP status 400 Bad Request: no")
	})
}

func TestTagReadBack(t *testing.T) {
	t.Parallel()
	t.Run("moves at once", func(t *testing.T) {
		t.Parallel()
		s, r := start(t, registrytest.Profile{})
		m, other := stored(t, r, []byte("layer")), s.PutImage(repo, "", []byte("other"))
		s.Handle(registrytest.Do(registrytest.Always, registrytest.On("GET", "/manifests/15.0"), func() { s.SetTag(repo, "15.0", other.Digest) }))
		fails(t, r.Tag(t.Context(), m, "15.0"), fault.Wrong, "read back is "+other.Digest.String())
	})
	t.Run("15.0-RELEASE kept as 15.0-release", func(t *testing.T) {
		t.Parallel()
		s, r := start(t, registrytest.Profile{LowerTags: true})
		m := stored(t, r, []byte("layer"))
		s.Handle(registrytest.Answer(registrytest.Always, 404, nil, registrytest.Errors("MANIFEST_UNKNOWN", "no"), registrytest.On("GET", "/manifests/15.0-RELEASE")))
		fails(t, r.Tag(t.Context(), m, "15.0-RELEASE"), fault.Failed, "keeps the tag as 15.0-release")
	})
	t.Run("too large", func(t *testing.T) {
		t.Parallel()
		s, r := start(t, registrytest.Profile{})
		text := []byte(`{"schemaVersion":2` + strings.Repeat(" ", 4<<20) + "}")
		fails(t, r.Put(t.Context(), &registry.Manifest{Descriptor: describe(v1.MediaTypeImageIndex, text), Text: text}), fault.Failed, "4194304")
		if n := len(s.Requests()); n != 0 {
			t.Errorf("%d requests were made", n)
		}
	})
}

// TestNeverDeletes: registries forbid it, and nobody needs it.
func TestNeverDeletes(t *testing.T) {
	t.Parallel()
	t.Run("delete 405, 401", func(t *testing.T) {
		t.Parallel()
		s, r := start(t, registrytest.Quay())
		push(t, r, []byte("layer"), []byte("lock"))
		for _, req := range s.Requests() {
			if req.Method == http.MethodDelete || strings.Contains(req.Query, "delete") || strings.Contains(req.Query, "%2A") {
				t.Errorf("%s %s?%s", req.Method, req.Path, req.Query)
			}
		}
	})
	t.Run("untagged manifest gone an hour later", func(t *testing.T) {
		t.Parallel()
		s, r := start(t, registrytest.Quay())
		m := stored(t, r, []byte("layer"))
		s.DropUntagged(repo)
		has, err := r.Has(t.Context(), m.Descriptor)
		if err != nil || has {
			t.Errorf("got %v and %v", has, err)
		}
		put(t, r, m)
	})
}
