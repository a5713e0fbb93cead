// SPDX-License-Identifier: BSD-2-Clause

package registrytest

import (
	"cmp"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
)

// serve is the whole way of a request: log, handlers, registry, edits.
func (s *Server) serve(other bool) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		e := s.begin(r, other)
		r.Body = &countingBody{r.Body, s, e}
		w := &answer{ResponseWriter: rw, s: s, e: e, body: r.Body}
		defer func() {
			if v := recover(); v != nil {
				s.finish(e, 0)
				panic(v) // net/http cuts the connection
			}
		}()
		s.dispatch(w, r, other)
		if !w.written {
			w.WriteHeader(http.StatusOK)
		}
	}
}

func (s *Server) dispatch(w *answer, r *http.Request, other bool) {
	handlers, rules := s.hooks()
	for _, h := range handlers {
		if h(w, r) {
			return
		}
	}
	// Handlers may have replaced the body by one that breaks.
	w.body = r.Body
	var edits []Edit
	for _, rule := range rules {
		if rule.match(r) {
			edits = append(edits, rule.edits...)
		}
	}
	if len(edits) == 0 {
		s.route(w, r, other)
		return
	}
	rec := httptest.NewRecorder()
	s.route(rec, r, other)
	res := &Response{Status: rec.Code, Header: rec.Header(), Body: rec.Body.Bytes()}
	for _, edit := range edits {
		edit(r, res)
	}
	res.write(w, r)
}

// exchange is one request to the registry proper.
type exchange struct {
	s     *Server
	p     Profile
	w     http.ResponseWriter
	r     *http.Request
	other bool
	repo  string
	ref   string // the last element of the path: tag, digest or upload
}

var (
	paths = []struct {
		pattern *regexp.Regexp
		serve   func(*exchange)
	}{
		{regexp.MustCompile(`^/v2/(.+)/blobs/uploads/?()$`), (*exchange).startUpload},
		{regexp.MustCompile(`^/v2/(.+)/blobs/uploads?/([^/]+)$`), (*exchange).upload},
		{regexp.MustCompile(`^/v2/(.+)/blobs/([^/]+)$`), (*exchange).blob},
		{regexp.MustCompile(`^/v2/(.+)/manifests/([^/]+)$`), (*exchange).manifest},
		{regexp.MustCompile(`^/v2/(.+)/referrers/([^/]+)$`), (*exchange).referrers},
		{regexp.MustCompile(`^/v2/(.+)/tags/list()$`), (*exchange).tags},
	}
	namePattern = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagPattern  = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
)

func (s *Server) route(w http.ResponseWriter, r *http.Request, other bool) {
	e := &exchange{s: s, p: s.Profile(), w: w, r: r, other: other}
	path := r.URL.Path
	switch {
	case path == "/token":
		e.token()
		return
	case strings.HasPrefix(path, "/storage/"):
		e.storage()
		return
	case path == "/v2/" || path == "/v2":
		if e.authorized() {
			e.send(http.StatusOK, "application/json", []byte("{}"))
		}
		return
	}
	for _, p := range paths {
		if m := p.pattern.FindStringSubmatch(path); m != nil {
			e.repo, e.ref = m[1], m[2]
			if e.admitted() {
				p.serve(e)
			}
			return
		}
	}
	http.NotFound(w, r)
}

// admitted checks the name, the client's rights and that the repository is
// there, in this order.
func (e *exchange) admitted() bool {
	if !namePattern.MatchString(e.repo) || len(e.repo) > 255 {
		e.fail(http.StatusBadRequest, "NAME_INVALID", "invalid repository name")
		return false
	}
	if n := e.p.Components; n != 0 && strings.Count(e.repo, "/")+1 != n {
		e.fail(http.StatusUnauthorized, "DENIED", "requested access to the resource is denied")
		return false
	}
	return e.authorized() && e.present()
}

// present answers for repositories that are not there. A blob of such a one is
// just unknown, unless somebody has to make the repository first.
func (e *exchange) present() bool {
	e.s.mu.Lock()
	known := e.s.repos[e.repo] != nil
	e.s.mu.Unlock()
	reads := e.r.Method == http.MethodGet || e.r.Method == http.MethodHead
	content := strings.Contains(e.r.URL.Path, "/blobs/")
	if known || !e.p.MustExist && (!reads || content) {
		return true
	}
	status, code := cmp.Or(e.p.UnknownRepo, http.StatusNotFound), "DENIED"
	switch status {
	case http.StatusNotFound:
		code = "NAME_UNKNOWN"
	case http.StatusUnauthorized:
		code = "UNAUTHORIZED"
	}
	e.fail(status, code, "The repository with name '"+e.repo+"' does not exist in the registry")
	return false
}

// send writes a whole answer.
func (e *exchange) send(status int, contentType string, body []byte) {
	h := e.w.Header()
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	if status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	e.w.WriteHeader(status)
	if e.r.Method != http.MethodHead {
		_, _ = e.w.Write(body)
	}
}

// empty writes an answer without a body.
func (e *exchange) empty(status int) { e.send(status, "", nil) }

// sendJSON writes v as a body of that type.
func (e *exchange) sendJSON(contentType string, v any) {
	e.send(http.StatusOK, contentType, marshal(v))
}

// fail writes an error; with 401 goes the challenge.
func (e *exchange) fail(status int, code, message string) {
	if status == http.StatusUnauthorized {
		e.challenge("")
	}
	e.send(status, "application/json", []byte(Errors(code, message)))
}

func (e *exchange) refuse(r *Refusal) { e.fail(r.Status, r.Code, r.Message) }

// notAllowed answers a method that a path does not have.
func (e *exchange) notAllowed() {
	e.fail(http.StatusMethodNotAllowed, "UNSUPPORTED", "The operation is unsupported.")
}
