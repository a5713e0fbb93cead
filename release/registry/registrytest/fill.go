// SPDX-License-Identifier: BSD-2-Clause

package registrytest

import (
	"encoding/json"

	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// PutImage stores an image of one layer with these bytes, and tags it unless
// tag is empty. The layer need not be a tar archive.
func (s *Server) PutImage(repo, tag string, layer []byte) v1.Descriptor {
	return s.putManifest(repo, tag, v1.Manifest{
		Config: s.putAs(repo, v1.MediaTypeImageConfig, []byte(`{"architecture":"amd64","os":"freebsd"}`)),
		Layers: []v1.Descriptor{s.putAs(repo, v1.MediaTypeImageLayer, layer)},
	})
}

// PutArtifact attaches an artefact of one layer to a subject. The fallback tag
// is not written.
func (s *Server) PutArtifact(repo string, subject v1.Descriptor, artifactType string, layer []byte) v1.Descriptor {
	d := s.putManifest(repo, "", v1.Manifest{
		ArtifactType: artifactType,
		Config:       s.putAs(repo, v1.MediaTypeEmptyJSON, []byte("{}")),
		Layers:       []v1.Descriptor{s.putAs(repo, artifactType, layer)},
		Subject:      &subject,
	})
	d.ArtifactType = artifactType
	return d
}

// PutIndex stores an index of these manifests, and tags it unless tag is empty.
// They need not be there.
func (s *Server) PutIndex(repo, tag string, manifests ...v1.Descriptor) v1.Descriptor {
	body := marshal(index(append([]v1.Descriptor{}, manifests...)))
	return s.PutManifest(repo, tag, v1.MediaTypeImageIndex, body)
}

func (s *Server) putManifest(repo, tag string, m v1.Manifest) v1.Descriptor {
	m.Versioned = specs.Versioned{SchemaVersion: 2}
	m.MediaType = v1.MediaTypeImageManifest
	return s.PutManifest(repo, tag, m.MediaType, marshal(m))
}

func (s *Server) putAs(repo, mediaType string, body []byte) v1.Descriptor {
	d := s.PutBlob(repo, body)
	d.MediaType = mediaType
	return d
}

// marshal is for types that always marshal.
func marshal(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return body
}
