// SPDX-License-Identifier: BSD-2-Clause

package registrytest

import (
	"bytes"
	_ "crypto/sha512" // for digests of that kind
	"encoding/json"
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// repository is what one name holds.
type repository struct {
	blobs     map[digest.Digest][]byte
	manifests map[digest.Digest]manifest
	tags      map[string]digest.Digest
	public    bool
}

type manifest struct {
	mediaType string
	body      []byte
}

// parts is the union of the fields of manifests and indexes that matter here.
type parts struct {
	MediaType    string            `json:"mediaType"`
	ArtifactType string            `json:"artifactType"`
	Config       *v1.Descriptor    `json:"config"`
	Layers       []v1.Descriptor   `json:"layers"`
	Manifests    []v1.Descriptor   `json:"manifests"`
	Subject      *v1.Descriptor    `json:"subject"`
	Annotations  map[string]string `json:"annotations"`
}

// parse reads a manifest; one that is no JSON has no parts.
func parse(body []byte) parts {
	var p parts
	if json.Unmarshal(body, &p) != nil {
		return parts{}
	}
	return p
}

// repo returns the repository of that name and makes it if need be. The caller
// holds the lock.
func (s *Server) repo(name string) *repository {
	r := s.repos[name]
	if r == nil {
		r = &repository{
			blobs:     make(map[digest.Digest][]byte),
			manifests: make(map[digest.Digest]manifest),
			tags:      make(map[string]digest.Digest),
		}
		s.repos[name] = r
	}
	return r
}

// look gives f a repository, an empty one if it is not there.
func (s *Server) look(name string, f func(r *repository)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repos[name]
	if r == nil {
		r = &repository{}
	}
	f(r)
}

// CreateRepo makes an empty repository.
func (s *Server) CreateRepo(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repo(name)
}

// Publish makes a repository public where a Profile has Private.
func (s *Server) Publish(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repo(name).public = true
}

// Repos returns the names of all repositories, sorted.
func (s *Server) Repos() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.repos))
}

// Tags returns the tags of a repository, sorted.
func (s *Server) Tags(repo string) (tags []string) {
	s.look(repo, func(r *repository) { tags = slices.Sorted(maps.Keys(r.tags)) })
	return tags
}

// Tag returns what a tag leads to, or nothing.
func (s *Server) Tag(repo, tag string) (d digest.Digest) {
	s.look(repo, func(r *repository) { d = r.tags[tag] })
	return d
}

// SetTag moves a tag, whatever the rules for tags are.
func (s *Server) SetTag(repo, tag string, d digest.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repo(repo).tags[tag] = d
}

// Manifest returns the bytes of a manifest, or nil.
func (s *Server) Manifest(repo string, d digest.Digest) (body []byte) {
	s.look(repo, func(r *repository) { body = bytes.Clone(r.manifests[d].body) })
	return body
}

// Manifests returns the digests of all manifests of a repository, sorted.
func (s *Server) Manifests(repo string) (list []digest.Digest) {
	s.look(repo, func(r *repository) { list = slices.Sorted(maps.Keys(r.manifests)) })
	return list
}

// Blob returns the bytes of a blob, or nil.
func (s *Server) Blob(repo string, d digest.Digest) (body []byte) {
	s.look(repo, func(r *repository) { body = bytes.Clone(r.blobs[d]) })
	return body
}

// PutManifest stores a manifest without checking anything, and tags it unless
// tag is empty.
func (s *Server) PutManifest(repo, tag, mediaType string, body []byte) v1.Descriptor {
	d := digest.FromBytes(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repo(repo)
	r.manifests[d] = manifest{mediaType, bytes.Clone(body)}
	if tag != "" {
		r.tags[tag] = d
	}
	return v1.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(body))}
}

// PutBlob stores a blob.
func (s *Server) PutBlob(repo string, body []byte) v1.Descriptor {
	d := digest.FromBytes(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repo(repo).blobs[d] = bytes.Clone(body)
	return v1.Descriptor{MediaType: "application/octet-stream", Digest: d, Size: int64(len(body))}
}

// DropRepo removes a repository.
func (s *Server) DropRepo(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.repos, name)
}

// DropTag removes a tag and leaves its manifest.
func (s *Server) DropTag(repo, tag string) {
	s.look(repo, func(r *repository) { delete(r.tags, tag) })
}

// DropBlob removes a blob, whoever refers to it.
func (s *Server) DropBlob(repo string, d digest.Digest) {
	s.look(repo, func(r *repository) { delete(r.blobs, d) })
}

// DropManifest removes a manifest with its tags.
func (s *Server) DropManifest(repo string, d digest.Digest) {
	s.look(repo, func(r *repository) { r.dropManifest(d) })
}

func (r *repository) dropManifest(d digest.Digest) {
	delete(r.manifests, d)
	maps.DeleteFunc(r.tags, func(_ string, to digest.Digest) bool { return to == d })
}

// DropUntagged removes what a collector of rubbish removes after an hour:
// manifests without a tag that no index holds and that have no subject.
func (s *Server) DropUntagged(repo string) {
	s.look(repo, func(r *repository) {
		held := make(map[digest.Digest]bool)
		for _, d := range r.tags {
			held[d] = true
		}
		for _, m := range r.manifests {
			for _, child := range parse(m.body).Manifests {
				held[child.Digest] = true
			}
		}
		for d, m := range r.manifests {
			if !held[d] && parse(m.body).Subject == nil {
				delete(r.manifests, d)
			}
		}
	})
}
