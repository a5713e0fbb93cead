// SPDX-License-Identifier: BSD-2-Clause

package registrytest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Profiles are the ready-made profiles by name, the correct one included.
func Profiles() map[string]Profile {
	return map[string]Profile{
		"correct":        {},
		"ghcr":           GHCR(),
		"quay":           Quay(),
		"ecr":            ECR(),
		"gitlab":         GitLab(),
		"dockerhub":      DockerHub(),
		"dockerhub-2024": DockerHub2024(),
	}
}

// GHCR is ghcr.io: no referrers API, relative addresses of uploads, chunks of 4
// MiB at most, manifests that take a moment to appear, packages that begin
// private, and 403 for what is not there.
func GHCR() Profile {
	return Profile{
		Auth:         AuthBearer,
		Service:      "ghcr.io",
		TokenUnknown: http.StatusForbidden,
		UnknownRepo:  http.StatusForbidden,
		Private:      true,
		NoReferrers:  true,
		Location:     LocationPath,
		UploadPath:   "upload",
		MaxChunk:     4 << 20,
		Settle:       2,
	}
}

// Quay is quay.io: a referrers API without the header that tells of it, 400 for
// a digest unknown there, ranges with a unit, manifests answered 202, no token
// at all for who asks too much, and a manifest of schema 1 for who does not
// accept OCI's.
func Quay() Profile {
	return Profile{
		Auth:             AuthBearer,
		Service:          "quay.io",
		Grant:            quayGrant,
		UnknownRepo:      http.StatusUnauthorized,
		Subject:          SubjectNever,
		ReferrersUnknown: http.StatusBadRequest,
		Range:            quayRange,
		EmptyBlob:        &Refusal{http.StatusBadRequest, "BLOB_UPLOAD_INVALID", "blob of no bytes"},
		Check: func(manifest []byte) *Refusal {
			if p := parse(manifest); p.Manifests == nil && len(p.Layers) == 0 {
				return invalid("manifest has no layers")
			}
			return nil
		},
		Immutable: Immutability{Same: true, Refusal: Refusal{http.StatusConflict, "TAG_IMMUTABLE", "tag is immutable"}},
		NotAcceptable: &Document{
			"application/vnd.docker.distribution.manifest.v1+prettyjws",
			`{"schemaVersion":1,"name":"","tag":"","architecture":"amd64","fsLayers":[],"history":[],"signatures":[]}`,
		},
		Setup: func(s *Server) {
			s.Edit(Always, On("PUT", "/manifests/"), OnSuccess(Status(http.StatusAccepted)))
		},
	}
}

// quayGrant refuses the whole token if more is asked than pull and push.
func quayGrant(scopes []string) ([]string, int) {
	for _, s := range scopes {
		actions := strings.Split(s[strings.LastIndex(s, ":")+1:], ",")
		if slices.Contains(actions, "delete") || slices.Contains(actions, "*") {
			return nil, http.StatusUnauthorized
		}
	}
	return scopes, 0
}

// quayRange has a unit on POST and GET, and counts one byte too many on GET.
func quayRange(method string, _, total int64) string {
	switch method {
	case http.MethodGet:
		return fmt.Sprintf("bytes=0-%d", total)
	case http.MethodPost:
		return "bytes=0-0"
	}
	return fmt.Sprintf("0-%d", max(0, total-1))
}

// ECR is Amazon's: Basic without tokens, repositories that somebody has to make,
// 405 for all it does not like, HEAD without a digest, 201 for chunks with a
// Range that stands still.
func ECR() Profile {
	return Profile{
		Auth:      AuthBasic,
		Service:   "ecr.amazonaws.com",
		MustExist: true,
		Mount:     MountNever,
		Range: func(_ string, first, _ int64) string {
			return fmt.Sprintf("0-%d", max(0, first-1))
		},
		EmptyBlob: ecrNo(),
		Check:     ecrCheck,
		Immutable: Immutability{Same: true, Refusal: Refusal{http.StatusBadRequest, "TAG_INVALID",
			"The image tag already exists in the repository and cannot be overwritten because the repository is immutable."}},
		Setup: func(s *Server) {
			s.Edit(Always, On("PATCH", "/blobs/upload"), OnSuccess(Status(http.StatusCreated)))
			s.Edit(Always, On("HEAD", "/manifests/"), Without("Docker-Content-Digest"))
		},
	}
}

func ecrNo() *Refusal {
	return &Refusal{http.StatusMethodNotAllowed, "UNSUPPORTED", "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"}
}

func ecrCheck(body []byte) *Refusal {
	p := parse(body)
	types := []string{p.ArtifactType}
	if p.Config != nil {
		types = append(types, p.Config.MediaType)
	}
	for _, d := range slices.Concat(p.Layers, p.Manifests) {
		types = append(types, d.MediaType, d.ArtifactType)
	}
	if p.MediaType == "" || strings.Contains(strings.Join(types, ""), ";") ||
		p.Manifests == nil && len(p.Layers) == 0 {
		return ecrNo()
	}
	return nil
}

// GitLab is registry.gitlab.com: no referrers API, fallback tags that lead to
// the subject, a fixed list of types, tokens of five minutes from another host,
// and 401 for every path that is not a project's. Make the project's repository
// with CreateRepo.
func GitLab() Profile {
	return Profile{
		Auth:            AuthBearer,
		Service:         "container_registry",
		TokenElsewhere:  true,
		TokenLife:       5 * time.Minute,
		MustExist:       true,
		UnknownRepo:     http.StatusUnauthorized,
		NoReferrers:     true,
		FallbackSubject: true,
		State:           true,
		Check:           gitlabCheck,
	}
}

// gitlabTypes are types of configs and artefacts on GitLab's list. That the
// empty config is not among them is a guess on the safe side.
var gitlabTypes = []string{
	v1.MediaTypeImageConfig,
	"application/vnd.docker.container.image.v1+json",
	"application/vnd.cncf.helm.config.v1+json",
	"application/vnd.buildkit.cacheconfig.v0",
}

func gitlabCheck(body []byte) *Refusal {
	p := parse(body)
	types := []string{p.ArtifactType}
	if p.Config != nil {
		types = append(types, p.Config.MediaType)
	}
	for _, t := range types {
		if t != "" && !slices.Contains(gitlabTypes, t) {
			return invalid("unknown media type: " + t)
		}
	}
	return nil
}

// DockerHub is docker.io: tokens from another host, names of two components, a
// mount that needs pull on its source, and a limit of 100 manifests.
func DockerHub() Profile {
	return Profile{
		Auth:           AuthBearer,
		Service:        "registry.docker.io",
		TokenElsewhere: true,
		TokenUnknown:   http.StatusForbidden,
		UnknownRepo:    http.StatusUnauthorized,
		Components:     2,
		Mount:          MountNeedsPull,
		State:          true,
		Immutable: Immutability{Same: true, Refusal: Refusal{http.StatusForbidden, "DENIED",
			"tag is immutable"}},
		Setup: func(s *Server) { limitPulls(s, 100) },
	}
}

// DockerHub2024 is docker.io of that year: it sent OCI-Subject without having
// the API, and took no subject that was not there.
func DockerHub2024() Profile {
	p := DockerHub()
	p.NoReferrers = true
	p.Subject = SubjectAlways
	p.SubjectMustExist = true
	return p
}

// limitPulls counts GETs of manifests down; HEAD is free.
func limitPulls(s *Server, limit int64) {
	var used atomic.Int64
	get := On("GET", "/manifests/")
	s.Handle(func(w http.ResponseWriter, r *http.Request) bool {
		if !get(r) || used.Add(1) <= limit {
			return false
		}
		return Answer(Always, http.StatusTooManyRequests, Header("Retry-After", "21600"),
			Errors("TOOMANYREQUESTS", "You have reached your pull rate limit."), get)(w, r)
	})
	s.Edit(Always, On("GET HEAD", "/manifests/"), func(_ *http.Request, a *Response) {
		a.Header.Set("ratelimit-limit", fmt.Sprintf("%d;w=21600", limit))
		a.Header.Set("ratelimit-remaining", fmt.Sprintf("%d;w=21600", max(0, limit-used.Load())))
	})
}
