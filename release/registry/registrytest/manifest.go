// SPDX-License-Identifier: BSD-2-Clause

package registrytest

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Docker's two types, which a registry takes beside those of OCI.
const (
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

var (
	manifestTypes = []string{v1.MediaTypeImageManifest, v1.MediaTypeImageIndex, dockerManifest, dockerList}
	fallbackTag   = regexp.MustCompile(`^sha256-[0-9a-f]{64}$`)
)

// manifest serves /manifests/<tag or digest>.
func (e *exchange) manifest() {
	if !strings.Contains(e.ref, ":") && !tagPattern.MatchString(e.ref) {
		e.fail(http.StatusBadRequest, "TAG_INVALID", "invalid tag")
		return
	}
	switch e.r.Method {
	case http.MethodGet, http.MethodHead:
		e.getManifest()
	case http.MethodPut:
		e.putManifest()
	case http.MethodDelete:
		e.deleteManifest()
	default:
		e.notAllowed()
	}
}

// tag is the reference as a tag, or nothing if it is a digest.
func (e *exchange) tag() string {
	switch {
	case strings.Contains(e.ref, ":"):
		return ""
	case e.p.LowerTags:
		return strings.ToLower(e.ref)
	}
	return e.ref
}

// find resolves the reference to a manifest.
func (e *exchange) find() (d digest.Digest, m manifest, ok bool) {
	e.s.look(e.repo, func(r *repository) {
		switch {
		case strings.Contains(e.ref, ":"):
			d = digest.Digest(e.ref)
		case r.tags[e.tag()] != "":
			d = r.tags[e.tag()]
		case e.p.FallbackSubject && fallbackTag.MatchString(e.ref):
			d = digest.Digest(strings.Replace(e.ref, "-", ":", 1))
		}
		m, ok = r.manifests[d]
	})
	return d, m, ok
}

// settled counts down what a manifest put a moment ago is hidden for.
func (s *Server) settled(repo, ref string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := repo + "/" + ref
	if s.settling[key] > 0 {
		s.settling[key]--
		return false
	}
	return true
}

func (e *exchange) getManifest() {
	d, m, ok := e.find()
	if !ok || !e.s.settled(e.repo, e.ref) {
		e.fail(http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown")
		return
	}
	if !accepts(e.r, m.mediaType) {
		if doc := e.p.NotAcceptable; doc != nil {
			e.send(http.StatusOK, doc.MediaType, []byte(doc.Body))
			return
		}
		e.fail(http.StatusNotFound, "MANIFEST_UNKNOWN",
			"OCI manifest found, but accept header does not support OCI manifests")
		return
	}
	e.w.Header().Set("Docker-Content-Digest", d.String())
	e.w.Header().Set("ETag", `"`+d.String()+`"`)
	e.send(http.StatusOK, m.mediaType, m.body)
}

// accepts reads Accept; a client that sends none takes everything.
func accepts(r *http.Request, mediaType string) bool {
	values := r.Header.Values("Accept")
	if len(values) == 0 {
		return true
	}
	for _, one := range strings.Split(strings.Join(values, ","), ",") {
		t, _, err := mime.ParseMediaType(one)
		if err == nil && (t == mediaType || t == "*/*" || t == "application/*") {
			return true
		}
	}
	return false
}

func (e *exchange) putManifest() {
	body, err := io.ReadAll(io.LimitReader(e.r.Body, maxManifest+1))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if len(body) > maxManifest {
		e.fail(http.StatusRequestEntityTooLarge, "SIZE_INVALID", "manifest too large")
		return
	}
	mediaType, _, _ := mime.ParseMediaType(e.r.Header.Get("Content-Type"))
	m := manifest{mediaType, body}
	if no := e.check(m); no != nil {
		e.refuse(no)
		return
	}
	d, no := e.store(m)
	if no != nil {
		e.refuse(no)
		return
	}
	if subject := parse(m.body).Subject; subject != nil && e.sendsSubject() {
		e.w.Header().Set("OCI-Subject", subject.Digest.String())
	}
	e.created("manifests/"+e.ref, d)
}

func (e *exchange) sendsSubject() bool {
	return e.p.Subject == SubjectAlways || e.p.Subject == SubjectWithAPI && !e.p.NoReferrers
}

// check looks at the manifest by itself.
func (e *exchange) check(m manifest) *Refusal {
	p := parse(m.body)
	switch {
	case !json.Valid(m.body) || !slices.Contains(manifestTypes, m.mediaType):
		return invalid("manifest invalid")
	case p.MediaType != "" && p.MediaType != m.mediaType:
		return invalid("mediaType in manifest should be '" + m.mediaType + "' not '" + p.MediaType + "'")
	case strings.Contains(e.ref, ":"):
		if d := digest.Digest(e.ref); d.Validate() != nil || d.Algorithm().FromBytes(m.body) != d {
			return &Refusal{http.StatusBadRequest, "DIGEST_INVALID", "provided digest did not match uploaded content"}
		}
	}
	if e.p.Check != nil {
		return e.p.Check(m.body)
	}
	return nil
}

func invalid(message string) *Refusal {
	return &Refusal{http.StatusBadRequest, "MANIFEST_INVALID", message}
}

// store checks the manifest against what is there and keeps it, in one step.
func (e *exchange) store(m manifest) (digest.Digest, *Refusal) {
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	d, tag := digest.FromBytes(m.body), e.tag()
	if tag == "" {
		d = digest.Digest(e.ref) // may be of another algorithm
	}
	r := e.s.repos[e.repo]
	if r == nil {
		r = &repository{}
	}
	if old := r.tags[tag]; e.p.Immutable.On && old != "" && (old != d || e.p.Immutable.Same) {
		no := e.p.Immutable.Refusal
		if no.Status == 0 {
			no = Refusal{http.StatusConflict, "TAG_IMMUTABLE", "tag is immutable"}
		}
		return "", &no
	}
	if no := e.children(r, parse(m.body)); no != nil {
		return "", no
	}
	r = e.s.repo(e.repo)
	if r.manifests[d].body == nil { // what was there before stays visible
		e.s.settling[e.repo+"/"+d.String()] = e.p.Settle
	}
	if tag != "" && r.tags[tag] != d {
		e.s.settling[e.repo+"/"+tag] = e.p.Settle
		r.tags[tag] = d
	}
	r.manifests[d] = m
	return d, nil
}

// children checks that all that the manifest names is there, in that size.
func (e *exchange) children(r *repository, p parts) *Refusal {
	if p.Subject != nil && e.p.SubjectMustExist && r.manifests[p.Subject.Digest].body == nil {
		return invalid("subject does not exist: " + p.Subject.Digest.String())
	}
	if e.p.NoChildren {
		return nil
	}
	blobs := slices.Clone(p.Layers)
	if p.Config != nil {
		blobs = append(blobs, *p.Config)
	}
	for _, b := range blobs {
		data, ok := r.blobs[b.Digest]
		if no := child(b, int64(len(data)), ok); no != nil {
			return no
		}
	}
	for _, c := range p.Manifests {
		m, ok := r.manifests[c.Digest]
		if no := child(c, int64(len(m.body)), ok); no != nil {
			return no
		}
	}
	return nil
}

func child(d v1.Descriptor, size int64, ok bool) *Refusal {
	switch {
	case !ok:
		return &Refusal{http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry: " + d.Digest.String()}
	case d.Size != size:
		return invalid("size of " + d.Digest.String() + " is not the one in the descriptor")
	}
	return nil
}

func (e *exchange) deleteManifest() {
	d, _, ok := e.find()
	if !ok {
		e.fail(http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown")
		return
	}
	e.s.look(e.repo, func(r *repository) {
		if strings.Contains(e.ref, ":") {
			r.dropManifest(d)
			return
		}
		delete(r.tags, e.tag())
	})
	e.empty(http.StatusAccepted)
}
