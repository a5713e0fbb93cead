// SPDX-License-Identifier: BSD-2-Clause

package registry_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/registry"
	"github.com/orlop/orlop/release/registry/registrytest"
)

const lockType = "application/vnd.example.lock"

// attached is a registry with an image and something attached to it, of which nothing
// is listed yet.
type attached struct {
	*registrytest.Server
	r       *registry.Repository
	subject v1.Descriptor
	entry   v1.Descriptor
}

func attach(t *testing.T, p registrytest.Profile) attached {
	t.Helper()
	s, r := start(t, p)
	subject := s.PutImage(repo, "", []byte("layer"))
	return attached{s, r, subject, s.PutArtifact(repo, subject, lockType, []byte("lock"))}
}

// found wants exactly these attachments, and a note if text is not empty.
func (a attached) found(t *testing.T, note string, want ...v1.Descriptor) {
	t.Helper()
	list, notes, err := a.r.Referrers(t.Context(), a.subject.Digest, "")
	none(t, err)
	if got := strings.Join(notes, "\n"); (note == "") != (got == "") || !strings.Contains(got, note) {
		t.Errorf("notes are %q, want %q", got, note)
	}
	if len(list) != len(want) {
		t.Fatalf("attached are %v, want %v", list, want)
	}
	for _, w := range want {
		found := false
		for _, d := range list {
			found = found || d.Digest == w.Digest && d.ArtifactType == w.ArtifactType
		}
		if !found {
			t.Errorf("%s is not among the attached", w.Digest)
		}
	}
}

func (a attached) list(t *testing.T) error {
	t.Helper()
	return a.r.Listed(t.Context(), a.subject.Digest, []v1.Descriptor{a.entry})
}

const (
	referrers = "/referrers/"
	fallback  = "/manifests/sha256-"
)

func TestAPI(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		profile registrytest.Profile
		set     func(s *registrytest.Server)
		note    string // of who reads
		written bool   // the fallback tag
	}{
		"OCI-Subject sent, /referrers/ 404": {registrytest.Profile{NoReferrers: true, Subject: registrytest.SubjectAlways}, nil, "", true},
		"API there, header never":           {registrytest.Profile{Subject: registrytest.SubjectNever}, nil, "", false},
		"has several pages":                 {registrytest.Profile{PageSize: 1}, func(s *registrytest.Server) {}, "", false},
		"200 text/html": {registrytest.Profile{}, func(s *registrytest.Server) {
			s.Edit(registrytest.Always, registrytest.On("GET", referrers), registrytest.Body("text/html", "<html>log in</html>"))
		}, "text/html", true},
		"200 and no list": {registrytest.Profile{}, func(s *registrytest.Server) {
			s.Edit(registrytest.Always, registrytest.On("GET", referrers), registrytest.Body(v1.MediaTypeImageIndex, `{"errors":[]}`))
		}, "wanted", true},
		"303 to another host": {registrytest.Profile{}, func(s *registrytest.Server) {
			s.Handle(registrytest.Redirect(registrytest.Always, http.StatusSeeOther, s.OtherURL()+"/v2/", registrytest.On("GET", referrers)))
		}, "is redirected", true},
		"400 for an unknown digest": {registrytest.Profile{}, func(s *registrytest.Server) {
			s.Handle(registrytest.Answer(registrytest.Always, 400, nil, registrytest.Errors("MANIFEST_INVALID", "manifest invalid"), registrytest.On("GET", referrers)))
		}, "manifest invalid", true},
		"403": {registrytest.Profile{}, func(s *registrytest.Server) {
			s.Handle(registrytest.Answer(registrytest.Always, 403, nil, "no", registrytest.On("GET", referrers)))
		}, "403", true},
		"501": {registrytest.Profile{}, func(s *registrytest.Server) {
			s.Handle(registrytest.Answer(registrytest.Always, 501, nil, "", registrytest.On("GET", referrers)))
		}, "501", true},
		"has ; charset": {registrytest.Profile{}, func(s *registrytest.Server) {
			s.Edit(registrytest.Always, registrytest.On("GET", referrers), registrytest.Set("Content-Type", v1.MediaTypeImageIndex+"; charset=utf-8"))
		}, "", false},
		"200 without ours": {registrytest.Profile{}, func(s *registrytest.Server) {
			s.Edit(registrytest.Always, registrytest.On("GET", referrers), registrytest.Body(v1.MediaTypeImageIndex, `{"schemaVersion":2,"manifests":[]}`))
		}, "", true},
		"the fallback tag hidden for a while": {registrytest.Profile{NoReferrers: true, Settle: 3}, nil, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.profile.Auth = registrytest.AuthBearer
			a := attach(t, tt.profile)
			want := []v1.Descriptor{a.entry}
			if tt.set != nil {
				tt.set(a.Server)
			}
			if tt.profile.PageSize != 0 {
				want = append(want, a.PutArtifact(repo, a.subject, lockType, []byte("other")))
			}
			none(t, a.list(t))
			a.found(t, tt.note, want...)
			if got := a.Count("PUT", fallback) > 0; got != tt.written {
				t.Errorf("fallback written: %v, want %v", got, tt.written)
			}
			for _, req := range a.Requests() {
				if req.Other {
					t.Errorf("the other host was asked for %s", req.Path)
				}
			}
		})
	}
}

func TestLink(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		set  func(s *registrytest.Server)
		text string
	}{
		"to another host": {func(s *registrytest.Server) {
			s.Edit(registrytest.Always, registrytest.On("GET", referrers), registrytest.LinkTo(s.OtherURL()+"/v2/"))
		}, "elsewhere"},
		"to itself": {func(s *registrytest.Server) {
			s.Edit(registrytest.Always, registrytest.On("GET", referrers), registrytest.LinkTo(""))
		}, "the same one"},
		"without end": {func(s *registrytest.Server) {
			s.Edit(registrytest.Always, registrytest.On("GET", referrers), func(r *http.Request, a *registrytest.Response) {
				registrytest.LinkTo("?last="+r.URL.Query().Get("last")+"x")(r, a)
			})
		}, "100 pages"},
		"to pages of many entries": {func(s *registrytest.Server) {
			s.Edit(registrytest.Always, registrytest.On("GET", referrers), func(r *http.Request, a *registrytest.Response) {
				var list []string
				for i := range 600 {
					list = append(list, `{"digest":"`+digest.FromString(fmt.Sprint(r.URL, i)).String()+`"}`)
				}
				registrytest.Body(v1.MediaTypeImageIndex, `{"schemaVersion":2,"manifests":[`+strings.Join(list, ",")+`]}`)(r, a)
				registrytest.LinkTo("?last="+r.URL.Query().Get("last")+"x")(r, a)
			})
		}, "1000 entries"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := attach(t, registrytest.Profile{Auth: registrytest.AuthBearer})
			tt.set(a.Server)
			_, _, err := a.r.Referrers(t.Context(), a.subject.Digest, "")
			fails(t, err, fault.Failed, tt.text)
			fails(t, a.list(t), fault.Failed, tt.text)
			for _, req := range a.Requests() {
				if req.Other {
					t.Errorf("the other host was asked for %s", req.Path)
				}
			}
		})
	}
}
