// SPDX-License-Identifier: BSD-2-Clause

package registrytest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// referrers serves the API of that name.
func (e *exchange) referrers() {
	d := digest.Digest(e.ref)
	switch {
	case e.p.NoReferrers:
		http.NotFound(e.w, e.r)
		return
	case e.r.Method != http.MethodGet:
		e.notAllowed()
		return
	case d.Validate() != nil:
		e.fail(http.StatusBadRequest, "DIGEST_INVALID", "invalid digest")
		return
	}
	var list []v1.Descriptor
	var known bool
	e.s.look(e.repo, func(r *repository) {
		_, known = r.manifests[d]
		list = r.referrers(d)
	})
	if !known && e.p.ReferrersUnknown != 0 {
		e.fail(e.p.ReferrersUnknown, "MANIFEST_INVALID", "manifest invalid")
		return
	}
	if t := e.r.URL.Query().Get("artifactType"); t != "" && !e.p.NoFilter {
		list = slices.DeleteFunc(list, func(d v1.Descriptor) bool { return d.ArtifactType != t })
		e.w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	list = page(e, list, func(d v1.Descriptor) string { return d.Digest.String() })
	e.sendJSON(v1.MediaTypeImageIndex, index(list))
}

// referrers describes the manifests with that subject, sorted by digest.
func (r *repository) referrers(subject digest.Digest) []v1.Descriptor {
	list := []v1.Descriptor{} // the index has an array, also an empty one
	for d, m := range r.manifests {
		p := parse(m.body)
		if p.Subject == nil || p.Subject.Digest != subject {
			continue
		}
		one := v1.Descriptor{
			MediaType: m.mediaType, Digest: d, Size: int64(len(m.body)),
			ArtifactType: p.ArtifactType, Annotations: p.Annotations,
		}
		if one.ArtifactType == "" && p.Config != nil {
			one.ArtifactType = p.Config.MediaType
		}
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b v1.Descriptor) int { return cmp.Compare(a.Digest, b.Digest) })
	return list
}

func index(list []v1.Descriptor) v1.Index {
	return v1.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: v1.MediaTypeImageIndex,
		Manifests: list,
	}
}

// page cuts a sorted list to the page asked for and links to the next.
func page[T any](e *exchange, list []T, key func(T) string) []T {
	query := e.r.URL.Query()
	if last := query.Get("last"); last != "" {
		list = slices.DeleteFunc(list, func(v T) bool { return key(v) <= last })
	}
	if e.p.PageSize == 0 || len(list) <= e.p.PageSize {
		return list
	}
	list = list[:e.p.PageSize]
	query.Set("last", key(list[len(list)-1]))
	next := url.URL{Path: e.r.URL.Path, RawQuery: query.Encode()}
	e.w.Header().Set("Link", "<"+next.String()+`>; rel="next"`)
	return list
}

// tags serves tags/list.
func (e *exchange) tags() {
	if e.r.Method != http.MethodGet {
		e.notAllowed()
		return
	}
	tags := page(e, append([]string{}, e.s.Tags(e.repo)...), func(tag string) string { return tag })
	e.sendJSON("application/json", struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}{e.repo, tags})
}

// FallbackTag is the tag under which the specification keeps the referrers of a
// manifest where there is no API.
func FallbackTag(subject digest.Digest) string {
	return strings.Replace(subject.String(), ":", "-", 1)
}

// Fallback returns what the fallback tag of a manifest lists.
func (s *Server) Fallback(repo string, subject digest.Digest) []v1.Descriptor {
	var list v1.Index
	if json.Unmarshal(s.Manifest(repo, s.Tag(repo, FallbackTag(subject))), &list) != nil {
		return nil
	}
	return list.Manifests
}

// AddFallback adds entries to the fallback tag of a manifest, as another client
// does. They need not be there.
func (s *Server) AddFallback(repo string, subject digest.Digest, entries ...v1.Descriptor) {
	s.PutIndex(repo, FallbackTag(subject), append(s.Fallback(repo, subject), entries...)...)
}
