// SPDX-License-Identifier: BSD-2-Clause

package registry_test

import (
	"bytes"
	"strconv"
	"testing"

	"github.com/orlop/orlop/release/registry/registrytest"
)

// TestMount mounts a blob from a repository that has it, and uploads it where that
// fails, as a push does.
func TestMount(t *testing.T) {
	t.Parallel()
	mount := registrytest.On("POST", "mount=")
	answer := func(status int) func(*registrytest.Server) {
		return func(s *registrytest.Server) {
			s.Handle(registrytest.Answer(registrytest.Always, status, nil, registrytest.Errors("DENIED", "no"), mount))
		}
	}
	works := registrytest.Profile{Auth: registrytest.AuthBearer, Mount: registrytest.MountNeedsPull}
	for name, tt := range map[string]struct {
		set     func(s *registrytest.Server)
		mounted bool // by the mount, or by the upload that it begins
		again   bool // a second blob is asked for
	}{
		"201": {nil, true, true},
		"202": {func(s *registrytest.Server) {
			s.Change(func(p *registrytest.Profile) { p.Mount = registrytest.MountNever })
		}, true, true},
		"201 but HEAD 404": {func(s *registrytest.Server) {
			s.Handle(registrytest.Answer(1, 404, nil, "", registrytest.On("HEAD", "/blobs/")))
		}, false, false},
		"201 without Location": {func(s *registrytest.Server) {
			s.Edit(registrytest.Always, mount, registrytest.Without("Location"))
		}, false, false},
		"202 without Location": {func(s *registrytest.Server) {
			s.Edit(registrytest.Always, mount, registrytest.Without("Location"), registrytest.Status(202))
		}, false, false},
		"400": {answer(400), false, false},
		"401": {func(s *registrytest.Server) { s.Handle(s.Challenge(registrytest.Always, mount)) }, false, false},
		"403": {answer(403), false, false},
		"500": {answer(500), false, false},
		"EOF": {func(s *registrytest.Server) { s.Handle(registrytest.Cut(registrytest.Always, 0, mount)) }, false, false},
		"no token for the source": {func(s *registrytest.Server) {
			s.Change(func(p *registrytest.Profile) {
				p.Grant = func(scopes []string) ([]string, int) {
					if len(scopes) > 1 {
						return nil, 401
					}
					return scopes, 0
				}
			})
		}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r := start(t, works)
			if _, err := r.Has(t.Context(), blobOf([]byte("no"))); err != nil { // from here on there is a challenge
				t.Fatal(err)
			}
			if tt.set != nil {
				tt.set(s)
			}
			for i := range 2 {
				text := []byte("layer " + strconv.Itoa(i))
				d := s.PutBlob("team/source", text)
				there, err := r.Mount(t.Context(), d, "team/source", opener(text))
				none(t, err)
				if there != tt.mounted {
					t.Errorf("mounted: %v, want %v", there, tt.mounted)
				}
				if !there {
					none(t, r.Upload(t.Context(), d, opener(text)))
				}
				if !bytes.Equal(s.Blob(repo, d.Digest), text) {
					t.Error("the blob is not there")
				}
			}
			if got := s.Count("POST", "mount="); tt.again != (got == 2) && name != "401" { // which is asked with a new token
				t.Errorf("asked for %d mounts", got)
			}
		})
	}
}
