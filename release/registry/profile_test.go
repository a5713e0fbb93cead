// SPDX-License-Identifier: BSD-2-Clause

package registry_test

import (
	"bytes"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/release/registry"
	"github.com/orlop/orlop/release/registry/registrytest"
)

// TestProfiles pushes an image with an attachment to each kind of registry, reads it
// back, and pushes it again, which sends nothing.
func TestProfiles(t *testing.T) {
	t.Parallel()
	for name, profile := range registrytest.Profiles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			profile.TLS = true
			s := registrytest.New(t, profile)
			if profile.MustExist {
				s.CreateRepo(repo)
			}
			r := at(s, newClient(s), repo)
			layer, file := random(300<<10), []byte("a lock")
			m := push(t, r, layer, file)
			pulled(t, s, m, layer, file)
			s.ResetRequests()
			push(t, r, layer, file)
			if posts, puts := s.Count("POST", "/blobs/upload"), s.Count("PUT", ""); posts+puts != 0 {
				t.Errorf("pushed again with %d uploads and %d PUTs, want none", posts, puts)
			}
			for _, req := range s.Requests() {
				if req.Other && req.Auth != "" && req.Path != "/token" {
					t.Errorf("%s of the other host has credentials", req.Path)
				}
			}
		})
	}
}

// push pushes as a program does that sends nothing twice.
func push(t *testing.T, r *registry.Repository, layer, file []byte) *registry.Manifest {
	t.Helper()
	m := stored(t, r, layer)
	a := attachment(t, file, m.Descriptor)
	upload(t, r, file)
	put(t, r, a)
	entry := a.Descriptor
	entry.ArtifactType = v1.MediaTypeImageConfig
	if err := r.Listed(t.Context(), m.Digest, []v1.Descriptor{entry}); err != nil {
		t.Fatal(err)
	}
	there, err := r.Manifest(t.Context(), "15.0")
	if err != nil || there.Digest != m.Digest {
		err = r.Tag(t.Context(), m, "15.0")
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// pulled reads by the tag what was pushed, with a client of its own.
func pulled(t *testing.T, s *registrytest.Server, m *registry.Manifest, layer, file []byte) {
	t.Helper()
	i, err := newClient(s).Image(t.Context(), registry.Reference{Registry: s.Host(), Repository: repo, Tag: "15.0"})
	if err != nil {
		t.Fatal(err)
	}
	if i.Digest != m.Digest || i.Reference.Digest != m.Digest || !bytes.Equal(i.Text, m.Text) {
		t.Errorf("pulled %s, want %s", i.Reference, m.Digest)
	}
	if got, err := read(t, i.From, blobOf(layer)); err != nil || !bytes.Equal(got, layer) {
		t.Errorf("pulled %d bytes of the layer and %v", len(got), err)
	}
	list, notes, err := i.From.Referrers(t.Context(), m.Digest, v1.MediaTypeImageConfig)
	if err != nil || len(notes) != 0 || len(list) != 1 {
		t.Fatalf("attached are %v, notes %q, and %v", list, notes, err)
	}
	a, err := i.From.Manifest(t.Context(), list[0].Digest.String())
	if err != nil || !bytes.Contains(a.Text, []byte(blobOf(file).Digest)) {
		t.Errorf("attached is %v, and %v", a, err)
	}
	if got, err := read(t, i.From, blobOf(file)); err != nil || !bytes.Equal(got, file) {
		t.Errorf("pulled %q of the attachment and %v", got, err)
	}
}
