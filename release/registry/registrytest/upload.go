// SPDX-License-Identifier: BSD-2-Clause

package registrytest

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"
)

// upload is a session that has begun and not ended.
type upload struct {
	repo  string
	id    string
	data  []byte
	first int64 // length of the first chunk
	step  int   // PATCHes so far; what State is good for
}

// Uploads is the number of uploads that were begun and neither finished nor
// deleted.
func (s *Server) Uploads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.uploads)
}

// startUpload answers POST: a mount, or a session. A POST with digest= and the
// blob in it gets a session as well, which the specification allows.
func (e *exchange) startUpload() {
	if e.r.Method != http.MethodPost {
		e.notAllowed()
		return
	}
	if d := digest.Digest(e.r.URL.Query().Get("mount")); d != "" && e.mount(d) {
		return
	}
	e.s.mu.Lock()
	if len(e.s.uploads) >= maxUploads {
		e.s.mu.Unlock()
		e.fail(http.StatusTooManyRequests, "TOOMANYREQUESTS", "too many uploads")
		return
	}
	e.s.serial++
	u := &upload{repo: e.repo, id: fmt.Sprintf("u%06d", e.s.serial)}
	e.s.uploads[u.id] = u
	e.s.mu.Unlock()
	e.progress(u, http.StatusAccepted)
}

func (e *exchange) mount(d digest.Digest) bool {
	from := e.mountSource()
	if from == "" || e.p.Mount == MountNever || !e.allowed(from, "pull") {
		return false
	}
	e.s.mu.Lock()
	var data []byte
	ok := false
	if source := e.s.repos[from]; source != nil {
		if data, ok = source.blobs[d]; ok {
			e.s.repo(e.repo).blobs[d] = data
		}
	}
	e.s.mu.Unlock()
	if ok {
		e.created("blobs/"+d.String(), d)
	}
	return ok
}

// upload serves the address of a session.
func (e *exchange) upload() {
	e.s.mu.Lock()
	u := e.s.uploads[e.ref]
	e.s.mu.Unlock()
	if u == nil || u.repo != e.repo {
		e.fail(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
		return
	}
	switch e.r.Method {
	case http.MethodGet:
		e.progress(u, http.StatusNoContent)
	case http.MethodDelete:
		e.s.endUpload(u)
		e.empty(http.StatusNoContent)
	case http.MethodPatch:
		if e.inStep(u) && e.inOrder(u) && e.receive(u) {
			e.progress(u, http.StatusAccepted)
		}
	case http.MethodPut:
		if e.inStep(u) && e.inOrder(u) && e.receive(u) {
			e.finish(u)
		}
	default:
		e.notAllowed()
	}
}

func (s *Server) endUpload(u *upload) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.uploads, u.id)
}

// progress answers with where to go on and how far the upload is.
func (e *exchange) progress(u *upload, status int) {
	e.s.mu.Lock()
	if e.r.Method == http.MethodPatch {
		u.step++
		if u.step == 1 {
			u.first = int64(len(u.data))
		}
	}
	total, first, query := int64(len(u.data)), u.first, e.state(u)
	e.s.mu.Unlock()

	h := e.w.Header()
	h.Set("Docker-Upload-UUID", u.id)
	h.Set("Range", fmt.Sprintf("0-%d", max(0, total-1)))
	if e.p.Range != nil {
		h.Set("Range", e.p.Range(e.r.Method, first, total))
	}
	h.Set("Location", e.location(u, query))
	e.empty(status)
}

// state is the query that must come back byte for byte. The caller holds the
// lock.
func (e *exchange) state(u *upload) string {
	if !e.p.State {
		return ""
	}
	return fmt.Sprintf("_state=a%%2Fb-%s-%d", u.id, u.step)
}

func (e *exchange) location(u *upload, query string) string {
	path, relative := "/v2/"+u.repo+"/blobs/"+cmp.Or(e.p.UploadPath, "uploads")+"/"+u.id, u.id
	if query != "" {
		path, relative = path+"?"+query, relative+"?"+query
	}
	switch e.p.Location {
	case LocationPath:
		return path
	case LocationRelative:
		return relative
	case LocationNoScheme:
		return "//" + e.s.Host() + path
	case LocationNoHost:
		return e.s.scheme() + "://" + path
	case LocationFragment:
		return e.s.URL() + path + "#fragment"
	case LocationHTTP:
		return "http://" + e.s.Host() + path
	case LocationOther:
		return e.s.OtherURL() + path
	}
	return e.s.URL() + path
}

// inStep refuses an address that is not the one given last, or is it no more.
func (e *exchange) inStep(u *upload) bool {
	e.s.mu.Lock()
	want := e.state(u)
	e.s.mu.Unlock()
	got := e.r.URL.RawQuery
	if want == "" || got == want || strings.HasPrefix(got, want+"&") {
		return true
	}
	e.fail(http.StatusBadRequest, "BLOB_UPLOAD_INVALID", "the upload's state is not "+url.QueryEscape(got))
	return false
}

// inOrder checks sizes and Content-Range before anything is read.
func (e *exchange) inOrder(u *upload) bool {
	e.s.mu.Lock()
	have := int64(len(u.data))
	e.s.mu.Unlock()
	length, text := e.r.ContentLength, e.r.Header.Get("Content-Range")
	if e.r.Method == http.MethodPut && e.p.MaxPut > 0 && length > e.p.MaxPut || have+length > maxBlob {
		e.fail(http.StatusRequestEntityTooLarge, "SIZE_INVALID", "request entity too large")
		return false
	}
	if text == "" {
		return true
	}
	if e.r.Method == http.MethodPatch && e.p.MaxChunk > 0 && length > e.p.MaxChunk {
		e.fail(http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID", "request body is too large")
		return false
	}
	if e.p.IgnoreContentRange {
		return true
	}
	from, to, _ := strings.Cut(text, "-")
	start, err1 := strconv.ParseInt(from, 10, 64)
	end, err2 := strconv.ParseInt(to, 10, 64)
	if err1 != nil || err2 != nil || start != have || length >= 0 && end-start+1 != length {
		e.w.Header().Set("Range", fmt.Sprintf("0-%d", max(0, have-1)))
		e.fail(http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID", "chunk out of order")
		return false
	}
	return true
}

// receive appends the body. What came before a broken connection is kept, so
// that a client may go on from there.
func (e *exchange) receive(u *upload) bool {
	buf := make([]byte, 64<<10)
	for {
		n, err := e.r.Body.Read(buf)
		e.s.mu.Lock()
		u.data = append(u.data, buf[:n]...)
		total := len(u.data)
		e.s.mu.Unlock()
		switch {
		case total > maxBlob:
			e.fail(http.StatusRequestEntityTooLarge, "SIZE_INVALID", "blob too large")
			return false
		case err == io.EOF:
			return true
		case err != nil:
			panic(http.ErrAbortHandler)
		}
	}
}

// finish makes the upload a blob. It ends the session either way.
func (e *exchange) finish(u *upload) {
	e.s.endUpload(u)
	e.s.mu.Lock()
	data := u.data
	e.s.mu.Unlock()
	d, err := digest.Parse(e.r.URL.Query().Get("digest"))
	if err != nil || d.Algorithm().FromBytes(data) != d {
		e.fail(http.StatusBadRequest, "DIGEST_INVALID", "provided digest did not match uploaded content")
		return
	}
	if len(data) == 0 && e.p.EmptyBlob != nil {
		e.refuse(e.p.EmptyBlob)
		return
	}
	e.s.mu.Lock()
	e.s.repo(e.repo).blobs[d] = data
	e.s.mu.Unlock()
	e.created("blobs/"+d.String(), d)
}

// created answers 201 for something new in the repository.
func (e *exchange) created(path string, d digest.Digest) {
	e.w.Header().Set("Location", e.s.URL()+"/v2/"+e.repo+"/"+path)
	e.w.Header().Set("Docker-Content-Digest", d.String())
	e.empty(http.StatusCreated)
}
